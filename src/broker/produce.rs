//! The write path of Produce: from a partition's bytes to the page cache.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use crate::config::TopicSettings;
use crate::config::topic::{Compression as TopicCompression, TimestampType as TopicTimestamps};
use crate::controller::metadata::is_internal;
use crate::log::{self, AppendBatch, AppendError, Origin, VerificationGuard};
use crate::model::limits::DECOMPRESSED_BATCH_BYTES_MAX;
use crate::model::{ErrorCode, Offset};
use crate::records::validate::one_batch;
use crate::records::{
    BatchHeader, Compression, ProduceRules, Rejected, Scratch, TargetCompression, TimestampType, ValidBatch, validate,
};

use super::Broker;
use super::partition::Partition;

const ACKS_ALL: i16 = -1;

thread_local! {
    /// Room for decompressed records, reused from batch to batch.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::new());
}

/// What a client asks to be appended to one partition.
pub struct Asked {
    pub version: i16,
    pub acks: i16,
    pub records: Bytes,
    /// Kafka's own tools may write internal topics.
    pub admin_client: bool,
    pub guard: Option<VerificationGuard>,
}

/// What was appended, and where.
pub struct Appended {
    pub partition: Arc<Partition>,
    pub base_offset: Offset,
    /// Durable once everything below is.
    pub end: Offset,
    pub log_append_time_ms: i64,
    pub log_start: Offset,
}

/// Why nothing was, as the answer says it.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub code: ErrorCode,
    pub message: Option<String>,
    pub record_errors: Vec<(i32, Option<String>)>,
    pub log_start: Offset,
}

impl Refusal {
    pub fn plain(code: ErrorCode) -> Self {
        Refusal { code, message: None, record_errors: Vec::new(), log_start: Offset::NONE }
    }

    pub fn with_message(code: ErrorCode, message: impl Into<String>) -> Self {
        Refusal { message: Some(message.into()), ..Refusal::plain(code) }
    }

    fn rejected(rejected: Rejected, log_start: Offset) -> Self {
        Refusal {
            code: rejected.code,
            message: rejected.message,
            record_errors: rejected.record_errors.into_iter().map(|e| (e.batch_index, Some(e.message))).collect(),
            log_start: if rejected.deep { log_start } else { Offset::NONE },
        }
    }
}

/// What can be said of a partition's records before any topic is looked at. Kafka reads these things while it parses the
/// request, and some of them fail the request as a whole.
pub fn check_shape(records: &Bytes, version: i16) -> Result<(), Rejected> {
    one_batch(records, version).map(|_| ())
}

/// Whether the records are part of a transaction.
pub fn transactional_header(records: &Bytes) -> Option<BatchHeader> {
    let header = BatchHeader::parse(records).ok()?;
    (header.is_transactional() && header.has_producer_id()).then_some(header)
}

/// A batch that may be appended, and where to.
pub struct Ready {
    partition: Arc<Partition>,
    batch: ValidBatch,
    guard: Option<VerificationGuard>,
    acks: i16,
}

/// Validates one partition's records.
pub fn check(broker: &Broker, partition: Arc<Partition>, asked: Asked) -> Result<Ready, Refusal> {
    if let Err(rejected) = check_shape(&asked.records, asked.version) {
        return Err(Refusal::rejected(rejected, Offset::NONE));
    }
    if !matches!(asked.acks, -1..=1) {
        return Err(Refusal::plain(ErrorCode::InvalidRequiredAcks));
    }
    let topic = &partition.name().topic;
    if is_internal(topic) && !asked.admin_client {
        return Err(Refusal::plain(ErrorCode::InvalidTopicException));
    }
    if partition.is_offline() {
        return Err(Refusal::plain(ErrorCode::KafkaStorageError));
    }
    let rules = rules(&partition.settings(), asked.version, broker.clock().now_ms());
    let valid = SCRATCH.with_borrow_mut(|scratch| validate(&asked.records, &rules, scratch));
    match valid {
        Ok(batch) => Ok(Ready { partition, batch, guard: asked.guard, acks: asked.acks }),
        Err(rejected) => {
            tracing::debug!("Refused a batch for {}: {}", partition.name(), rejected.reason);
            Err(Refusal::rejected(rejected, partition.ends().log_start))
        }
    }
}

