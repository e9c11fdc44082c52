//! FindCoordinator (10), 0-6: which broker keeps a group or a transactional id. It is always this one. While the
//! internal topic is missing there is no coordinator yet: it is created behind the answer, as in Kafka, and clients ask
//! again. Share coordinators (type 2) are not served.

use bytes::Bytes;

use crate::api::{Context, Outcome, answer};
use crate::broker::groups::OFFSETS_TOPIC;
use crate::broker::transactions::TRANSACTION_STATE;
use crate::controller::group::events::text;
use crate::model::{ErrorCode, TopicId};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::find_coordinator_response::Coordinator;
use crate::wire::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
const SHARE_SINCE: i16 = 6;
/// From this version on a request asks for several keys.
const BATCHED_SINCE: i16 = 4;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |cx, request: FindCoordinatorRequest| {
        if cx.version() >= BATCHED_SINCE {
            let mut found = Vec::with_capacity(request.coordinator_keys.len());
            for key in request.coordinator_keys {
                let (node_id, host, port, error) = find(cx, request.key_type, &key);
                let coordinator = Coordinator::default()
                    .with_key(key)
                    .with_node_id(node_id.into())
                    .with_host(text(&host))
                    .with_port(port)
                    .with_error_code(error.code());
                found.push(coordinator);
            }
            return FindCoordinatorResponse::default().with_coordinators(found);
        }
        let (node_id, host, port, error) = find(cx, request.key_type, &request.key);
        FindCoordinatorResponse::default()
            .with_node_id(node_id.into())
            .with_host(text(&host))
            .with_port(port)
            .with_error_code(error.code())
            .with_error_message(Some(text(message(error))))
    })
}

fn find(cx: &Context, key_type: i8, key: &str) -> (i32, String, i32, ErrorCode) {
    match locate(cx, key_type, key) {
        Ok(()) => {
            let (host, port) = cx.broker.advertised(&cx.peer.listener, cx.peer.local);
            (cx.broker.node_id().0, host, i32::from(port), ErrorCode::None)
        }
        Err(error) => (-1, String::new(), -1, error),
    }
}

fn locate(cx: &Context, key_type: i8, key: &str) -> Result<(), ErrorCode> {
    let (resource, topic, refusal) = match key_type {
        GROUP => (ResourceType::Group, OFFSETS_TOPIC, ErrorCode::GroupAuthorizationFailed),
        TRANSACTION => {
            (ResourceType::TransactionalId, TRANSACTION_STATE, ErrorCode::TransactionalIdAuthorizationFailed)
        }
        // There are keys for share coordinators, but there is none here.
        SHARE if cx.version() >= SHARE_SINCE && is_share_key(key) => return Err(ErrorCode::CoordinatorNotAvailable),
        _ => return Err(ErrorCode::InvalidRequest),
    };
    if !cx.allows(Operation::Describe, resource, key) {
        return Err(refusal);
    }
    if cx.broker.partitions().topic(topic).is_none() {
        cx.broker.create_behind(vec![topic.to_string()]);
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    Ok(())
}

/// A share coordinator's key: group, topic id and partition.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().and_then(|part| part.parse::<i32>().ok());
    let topic = parts.next().and_then(|part| part.parse::<TopicId>().ok());
    let group = parts.next();
    partition.is_some_and(|p| p >= 0) && topic.is_some() && group.is_some_and(|group| !group.is_empty())
}

/// What older versions print beside the number.
fn message(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::None => "NONE",
        ErrorCode::CoordinatorNotAvailable => "The coordinator is not available.",
        ErrorCode::GroupAuthorizationFailed => "Group authorization failed.",
        ErrorCode::TransactionalIdAuthorizationFailed => {
            "The transactional id used by the producer is not authorized to access the requested transactional id."
        }
        _ => {
            "This most likely occurs because of a request being malformed by the client library or the message was \
             sent to an incompatible broker. See the broker logs for more details."
        }
    }
}
