//! Prepared requests, and quick looks at the answers to them.

use std::ops::Range;

use anyhow::{Result, bail};
use bytes::{Buf, Bytes};
use ottla::model::{Offset, ProducerEpoch, ProducerId};
use ottla::records::BatchBuilder;
use ottla::wire::codec::{decode_reply, encode_request};
use ottla::wire::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla::wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla::wire::messages::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, TransactionalId};
use uuid::Uuid;

use super::setup::Topic;

pub const PRODUCE_VERSION: i16 = 13;
pub const FETCH_VERSION: i16 = 17;
const CLIENT: Option<&str> = Some("bench");
/// Of a Produce answer with one partition: correlation id, tags, count, topic id, count, index; then the error code.
const ERROR_AT: usize = 4 + 1 + 1 + 16 + 1 + 4;
pub const BASE_OFFSET_AT: usize = ERROR_AT + 2;

/// The shape of the batches of a load.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub record_bytes: usize,
    /// Records fill a batch up to so many bytes, and there is at least one.
    pub batch_bytes: usize,
}

impl Shape {
    pub const fn new(record_bytes: usize, batch_bytes: usize) -> Shape {
        Shape { record_bytes, batch_bytes }
    }

    /// One record a batch.
    pub const fn single(record_bytes: usize) -> Shape {
        Shape { record_bytes, batch_bytes: 0 }
    }
}

/// A batch and what is in it.
#[derive(Clone)]
pub struct Batch {
    pub bytes: Bytes,
    pub records: u64,
}

/// Who produces idempotently or in a transaction.
pub struct Producer {
    pub id: ProducerId,
    pub epoch: ProducerEpoch,
}

/// A value that no broker could shrink or share: pseudo-random bytes.
fn value(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

pub fn batch(shape: Shape, producer: Option<&Producer>) -> Batch {
    let mut builder = BatchBuilder::new(Offset(0));
    if let Some(p) = producer {
        builder = builder.producer(p.id, p.epoch, 0).transactional(true);
    }
    filled(builder, shape, |_| None)
}

/// A batch of which every other record has a key that no batch of another number has; the others have keys that every
/// batch has.
pub fn half_keyed(shape: Shape, number: u64) -> Batch {
    let key = |record| if record % 2 == 0 { format!("{number}-{record}") } else { format!("all-{record}") };
    filled(BatchBuilder::new(Offset(0)), shape, |record| Some(key(record)))
}

fn filled(mut builder: BatchBuilder, shape: Shape, key: impl Fn(usize) -> Option<String>) -> Batch {
    let value = value(shape.record_bytes);
    // Retention by time must not find the records old.
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_millis() as i64);
    loop {
        let key = key(builder.record_count() as usize);
        builder.append(now_ms, key.as_deref().map(str::as_bytes), Some(&value), &[]);
        let key_bytes = key.map_or(0, |key| key.len());
        if builder.size_bytes() + key_bytes + shape.record_bytes + 8 > shape.batch_bytes {
            break;
        }
    }
    let records = builder.record_count() as u64;
    Batch { bytes: builder.build(), records }
}

/// A Produce request with the same batch for every one of these partitions.
pub fn produce(topic: &Topic, partitions: Range<i32>, batch: &Batch, acks: i16) -> Result<Bytes> {
    produce_as(topic, partitions, batch, acks, None)
}

pub fn produce_as(
    topic: &Topic,
    partitions: Range<i32>,
    batch: &Batch,
    acks: i16,
    transactional_id: Option<TransactionalId>,
) -> Result<Bytes> {
    let data = partitions
        .map(|p| PartitionProduceData::default().with_index(p).with_records(Some(batch.bytes.clone())))
        .collect();
    let request = ProduceRequest::default()
        .with_transactional_id(transactional_id)
        .with_acks(acks)
        .with_timeout_ms(60_000)
        .with_topic_data(vec![TopicProduceData::default().with_topic_id(topic.id).with_partition_data(data)]);
    Ok(encode_request(1, CLIENT, PRODUCE_VERSION, &request)?)
}

