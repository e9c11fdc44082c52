//! DeleteTopics (20), versions 1-6, by name and from 6 on by id. A client needs DELETE on the topic or the cluster, and
//! learns of a topic only what it may DESCRIBE.

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::wire::WireError;
use crate::wire::messages::delete_topics_response::DeletableTopicResult;
use crate::wire::messages::{DeleteTopicsRequest, DeleteTopicsResponse};

use super::asking::ask_charged;
use super::{Context, Outcome, answer_later};

/// Versions before this one do not know the code for "deletion is disabled".
const KNOWS_DISABLED_FROM: i16 = 3;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let (answer, wait_ms) = ask_charged!(cx, DeleteTopics(request.clone()));
    let mut response = match answer {
        Ok(response) => response.with_throttle_time_ms(wait_ms),
        Err(error) => {
            let named = request.topic_names.iter().map(|name| (Some(name.clone()), uuid::Uuid::nil()));
            let listed = request.topics.iter().map(|topic| (topic.name.clone(), topic.topic_id));
            let refused = |(name, id)| {
                DeletableTopicResult::default()
                    .with_name(name)
                    .with_topic_id(id)
                    .with_error_code(error.code.code())
                    .with_error_message(error.wire_message())
            };
            DeleteTopicsResponse::default().with_responses(named.chain(listed).map(refused).collect())
        }
    };
    if cx.version() < KNOWS_DISABLED_FROM {
        let disabled =
            |result: &&mut DeletableTopicResult| result.error_code == ErrorCode::TopicDeletionDisabled.code();
        for result in response.responses.iter_mut().filter(disabled) {
            result.error_code = ErrorCode::InvalidRequest.code();
        }
    }
    response
}
