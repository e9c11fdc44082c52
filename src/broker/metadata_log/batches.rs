//! Metadata records as the values of record batches.

use bytes::Bytes;

use crate::controller::records::{MetadataRecord, RecordError};
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{LeaderEpoch, Offset};
use crate::records::{BatchBuilder, BatchHeader, Codec, ControlRecord, RecordIter, RecordsError};

/// Kafka reads the metadata log in pieces of at most 8 MiB, and no batch may be larger than a piece.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// What a batch holds.
#[derive(Debug)]
pub enum Content {
    Control(Vec<ControlRecord>),
    Metadata(Vec<MetadataRecord>),
}

/// Why a whole batch does not read as metadata.
#[derive(Debug)]
pub enum ContentError {
    Batch(RecordsError),
    /// The record at this offset.
    Record(i64, RecordError),
}

/// Reads one batch, given whole.
pub fn read(header: &BatchHeader, batch: &[u8]) -> Result<Content, ContentError> {
    if header.is_control() {
        return ControlRecord::all_of(batch).map(Content::Control).map_err(ContentError::Batch);
    }
    if header.codec().map_err(ContentError::Batch)? != Codec::None {
        return Err(ContentError::Batch(RecordsError::BadRecord("compressed, which no metadata batch is")));
    }
    let payload = batch.get(BATCH_HEADER_BYTES..header.size_bytes()).unwrap_or_default();
    let mut records = Vec::new();
    for record in RecordIter::new(payload, header.record_count) {
        let record = record.map_err(ContentError::Batch)?;
        let value = record.value.unwrap_or_default();
        let offset = record.offset(header).0;
        records.push(MetadataRecord::decode(value).map_err(|e| ContentError::Record(offset, e))?);
    }
    Ok(Content::Metadata(records))
}

/// Gathers records and gives batches of bounded size.
pub struct Batcher {
    epoch: LeaderEpoch,
    metadata_version: i16,
    timestamp_ms: i64,
    next_offset: i64,
    open: Option<BatchBuilder>,
    done: Vec<Bytes>,
}

impl Batcher {
    pub fn new(next_offset: i64, epoch: LeaderEpoch, metadata_version: i16, timestamp_ms: i64) -> Self {
        Batcher { epoch, metadata_version, timestamp_ms, next_offset, open: None, done: Vec::new() }
    }

    pub fn push(&mut self, record: &MetadataRecord) {
        if self.open.as_ref().is_some_and(|batch| batch.size_bytes() >= BATCH_BYTES_MAX) {
            self.close();
        }
        let batch =
            self.open.get_or_insert_with(|| BatchBuilder::new(Offset(self.next_offset)).leader_epoch(self.epoch));
        batch.append(self.timestamp_ms, None, Some(&record.encode(self.metadata_version)), &[]);
        self.next_offset += 1;
    }

    /// A control batch of its own.
    pub fn control(&mut self, records: &[ControlRecord]) {
        self.close();
        let base = Offset(self.next_offset);
        self.done.push(crate::records::quorum_batch(base, self.epoch, self.timestamp_ms, records));
        self.next_offset += records.len() as i64;
    }

    fn close(&mut self) {
        if let Some(batch) = self.open.take() {
            self.done.push(batch.build());
        }
    }

    /// The batches that are full by now.
    pub fn take_done(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.done)
    }

    pub fn finish(mut self) -> Vec<Bytes> {
        self.close();
        self.done
    }
}
