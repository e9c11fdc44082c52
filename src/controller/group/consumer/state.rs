//! A KIP-848 group as its records say it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::member::{Held, Member};
use super::subscriptions::{Subscriptions, decrement};
use crate::controller::group::assign::java_order::{grown_table, hash_of_str, sort};
use crate::controller::group::assign::{Assignment, Assignor};
use crate::controller::group::records::{Key, RegexValue, TargetMemberValue, Value};
use crate::controller::group::{GroupId, MemberId};
use crate::model::{PartitionIndex, TopicId, TopicName};

/// The topics a pattern matched when it was last looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    pub topics: BTreeSet<TopicName>,
    /// Of the metadata it was looked up in.
    pub version: i64,
    pub timestamp_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    Empty,
    Assigning,
    Reconciling,
    Stable,
}

impl GroupState {
    pub fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::Assigning => "Assigning",
            GroupState::Reconciling => "Reconciling",
            GroupState::Stable => "Stable",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerGroup {
    pub id: GroupId,
    pub epoch: i32,
    /// Of the subscribed topics, see [`super::topics_hash`].
    pub metadata_hash: i64,
    /// The log holds what Kafka 4.0 remembered of the topics; it is deleted at the next occasion.
    pub has_partition_metadata: bool,
    pub assignment_epoch: i32,
    /// 0 if none was computed yet.
    pub assignment_timestamp_ms: i64,
    pub subscriptions: Subscriptions,
    members: BTreeMap<MemberId, Arc<Member>>,
    static_members: BTreeMap<Arc<str>, MemberId>,
    targets: BTreeMap<MemberId, Arc<Assignment>>,
    /// Who holds a partition or has not given it back yet.
    holders: BTreeMap<TopicId, BTreeMap<PartitionIndex, MemberId>>,
    matches: BTreeMap<Arc<str>, Matches>,
    assignors: BTreeMap<Arc<str>, usize>,
    classic_members: usize,
    classic_protocols: BTreeMap<Arc<str>, usize>,
    pub soft: Soft,
}

/// What no record says; forgotten in a crash.
#[derive(Clone, Debug, Default)]
pub struct Soft {
    /// The metadata in which the subscribed topics were last looked at.
    pub checked_version: Option<i64>,
}

/// Groups are the same if their records are.
impl PartialEq for Soft {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Soft {}

impl ConsumerGroup {
    pub fn new(id: GroupId) -> Self {
        ConsumerGroup {
            id,
            epoch: 1,
            metadata_hash: 0,
            has_partition_metadata: false,
            assignment_epoch: 1,
            assignment_timestamp_ms: 0,
            subscriptions: Subscriptions::default(),
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            targets: BTreeMap::new(),
            holders: BTreeMap::new(),
            matches: BTreeMap::new(),
            assignors: BTreeMap::new(),
            classic_members: 0,
            classic_protocols: BTreeMap::new(),
            soft: Soft::default(),
        }
    }

    pub fn members(&self) -> impl ExactSizeIterator<Item = &Arc<Member>> {
        self.members.values()
    }

    pub fn member(&self, id: &str) -> Option<&Arc<Member>> {
        self.members.get(id)
    }

    pub fn static_member(&self, instance_id: &str) -> Option<&Arc<Member>> {
        self.members.get(self.static_members.get(instance_id)?)
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn state(&self) -> GroupState {
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.assignment_epoch {
            GroupState::Assigning
        } else if self.members.values().all(|m| m.is_reconciled_to(self.assignment_epoch)) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    pub fn target(&self, member: &str) -> Arc<Assignment> {
        self.targets.get(member).cloned().unwrap_or_default()
    }

    pub fn has_target(&self, member: &str) -> bool {
        self.targets.contains_key(member)
    }

    pub fn holder(&self, topic: TopicId, partition: PartitionIndex) -> Option<&MemberId> {
        self.holders.get(&topic)?.get(&partition)
    }

    pub fn matches(&self, pattern: &str) -> Option<&Matches> {
        self.matches.get(pattern)
    }

    pub fn all_matches(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &Matches)> {
        self.matches.iter()
    }

    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        self.subscriptions.topics.contains_key(topic)
    }

    pub fn classic_members(&self) -> usize {
        self.classic_members
    }

    /// Whether a classic member that offers these protocols fits to those that are there.
    pub fn supports_classic<'a>(&self, protocol_type: &str, mut protocols: impl Iterator<Item = &'a str>) -> bool {
        let everyones = |name: &str| self.classic_protocols.get(name).copied().unwrap_or(0) == self.classic_members;
        protocol_type == "consumer" && protocols.any(|name| self.is_empty() || everyones(name))
    }

    /// All names a member subscribes to, its pattern's matches among them.
    pub fn topics_of(&self, member: &Member) -> Arc<BTreeSet<TopicName>> {
        match member.pattern().and_then(|pattern| self.matches.get(pattern)) {
            Some(found) if !found.topics.is_empty() => Arc::new(member.topics.union(&found.topics).cloned().collect()),
            _ => member.topics.clone(),
        }
    }

    /// The assignor most members ask for, once `old` has become `new`.
    pub fn preferred_assignor(&self, old: Option<&Member>, new: Option<&Member>) -> Option<Assignor> {
        let mut counts = self.assignors.clone();
        if let Some(name) = old.and_then(|m| m.assignor.as_deref()) {
            decrement(&mut counts, name);
        }
        if let Some(name) = new.and_then(|m| m.assignor.clone()) {
            *counts.entry(name).or_default() += 1;
        }
        let mut counts: Vec<(Arc<str>, usize)> = counts.into_iter().collect();
        let buckets = grown_table(counts.len());
        sort(&mut counts, buckets, |(name, _)| hash_of_str(name));
        // Of several the first counts, as Kafka walks them.
        let most = counts.iter().map(|(_, count)| *count).max()?;
        counts.iter().find(|(_, count)| *count == most).and_then(|(name, _)| Assignor::by_name(name))
    }

