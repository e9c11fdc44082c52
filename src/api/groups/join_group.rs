//! JoinGroup (11), 0-9: the answer waits for the rebalance to gather its members.

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request, text};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{JoinGroupRequest, JoinGroupResponse};

/// Before this version a protocol's name could not be null.
const NULL_PROTOCOL_SINCE: i16 = 7;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: JoinGroupRequest| {
        let asking = if cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
            let group = request.group_id.clone();
            Ok(ask(&cx, &group, Request::JoinGroup(request)))
        } else {
            Err(ErrorCode::GroupAuthorizationFailed)
        };
        async move {
            let answered = match asking {
                Ok(asking) => asking.await,
                Err(code) => Err(code),
            };
            let response = match answered {
                Ok(Reply::JoinGroup(response)) => response,
                other => failed(other.err().unwrap_or(WRONG_REPLY)),
            };
            // Where there is no protocol, new clients read null and old ones an empty name.
            let name = match response.protocol_name.clone().filter(|name| !name.is_empty()) {
                None if cx.version() < NULL_PROTOCOL_SINCE => Some(text("")),
                name => name,
            };
            response.with_protocol_name(name)
        }
    })
}

fn failed(error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse::default().with_error_code(error.code())
}
