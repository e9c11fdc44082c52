//! Creating, growing and deleting topics.

mod create;
mod delete;
mod names;
mod partitions;
mod placement;
#[cfg(test)]
mod tests;

pub(super) use create::Creation;
pub(super) use delete::delete;
pub use names::{is_internal, validate_topic_name};
pub(super) use partitions::create_partitions;
pub(super) use placement::Placement;

use crate::wire::messages::StrBytes;

/// Partitions that one request may create.
const PARTITIONS_PER_REQUEST_MAX: i64 = 10_000;

/// A name as the wire's messages hold it.
fn wire_name(name: &str) -> crate::wire::messages::TopicName {
    crate::wire::messages::TopicName(StrBytes::from_string(name.to_owned()))
}
