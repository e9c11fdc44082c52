//! Fetch (1), versions 4-18: record batches as they lie in the log, from the page cache to the socket.
//!
//! Sessions (KIP-227) from version 7, divergence from 12, topic ids from 13. The wait for more bytes ends when the
//! partitions asked for have grown enough. There are no replicas: who asks as one is told that this is no leader for it.

use std::time::Duration;

use bytes::Bytes;

use crate::broker::fetch::{self, FetchParams, Fetching, PartitionRead};
use crate::broker::fetch_sessions::{
    self, Asks, FINAL_EPOCH, FetchAsk, FetchPlan, FetchTarget, NO_SESSION, SessionRequest,
};
use crate::broker::quotas::{Client, Kind};
use crate::log::UpTo;
use crate::model::{ErrorCode, LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::extra::fetch_response::{
    self, AbortedTransaction, EpochEndOffset, FetchPartition, FetchReply, FetchTopic, LeaderIdAndEpoch,
};
use crate::wire::messages::{BrokerId, FetchRequest, ProducerId};

use super::{Context, Outcome, Piece};

const TOPIC_IDS_FROM: i16 = 13;
/// Before it clients do not know KAFKA_STORAGE_ERROR and would not retry.
const STORAGE_ERROR_FROM: i16 = 6;
const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;

/// What the answer owes to the session.
enum Memory {
    None,
    New,
    Session { session: std::sync::Arc<parking_lot::Mutex<fetch_sessions::Session>>, id: i32, epoch: i32 },
}

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: FetchRequest = codec::decode(cx.version(), body)?;
    if !matches!(request.isolation_level, READ_UNCOMMITTED | READ_COMMITTED) {
        return refuse_whole(&cx, request);
    }
    let params = params(&cx, &request);
    let (asks, memory) = match plan(&cx, request) {
        FetchPlan::Refused(code) => {
            let reply = FetchReply { error_code: code.code(), ..FetchReply::default() };
            return send(&cx, reply);
        }
        FetchPlan::Sessionless(asks) => (asks, Memory::None),
        FetchPlan::Full(asks) => (asks, Memory::New),
        FetchPlan::Incremental { session, session_id, epoch, asks } => {
            (asks, Memory::Session { session, id: session_id, epoch })
        }
    };
    let (found, refused) = fetch::resolve(&cx.broker, asks, |target| {
        let name = target.topic.as_deref()?;
        (!cx.allows(Operation::Read, ResourceType::Topic, name)).then_some(ErrorCode::TopicAuthorizationFailed)
    });
    if let Some(shown) = cx.broker.until_acknowledged_is_shown(found.iter().map(|(_, _, partition)| partition)) {
        return Ok(Outcome::Later(Box::pin(async move {
            shown.await;
            let reads = match fetch::fetch(found, params) {
                Fetching::Done(reads) => reads,
                Fetching::Waiting(parked) => parked.wait().await,
            };
            respond(&cx, memory, reads, refused).unwrap_or_else(|e| Outcome::Close(e.to_string()))
        })));
    }
    match fetch::fetch(found, params) {
        Fetching::Done(reads) => respond(&cx, memory, reads, refused),
        Fetching::Waiting(parked) => Ok(Outcome::Later(Box::pin(async move {
            let reads = parked.wait().await;
            respond(&cx, memory, reads, refused).unwrap_or_else(|e| Outcome::Close(e.to_string()))
        }))),
    }
}

/// An isolation level that does not exist: Kafka fails the request as a whole, in its vaguest way.
fn refuse_whole(cx: &Context, request: FetchRequest) -> Result<Outcome, WireError> {
    let code = ErrorCode::UnknownServerError.code();
    let mut reply = FetchReply { error_code: code, ..FetchReply::default() };
    if cx.version() < TOPIC_IDS_FROM {
        for topic in request.topics {
            let refused = |p: &crate::wire::messages::fetch_request::FetchPartition| FetchPartition {
                aborted_transactions: Some(Vec::new()),
                ..FetchPartition::empty(p.partition, code)
            };
            let partitions = topic.partitions.iter().map(refused).collect();
            reply.topics.push(FetchTopic { name: topic.topic, id: topic.topic_id, partitions });
        }
    }
    send(cx, reply)
}

