//! Produce (0), served 3-13, told 0-13: appends one record batch to each partition.
//!
//! The work up to the page cache is done at once, in the connection's order; with acks=all the answer then waits until
//! the bytes are as durable as `ottla.acks.all` asks, while later Produce requests of the connection go on. From version
//! 13 on topics are named by id; from version 12 on a transactional batch adds its partition to the transaction.
//!
//! Unlike Kafka, null records are answered with INVALID_RECORD instead of never.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::broker::acks::{AckGroup, AllDurable};
use crate::broker::partition::Partition;
use crate::broker::produce::{self, Appended, Asked, Refusal};
use crate::broker::transactions::enlist::{self, Begun, Enlisting, Support, Verdict};
use crate::controller::machine::Producer;
use crate::log::VerificationGuard;
use crate::model::{ErrorCode, TopicId, TopicName};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use crate::wire::messages::{ProduceRequest, ProduceResponse};

use super::{Context, Outcome, encode};

/// From this version on topics are named by id only.
const TOPIC_IDS_FROM: i16 = 13;
const ACKS_ALL: i16 = -1;

/// One partition's part of the answer, in the order in which partitions were asked.
struct Part {
    topic: TopicName,
    topic_id: TopicId,
    partition: i32,
    result: Result<Appended, Refusal>,
}

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: ProduceRequest = codec::decode(cx.version(), body)?;
    if let Some(refused) = refuse_whole(&cx, &request) {
        return refused;
    }
    let transactional_id = request.transactional_id.as_ref().map(|id| id.to_string());
    let job = Job {
        acks: request.acks,
        timeout: Duration::from_millis(request.timeout_ms.max(0) as u64),
        targets: targets(&cx, request),
    };
    let Some(begun) = transactional_id.as_ref().and_then(|_| begin(&cx, &job.targets)) else {
        return run(&cx, job, None);
    };
    if begun.is_settled() {
        return run(&cx, job, Some(begun.verdicts));
    }
    // The first write of a transaction to a partition. Those behind it must not overtake it.
    Ok(Outcome::LaterAlone(Box::pin(async move {
        let verdicts = enlist::confirm(&cx.broker, &transactional_id.unwrap_or_default(), begun).await;
        match run(&cx, job, Some(verdicts)) {
            Ok(Outcome::Later(pending)) => pending.await,
            Ok(outcome) => outcome,
            Err(e) => Outcome::Close(e.to_string()),
        }
    })))
}

/// What is left to do of a request.
struct Job {
    acks: i16,
    timeout: Duration,
    targets: Vec<Target>,
}

/// Begins to make sure that the partitions are in the producer's transaction; `None` when nothing is transactional.
fn begin(cx: &Context, targets: &[Target]) -> Option<Begun> {
    let header = |target: &Target| target.records.as_ref().and_then(produce::transactional_header);
    let first = targets.iter().find_map(header)?;
    let producer = Producer { id: first.producer_id, epoch: first.producer_epoch };
    let wanted = targets.iter().map(|target| {
        let header = header(target)?;
        let partition = may_write(cx, target).ok()?;
        Some(Enlisting { partition, base_sequence: header.base_sequence })
    });
    Some(enlist::begin(&cx.broker, producer, Support::of_produce(cx.version()), wanted))
}

/// Appends, and answers when the bytes are as durable as asked.
fn run(cx: &Context, job: Job, verdicts: Option<Vec<Verdict>>) -> Result<Outcome, WireError> {
    let mut verdicts = verdicts.unwrap_or_default().into_iter();
    let mut parts = Vec::new();
    for target in job.targets {
        let result = match verdicts.next().unwrap_or(Ok(None)) {
            Ok(guard) => append(cx, job.acks, &target, guard),
            Err(code) => Err(not_enlisted(code, Support::of_produce(cx.version()))),
        };
        parts.push(Part { topic: target.topic, topic_id: target.topic_id, partition: target.partition, result });
    }
    if job.acks == 0 {
        return Ok(match parts.iter().find_map(|part| part.result.as_ref().err().map(|e| (part, e))) {
            None => Outcome::Silence,
            Some((part, e)) => Outcome::Close(format!(
                "a Produce with acks=0 failed for {}-{} with {}: closing is the only way to tell",
                part.topic, part.partition, e.code
            )),
        });
    }
    let all_wait = job.acks == ACKS_ALL && !cx.broker.acks_from_page_cache();
    let waits = |appended: &&Appended| all_wait || appended.partition.flushes_before_ack(appended.end);
    if parts.iter().any(|part| part.result.as_ref().is_ok_and(|appended| waits(&appended))) {
        let group = AckGroup::new();
        for (slot, part) in parts.iter().enumerate() {
            if let Some(appended) = part.result.as_ref().ok().filter(waits) {
                cx.broker.await_durable(&appended.partition, appended.end, slot, &group);
            }
        }
        // The sync may have come back already, and not with what was hoped for.
        if let Some(failed) = group.outcome() {
            fail(&mut parts, failed);
        } else {
            let cx = cx.clone();
            return Ok(Outcome::Later(Box::pin(async move {
                let waiting = AllDurable(group.clone());
                let failed = match tokio::time::timeout(job.timeout, waiting).await {
                    Ok(failed) => failed,
                    Err(_) => group.give_up(ErrorCode::RequestTimedOut),
                };
                fail(&mut parts, failed);
                encode(&cx, &response(&cx, parts)).unwrap_or_else(|e| Outcome::Close(e.to_string()))
            })));
        }
    }
    encode(cx, &response(cx, parts))
}

