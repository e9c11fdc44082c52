//! What the codec lacks against Kafka 4.3, by hand: whole messages, single versions, and the Fetch answer that carries
//! records without copying them.

pub mod read;
