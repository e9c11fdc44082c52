//! ConsumerGroupHeartbeat (68), 0-1: joining, staying in, and leaving a KIP-848 group.

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

/// The feature whose level 1 brings the protocol.
const GROUP_VERSION: &str = "group.version";

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: ConsumerGroupHeartbeatRequest| {
        let may_see = |topic: &str| cx.allows(Operation::Describe, ResourceType::Topic, topic);
        let asking = if !is_on(&cx) {
            Err(ErrorCode::UnsupportedVersion)
        } else if !cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
            Err(ErrorCode::GroupAuthorizationFailed)
        } else if !request.subscribed_topic_names.iter().flatten().all(|topic| may_see(topic)) {
            Err(ErrorCode::TopicAuthorizationFailed)
        } else {
            let group = request.group_id.clone();
            Ok(ask(&cx, &group, Request::ConsumerGroupHeartbeat(request)))
        };
        async move {
            let answered = match asking {
                Ok(asking) => asking.await,
                Err(code) => Err(code),
            };
            match answered {
                Ok(Reply::ConsumerGroupHeartbeat(response)) => response,
                other => {
                    let error = other.err().unwrap_or(WRONG_REPLY);
                    ConsumerGroupHeartbeatResponse::default().with_error_code(error.code())
                }
            }
        }
    })
}

/// Whether the broker is set to speak the protocol, and the cluster's level of it is not 0.
pub(super) fn is_on(cx: &Context) -> bool {
    cx.broker.image().features.level(GROUP_VERSION) >= 1
        && cx.broker.config().consumer_groups.protocols.iter().any(|name| name.eq_ignore_ascii_case("consumer"))
}
