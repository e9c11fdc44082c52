//! Produce (0), served 3-13, told 0-13: appends one record batch to each partition.
//!
//! A request is decoded and checked by itself; what has to be appended goes together with the requests that the
//! connection has read behind it (`together.rs`), in the connection's order. With acks=all the answer then waits until
//! the bytes are as durable as `ottla.acks.all` asks, while later Produce requests of the connection go on. From version
//! 13 on topics are named by id; from version 12 on a transactional batch adds its partition to the transaction.
//!
//! Unlike Kafka, null records are answered with INVALID_RECORD instead of never.

mod answer;
mod together;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use crate::broker::produce::{self, Refusal};
use crate::model::{ErrorCode, TopicId, TopicName};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::ProduceRequest;

use super::{Context, Outcome, encode};
use answer::{Part, response};

pub use together::write_all;

/// From this version on topics are named by id only.
const TOPIC_IDS_FROM: i16 = 13;

/// A Produce request that may be appended, as far as it could be checked without its topics.
pub struct Write {
    cx: Context,
    acks: i16,
    timeout: Duration,
    transactional_id: Option<String>,
    targets: Vec<Target>,
}

/// A partition that the request names, with its records.
struct Target {
    topic: TopicName,
    topic_id: TopicId,
    partition: i32,
    records: Option<Bytes>,
}

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: ProduceRequest = codec::decode(cx.version(), body)?;
    if let Some(refused) = refuse_whole(&cx, &request) {
        return refused;
    }
    Ok(Outcome::Write(Write {
        acks: request.acks,
        timeout: Duration::from_millis(request.timeout_ms.max(0) as u64),
        transactional_id: request.transactional_id.as_ref().map(|id| id.to_string()),
        targets: targets(&cx, request),
        cx,
    }))
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
