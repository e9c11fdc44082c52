//! What a produced batch must be before it may be appended, and what the producer hears when it is not.
//!
//! The checks, their order and their answers are those of Apache Kafka. Three kinds of refusal look different on the
//! wire, so [`Rejected`] tells them apart: those that name the bad records, those that tell the log's start offset
//! (`deep`), and those that fail every partition of the request (`whole_request`).
//!
//! Two deliberate differences: a compressed record must end where its size says (Kafka skips that check when it keeps
//! the compressed bytes, and its consumers then stumble), and decompressed size is bounded.

use bytes::Bytes;

use crate::model::limits::{BATCH_HEADER_BYTES, DECOMPRESSED_BATCH_BYTES_MAX, RECORD_ERRORS_MAX};
use crate::model::{ErrorCode, LeaderEpoch, Offset};
use crate::records::batch::{BatchHeader, NO_TIMESTAMP, check_crc};
use crate::records::codec::{Codec, Compression, TimestampType};
use crate::records::compress::Scratch;
use crate::records::error::RecordsError;
use crate::records::record::{RecordIter, RecordView};

mod rebuild;
mod shape;

pub use shape::one_batch;

/// Who appends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    #[default]
    Client,
    /// The broker itself: groups, transactions. May write control batches.
    Coordinator,
}

/// `compression.type`: leave the producer's codec, or store everything with one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetCompression {
    #[default]
    Producer,
    Topic(Compression),
}

