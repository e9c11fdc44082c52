//! CreateTopics (19), versions 2-7. Every topic is answered by itself, when it is durable and can be written to. A
//! client needs CREATE on the cluster or on the topic; configs are shown to who may DESCRIBE_CONFIGS. Replication factors
//! above 1 are refused: there is one broker.

use bytes::Bytes;

use crate::wire::WireError;
use crate::wire::messages::create_topics_response::CreatableTopicResult;
use crate::wire::messages::{CreateTopicsRequest, CreateTopicsResponse};

use super::asking::ask_charged;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: CreateTopicsRequest) -> CreateTopicsResponse {
    let names: Vec<_> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let (answer, wait_ms) = ask_charged!(cx, CreateTopics(request));
    match answer {
        Ok(response) => response.with_throttle_time_ms(wait_ms),
        Err(error) => {
            let refused = |name| {
                CreatableTopicResult::default()
                    .with_name(name)
                    .with_error_code(error.code.code())
                    .with_error_message(error.wire_message())
            };
            CreateTopicsResponse::default().with_topics(names.into_iter().map(refused).collect())
        }
    }
}
