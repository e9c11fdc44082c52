//! DeleteRecords (21), versions 0-2: moves the start of partitions forward. The new start is in the checkpoint on stable
//! storage before the answer goes out, so that no crash takes it back. A client needs DELETE on the topic.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::broker::partition::Partition;
use crate::controller::metadata::is_internal;
use crate::model::{ErrorCode, Offset};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use crate::wire::messages::{DeleteRecordsRequest, DeleteRecordsResponse, TopicName};

use super::{Context, Outcome, encode};

/// Asks for everything up to the high watermark.
const HIGH_WATERMARK: Offset = Offset(-1);
/// The low watermark of a partition that has an error.
const NONE: i64 = -1;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: DeleteRecordsRequest = codec::decode(cx.version(), body)?;
    // It writes files and waits for them, which is no work for a network worker.
    Ok(Outcome::Later(Box::pin(async move {
        let done = tokio::task::spawn_blocking(move || encode(&cx, &respond(&cx, request))).await;
        match done {
            Ok(outcome) => outcome.unwrap_or_else(|e| Outcome::Close(e.to_string())),
            Err(e) => Outcome::Close(format!("deleting records failed: {e}")),
        }
    })))
}

fn respond(cx: &Context, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut moved: Vec<Arc<Partition>> = Vec::new();
    // Of a partition that is named twice the last offset holds.
    let mut asked: BTreeMap<TopicName, BTreeMap<i32, Offset>> = BTreeMap::new();
    for topic in request.topics {
        let offsets = topic.partitions.iter().map(|asked| (asked.partition_index, Offset(asked.offset)));
        asked.entry(topic.name).or_default().extend(offsets);
    }
    let mut topics = Vec::with_capacity(asked.len());
    for (name, partitions) in asked {
        let allowed = cx.allows(Operation::Delete, ResourceType::Topic, &name);
        let mut results = Vec::with_capacity(partitions.len());
        for (index, offset) in partitions {
            let result = match allowed {
                true => delete(cx, &name, index, offset, &mut moved),
                false => Err(ErrorCode::TopicAuthorizationFailed),
            };
            results.push(
                DeleteRecordsPartitionResult::default()
                    .with_partition_index(index)
                    .with_low_watermark(result.map_or(NONE, |start| start.0))
                    .with_error_code(result.err().unwrap_or(ErrorCode::None).code()),
            );
        }
        topics.push(DeleteRecordsTopicResult::default().with_name(name).with_partitions(results));
    }
    let mut response = DeleteRecordsResponse::default().with_topics(topics);
    if !moved.is_empty() {
        let unwritten = cx.broker.write_checkpoints();
        let (lost, safe): (Vec<_>, Vec<_>) = moved.into_iter().partition(|partition| unwritten.holds(partition));
        cx.broker.bury(&safe);
        fail(&mut response, &lost);
    }
    response
}

fn delete(
    cx: &Context,
    topic: &str,
    index: i32,
    offset: Offset,
    moved: &mut Vec<Arc<Partition>>,
) -> Result<Offset, ErrorCode> {
    let image = cx.broker.image();
    let known = image.topics.by_name(topic).and_then(|topic| topic.partition(index));
    known.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let partition = cx.broker.partition(topic, index).ok_or(ErrorCode::KafkaStorageError)?;
    if partition.is_offline() {
        return Err(ErrorCode::KafkaStorageError);
    }
    if is_internal(topic) {
        return Err(ErrorCode::InvalidTopicException);
    }
    let settings = partition.settings();
    if settings.cleanup_compact && !settings.cleanup_delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let to = match offset {
        HIGH_WATERMARK => partition.ends().high_watermark,
        offset => offset,
    };
    let start = partition.log().delete_records(to).map_err(|e| e.code())?;
    moved.push(partition.clone());
    Ok(start)
}

/// Without its checkpoint a new log start would not outlive the broker.
fn fail(response: &mut DeleteRecordsResponse, lost: &[Arc<Partition>]) {
    for topic in &mut response.topics {
        for result in topic.partitions.iter_mut().filter(|result| result.error_code == ErrorCode::None.code()) {
            let is_this =
                |p: &&Arc<Partition>| *p.name().topic == **topic.name && p.name().partition.0 == result.partition_index;
            if lost.iter().any(|p| is_this(&p)) {
                result.error_code = ErrorCode::KafkaStorageError.code();
                result.low_watermark = NONE;
            }
        }
    }
}