fn params(cx: &Context, request: &FetchRequest) -> FetchParams {
    let replica = if cx.version() >= 15 { request.replica_state.replica_id } else { request.replica_id };
    let committed_only = request.isolation_level == READ_COMMITTED;
    let max_bytes = i64::from(request.max_bytes.min(cx.broker.fetch_max_bytes()));
    let max_bytes = match replica.0 >= 0 {
        true => max_bytes,
        // More would surely be throttled, and nothing would ever get through.
        false => cx.broker.quotas().fetch_bytes_max(quota_client(cx)).map_or(max_bytes, |quota| max_bytes.min(quota)),
    };
    FetchParams {
        up_to: match (replica.0 >= 0, committed_only) {
            (true, _) => UpTo::LogEnd,
            (false, true) => UpTo::LastStable,
            (false, false) => UpTo::HighWatermark,
        },
        committed_only: committed_only && replica.0 < 0,
        as_replica: replica.0 >= 0,
        min_bytes: i64::from(request.min_bytes).min(max_bytes),
        max_bytes,
        max_wait: Duration::from_millis(request.max_wait_ms.max(0) as u64),
    }
}

fn plan(cx: &Context, request: FetchRequest) -> FetchPlan {
    let image = cx.broker.image();
    let by_id = cx.version() >= TOPIC_IDS_FROM;
    let name_of = |id: TopicId| image.topics.by_id(id).map(|topic| topic.name.clone());
    let target = |name: &str, id: uuid::Uuid, partition: i32| FetchTarget {
        topic_id: if by_id { TopicId(id) } else { TopicId::ZERO },
        topic: if by_id { name_of(TopicId(id)) } else { Some(TopicName::from(name)) },
        partition: PartitionIndex(partition),
    };
    let mut asks: Asks = Vec::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let ask = FetchAsk {
                offset: Offset(partition.fetch_offset),
                max_bytes: partition.partition_max_bytes,
                current_leader_epoch: epoch_or_none(partition.current_leader_epoch),
                last_fetched_epoch: epoch_or_none(partition.last_fetched_epoch),
            };
            asks.push((target(&topic.topic, topic.topic_id, partition.partition), ask));
        }
    }
    let mut forget = Vec::new();
    for topic in &request.forgotten_topics_data {
        forget.extend(topic.partitions.iter().map(|p| target(&topic.topic, topic.topic_id, *p)));
    }
    let (session_id, epoch) =
        if cx.version() >= 7 { (request.session_id, request.session_epoch) } else { (NO_SESSION, FINAL_EPOCH) };
    let request = SessionRequest { session_id, epoch, uses_topic_ids: by_id, asks, forget };
    cx.broker.fetch_sessions().plan(request, cx.broker.clock().monotonic_ms(), name_of)
}

/// Any negative epoch is none.
fn epoch_or_none(epoch: i32) -> LeaderEpoch {
    if epoch < 0 { LeaderEpoch::NONE } else { LeaderEpoch(epoch) }
}

/// Picks what the session needs to hear and writes the answer. What was refused outright comes last, as in Kafka.
fn respond(
    cx: &Context,
    memory: Memory,
    mut reads: Vec<PartitionRead>,
    refused: Vec<PartitionRead>,
) -> Result<Outcome, WireError> {
    reads.extend(refused);
    if let Some(throttled) = throttled(cx, &memory, &reads) {
        return send(cx, throttled);
    }
    let mut session_id = NO_SESSION;
    match memory {
        Memory::None => {}
        Memory::New => {
            let partitions = reads.iter().map(|r| (r.target.clone(), r.ask, r.told())).collect();
            let now_ms = cx.broker.clock().monotonic_ms();
            session_id = cx
                .broker
                .fetch_sessions()
                .open(cx.version() >= TOPIC_IDS_FROM, partitions, now_ms, || cx.broker.random() as i32);
        }
        Memory::Session { session, id, epoch } => {
            session_id = id;
            let told = reads.iter().map(|r| (r.target.clone(), r.told()));
            let Some(chosen) = fetch_sessions::select(&session, epoch, told) else {
                let code = ErrorCode::InvalidFetchSessionEpoch.code();
                return send(cx, FetchReply { error_code: code, session_id, ..FetchReply::default() });
            };
            let mut chosen = chosen.into_iter();
            reads.retain(|_| chosen.next().unwrap_or(true));
        }
    }
    let mut reply: FetchReply<_> = FetchReply { session_id, ..FetchReply::default() };
    for read in reads {
        let name = read.target.topic.as_deref().unwrap_or("");
        let id = read.target.topic_id.0;
        let same = reply.topics.last().is_some_and(|t| t.id == id && t.name.as_str() == name);
        if !same {
            reply.topics.push(FetchTopic { name: super::topic_name(name), id, partitions: Vec::new() });
        }
        let partition = partition(cx, read);
        if let Some(topic) = reply.topics.last_mut() {
            topic.partitions.push(partition);
        }
    }
    send(cx, reply)
}

