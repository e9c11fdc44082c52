//! ListOffsets (2), versions 1-11: offsets by time, and the ends of a partition.
//!
//! Special timestamps: -1 the end, -2 the start, -3 the record with the largest timestamp (from version 7), -4 the local
//! start (8), -5 the end of tiered storage (9) and -6 what waits to be tiered (11), of which there is none here.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::broker::partition::{Located, Partition};
use crate::model::{ErrorCode, LeaderEpoch, Offset};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::list_offsets_request::ListOffsetsPartition;
use crate::wire::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use crate::wire::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::{Context, Outcome, encode};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

const ORDINARY_CONSUMER: i32 = -1;
const READ_COMMITTED: i8 = 1;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: ListOffsetsRequest = codec::decode(cx.version(), body)?;
    let searches = |p: &ListOffsetsPartition| p.timestamp == MAX_TIMESTAMP || p.timestamp >= 0;
    let searching = request.topics.iter().flat_map(|t| &t.partitions).any(searches);
    let named = request.topics.iter().flat_map(|t| t.partitions.iter().map(move |p| (t, p)));
    let partitions: Vec<_> = named.filter_map(|(t, p)| cx.broker.partition(&t.name, p.partition_index)).collect();
    let shown = cx.broker.until_acknowledged_is_shown(partitions.iter());
    if !searching && shown.is_none() {
        return encode(&cx, &respond(&cx, request));
    }
    Ok(Outcome::Later(Box::pin(async move {
        if let Some(shown) = shown {
            shown.await;
        }
        // A search reads segments that may be cold, which is no work for a network worker.
        let found = tokio::task::spawn_blocking(move || encode(&cx, &respond(&cx, request))).await;
        match found {
            Ok(outcome) => outcome.unwrap_or_else(|e| Outcome::Close(e.to_string())),
            Err(e) => Outcome::Close(format!("the search for offsets failed: {e}")),
        }
    })))
}

fn respond(cx: &Context, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let twice = named_twice(&request);
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut denied = Vec::new();
    for topic in &request.topics {
        let allowed = cx.allows(Operation::Describe, ResourceType::Topic, &topic.name);
        let mut answers: Vec<ListOffsetsPartitionResponse> = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            if !allowed {
                answers.push(refused(asked.partition_index, ErrorCode::TopicAuthorizationFailed));
            } else if twice.contains(&(topic.name.as_str(), asked.partition_index)) {
                // Named twice, answered once.
                if !answers.iter().any(|a| a.partition_index == asked.partition_index) {
                    answers.push(refused(asked.partition_index, ErrorCode::InvalidRequest));
                }
            } else {
                answers.push(one(cx, &request, &topic.name, asked));
            }
        }
        let list: &mut Vec<ListOffsetsTopicResponse> = if allowed { &mut topics } else { &mut denied };
        match list.iter_mut().find(|seen| seen.name == topic.name) {
            Some(seen) => {
                answers.retain(|a| !seen.partitions.iter().any(|s| s.partition_index == a.partition_index));
                seen.partitions.extend(answers);
            }
            None => {
                list.push(ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(answers))
            }
        }
    }
    topics.extend(denied);
    ListOffsetsResponse::default().with_topics(topics)
}

fn named_twice(request: &ListOffsetsRequest) -> HashSet<(&str, i32)> {
    let mut count: HashMap<(&str, i32), usize> = HashMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            *count.entry((topic.name.as_str(), partition.partition_index)).or_default() += 1;
        }
    }
    count.into_iter().filter(|(_, n)| *n > 1).map(|(key, _)| key).collect()
}

fn refused(partition: i32, code: ErrorCode) -> ListOffsetsPartitionResponse {
    let mut answer = ListOffsetsPartitionResponse::default();
    answer.partition_index = partition;
    answer.error_code = code.code();
    answer.timestamp = -1;
    answer.offset = -1;
    answer.leader_epoch = -1;
    answer
}

fn one(
    cx: &Context,
    request: &ListOffsetsRequest,
    topic: &str,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    let refused = |code| refused(asked.partition_index, code);
    if !knows(cx.version(), asked.timestamp) {
        return refused(ErrorCode::UnsupportedVersion);
    }
    let partition = match cx.broker.served_partition(topic, asked.partition_index) {
        Ok(partition) => partition,
        Err(code) => return refused(code),
    };
    if let Err(code) = partition.check_leader_epoch(LeaderEpoch(asked.current_leader_epoch)) {
        return refused(code);
    }
    match find(request, &partition, asked.timestamp) {
        Ok(Some(found)) => {
            let mut answer = refused(ErrorCode::None);
            answer.timestamp = found.timestamp_ms;
            answer.offset = found.offset.0;
            if cx.version() >= 4 {
                answer.leader_epoch = found.leader_epoch.0;
            }
            answer
        }
        Ok(None) => refused(ErrorCode::None),
        Err(code) => refused(code),
    }
}

/// Whether the version may ask for this timestamp. Negative ones are all special, so there is no time before 1970.
fn knows(version: i16, timestamp: i64) -> bool {
    match timestamp {
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        EARLIEST_PENDING_UPLOAD => version >= 11,
        time => time >= EARLIEST,
    }
}

fn find(request: &ListOffsetsRequest, partition: &Partition, timestamp: i64) -> Result<Option<Located>, ErrorCode> {
    let ends = partition.ends();
    let visible: Offset = match (request.replica_id.0, request.isolation_level) {
        (ORDINARY_CONSUMER, READ_COMMITTED) => ends.last_stable(),
        (ORDINARY_CONSUMER, _) => ends.high_watermark,
        _ => ends.log_end,
    };
    let at = |offset, leader_epoch| Some(Located { offset, timestamp_ms: -1, leader_epoch });
    match timestamp {
        LATEST => Ok(at(visible, partition.leader_epoch())),
        EARLIEST | EARLIEST_LOCAL => Ok(at(ends.log_start, partition.epoch_of(ends.log_start))),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(at(Offset::NONE, LeaderEpoch::NONE)),
        MAX_TIMESTAMP => Ok(partition.max_timestamp()?.filter(|found| found.offset < visible)),
        time => Ok(partition.first_from(time)?.filter(|found| found.offset < visible)),
    }
}
