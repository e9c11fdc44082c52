//! What the codec lacks against Kafka 4.3, by hand: whole messages, single versions, and the Fetch answer that carries
//! records without copying them. [`messages`](super::messages) shows the structs beside the codec's own.

pub mod admin;
pub mod fetch_response;
pub(super) mod offsets;
pub mod read;
pub mod share;
pub mod streams;
pub mod value;