/// Appends the batches, those of one partition together and in their order. The results are in the order of the batches.
pub fn append_all(broker: &Broker, ready: Vec<Ready>) -> Vec<Result<Appended, Refusal>> {
    let (now_ms, relaxed) = (broker.clock().now_ms(), broker.acks_from_page_cache());
    let mut order: Vec<usize> = (0..ready.len()).collect();
    let partition_of = |at: &usize| Arc::as_ptr(&ready[*at].partition);
    order.sort_by_key(partition_of);
    let mut results: Vec<Option<Result<Appended, Refusal>>> = Vec::new();
    results.resize_with(ready.len(), || None);
    for places in order.chunk_by(|a, b| partition_of(a) == partition_of(b)) {
        let partition = &ready[places[0]].partition;
        let batches: Vec<AppendBatch<'_>> = places.iter().map(|at| ready[*at].append()).collect();
        let appended = partition.append_all(&batches, Origin::Client, now_ms, relaxed);
        for (at, appended) in places.iter().zip(appended) {
            results[*at] = Some(ready[*at].told(appended));
        }
    }
    results.into_iter().flatten().collect()
}

impl Ready {
    fn append(&self) -> AppendBatch<'_> {
        AppendBatch { header: &self.batch.header, payload: &self.batch.payload, guard: self.guard }
    }

    /// What the log answers, in the words of Produce.
    fn told(&self, appended: Result<log::Appended, AppendError>) -> Result<Appended, Refusal> {
        let partition = &self.partition;
        match appended {
            Ok(appended) => {
                let end = appended.last_offset.plus(1);
                if self.acks != ACKS_ALL {
                    partition.acknowledge(end);
                }
                Ok(Appended {
                    base_offset: appended.base_offset,
                    end,
                    log_append_time_ms: appended.log_append_time_ms,
                    log_start: appended.log_start,
                    partition: partition.clone(),
                })
            }
            Err(e) => {
                let code = match e.code() {
                    ErrorCode::KafkaStorageError if partition.is_gone() => ErrorCode::UnknownTopicOrPartition,
                    code => code,
                };
                let storage = code == ErrorCode::KafkaStorageError;
                if storage && !matches!(e, AppendError::NoRoom) {
                    tracing::error!("Cannot append to {}: {e}", partition.name());
                }
                let too_large = matches!(code, ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge);
                let log_start = if storage || too_large { Offset::NONE } else { partition.ends().log_start };
                Err(Refusal { log_start, ..Refusal::plain(code) })
            }
        }
    }
}

fn rules(settings: &TopicSettings, api_version: i16, now_ms: i64) -> ProduceRules {
    ProduceRules {
        api_version,
        compacted: settings.cleanup_compact,
        timestamp_type: match settings.timestamp_type {
            TopicTimestamps::CreateTime => TimestampType::CreateTime,
            TopicTimestamps::LogAppendTime => TimestampType::LogAppendTime,
        },
        before_max_ms: settings.timestamp_before_max_ms,
        after_max_ms: settings.timestamp_after_max_ms,
        max_message_bytes: settings.max_message_bytes,
        segment_bytes: settings.segment_bytes,
        target: target(settings.compression),
        max_decompressed_bytes: DECOMPRESSED_BATCH_BYTES_MAX,
        now_ms,
        ..ProduceRules::default()
    }
}

fn target(compression: TopicCompression) -> TargetCompression {
    match compression {
        TopicCompression::Producer => TargetCompression::Producer,
        TopicCompression::Uncompressed => TargetCompression::Topic(Compression::None),
        TopicCompression::Gzip { level } => TargetCompression::Topic(Compression::Gzip { level }),
        TopicCompression::Snappy => TargetCompression::Topic(Compression::Snappy),
        TopicCompression::Lz4 { level } => TargetCompression::Topic(Compression::Lz4 { level }),
        TopicCompression::Zstd { level } => TargetCompression::Topic(Compression::Zstd { level }),
    }
}
