//! What a Produce answers, partition by partition.

use super::TOPIC_IDS_FROM;
use crate::api::{Context, topic_name};
use crate::broker::produce::{Appended, Refusal};
use crate::broker::transactions::enlist::Support;
use crate::model::{ErrorCode, TopicId, TopicName};
use crate::wire::messages::ProduceResponse;
use crate::wire::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};

/// One partition's part of the answer, in the order in which partitions were asked.
pub(super) struct Part {
    pub topic: TopicName,
    pub topic_id: TopicId,
    pub partition: i32,
    pub result: Result<Appended, Refusal>,
}

pub(super) fn fail(parts: &mut [Part], failed: Vec<(usize, ErrorCode)>) {
    for (slot, code) in failed {
        if let Some(part) = parts.get_mut(slot) {
            part.result = Err(Refusal::plain(code));
        }
    }
}

/// What a producer is told when its partition is not, or not known to be, in the transaction. Older ones do not retry
/// what a coordinator may answer, but everyone retries NOT_ENOUGH_REPLICAS.
pub(super) fn not_enlisted(code: ErrorCode, support: Support) -> Refusal {
    match code {
        ErrorCode::InvalidTxnState => Refusal::with_message(code, "Partition was not added to the transaction"),
        ErrorCode::ConcurrentTransactions if support == Support::Adds => Refusal::plain(code),
        ErrorCode::ConcurrentTransactions
        | ErrorCode::NetworkException
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator => Refusal::with_message(
            ErrorCode::NotEnoughReplicas,
            format!(
                "Unable to verify the partition has been added to the transaction. Underlying error: {}",
                code.name()
            ),
        ),
        other => Refusal::plain(other),
    }
}

pub(super) fn response(cx: &Context, parts: Vec<Part>) -> ProduceResponse {
    let mut topics: Vec<TopicProduceResponse> = Vec::new();
    for part in parts {
        let answer = partition_response(&part);
        let id = if cx.version() >= TOPIC_IDS_FROM { part.topic_id.0 } else { uuid::Uuid::nil() };
        let same = |t: &TopicProduceResponse| match id.is_nil() {
            true => t.name.as_str() == &*part.topic,
            false => t.topic_id == id,
        };
        match topics.iter_mut().find(|t| same(t)) {
            Some(topic) => topic.partition_responses.push(answer),
            None => {
                let mut topic = TopicProduceResponse::default();
                // Whoever is told the id is not told the name.
                if id.is_nil() {
                    topic.name = topic_name(&part.topic);
                }
                topic.topic_id = id;
                topic.partition_responses.push(answer);
                topics.push(topic);
            }
        }
    }
    ProduceResponse::default().with_responses(topics)
}

fn partition_response(part: &Part) -> PartitionProduceResponse {
    let mut answer = PartitionProduceResponse::default();
    answer.index = part.partition;
    match &part.result {
        Ok(appended) => {
            answer.base_offset = appended.base_offset.0;
            answer.log_append_time_ms = appended.log_append_time_ms;
            answer.log_start_offset = appended.log_start.0;
        }
        Err(refusal) => {
            answer.error_code = refusal.code.code();
            answer.base_offset = -1;
            answer.log_append_time_ms = -1;
            answer.log_start_offset = refusal.log_start.0;
            answer.error_message = refusal.message.clone().map(Into::into);
            answer.record_errors = refusal
                .record_errors
                .iter()
                .map(|(index, message)| {
                    let error = BatchIndexAndErrorMessage::default().with_batch_index(*index);
                    error.with_batch_index_error_message(message.clone().map(Into::into))
                })
                .collect();
        }
    }
    answer
}
