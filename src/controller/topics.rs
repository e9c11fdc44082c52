//! What the coordinators see of topics: a read-only view of one moment's metadata.

use crate::model::{TopicId, TopicName};

/// One immutable moment of the topics. Handed to machines with the event that tells of the change.
pub trait TopicsView: Send + Sync {
    /// Grows with every change of metadata.
    fn version(&self) -> i64;
    /// Id and partition count of a topic.
    fn by_name(&self, name: &str) -> Option<(TopicId, i32)>;
    /// Name and partition count of a topic.
    fn by_id(&self, id: TopicId) -> Option<(TopicName, i32)>;
    /// Every topic in order of name.
    fn for_each(&self, visit: &mut dyn FnMut(&TopicName, TopicId, i32));
}