fn fail(parts: &mut [Part], failed: Vec<(usize, ErrorCode)>) {
    for (slot, code) in failed {
        if let Some(part) = parts.get_mut(slot) {
            part.result = Err(Refusal::plain(code));
        }
    }
}

/// What a producer is told when its partition is not, or not known to be, in the transaction. Older ones do not retry
/// what a coordinator may answer, but everyone retries NOT_ENOUGH_REPLICAS.
fn not_enlisted(code: ErrorCode, support: Support) -> Refusal {
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

/// What fails the request as a whole: records that Kafka cannot even parse, and transactional records whose producer
/// does not say, or may not use, its transactional id.
fn refuse_whole(cx: &Context, request: &ProduceRequest) -> Option<Result<Outcome, WireError>> {
    let mut producer = None;
    let mut several = false;
    let all = || request.topic_data.iter().flat_map(|t| t.partition_data.iter().map(move |p| (t, p)));
    for (_, data) in all() {
        let Some(records) = &data.records else { continue };
        if let Some(header) = produce::transactional_header(records) {
            let this = (header.producer_id, header.producer_epoch);
            several |= *producer.get_or_insert(this) != this;
        }
        if let Err(rejected) = produce::check_shape(records, cx.version())
            && rejected.whole_request
        {
            return Some(whole(cx, request, rejected.code));
        }
    }
    let may = || {
        let id = request.transactional_id.as_ref()?;
        cx.allows(Operation::Write, ResourceType::TransactionalId, id).then_some(())
    };
    if producer.is_some() && may().is_none() {
        return Some(whole(cx, request, ErrorCode::TransactionalIdAuthorizationFailed));
    }
    several.then(|| whole(cx, request, ErrorCode::InvalidProducerIdMapping))
}

/// One error for every partition.
fn whole(cx: &Context, request: &ProduceRequest, code: ErrorCode) -> Result<Outcome, WireError> {
    if request.acks == 0 {
        return Ok(Outcome::Close(format!("a Produce with acks=0 failed with {code}")));
    }
    let parts = request.topic_data.iter().flat_map(|topic| {
        topic.partition_data.iter().map(|data| Part {
            topic: TopicName::from(topic.name.as_str()),
            topic_id: TopicId(topic.topic_id),
            partition: data.index,
            result: Err(Refusal::plain(code)),
        })
    });
    encode(cx, &response(cx, parts.collect()))
}

/// A partition that the request names, with its records.
struct Target {
    topic: TopicName,
    topic_id: TopicId,
    partition: i32,
    records: Option<Bytes>,
}

/// The request's partitions. One that is named twice counts once, with its last records, as in Kafka.
fn targets(cx: &Context, request: ProduceRequest) -> Vec<Target> {
    let mut at: HashMap<(TopicId, TopicName, i32), usize> = HashMap::new();
    let mut targets: Vec<Target> = Vec::with_capacity(request.topic_data.len());
    let image = cx.broker.image();
    let single = request.topic_data.len() == 1 && request.topic_data[0].partition_data.len() == 1;
    for topic in request.topic_data {
        let (name, id): (TopicName, TopicId) = if cx.version() >= TOPIC_IDS_FROM {
            let id = TopicId(topic.topic_id);
            (image.topics.by_id(id).map(|topic| topic.name.clone()).unwrap_or_default(), id)
        } else {
            let name: TopicName = TopicName::from(topic.name.as_str());
            let id = image.topics.by_name(&name).map(|topic| topic.id).unwrap_or_default();
            (name, id)
        };
        for data in topic.partition_data {
            let target = Target { topic: name.clone(), topic_id: id, partition: data.index, records: data.records };
            if single {
                return vec![target];
            }
            match at.get(&(id, name.clone(), data.index)) {
                Some(&i) => targets[i] = target,
                None => {
                    at.insert((id, name.clone(), data.index), targets.len());
                    targets.push(target);
                }
            }
        }
    }
    targets
}

/// The target's partition, if it is there and the client may write to it.
fn may_write(cx: &Context, target: &Target) -> Result<Arc<Partition>, Refusal> {
    if target.topic.is_empty() && cx.version() >= TOPIC_IDS_FROM {
        return Err(Refusal::plain(ErrorCode::UnknownTopicId));
    }
    if !cx.allows(Operation::Write, ResourceType::Topic, &target.topic) {
        return Err(Refusal::plain(ErrorCode::TopicAuthorizationFailed));
    }
    cx.broker.served_partition(&target.topic, target.partition).map_err(Refusal::plain)
}

fn append(cx: &Context, acks: i16, target: &Target, guard: Option<VerificationGuard>) -> Result<Appended, Refusal> {
    let partition = may_write(cx, target)?;
    let asked = Asked {
        version: cx.version(),
        acks,
        records: target.records.clone().unwrap_or_default(),
        admin_client: cx.client_id() == "__admin_client",
        guard,
    };
    produce::append(&cx.broker, partition, asked)
}

fn response(cx: &Context, parts: Vec<Part>) -> ProduceResponse {
    let mut topics: Vec<TopicProduceResponse> = Vec::new();
    for part in parts {
        let answer = partition_response(&part);
        let id = if cx.version() >= TOPIC_IDS_FROM { part.topic_id.0 } else { uuid::Uuid::nil() };
        let same = |t: &TopicProduceResponse| t.topic_id == id && t.name.as_str() == &*part.topic;
        match topics.iter_mut().find(|t| same(t)) {
            Some(topic) => topic.partition_responses.push(answer),
            None => {
                let mut topic = TopicProduceResponse::default();
                topic.name = super::topic_name(&part.topic);
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
