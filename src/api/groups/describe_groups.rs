//! DescribeGroups (15), 0-6: classic groups and their members.

use std::sync::Arc;

use bytes::Bytes;

use super::ask_each;
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request, text};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::describe_groups_response::DescribedGroup;
use crate::wire::messages::{DescribeGroupsRequest, DescribeGroupsResponse};

const OPERATIONS_SINCE: i16 = 3;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: DescribeGroupsRequest| async move {
        let with_operations = cx.version() >= OPERATIONS_SINCE && request.include_authorized_operations;
        let names = request.groups.iter().map(|group| Arc::<str>::from(group.as_str()));
        let (allowed, refused): (Vec<_>, Vec<_>) =
            names.partition(|group| cx.allows(Operation::Describe, ResourceType::Group, group));
        let described = ask_each(
            &cx,
            &allowed,
            Request::DescribeGroups,
            |reply| match reply {
                Reply::DescribeGroups(groups) => Some(groups),
                _ => None,
            },
            failed,
        );
        let mut groups: Vec<DescribedGroup> =
            refused.iter().map(|group| failed(group, ErrorCode::GroupAuthorizationFailed)).collect();
        for mut group in described.await {
            if with_operations && group.error_code == 0 {
                group.authorized_operations = cx.operations_on(ResourceType::Group, &group.group_id);
            }
            groups.push(group);
        }
        DescribeGroupsResponse::default().with_groups(groups)
    })
}

fn failed(group: &Arc<str>, error: ErrorCode) -> DescribedGroup {
    DescribedGroup::default().with_group_id(text(group).into()).with_error_code(error.code())
}
