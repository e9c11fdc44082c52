//! All partitions of the broker, by topic.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;

use crate::model::{TopicId, TopicName};

use super::partition::Partition;

/// One topic's partitions; the place is the partition's number. A partition that could not be opened leaves a gap.
#[derive(Clone)]
pub struct Topic {
    pub id: TopicId,
    pub partitions: Vec<Option<Arc<Partition>>>,
}

/// The directory of partitions. Lookups share a lock for a few nanoseconds.
#[derive(Default)]
pub struct Partitions {
    topics: RwLock<HashMap<TopicName, Topic>>,
    lacked_some: AtomicBool,
}

impl Partitions {
    pub fn get(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        let index = usize::try_from(index).ok()?;
        self.topics.read().get(topic)?.partitions.get(index)?.clone()
    }

    pub fn topic(&self, name: &str) -> Option<Topic> {
        self.topics.read().get(name).cloned()
    }

    /// How many partitions a topic has, if it is there.
    pub fn count(&self, topic: &str) -> Option<usize> {
        Some(self.topics.read().get(topic)?.partitions.len())
    }

    /// Adds or replaces partitions of a topic. They are seen all at once: who counts them, to spread keys over them, never
    /// sees a part.
    pub fn put(&self, name: TopicName, id: TopicId, opened: Vec<(usize, Option<Arc<Partition>>)>) {
        let mut topics = self.topics.write();
        let topic = topics.entry(name).or_insert_with(|| Topic { id, partitions: Vec::new() });
        topic.id = id;
        for (index, partition) in opened {
            if partition.is_none() {
                self.lacked_some.store(true, Ordering::Release);
            }
            if topic.partitions.len() <= index {
                topic.partitions.resize(index + 1, None);
            }
            topic.partitions[index] = partition;
        }
    }

    /// Whether there ever was a partition that could not be opened.
    pub fn lacked_some(&self) -> bool {
        self.lacked_some.load(Ordering::Acquire)
    }

    /// Takes a whole topic out, if it still is the one with this id.
    pub fn remove(&self, name: &str, id: TopicId) -> Option<Topic> {
        let mut topics = self.topics.write();
        if topics.get(name)?.id != id {
            return None;
        }
        topics.remove(name)
    }

    /// Every partition, in no particular order.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.topics.read().values().flat_map(|t| t.partitions.iter().flatten().cloned()).collect()
    }

    pub fn len(&self) -> usize {
        self.topics.read().values().map(|t| t.partitions.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.topics.read().is_empty()
    }
}