/// What the topic, the request and the moment ask of a batch.
#[derive(Clone, Debug)]
pub struct ProduceRules {
    pub origin: Origin,
    /// Version of the Produce request: zstd is known from 7 on.
    pub api_version: i16,
    /// `cleanup.policy` has `compact`: every record needs a key.
    pub compacted: bool,
    /// `message.timestamp.type`
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`
    pub before_max_ms: i64,
    /// `message.timestamp.after.max.ms`
    pub after_max_ms: i64,
    /// `max.message.bytes`
    pub max_message_bytes: i32,
    /// `segment.bytes`: a batch may not be larger than a segment.
    pub segment_bytes: i32,
    pub target: TargetCompression,
    pub max_decompressed_bytes: usize,
    pub now_ms: i64,
}

impl Default for ProduceRules {
    /// A topic with Kafka's defaults, at time 0.
    fn default() -> Self {
        ProduceRules {
            origin: Origin::Client,
            api_version: i16::MAX,
            compacted: false,
            timestamp_type: TimestampType::CreateTime,
            before_max_ms: i64::MAX,
            after_max_ms: 3_600_000,
            max_message_bytes: 1_048_588,
            segment_bytes: 1 << 30,
            target: TargetCompression::Producer,
            max_decompressed_bytes: DECOMPRESSED_BATCH_BYTES_MAX,
            now_ms: 0,
        }
    }
}

/// A batch that may be appended.
#[derive(Clone, Debug)]
pub struct ValidBatch {
    /// As sent, but for what the topic's settings changed; then its checksum is anew.
    pub header: BatchHeader,
    /// Everything behind the header: the request's own bytes unless the records were compressed anew.
    pub payload: Bytes,
    pub record_count: i32,
    /// Of the records, or the time of the append where the topic says so.
    pub max_timestamp: i64,
    /// Offset delta of the first record that carries the largest timestamp.
    pub offset_delta_of_max_timestamp: i32,
    /// The append time to tell the producer, where the topic stamps records itself.
    pub log_append_ms: Option<i64>,
}

impl ValidBatch {
    /// The header to write at `base_offset`. Neither field is under the checksum.
    pub fn header_at(&self, base_offset: Offset, leader_epoch: LeaderEpoch) -> [u8; BATCH_HEADER_BYTES] {
        BatchHeader { base_offset, leader_epoch, ..self.header }.to_bytes()
    }

    pub fn size_bytes(&self) -> usize {
        self.header.size_bytes()
    }
}

/// One record the answer complains about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Its place in the batch.
    pub batch_index: i32,
    pub message: String,
}

/// A batch that may not be appended, and what the answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub code: ErrorCode,
    /// For the answer; Kafka leaves it out of most.
    pub message: Option<String>,
    pub record_errors: Vec<RecordError>,
    /// The answer carries the log's start offset; without it, -1.
    pub deep: bool,
    /// Every partition of the request fails with this, not only the batch's.
    pub whole_request: bool,
    /// For the log.
    pub reason: String,
}

impl Rejected {
    fn cheap(code: ErrorCode, reason: impl ToString) -> Rejected {
        let reason = reason.to_string();
        Rejected { code, message: None, record_errors: Vec::new(), deep: false, whole_request: false, reason }
    }

    fn deep(code: ErrorCode, reason: impl ToString) -> Rejected {
        Rejected { deep: true, ..Rejected::cheap(code, reason) }
    }

    /// What a reader of the records met. Kafka tells an unreadable size in compressed records from one in others.
    fn unreadable(error: &RecordsError, codec: Codec) -> Rejected {
        match error {
            RecordsError::TooLarge { .. } => Rejected::cheap(error.into(), error),
            RecordsError::BadRecordSize if codec != Codec::None => Rejected::deep(ErrorCode::InvalidRecord, error),
            _ => Rejected::deep(error.into(), error),
        }
    }
}

/// Checks one partition's records of a Produce request; see [`one_batch`] for the part that comes before anything else.
pub fn validate(records: &Bytes, rules: &ProduceRules, scratch: &mut Scratch) -> Result<ValidBatch, Rejected> {
    let size = one_batch(records, rules.api_version)?;
    let batch = records.slice(..size);
    let header = check_batch(&batch, rules)?;
    let codec = header.codec().map_err(|error| Rejected::deep((&error).into(), &error))?;
    if rules.origin == Origin::Client {
        check_client_header(&header)?;
    }
    let payload = batch.slice(BATCH_HEADER_BYTES..);
    let valid = check_records(header, payload, codec, rules, scratch);
    scratch.trim();
    let valid = valid?;
    if valid.size_bytes() as i64 > i64::from(rules.segment_bytes) {
        return Err(Rejected::cheap(ErrorCode::RecordListTooLarge, "batch larger than a segment"));
    }
    Ok(valid)
}

/// The batch as a whole: place, size, checksum.
fn check_batch(batch: &[u8], rules: &ProduceRules) -> Result<BatchHeader, Rejected> {
    let base_offset = batch.first_chunk::<8>().map_or(0, |bytes| i64::from_be_bytes(*bytes));
    if rules.origin == Origin::Client && base_offset != 0 {
        return Err(Rejected::deep(ErrorCode::InvalidRecord, "base offset is not 0"));
    }
    if batch.len() < shape::UP_TO_LAST_OFFSET_DELTA {
        // Kafka stumbles over the missing field before it finds the size wrong.
        return Err(Rejected::deep(ErrorCode::UnknownServerError, "batch ends within its header"));
    }
    if batch.len() as i64 > i64::from(rules.max_message_bytes) {
        return Err(too_large(batch.len(), rules));
    }
    let header = BatchHeader::parse(batch).map_err(|error| Rejected::cheap(ErrorCode::CorruptMessage, error))?;
    check_crc(batch, header.crc).map_err(|error| Rejected::cheap(ErrorCode::CorruptMessage, error))?;
    Ok(header)
}

fn too_large(size_bytes: usize, rules: &ProduceRules) -> Rejected {
    let reason = format!("batch of {size_bytes} bytes, the topic takes {}", rules.max_message_bytes);
    Rejected::cheap(ErrorCode::MessageTooLarge, reason)
}

/// What only clients must keep to.
fn check_client_header(header: &BatchHeader) -> Result<(), Rejected> {
    let invalid = |reason: &str| Err(Rejected::deep(ErrorCode::InvalidRecord, reason));
    if header.last_offset_delta < 0 {
        return invalid("last offset delta is negative");
    }
    if header.record_count <= 0 {
        return invalid("batch declares no records");
    }
    if i64::from(header.last_offset_delta) + 1 != i64::from(header.record_count) {
        return invalid("last offset delta and record count differ");
    }
    if header.is_control() {
        return invalid("control batch from a client");
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return invalid("producer id without a sequence");
    }
    Ok(())
}

fn check_records(
    header: BatchHeader,
    payload: Bytes,
    codec: Codec,
    rules: &ProduceRules,
    scratch: &mut Scratch,
) -> Result<ValidBatch, Rejected> {
    let target = match rules.target {
        TargetCompression::Producer => Compression::from(codec),
        TargetCompression::Topic(compression) => compression,
    };
    // The broker's own markers are stored as it wrote them.
    let keeps_bytes = target.codec() == codec || (codec == Codec::None && header.is_control());
    let limit_bytes = rules.max_decompressed_bytes.min(i32::MAX as usize / 2);
    let plain = scratch.records(codec, &payload, limit_bytes).map_err(|error| Rejected::unreadable(&error, codec))?;
    let walk = Walk::over(&header, plain, rules).map_err(|error| Rejected::unreadable(&error, codec))?;
    if !walk.errors.is_empty() {
        return Err(walk.into_rejected());
    }
    if !keeps_bytes {
        return rebuild::rebuild(&header, plain, target, &walk, rules);
    }
    if codec != Codec::None && !walk.offsets_count_up {
        // Kafka means to repair such a batch and cannot.
        return Err(Rejected::deep(
            ErrorCode::UnknownServerError,
            "offset deltas of compressed records do not count up",
        ));
    }
    Ok(walk.keep(header, payload, codec, rules))
}

/// What the records of a batch say, seen once from first to last.
struct Walk {
    max_timestamp: i64,
    offset_delta_of_max: i32,
    offsets_count_up: bool,
    has_bad_timestamp: bool,
    errors: Vec<RecordError>,
}

impl Walk {
    fn over(header: &BatchHeader, records: &[u8], rules: &ProduceRules) -> Result<Walk, RecordsError> {
        if header.record_count < 0 {
            return Err(RecordsError::BadRecord("their number is negative"));
        }
        let mut walk = Walk {
            max_timestamp: NO_TIMESTAMP,
            offset_delta_of_max: 0,
            offsets_count_up: true,
            has_bad_timestamp: false,
            errors: Vec::new(),
        };
        for (record, index) in RecordIter::new(records, header.record_count).zip(0i32..) {
            let record = record?;
            let timestamp = record.timestamp(header);
            walk.check(header, &record, index, timestamp, rules);
            if timestamp > walk.max_timestamp {
                walk.max_timestamp = timestamp;
                walk.offset_delta_of_max = index;
            }
            walk.offsets_count_up &= record.offset_delta == index;
        }
        Ok(walk)
    }

    #[inline]
    fn check(
        &mut self,
        header: &BatchHeader,
        record: &RecordView<'_>,
        index: i32,
        timestamp: i64,
        rules: &ProduceRules,
    ) {
        if rules.compacted && record.key.is_none() {
            self.complain(index, || "a record of a compacted topic needs a key".into());
        } else if rules.timestamp_type == TimestampType::CreateTime && timestamp != NO_TIMESTAMP {
            // Wraps as Kafka's does: the most distant timestamps pass.
            let age_ms = rules.now_ms.wrapping_sub(timestamp);
            if age_ms > rules.before_max_ms || age_ms.wrapping_neg() > rules.after_max_ms {
                self.has_bad_timestamp = true;
                self.complain(index, || out_of_range(timestamp, record.offset(header), rules));
            }
        } else if header.timestamp_type() == TimestampType::LogAppendTime {
            self.has_bad_timestamp = true;
            self.complain(index, || "a producer may not mark its batch as stamped by the broker".into());
        }
    }

    #[cold]
    fn complain(&mut self, batch_index: i32, message: impl FnOnce() -> String) {
        if self.errors.len() < RECORD_ERRORS_MAX {
            self.errors.push(RecordError { batch_index, message: message() });
        }
    }

    fn into_rejected(self) -> Rejected {
        let (code, what) = match self.has_bad_timestamp {
            true => (ErrorCode::InvalidTimestamp, "timestamps out of range"),
            false => (ErrorCode::InvalidRecord, "invalid records"),
        };
        let message = format!("batch refused for {what}: {} listed", self.errors.len());
        Rejected { message: Some(message.clone()), record_errors: self.errors, ..Rejected::deep(code, message) }
    }

    /// The batch with its bytes as they came; only the header may change.
    fn keep(self, mut header: BatchHeader, payload: Bytes, codec: Codec, rules: &ProduceRules) -> ValidBatch {
        let log_append_ms = rules.log_append_ms();
        let max_timestamp = log_append_ms.unwrap_or(self.max_timestamp);
        if header.timestamp_type() != rules.timestamp_type || header.max_timestamp != max_timestamp {
            header.set_attributes(codec, rules.timestamp_type, header.flags());
            header.max_timestamp = max_timestamp;
            header.crc = header.computed_crc(&payload);
        }
        ValidBatch {
            header,
            payload,
            record_count: header.record_count,
            max_timestamp,
            offset_delta_of_max_timestamp: self.offset_delta_of_max,
            log_append_ms,
        }
    }
}

impl ProduceRules {
    fn log_append_ms(&self) -> Option<i64> {
        (self.timestamp_type == TimestampType::LogAppendTime).then_some(self.now_ms)
    }
}

fn out_of_range(timestamp: i64, offset: Offset, rules: &ProduceRules) -> String {
    let earliest = rules.now_ms.wrapping_sub(rules.before_max_ms);
    let latest = rules.now_ms.wrapping_add(rules.after_max_ms);
    format!("timestamp {timestamp} of the record at {offset} is not between {earliest} and {latest}")
}

#[cfg(test)]
mod tests;