    /// Takes one of the group's records in.
    pub fn apply(&mut self, key: &Key, value: Option<&Value>) {
        match (key, value) {
            (Key::ConsumerGroup { .. }, Some(Value::ConsumerGroup(value))) => {
                self.epoch = value.epoch;
                self.metadata_hash = value.metadata_hash;
            }
            (Key::PartitionMetadata { .. }, value) => self.has_partition_metadata = value.is_some(),
            (Key::ConsumerMember { member, .. }, Some(Value::ConsumerMember(value))) => {
                self.update_member(member, |m| m.apply_told(value));
            }
            (Key::ConsumerMember { member, .. }, None) => self.remove_member(member),
            (Key::CurrentAssignment { member, .. }, Some(Value::CurrentAssignment(value))) => {
                self.update_member(member, |m| m.apply_current(value));
            }
            (Key::CurrentAssignment { member, .. }, None) if self.members.contains_key(member) => {
                self.update_member(member, Member::clear_current);
            }
            (Key::TargetAssignment { .. }, Some(Value::TargetAssignment(value))) => {
                self.assignment_epoch = value.assignment_epoch;
                self.assignment_timestamp_ms = value.assignment_timestamp_ms;
            }
            (Key::TargetAssignment { .. }, None) => {
                self.assignment_epoch = -1;
                self.assignment_timestamp_ms = 0;
            }
            (Key::TargetMember { member, .. }, Some(Value::TargetMember(value))) => {
                self.targets.insert(member.clone(), Arc::new(target_of(value)));
            }
            (Key::TargetMember { member, .. }, None) => {
                self.targets.remove(member);
            }
            (Key::Regex { regex, .. }, Some(Value::Regex(value))) => self.set_matches(regex, Some(value)),
            (Key::Regex { regex, .. }, None) => self.set_matches(regex, None),
            _ => {}
        }
    }

    fn update_member(&mut self, id: &MemberId, change: impl FnOnce(&mut Member)) {
        let old = self.members.remove(id);
        let mut member = old.as_deref().cloned().unwrap_or_else(|| Member::new(id.clone()));
        if let Some(old) = old {
            self.count_out(&old);
        }
        change(&mut member);
        self.put_member(member);
    }

    /// Puts a member in as it is; used beside `apply` only to build a group that is not yet in the log.
    pub(super) fn put_member(&mut self, member: Member) {
        self.subscriptions.add(&member);
        if let Some(assignor) = &member.assignor {
            *self.assignors.entry(assignor.clone()).or_default() += 1;
        }
        if let Some(classic) = &member.classic {
            self.classic_members += 1;
            for (name, _) in &classic.protocols {
                *self.classic_protocols.entry(name.clone()).or_default() += 1;
            }
        }
        for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
            let holders = self.holders.entry(*topic).or_default();
            holders.extend(partitions.keys().map(|partition| (*partition, member.id.clone())));
        }
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), member.id.clone());
        }
        self.members.insert(member.id.clone(), Arc::new(member));
    }

    pub(super) fn put_target(&mut self, member: MemberId, target: Assignment) {
        self.targets.insert(member, Arc::new(target));
    }

    fn remove_member(&mut self, id: &MemberId) {
        if let Some(old) = self.members.remove(id) {
            self.count_out(&old);
        }
    }

    fn count_out(&mut self, old: &Member) {
        self.subscriptions.remove(old);
        if let Some(assignor) = &old.assignor {
            decrement(&mut self.assignors, &**assignor);
        }
        if let Some(classic) = &old.classic {
            self.classic_members -= 1;
            for (name, _) in &classic.protocols {
                decrement(&mut self.classic_protocols, &**name);
            }
        }
        self.release(&old.id, &old.assigned);
        self.release(&old.id, &old.revoking);
        if let Some(instance) = &old.instance_id
            && self.static_members.get(instance) == Some(&old.id)
        {
            self.static_members.remove(instance);
        }
    }

    fn release(&mut self, member: &MemberId, held: &Held) {
        for (topic, partitions) in held {
            let Some(holders) = self.holders.get_mut(topic) else { continue };
            for partition in partitions.keys() {
                if holders.get(partition) == Some(member) {
                    holders.remove(partition);
                }
            }
            if holders.is_empty() {
                self.holders.remove(topic);
            }
        }
    }

    fn set_matches(&mut self, pattern: &Arc<str>, value: Option<&RegexValue>) {
        if let Some(old) = self.matches.remove(pattern) {
            self.subscriptions.remove_matches(&old.topics);
        }
        if let Some(value) = value {
            let topics: BTreeSet<TopicName> = value.topics.iter().cloned().collect();
            self.subscriptions.add_matches(&topics);
            let found = Matches { topics, version: value.version, timestamp_ms: value.timestamp_ms };
            self.matches.insert(pattern.clone(), found);
        }
    }
}

fn target_of(value: &TargetMemberValue) -> Assignment {
    let mut target = Assignment::new();
    for topic in value.topics.iter().filter(|topic| !topic.partitions.is_empty()) {
        target.entry(topic.topic_id).or_default().extend(topic.partitions.iter().map(|p| PartitionIndex(*p)));
    }
    target
}
