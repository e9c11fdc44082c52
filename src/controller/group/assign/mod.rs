//! Server-side assignors of consumer groups: who is to own which partition.
//!
//! Results equal Apache Kafka's for the same group. Where Kafka walks hash tables the order is replayed
//! ([`java_order`]), so that a group moved between the two brokers is not shuffled.

mod balancer;
pub mod java_order;
mod range;
mod uniform;
mod uniform_mixed;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{PartitionIndex, TopicId};

/// Partitions by topic; no topic without partitions.
pub type Assignment = BTreeMap<TopicId, BTreeSet<PartitionIndex>>;

/// What every member is to own. A member that is absent is to own nothing.
pub type Targets = BTreeMap<Arc<str>, Assignment>;

/// One member as the assignor sees it.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub member_id: Arc<str>,
    pub instance_id: Option<Arc<str>>,
    /// Existing topics it is subscribed to, each once.
    pub topics: Vec<TopicId>,
    /// What it was to own until now.
    pub target: Arc<Assignment>,
}

/// The whole group as the assignor sees it.
#[derive(Clone, Debug)]
pub struct Subscribers {
    /// In order of member id.
    pub members: Vec<Subscriber>,
    /// All members are subscribed to the same topics.
    pub same_topics: bool,
    /// Of every topic that a member is subscribed to.
    pub partition_counts: BTreeMap<TopicId, i32>,
}

impl Subscribers {
    fn partitions_of(&self, topic: TopicId) -> Result<usize, AssignError> {
        let count = self.partition_counts.get(&topic).ok_or(AssignError::NoSuchTopic(topic))?;
        Ok(usize::try_from(*count).unwrap_or(0))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    #[error("members are subscribed to topic {0}, which does not exist in the topic metadata")]
    NoSuchTopic(TopicId),
    #[error("partitions were left unassigned")]
    LeftOver,
}

/// The assignors a member may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Assignor {
    /// Everyone gets equally many partitions, and keeps as many of the old ones as possible.
    #[default]
    Uniform,
    /// Every topic is cut into consecutive ranges, one for each subscriber in order of member.
    Range,
}

impl Assignor {
    pub fn by_name(name: &str) -> Option<Assignor> {
        match name {
            "uniform" => Some(Assignor::Uniform),
            "range" => Some(Assignor::Range),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    pub fn assign(self, group: &Subscribers) -> Result<Targets, AssignError> {
        match self {
            _ if group.members.is_empty() => Ok(Targets::new()),
            Assignor::Range => range::assign(group),
            Assignor::Uniform if group.same_topics => uniform::assign(group),
            Assignor::Uniform => uniform_mixed::assign(group),
        }
    }
}
