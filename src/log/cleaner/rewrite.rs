//! Second half of a pass, batch by batch: what stays of it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::keys::Keys;
use super::txns::{Marker, Txns};
use super::{DECOMPRESSED_BYTES_MAX, Stats};
use crate::log::index::txn::AbortedTxn;
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{Offset, ProducerEpoch, ProducerId};
use crate::records::build::emptied;
use crate::records::{
    BatchBuilder, BatchHeader, Compression, RecordIter, RecordView, RecordsError, Scratch, TimestampType, verify_crc,
};

/// The last thing that each living producer wrote: its last data batch, or, without one, its epoch.
#[derive(Clone, Debug, Default)]
pub struct LastRecords(pub HashMap<ProducerId, (Option<Offset>, ProducerEpoch)>);

impl LastRecords {
    /// What a retry or a fenced producer will be recognised by.
    fn has(&self, header: &BatchHeader) -> bool {
        header.has_producer_id()
            && self.0.get(&header.producer_id).is_some_and(|(last, epoch)| match last {
                Some(last) => header.last_offset() == *last,
                None => header.is_control() && header.producer_epoch == *epoch,
            })
    }
}

/// The rules of one pass.
pub struct Rules<'a> {
    pub keys: &'a Keys,
    pub producers: &'a LastRecords,
    pub now_ms: i64,
    pub delete_retention_ms: i64,
    /// Where the part that this pass may touch ends.
    pub upper: Offset,
}

/// What is to become of a batch that is empty, or will be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenEmpty {
    Keep,
    Drop,
}

impl Rules<'_> {
    /// The batch as it is to be written; `None` when nothing stays. Untouched batches are handed back as they are.
    pub fn apply<'b>(
        &self,
        header: &BatchHeader,
        batch: &'b [u8],
        txns: &mut Txns,
        scratch: &mut Scratch,
        stats: &mut Stats,
        still_aborted: impl FnOnce(AbortedTxn),
    ) -> Result<Option<Cow<'b, [u8]>>, RecordsError> {
        let payload = batch.get(BATCH_HEADER_BYTES..).unwrap_or_default();
        stats.records_read += header.record_count.max(0) as u64;
        let (discard, spent_marker) = if header.is_control() {
            let marker = Marker::of(header, payload).ok_or(RecordsError::BadControl("it cannot be read"))?;
            let spent = txns.on_marker(header, marker, still_aborted);
            // A marker gets a horizon when it is first found to be spent, and goes when that has passed.
            (spent && header.delete_horizon_ms().is_some_and(|at| at <= self.now_ms), spent)
        } else {
            (txns.on_data(header), false)
        };
        let when_empty = if self.producers.has(header) || header.next_offset() == self.upper {
            WhenEmpty::Keep
        } else {
            WhenEmpty::Drop
        };
        if discard {
            return Ok((when_empty == WhenEmpty::Keep).then(|| empty(header, batch)));
        }
        let codec = header.codec()?;
        let records = scratch.records(codec, payload, DECOMPRESSED_BYTES_MAX)?;
        let (mut kept, mut tombstones) = (0, false);
        for record in RecordIter::new(records, header.record_count) {
            let record = record?;
            if self.keeps(header, &record, stats) {
                kept += 1;
                tombstones |= record.value.is_none();
            }
        }
        stats.records_kept += kept as u64;
        if kept == 0 {
            return Ok((when_empty == WhenEmpty::Keep).then(|| empty(header, batch)));
        }
        let new_horizon = (tombstones || spent_marker) && !header.has_delete_horizon();
        if kept == header.record_count && !new_horizon {
            return Ok(Some(Cow::Borrowed(batch)));
        }
        // From here on the batch gets a new checksum, which must not make damage look sound.
        verify_crc(batch)?;
        let horizon_ms = match new_horizon {
            true => Some(self.now_ms.saturating_add(self.delete_retention_ms)),
            false => header.delete_horizon_ms(),
        };
        Ok(Some(Cow::Owned(self.rebuild(header, records, horizon_ms)?)))
    }

    fn keeps(&self, header: &BatchHeader, record: &RecordView<'_>, stats: &mut Stats) -> bool {
        if header.is_control() {
            return true;
        }
        let offset = record.offset(header);
        if offset >= self.keys.end {
            return true;
        }
        let Some(key) = record.key else {
            stats.records_without_key += 1;
            return false;
        };
        let is_newest = self.keys.map.get(key).is_none_or(|newest| offset >= newest);
        is_newest && (record.value.is_some() || header.delete_horizon_ms().is_none_or(|at| self.now_ms < at))
    }

    fn rebuild(&self, header: &BatchHeader, records: &[u8], horizon_ms: Option<i64>) -> Result<Vec<u8>, RecordsError> {
        let mut builder = BatchBuilder::new(header.base_offset)
            .leader_epoch(header.leader_epoch)
            .compression(Compression::from(header.codec()?))
            .transactional(header.is_transactional())
            .control(header.is_control())
            .producer(header.producer_id, header.producer_epoch, header.base_sequence)
            .last_offset_delta(header.last_offset_delta);
        if header.timestamp_type() == TimestampType::LogAppendTime {
            builder = builder.log_append_time(header.max_timestamp);
        }
        if let Some(horizon_ms) = horizon_ms {
            builder = builder.delete_horizon_ms(horizon_ms);
        }
        let mut ignored = Stats::default();
        for record in RecordIter::new(records, header.record_count) {
            let record = record?;
            if self.keeps(header, &record, &mut ignored) {
                builder.append_view(record.offset_delta, record.timestamp(header), &record);
            }
        }
        Ok(builder.build().into())
    }
}

/// Only the header: it carries the last offset and the producer's last sequence. One that is empty already stays.
fn empty<'b>(header: &BatchHeader, batch: &'b [u8]) -> Cow<'b, [u8]> {
    match header.record_count {
        0 => Cow::Borrowed(batch),
        _ => Cow::Owned(emptied(header).into()),
    }
}
