//! A new target assignment of the whole group, as records of what differs from the old one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::member::Member;
use super::state::ConsumerGroup;
use crate::controller::group::GroupId;
use crate::controller::group::MemberId;
use crate::controller::group::assign::java_order::{copied_table, hash_of_str, sort};
use crate::controller::group::assign::{AssignError, Assignment, Assignor, Subscriber, Subscribers};
use crate::controller::group::records::{
    Key, Record, TargetAssignmentValue, TargetMemberValue, TopicPartitionsValue, Value,
};
use crate::controller::topics::TopicsView;
use crate::model::{TopicId, TopicName};

pub(super) struct NewTarget<'a> {
    pub group: &'a ConsumerGroup,
    pub topics: &'a dyn TopicsView,
    pub epoch: i32,
    pub assignor: Assignor,
    pub same_topics: bool,
    /// The member as it is about to be.
    pub updated: &'a Member,
    pub timestamp_ms: i64,
}

impl NewTarget<'_> {
    /// Appends the records and returns what the updated member is to own.
    pub fn compute(&self, records: &mut Vec<Record>) -> Result<Assignment, AssignError> {
        let subscribers = self.subscribers();
        let mut targets = self.assignor.assign(&subscribers)?;
        let mut updated_target = Assignment::new();
        for subscriber in &subscribers.members {
            let member = &subscriber.member_id;
            let target = targets.remove(member).unwrap_or_default();
            if !self.group.has_target(member) || *self.group.target(member) != target {
                records.push(target_record(&self.group.id, member, &target));
            }
            if *member == self.updated.id {
                updated_target = target;
            }
        }
        records.push(target_epoch_record(&self.group.id, self.epoch, self.timestamp_ms));
        Ok(updated_target)
    }

    fn subscribers(&self) -> Subscribers {
        let mut found = Lookup { topics: self.topics, ids: HashMap::new() };
        let replaced = self.replaced();
        let mut members = BTreeMap::new();
        for member in self.group.members().filter(|m| Some(&m.id) != replaced.as_ref()) {
            members.insert(member.id.clone(), self.subscriber(member, &mut found));
        }
        members.insert(self.updated.id.clone(), self.subscriber(self.updated, &mut found));
        let partition_counts = found.ids.values().flatten().copied().collect();
        Subscribers { members: members.into_values().collect(), same_topics: self.same_topics, partition_counts }
    }

    /// The member whose instance id the updated one takes over.
    fn replaced(&self) -> Option<MemberId> {
        let before = self.group.static_member(self.updated.instance_id.as_deref()?)?;
        (before.id != self.updated.id).then(|| before.id.clone())
    }

    fn subscriber(&self, member: &Member, found: &mut Lookup) -> Subscriber {
        let replaced = if member.id == self.updated.id { self.replaced() } else { None };
        Subscriber {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            topics: found.existing(&self.group.topics_of(member)),
            target: self.group.target(replaced.as_ref().unwrap_or(&member.id)),
        }
    }
}

struct Lookup<'a> {
    topics: &'a dyn TopicsView,
    ids: HashMap<TopicName, Option<(TopicId, i32)>>,
}

impl Lookup<'_> {
    /// Ids of the topics that exist, in the order in which Kafka would walk the set of names.
    fn existing(&mut self, names: &Arc<BTreeSet<TopicName>>) -> Vec<TopicId> {
        let mut names: Vec<&TopicName> = names.iter().collect();
        let buckets = copied_table(names.len());
        sort(&mut names, buckets, |name| hash_of_str(name));
        let topics = self.topics;
        let mut id_of = |name: &TopicName| *self.ids.entry(name.clone()).or_insert_with(|| topics.by_name(name));
        names.into_iter().filter_map(|name| id_of(name).map(|(id, _)| id)).collect()
    }
}

pub(super) fn target_record(group: &GroupId, member: &MemberId, target: &Assignment) -> Record {
    let topics = target.iter().map(|(topic_id, partitions)| TopicPartitionsValue {
        topic_id: *topic_id,
        partitions: partitions.iter().map(|p| p.0).collect(),
    });
    let key = Key::TargetMember { group: group.clone(), member: member.clone() };
    Record::put(key, Value::TargetMember(TargetMemberValue { topics: topics.collect() }))
}

pub(super) fn target_epoch_record(group: &GroupId, epoch: i32, timestamp_ms: i64) -> Record {
    let value = TargetAssignmentValue { assignment_epoch: epoch, assignment_timestamp_ms: timestamp_ms };
    Record::put(Key::TargetAssignment { group: group.clone() }, Value::TargetAssignment(value))
}