fn quota_client(cx: &Context) -> Client<'_> {
    Client { user: &cx.peer.principal.name, client_id: cx.client_id() }
}

/// The answer to who has read too much lately: nothing but the time to wait. The session does not move on, and what was
/// read does not count.
fn throttled(
    cx: &Context,
    memory: &Memory,
    reads: &[PartitionRead],
) -> Option<FetchReply<std::sync::Arc<dyn crate::disk::DiskFile>>> {
    let quotas = cx.broker.quotas();
    if !quotas.has(Kind::ConsumerByteRate) {
        return None;
    }
    let bytes = reads.iter().map(|read| read.size_bytes() + fetch_response::PARTITION_BYTES as i64).sum::<i64>() as f64;
    let now_ms = cx.broker.clock().monotonic_ms();
    let wait_ms = quotas.record(Kind::ConsumerByteRate, quota_client(cx), bytes, now_ms);
    if wait_ms <= 0 {
        return None;
    }
    quotas.record(Kind::ConsumerByteRate, quota_client(cx), -bytes, now_ms);
    let session_id = match memory {
        Memory::None | Memory::New => NO_SESSION,
        Memory::Session { id, .. } => *id,
    };
    let throttle_time_ms = i32::try_from(wait_ms).unwrap_or(i32::MAX);
    Some(FetchReply { throttle_time_ms, session_id, ..FetchReply::default() })
}

fn partition(cx: &Context, read: PartitionRead) -> FetchPartition<std::sync::Arc<dyn crate::disk::DiskFile>> {
    let code = match read.code {
        ErrorCode::KafkaStorageError if cx.version() < STORAGE_ERROR_FROM => ErrorCode::NotLeaderOrFollower,
        code => code,
    };
    let mut answer = FetchPartition::empty(read.target.partition.0, code.code());
    answer.high_watermark = read.high_watermark.0;
    answer.last_stable_offset = read.last_stable.0;
    answer.log_start_offset = read.log_start.0;
    answer.diverging_epoch = read.diverging.map(|(epoch, end)| EpochEndOffset { epoch: epoch.0, end_offset: end.0 });
    if cx.version() >= 16 && matches!(code, ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch) {
        answer.current_leader = read.target.topic.as_deref().and_then(|topic| {
            let leader_epoch = cx.broker.partition(topic, read.target.partition.0)?.leader_epoch().0;
            Some(LeaderIdAndEpoch { leader_id: BrokerId(cx.broker.node_id().0), leader_epoch })
        });
    }
    answer.aborted_transactions = read.aborted.map(|list| {
        list.into_iter()
            .map(|(id, first_offset)| AbortedTransaction { producer_id: ProducerId(id), first_offset })
            .collect()
    });
    if let Some(slice) = read.slice {
        answer.records.push(Piece::File { file: slice.file, position: slice.position, len: slice.size_bytes as usize });
    }
    answer
}

fn send(cx: &Context, reply: FetchReply<std::sync::Arc<dyn crate::disk::DiskFile>>) -> Result<Outcome, WireError> {
    Ok(Outcome::Answer(fetch_response::encode(cx.header.correlation_id, cx.version(), reply)?))
}
