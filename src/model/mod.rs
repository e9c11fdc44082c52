//! Words that every layer shares: ids, error codes, bounds.

pub mod error_code;
pub mod ids;
pub mod java_hash;
pub mod limits;

pub use error_code::ErrorCode;
pub use ids::{
    LeaderEpoch, NodeId, Offset, PartitionIndex, ProducerEpoch, ProducerId, TopicId, TopicName, TopicPartition,
};
