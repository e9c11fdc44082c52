//! SyncGroup (14), 0-5: brings the leader's assignment and waits for it.

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{SyncGroupRequest, SyncGroupResponse};

/// From this version on a member must say what it believes to be the group's protocol.
const PROTOCOL_REQUIRED_SINCE: i16 = 5;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: SyncGroupRequest| {
        let silent = request.protocol_type.is_none() || request.protocol_name.is_none();
        let asking = if cx.version() >= PROTOCOL_REQUIRED_SINCE && silent {
            Err(ErrorCode::InconsistentGroupProtocol)
        } else if !cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
            Err(ErrorCode::GroupAuthorizationFailed)
        } else {
            let group = request.group_id.clone();
            Ok(ask(&cx, &group, Request::SyncGroup(request)))
        };
        async move {
            let answered = match asking {
                Ok(asking) => asking.await,
                Err(code) => Err(code),
            };
            match answered {
                Ok(Reply::SyncGroup(response)) => response,
                other => SyncGroupResponse::default().with_error_code(other.err().unwrap_or(WRONG_REPLY).code()),
            }
        }
    })
}
