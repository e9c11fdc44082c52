//! What groups committed: the positions that count, and those of transactions that are still open.

mod commit;
mod expiry;
mod fetch;

pub use commit::Committer;
pub(super) use commit::forget;

use std::collections::{BTreeMap, BTreeSet};

use super::GroupId;
use super::records::OffsetCommitValue;
use crate::model::{ProducerId, TopicName};

/// A commit and its place among all commits of the log. A transaction's commit counts from where its record stands,
/// not from where the transaction ends: a later commit is not undone by the end of an earlier transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub value: OffsetCommitValue,
    pub order: u64,
}

type ByPartition<T> = BTreeMap<TopicName, BTreeMap<i32, T>>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct GroupOffsets {
    committed: ByPartition<Committed>,
    /// By partition and open transaction.
    pending: ByPartition<BTreeMap<ProducerId, Committed>>,
}

/// All offsets of a machine's groups. Hard state: changed only by `put`, `remove` and `end_transaction`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    groups: BTreeMap<GroupId, GroupOffsets>,
    /// Where each open transaction has pending offsets.
    transactions: BTreeMap<ProducerId, BTreeSet<(GroupId, TopicName, i32)>>,
    commits_so_far: u64,
}

fn get<'a, T>(map: &'a ByPartition<T>, topic: &str, partition: i32) -> Option<&'a T> {
    map.get(topic)?.get(&partition)
}

fn take<T>(map: &mut ByPartition<T>, topic: &str, partition: i32) -> Option<T> {
    let partitions = map.get_mut(topic)?;
    let taken = partitions.remove(&partition);
    if partitions.is_empty() {
        map.remove(topic);
    }
    taken
}

impl Offsets {
    pub fn put(
        &mut self,
        group: &GroupId,
        topic: &TopicName,
        partition: i32,
        value: OffsetCommitValue,
        producer: Option<ProducerId>,
    ) {
        self.commits_so_far += 1;
        let commit = Committed { value, order: self.commits_so_far };
        let offsets = match self.groups.get_mut(group) {
            Some(offsets) => offsets,
            None => self.groups.entry(group.clone()).or_default(),
        };
        match producer {
            None => {
                offsets.committed.entry(topic.clone()).or_default().insert(partition, commit);
            }
            Some(producer) => {
                let pending = offsets.pending.entry(topic.clone()).or_default().entry(partition).or_default();
                pending.insert(producer, commit);
                let places = self.transactions.entry(producer).or_default();
                places.insert((group.clone(), topic.clone(), partition));
            }
        }
    }

    /// Forgets a partition's offset, and what open transactions would make of it.
    pub fn remove(&mut self, group: &GroupId, topic: &TopicName, partition: i32) {
        let Some(offsets) = self.groups.get_mut(group) else { return };
        take(&mut offsets.committed, topic, partition);
        let place = (group.clone(), topic.clone(), partition);
        for producer in take(&mut offsets.pending, topic, partition).unwrap_or_default().into_keys() {
            if let Some(places) = self.transactions.get_mut(&producer) {
                places.remove(&place);
                if places.is_empty() {
                    self.transactions.remove(&producer);
                }
            }
        }
        self.drop_if_bare(group);
    }

    /// A transaction has ended: its offsets count from now on, or are gone.
    pub fn end_transaction(&mut self, producer: ProducerId, commit: bool) {
        for (group, topic, partition) in self.transactions.remove(&producer).unwrap_or_default() {
            let Some(offsets) = self.groups.get_mut(&group) else { continue };
            let Some(waiting) = offsets.pending.get_mut(&topic).and_then(|p| p.get_mut(&partition)) else { continue };
            let ended = waiting.remove(&producer);
            if waiting.is_empty() {
                take(&mut offsets.pending, &topic, partition);
            }
            let newest = get(&offsets.committed, &topic, partition).map_or(0, |commit| commit.order);
            match ended {
                Some(ended) if commit && ended.order > newest => {
                    offsets.committed.entry(topic).or_default().insert(partition, ended);
                }
                _ => {}
            }
            self.drop_if_bare(&group);
        }
    }

    fn drop_if_bare(&mut self, group: &GroupId) {
        let bare = |offsets: &GroupOffsets| offsets.committed.is_empty() && offsets.pending.is_empty();
        if self.groups.get(group).is_some_and(bare) {
            self.groups.remove(group);
        }
    }

    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<&Committed> {
        get(&self.groups.get(group)?.committed, topic, partition)
    }

    pub fn has_pending(&self, group: &str, topic: &str, partition: i32) -> bool {
        self.groups.get(group).is_some_and(|offsets| get(&offsets.pending, topic, partition).is_some())
    }

    pub fn has_any_pending(&self, group: &str) -> bool {
        self.groups.get(group).is_some_and(|offsets| !offsets.pending.is_empty())
    }

    /// Every partition of a group that has an offset, counted or pending, in order.
    pub fn partitions(&self, group: &str) -> BTreeSet<(TopicName, i32)> {
        fn all<T>(map: &ByPartition<T>) -> impl Iterator<Item = (TopicName, i32)> + '_ {
            map.iter().flat_map(|(topic, partitions)| partitions.keys().map(|p| (topic.clone(), *p)))
        }
        self.groups
            .get(group)
            .map(|offsets| all(&offsets.committed).chain(all(&offsets.pending)).collect())
            .unwrap_or_default()
    }

    /// Every counted offset of a group, by topic and partition.
    pub fn of_group(&self, group: &str) -> impl Iterator<Item = (&TopicName, &BTreeMap<i32, Committed>)> {
        self.groups.get(group).into_iter().flat_map(|offsets| offsets.committed.iter())
    }
}
