//! Kafka's messages as plain structs. Other modules name them from here, never from the crate, so that what the crate
//! gets wrong or lacks is mended in one place.

pub use kafka_protocol::messages::*;
pub use kafka_protocol::protocol::StrBytes;
