//! Heartbeat (12), 0-4. While groups are loading every heartbeat is good: its sender need not rejoin.

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{HeartbeatRequest, HeartbeatResponse};

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: HeartbeatRequest| {
        let asking = if cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
            let group = request.group_id.clone();
            Ok(ask(&cx, &group, Request::Heartbeat(request)))
        } else {
            Err(ErrorCode::GroupAuthorizationFailed)
        };
        async move {
            let answered = match asking {
                Ok(asking) => asking.await,
                Err(code) => Err(code),
            };
            match answered {
                Ok(Reply::Heartbeat(response)) => response,
                Err(ErrorCode::CoordinatorLoadInProgress) => HeartbeatResponse::default(),
                other => HeartbeatResponse::default().with_error_code(other.err().unwrap_or(WRONG_REPLY).code()),
            }
        }
    })
}
