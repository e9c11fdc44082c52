//! What a round has produced, as batches in the log.

use std::sync::Arc;

use super::Guard;
use crate::broker::partition::Partition;
use crate::controller::machine::{LogEntry, LogRecord, Producer};
use crate::log::{AppendError, EndTxn, Origin};
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{ErrorCode, Offset};
use crate::records::batch::NO_SEQUENCE;
use crate::records::{BatchBuilder, BatchHeader, ValidBatch};

/// How an append goes.
pub struct Append<'a> {
    pub partition: &'a Arc<Partition>,
    pub now_ms: i64,
    pub page_cache_is_enough: bool,
    /// For the batches of a transaction's first records here.
    pub guard: Guard,
}

impl Append<'_> {
    /// Appends in order. Neighbours that belong to the same producer, or to none, share a batch. Returns the end of the
    /// last batch.
    pub fn entries(&self, entries: &[LogEntry]) -> Result<Option<Offset>, AppendError> {
        let mut end = None;
        let alike = |a: &LogEntry, b: &LogEntry| match (a, b) {
            (LogEntry::Data(a), LogEntry::Data(b)) => a.producer == b.producer,
            _ => false,
        };
        for run in entries.chunk_by(alike) {
            let appended = match run.first() {
                Some(LogEntry::Marker(marker)) => {
                    self.partition.append_marker(&EndTxn::from(marker), self.now_ms, self.page_cache_is_enough)?
                }
                Some(LogEntry::Data(first)) => self.data(run, first.producer)?,
                None => continue,
            };
            end = Some(appended.last_offset.plus(1));
        }
        Ok(end)
    }

    fn data(&self, run: &[LogEntry], producer: Option<Producer>) -> Result<crate::log::Appended, AppendError> {
        let mut builder = BatchBuilder::new(Offset(0));
        if let Some(producer) = producer {
            // Coordinators number no sequences.
            builder = builder.transactional(true).producer(producer.id, producer.epoch, NO_SEQUENCE);
        }
        for entry in run {
            if let LogEntry::Data(LogRecord { key, value, .. }) = entry {
                builder.append(self.now_ms, Some(key), value.as_deref(), &[]);
            }
        }
        let record_count = builder.record_count();
        let bytes = builder.build();
        let header = BatchHeader::parse(&bytes).map_err(|_| AppendError::Invalid("our own batch"))?;
        let batch = ValidBatch {
            header,
            payload: bytes.slice(BATCH_HEADER_BYTES..),
            record_count,
            max_timestamp: self.now_ms,
            offset_delta_of_max_timestamp: 0,
            log_append_ms: None,
        };
        let guard = producer.and(self.guard);
        self.partition.append(&batch, guard, Origin::Coordinator, self.now_ms, self.page_cache_is_enough)
    }
}

/// What a coordinator's client is told when the log refuses: clients of coordinators know few errors.
pub fn code_of(error: &AppendError) -> ErrorCode {
    match error.code() {
        ErrorCode::KafkaStorageError | ErrorCode::NotLeaderOrFollower => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
