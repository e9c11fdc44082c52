//! ListGroups, DescribeGroups and DeleteGroups.

use std::sync::Arc;

use super::assign::java_order::slot_of_str;
use super::events;
use super::offsets::forget;
use super::store::{Group, Store};
use super::turn::Turn;
use crate::model::ErrorCode;
use crate::wire::messages::delete_groups_response::DeletableGroupResult;
use crate::wire::messages::describe_groups_response::DescribedGroup;
use crate::wire::messages::list_groups_response::ListedGroup;

/// Since this version DescribeGroups tells a group that is not there from a dead one.
const DESCRIBE_NOT_FOUND_SINCE: i16 = 6;

impl Store {
    /// Filters that are empty let everything pass; names count in any case.
    pub fn list(&self, states: &[String], types: &[String]) -> Vec<ListedGroup> {
        let states: Vec<String> = states.iter().map(|state| state.to_lowercase().trim().to_owned()).collect();
        let types: Vec<String> = types.iter().map(|name| name.to_lowercase()).collect();
        let wanted = |group: &Group| {
            (states.is_empty() || states.contains(&group.state_name().to_lowercase()))
                && (types.is_empty() || types.iter().any(|name| name == group.group_type().name()))
        };
        let mut listed: Vec<(&Arc<str>, &Group)> = self.groups.iter().filter(|(_, group)| wanted(group)).collect();
        // Kafka shows them as its hash table holds them.
        listed.sort_by_cached_key(|(id, _)| slot_of_str(id));
        listed
            .into_iter()
            .map(|(id, group)| {
                ListedGroup::default()
                    .with_group_id(events::text(id).into())
                    .with_protocol_type(events::text(group.protocol_type()))
                    .with_group_state(events::text(group.state_name()))
                    .with_group_type(events::text(group.group_type().name()))
            })
            .collect()
    }

    /// Groups of the classic protocol only: others count as not there.
    pub fn describe(&self, id: &str, api_version: i16) -> DescribedGroup {
        let why = match self.groups.get(id) {
            Some(Group::Classic(group)) => return group.describe(),
            Some(Group::Consumer(_)) => format!("Group {id} is not a classic group."),
            None => format!("Group {id} not found."),
        };
        let dead =
            DescribedGroup::default().with_group_id(events::text(id).into()).with_group_state(events::text("Dead"));
        if api_version < DESCRIBE_NOT_FOUND_SINCE {
            return dead;
        }
        dead.with_error_code(ErrorCode::GroupIdNotFound.code()).with_error_message(Some(events::text(&why)))
    }

    pub fn delete_group(&mut self, turn: &mut Turn<'_>, id: &Arc<str>) -> DeletableGroupResult {
        let error = match self.groups.get(id) {
            None => ErrorCode::GroupIdNotFound,
            Some(group) if !group.is_empty() => ErrorCode::NonEmptyGroup,
            Some(group) => {
                for (topic, partition) in self.offsets.partitions(id) {
                    forget(turn, id, &topic, partition);
                }
                group.delete(id, turn);
                ErrorCode::None
            }
        };
        DeletableGroupResult::default().with_group_id(events::text(id).into()).with_error_code(error.code())
    }
}
