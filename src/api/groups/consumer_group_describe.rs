//! ConsumerGroupDescribe (69), 0-1: KIP-848 groups, their members and assignments.

use std::sync::Arc;

use bytes::Bytes;

use super::ask_each;
use super::consumer_group_heartbeat::is_on;
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request, text};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::consumer_group_describe_response::DescribedGroup;
use crate::wire::messages::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: ConsumerGroupDescribeRequest| async move {
        let names: Vec<Arc<str>> = request.group_ids.iter().map(|group| Arc::from(group.as_str())).collect();
        if !is_on(&cx) {
            let all = names.iter().map(|group| failed(group, ErrorCode::UnsupportedVersion));
            return ConsumerGroupDescribeResponse::default().with_groups(all.collect());
        }
        let mut groups = Vec::new();
        let mut asked = Vec::new();
        for group in names {
            if !cx.allows(Operation::Describe, ResourceType::Group, &group) {
                groups.push(failed(&group, ErrorCode::GroupAuthorizationFailed));
            } else if group.is_empty() {
                groups.push(failed(&group, ErrorCode::InvalidGroupId));
            } else {
                asked.push(group);
            }
        }
        let described = ask_each(
            &cx,
            &asked,
            Request::ConsumerGroupDescribe,
            |reply| match reply {
                Reply::ConsumerGroupDescribe(groups) => Some(groups),
                _ => None,
            },
            failed,
        );
        for mut group in described.await {
            if request.include_authorized_operations && group.error_code == 0 {
                group.authorized_operations = cx.operations_on(ResourceType::Group, &group.group_id);
            }
            groups.push(hide(&cx, group));
        }
        ConsumerGroupDescribeResponse::default().with_groups(groups)
    })
}

/// A group with topics that the client may not see is not shown at all.
fn hide(cx: &Context, group: DescribedGroup) -> DescribedGroup {
    let hidden = group
        .members
        .iter()
        .flat_map(|member| [&member.assignment, &member.target_assignment])
        .flat_map(|assignment| &assignment.topic_partitions)
        .any(|topic| !cx.allows(Operation::Describe, ResourceType::Topic, &topic.topic_name));
    if !hidden {
        return group;
    }
    DescribedGroup::default()
        .with_group_id(group.group_id)
        .with_error_code(ErrorCode::TopicAuthorizationFailed.code())
        .with_error_message(Some(text(
            "The group has described topic(s) that the client is not authorized to describe.",
        )))
}

fn failed(group: &Arc<str>, error: ErrorCode) -> DescribedGroup {
    DescribedGroup::default().with_group_id(text(group).into()).with_error_code(error.code())
}
