//! One member of a KIP-848 group: what it told of itself, and what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::controller::group::assign::Assignment;
use crate::controller::group::records::{
    ClassicMemberValue, ConsumerMemberValue, CurrentAssignmentValue, HeldPartitionsValue, Key, Record, Value,
};
use crate::controller::group::{GroupId, MemberId};
use crate::model::{PartitionIndex, TopicId, TopicName};

/// The epoch of a member that leaves, or has left.
pub const LEAVE_EPOCH: i32 = -1;
/// The epoch of a static member that has left for a while.
pub const LEAVE_STATIC_EPOCH: i32 = -2;

/// Partitions a member holds, each with the epoch at which it got it.
pub type Held = BTreeMap<TopicId, BTreeMap<PartitionIndex, i32>>;

/// How far a member is on its way to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberState {
    /// It holds what its epoch's target says.
    #[default]
    Stable,
    /// It must give partitions back before it may have a new epoch.
    Revoking,
    /// It has its epoch; some of its partitions are still held by others.
    Waiting,
    /// Written by a later broker.
    Unknown,
}

impl MemberState {
    fn code(self) -> i8 {
        match self {
            MemberState::Stable => 0,
            MemberState::Revoking => 1,
            MemberState::Waiting => 2,
            MemberState::Unknown => 127,
        }
    }

    fn by_code(code: i8) -> MemberState {
        match code {
            0 => MemberState::Stable,
            1 => MemberState::Revoking,
            2 => MemberState::Waiting,
            _ => MemberState::Unknown,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub epoch: i32,
    /// Accepted once more from a member that did not hear of its new epoch.
    pub previous_epoch: i32,
    pub state: MemberState,
    pub instance_id: Option<Arc<str>>,
    pub rack_id: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub rebalance_timeout_ms: i32,
    pub topics: Arc<BTreeSet<TopicName>>,
    /// Empty is none, as null is.
    pub regex: Option<Arc<str>>,
    pub assignor: Option<Arc<str>>,
    /// Set for a member that speaks the classic protocol.
    pub classic: Option<ClassicMemberValue>,
    pub assigned: Held,
    pub revoking: Held,
}

impl Member {
    pub fn new(id: MemberId) -> Self {
        Member {
            id,
            epoch: 0,
            previous_epoch: -1,
            state: MemberState::Stable,
            instance_id: None,
            rack_id: None,
            client_id: "".into(),
            client_host: "".into(),
            rebalance_timeout_ms: -1,
            topics: Arc::default(),
            regex: Some("".into()),
            assignor: None,
            classic: None,
            assigned: Held::new(),
            revoking: Held::new(),
        }
    }

    pub fn is_classic(&self) -> bool {
        self.classic.is_some()
    }

    /// The pattern it subscribes to.
    pub fn pattern(&self) -> Option<&Arc<str>> {
        self.regex.as_ref().filter(|regex| !regex.is_empty())
    }

    pub fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    pub fn advance_to(&mut self, epoch: i32) {
        self.previous_epoch = std::mem::replace(&mut self.epoch, epoch);
    }

    /// The epoch at which it got a partition that it has not given back yet.
    pub fn assignment_epoch(&self, topic: TopicId, partition: PartitionIndex) -> Option<i32> {
        [&self.assigned, &self.revoking].into_iter().find_map(|held| held.get(&topic)?.get(&partition)).copied()
    }

    pub fn record(&self, group: &GroupId) -> Record {
        let value = ConsumerMemberValue {
            instance_id: self.instance_id.clone(),
            rack_id: self.rack_id.clone(),
            client_id: self.client_id.clone(),
            client_host: self.client_host.clone(),
            subscribed_topics: self.topics.iter().cloned().collect(),
            subscribed_regex: self.regex.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            server_assignor: self.assignor.clone(),
            classic: self.classic.clone(),
        };
        let key = Key::ConsumerMember { group: group.clone(), member: self.id.clone() };
        Record::put(key, Value::ConsumerMember(value))
    }

    pub fn current_record(&self, group: &GroupId) -> Record {
        let value = CurrentAssignmentValue {
            member_epoch: self.epoch,
            previous_member_epoch: self.previous_epoch,
            state: self.state.code(),
            assigned: values_of(&self.assigned),
            pending_revocation: values_of(&self.revoking),
        };
        let key = Key::CurrentAssignment { group: group.clone(), member: self.id.clone() };
        Record::put(key, Value::CurrentAssignment(value))
    }

    pub fn apply_told(&mut self, value: &ConsumerMemberValue) {
        self.instance_id = value.instance_id.clone();
        self.rack_id = value.rack_id.clone();
        self.client_id = value.client_id.clone();
        self.client_host = value.client_host.clone();
        self.topics = Arc::new(value.subscribed_topics.iter().cloned().collect());
        self.regex = value.subscribed_regex.clone();
        self.rebalance_timeout_ms = value.rebalance_timeout_ms;
        self.assignor = value.server_assignor.clone();
        self.classic = value.classic.clone();
    }

    pub fn apply_current(&mut self, value: &CurrentAssignmentValue) {
        self.epoch = value.member_epoch;
        self.previous_epoch = value.previous_member_epoch;
        self.state = MemberState::by_code(value.state);
        self.assigned = held_of(&value.assigned, value.member_epoch);
        self.revoking = held_of(&value.pending_revocation, value.member_epoch);
    }

    /// Its current assignment was deleted: it holds nothing.
    pub fn clear_current(&mut self) {
        self.epoch = LEAVE_EPOCH;
        self.previous_epoch = LEAVE_EPOCH;
        self.assigned.clear();
        self.revoking.clear();
    }
}

fn values_of(held: &Held) -> Vec<HeldPartitionsValue> {
    held.iter()
        .map(|(topic_id, partitions)| HeldPartitionsValue {
            topic_id: *topic_id,
            partitions: partitions.keys().map(|p| p.0).collect(),
            assignment_epochs: Some(partitions.values().copied().collect()),
        })
        .collect()
}

/// Records older than Kafka 4.3 have no epochs beside the partitions; the member's own stands in.
fn held_of(values: &[HeldPartitionsValue], member_epoch: i32) -> Held {
    let mut held = Held::new();
    for value in values {
        let epochs = value.assignment_epochs.as_ref().filter(|epochs| epochs.len() == value.partitions.len());
        let partitions = value.partitions.iter().enumerate().map(|(index, partition)| {
            let epoch = epochs.and_then(|epochs| epochs.get(index)).copied();
            (PartitionIndex(*partition), epoch.unwrap_or(member_epoch.max(0)))
        });
        held.insert(value.topic_id, partitions.collect());
    }
    held
}

/// The same partitions, all held since one epoch.
pub fn held_since(assignment: &Assignment, epoch: i32) -> Held {
    assignment.iter().map(|(topic, partitions)| (*topic, partitions.iter().map(|p| (*p, epoch)).collect())).collect()
}
