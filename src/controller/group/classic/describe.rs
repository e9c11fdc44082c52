//! DescribeGroups.

use bytes::Bytes;

use super::{ClassicGroup, State};
use crate::controller::group::events;
use crate::wire::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};

impl ClassicGroup {
    /// What members told is shown only while it is settled.
    pub fn describe(&self) -> DescribedGroup {
        let protocol = match self.state {
            State::Stable => self.protocol(),
            _ => None,
        };
        let members = self
            .members
            .iter()
            .map(|(id, member)| {
                DescribedGroupMember::default()
                    .with_member_id(events::text(id))
                    .with_group_instance_id(member.instance_id.as_deref().map(events::text))
                    .with_client_id(events::text(&member.client_id))
                    .with_client_host(events::text(&member.client_host))
                    .with_member_metadata(protocol.map(|name| member.metadata(name)).unwrap_or_else(Bytes::new))
                    .with_member_assignment(member.assignment.clone())
            })
            .collect();
        DescribedGroup::default()
            .with_group_id(events::text(&self.id).into())
            .with_group_state(events::text(self.state.name()))
            .with_protocol_type(events::text(self.protocol_type().unwrap_or("")))
            .with_protocol_data(events::text(protocol.unwrap_or("")))
            .with_members(members)
    }
}
