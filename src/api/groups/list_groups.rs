//! ListGroups (16), 0-5: all groups that the client may see, filtered by state and type.

use bytes::Bytes;

use super::{WRONG_REPLY, call};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request};
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{ListGroupsRequest, ListGroupsResponse};

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: ListGroupsRequest| async move {
        let owned = |names: &[_]| names.iter().map(ToString::to_string).collect::<Vec<String>>();
        let (states, types) = (owned(&request.states_filter), owned(&request.types_filter));
        let asked: Vec<_> = cx
            .broker
            .groups()
            .shards()
            .iter()
            .map(|shard| {
                let (states, types) = (states.clone(), types.clone());
                shard.ask(call(&cx, Request::ListGroups { states, types }))
            })
            .collect();
        let mut groups = Vec::new();
        for asking in asked {
            match asking.await {
                Ok(Reply::ListGroups(found)) => groups.extend(found),
                other => {
                    let error = other.err().unwrap_or(WRONG_REPLY);
                    return ListGroupsResponse::default().with_error_code(error.code());
                }
            }
        }
        if !cx.allows(Operation::Describe, ResourceType::Cluster, CLUSTER_NAME) {
            groups.retain(|group| cx.allows(Operation::Describe, ResourceType::Group, &group.group_id));
        }
        ListGroupsResponse::default().with_groups(groups)
    })
}
