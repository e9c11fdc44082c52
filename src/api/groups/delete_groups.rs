//! DeleteGroups (42), 0-2: deletes empty groups with their offsets.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::ask_each;
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request, text};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::delete_groups_response::DeletableGroupResult;
use crate::wire::messages::{DeleteGroupsRequest, DeleteGroupsResponse};

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: DeleteGroupsRequest| async move {
        let mut seen = HashSet::new();
        let names = request.groups_names.iter().map(|group| Arc::<str>::from(group.as_str()));
        let (allowed, refused): (Vec<_>, Vec<_>) = names
            .filter(|group| seen.insert(group.clone()))
            .partition(|group| cx.allows(Operation::Delete, ResourceType::Group, group));
        let deleted = ask_each(
            &cx,
            &allowed,
            Request::DeleteGroups,
            |reply| match reply {
                Reply::DeleteGroups(results) => Some(results),
                _ => None,
            },
            failed,
        );
        let mut results = deleted.await;
        results.extend(refused.iter().map(|group| failed(group, ErrorCode::GroupAuthorizationFailed)));
        DeleteGroupsResponse::default().with_results(results)
    })
}

fn failed(group: &Arc<str>, error: ErrorCode) -> DeletableGroupResult {
    DeletableGroupResult::default().with_group_id(text(group).into()).with_error_code(error.code())
}
