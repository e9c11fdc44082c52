//! What the coordinators see of topics: a read-only view of one moment's metadata.

use std::fmt;
use std::sync::Arc;

use crate::model::{TopicId, TopicName};

/// One immutable moment of the topics. Handed to machines with the event that tells of the change.
pub trait TopicsView: Send + Sync {
    /// Grows with every change of metadata.
    fn version(&self) -> i64;
    /// The version that brought the newest topic; at most the present one.
    fn newest_topic(&self) -> i64;
    /// Id and partition count of a topic.
    fn by_name(&self, name: &str) -> Option<(TopicId, i32)>;
    /// Name and partition count of a topic.
    fn by_id(&self, id: TopicId) -> Option<(TopicName, i32)>;
    /// Every topic in order of name.
    fn for_each(&self, visit: &mut dyn FnMut(&TopicName, TopicId, i32));
}

/// How one client sees topics: what is hidden from it does not match its patterns.
#[derive(Clone, Default)]
pub struct Sight(Option<Arc<Sees>>);

type Sees = dyn Fn(&str) -> bool + Send + Sync;

impl Sight {
    /// `sees` is asked at the time of each look, so that changed permissions count.
    pub fn through(sees: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Sight(Some(Arc::new(sees)))
    }

    /// Without any restriction everything is seen.
    pub fn sees(&self, topic: &str) -> bool {
        self.0.as_ref().is_none_or(|sees| sees(topic))
    }
}

impl fmt::Debug for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Sight(some)" } else { "Sight(all)" })
    }
}
