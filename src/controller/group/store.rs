//! The groups of one machine.

use std::collections::BTreeMap;

use super::classic::{CONSUMER, ClassicGroup};
use super::consumer::{ConsumerGroup, fence};
use super::offsets::Offsets;
use super::records::{Key, Record};
use super::turn::Turn;
use super::{GroupId, MemberId};

/// A group, by the protocol that it speaks.
pub enum Group {
    Classic(Box<ClassicGroup>),
    Consumer(Box<ConsumerGroup>),
}

/// Kafka's name of a group's type, as ListGroups prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupType {
    Classic,
    Consumer,
}

impl GroupType {
    pub fn name(self) -> &'static str {
        match self {
            GroupType::Classic => "classic",
            GroupType::Consumer => "consumer",
        }
    }
}

impl Group {
    pub fn group_type(&self) -> GroupType {
        match self {
            Group::Classic(_) => GroupType::Classic,
            Group::Consumer(_) => GroupType::Consumer,
        }
    }

    pub fn state_name(&self) -> &'static str {
        match self {
            Group::Classic(group) => group.state().name(),
            Group::Consumer(group) => group.state().name(),
        }
    }

    /// What ListGroups shows; empty until there was a member.
    pub fn protocol_type(&self) -> &str {
        match self {
            Group::Classic(group) => group.protocol_type().unwrap_or(""),
            Group::Consumer(_) => CONSUMER,
        }
    }

    /// No members, so that it may be deleted or change its protocol.
    pub fn is_empty(&self) -> bool {
        match self {
            Group::Classic(group) => group.is_empty(),
            Group::Consumer(group) => group.is_empty(),
        }
    }

    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        match self {
            Group::Classic(group) => group.is_subscribed_to(topic),
            Group::Consumer(group) => group.is_subscribed_to(topic),
        }
    }

    /// Writes the tombstones of all the group's own records, and forgets its deadlines.
    pub fn delete(&self, id: &GroupId, turn: &mut Turn<'_>) {
        match self {
            Group::Classic(group) => {
                group.cancel_timers(turn);
                turn.record(Record::tombstone(Key::GroupMetadata { group: id.clone() }));
            }
            Group::Consumer(group) => {
                let mut records = Vec::new();
                fence::tombstones(&mut records, group, None);
                records.into_iter().for_each(|record| turn.record(record));
            }
        }
    }
}

/// Groups and what they committed.
#[derive(Default)]
pub struct Store {
    pub groups: BTreeMap<GroupId, Group>,
    pub offsets: Offsets,
}

impl Store {
    pub fn classic_mut(&mut self, id: &str) -> Option<&mut ClassicGroup> {
        match self.groups.get_mut(id) {
            Some(Group::Classic(group)) => Some(group),
            _ => None,
        }
    }

    pub fn classic(&self, id: &str) -> Option<&ClassicGroup> {
        match self.groups.get(id) {
            Some(Group::Classic(group)) => Some(group),
            _ => None,
        }
    }
}

/// Names a member the way Kafka's broker does: what the client calls itself, and an id.
pub fn make_member_id(name: &str, fresh_id: uuid::Uuid) -> MemberId {
    format!("{name}-{fresh_id}").into()
}