/// Looks at the answer for one partition without decoding it.
pub fn check_produced(frame: &Bytes) -> Result<()> {
    match frame.get(ERROR_AT..BASE_OFFSET_AT) {
        Some([0, 0]) => Ok(()),
        _ => check_all_produced(frame),
    }
}

/// Looks at the answers for all partitions.
pub fn check_all_produced(frame: &Bytes) -> Result<()> {
    let (_, answer) = decode_reply::<ProduceResponse>(PRODUCE_VERSION, frame.clone())?;
    for partition in answer.responses.iter().flat_map(|t| &t.partition_responses) {
        if partition.error_code != 0 {
            bail!("Produce was answered with error {} ({:?})", partition.error_code, partition.error_message);
        }
    }
    Ok(())
}

/// What a fetch asks for beside the place.
#[derive(Clone, Copy)]
pub struct FetchLimits {
    pub max_bytes: i32,
    pub max_wait_ms: i32,
    pub isolation: Isolation,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    Uncommitted = 0,
    Committed = 1,
}

impl FetchLimits {
    pub const fn new(max_bytes: i32, max_wait_ms: i32) -> FetchLimits {
        FetchLimits { max_bytes, max_wait_ms, isolation: Isolation::Uncommitted }
    }
}

pub fn fetch(topic: Uuid, partition: i32, offset: i64, limits: FetchLimits) -> Result<Bytes> {
    fetch_many(topic, partition..partition + 1, offset, limits)
}

pub fn fetch_many(topic: Uuid, partitions: Range<i32>, offset: i64, limits: FetchLimits) -> Result<Bytes> {
    let partitions = partitions
        .map(|partition| {
            FetchPartition::default()
                .with_partition(partition)
                .with_fetch_offset(offset)
                .with_partition_max_bytes(limits.max_bytes)
        })
        .collect();
    let request = FetchRequest::default()
        .with_max_wait_ms(limits.max_wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(limits.max_bytes)
        .with_isolation_level(limits.isolation as i8)
        .with_session_epoch(-1)
        .with_topics(vec![FetchTopic::default().with_topic_id(topic).with_partitions(partitions)]);
    Ok(encode_request(1, CLIENT, FETCH_VERSION, &request)?)
}

/// What a fetch brought.
pub struct Fetched {
    pub bytes: u64,
    /// Where to go on; `None` when nothing came.
    pub next_offset: Option<i64>,
}

pub fn fetched(frame: Bytes) -> Result<Fetched> {
    let (_, answer) = decode_reply::<FetchResponse>(FETCH_VERSION, frame)?;
    if answer.error_code != 0 {
        bail!("Fetch was answered with error {}", answer.error_code);
    }
    let mut found = Fetched { bytes: 0, next_offset: None };
    for partition in answer.responses.iter().flat_map(|t| &t.partitions) {
        if partition.error_code != 0 {
            bail!("Fetch was answered with error {}", partition.error_code);
        }
        let Some(records) = &partition.records else { continue };
        found.bytes += records.len() as u64;
        found.next_offset = end_of(records);
    }
    Ok(found)
}

/// The offset after the last whole batch: from batch to batch by their lengths, the records are not looked at.
fn end_of(records: &[u8]) -> Option<i64> {
    let mut end = None;
    let mut rest = records;
    while let (Some(base), Some(length), Some(delta)) = (rest.get(..8), rest.get(8..12), rest.get(23..27)) {
        let [mut base, mut length, mut delta] = [base, length, delta];
        let (base, length, delta) = (base.get_i64(), length.get_i32(), delta.get_i32());
        let Some(next) = rest.get(12 + usize::try_from(length).ok()?..) else { break };
        end = Some(base + i64::from(delta) + 1);
        rest = next;
    }
    end
}
