//! LeaveGroup (13), 0-5: from version 3 on for several members, each with its own error.

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::leave_group_request::MemberIdentity;
use crate::wire::messages::{LeaveGroupRequest, LeaveGroupResponse};

const SEVERAL_SINCE: i16 = 3;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, mut request: LeaveGroupRequest| {
        if cx.version() < SEVERAL_SINCE {
            request.members = vec![MemberIdentity::default().with_member_id(request.member_id.clone())];
        }
        let asking = if cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
            let group = request.group_id.clone();
            Ok(ask(&cx, &group, Request::LeaveGroup(request)))
        } else {
            Err(ErrorCode::GroupAuthorizationFailed)
        };
        async move {
            let answered = match asking {
                Ok(asking) => asking.await,
                Err(code) => Err(code),
            };
            let response = match answered {
                Ok(Reply::LeaveGroup(response)) => response,
                other => LeaveGroupResponse::default().with_error_code(other.err().unwrap_or(WRONG_REPLY).code()),
            };
            if cx.version() >= SEVERAL_SINCE {
                return response;
            }
            // The one member's error is the answer.
            let error = match response.members.first() {
                Some(member) if response.error_code == 0 => member.error_code,
                _ => response.error_code,
            };
            LeaveGroupResponse::default().with_error_code(error)
        }
    })
}
