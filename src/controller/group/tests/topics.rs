//! Topics that a test makes and changes.

use std::sync::Arc;

use uuid::Uuid;

use crate::controller::topics::TopicsView;
use crate::model::{TopicId, TopicName};

/// In order of name.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    version: i64,
    newest: i64,
    all: Vec<(TopicName, TopicId, i32)>,
    made: u128,
}

impl Topics {
    pub fn of(topics: &[(&str, i32)]) -> Topics {
        let mut result = Topics::default();
        topics.iter().for_each(|(name, partitions)| result.set(name, *partitions));
        result
    }

    /// Makes the topic, or gives it more partitions.
    pub fn set(&mut self, name: &str, partitions: i32) {
        self.version += 1;
        match self.all.iter_mut().find(|(known, ..)| **known == *name) {
            Some((.., count)) => *count = partitions,
            None => {
                self.made += 1;
                self.newest = self.version;
                self.all.push((name.into(), TopicId(Uuid::from_u128(self.made << 64 | self.made)), partitions));
                self.all.sort();
            }
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.version += 1;
        self.all.retain(|(known, ..)| **known != *name);
    }

    pub fn id(&self, name: &str) -> TopicId {
        self.by_name(name).unwrap().0
    }

    pub fn shared(&self) -> Arc<dyn TopicsView> {
        Arc::new(self.clone())
    }
}

impl TopicsView for Topics {
    fn version(&self) -> i64 {
        self.version
    }

    fn newest_topic(&self) -> i64 {
        self.newest
    }

    fn by_name(&self, name: &str) -> Option<(TopicId, i32)> {
        self.all.iter().find(|(known, ..)| **known == *name).map(|(_, id, count)| (*id, *count))
    }

    fn by_id(&self, id: TopicId) -> Option<(TopicName, i32)> {
        self.all.iter().find(|(_, known, _)| *known == id).map(|(name, _, count)| (name.clone(), *count))
    }

    fn for_each(&self, visit: &mut dyn FnMut(&TopicName, TopicId, i32)) {
        self.all.iter().for_each(|(name, id, count)| visit(name, *id, *count));
    }
}
