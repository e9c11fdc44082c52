//! CreatePartitions (37), versions 0-3: topics grow. A client needs ALTER on the topic.

use bytes::Bytes;

use crate::wire::WireError;
use crate::wire::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::wire::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::asking::ask_charged;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let names: Vec<_> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let (answer, wait_ms) = ask_charged!(cx, CreatePartitions(request));
    match answer {
        Ok(response) => response.with_throttle_time_ms(wait_ms),
        Err(error) => {
            let refused = |name| {
                CreatePartitionsTopicResult::default()
                    .with_name(name)
                    .with_error_code(error.code.code())
                    .with_error_message(error.wire_message())
            };
            CreatePartitionsResponse::default().with_results(names.into_iter().map(refused).collect())
        }
    }
}
