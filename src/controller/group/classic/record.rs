//! A classic group's generation as its record, and back.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClassicGroup, Member, Protocol, State};
use crate::controller::group::records::{GroupMemberValue, GroupMetadataValue, Key, Record, Value};
use crate::controller::group::{GroupId, MemberId};

impl ClassicGroup {
    /// The record of the generation as it stands now.
    pub(super) fn record(&self) -> Record {
        let protocol = self.protocol().unwrap_or("");
        let members = self
            .members
            .iter()
            .map(|(id, member)| GroupMemberValue {
                member_id: id.clone(),
                instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                subscription: member.metadata(protocol),
                assignment: member.assignment.clone(),
            })
            .collect();
        self.record_of(GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            state_timestamp_ms: self.state_timestamp_ms.unwrap_or(-1),
            members,
        })
    }

    /// The record of a group that has only been asked for.
    pub fn new_group_record(&self) -> Record {
        self.record_of(GroupMetadataValue {
            protocol_type: Arc::from(""),
            generation: 0,
            protocol: None,
            leader: None,
            state_timestamp_ms: self.state_timestamp_ms.unwrap_or(-1),
            members: Vec::new(),
        })
    }

    fn record_of(&self, value: GroupMetadataValue) -> Record {
        Record::put(Key::GroupMetadata { group: self.id.clone() }, Value::GroupMetadata(value))
    }

    /// The group as its record leaves it: stable if it has members, with only the protocol that was chosen.
    pub fn from_record(id: GroupId, value: GroupMetadataValue, written: &Bytes) -> Self {
        let mut group = ClassicGroup::new(id, 0);
        group.state = if value.members.is_empty() { State::Empty } else { State::Stable };
        group.generation = value.generation;
        group.state_timestamp_ms = Some(value.state_timestamp_ms).filter(|ms| *ms != -1);
        let protocol = value.protocol.clone().unwrap_or_default();
        let leader = value.leader;
        for member in value.members {
            let loaded = Member {
                instance_id: member.instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                protocols: vec![Protocol { name: protocol.clone(), metadata: member.subscription }],
                assignment: member.assignment,
                is_new: false,
                awaiting_join: None,
                awaiting_sync: None,
            };
            group.add(member.member_id, &value.protocol_type, loaded);
        }
        group.protocol_type = Some(value.protocol_type).filter(|name| !name.is_empty());
        group.protocol = value.protocol;
        // A leader that is not a member could never be replaced.
        group.leader = leader.filter(|id: &MemberId| group.members.contains_key(id)).or(group.leader);
        group.subscribed_topics = group.compute_subscribed_topics();
        group.written = Some(written.clone());
        group
    }
}
