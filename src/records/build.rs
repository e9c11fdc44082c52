//! Making batches: what coordinators, the metadata log and compaction write, and what tests produce.

use bytes::Bytes;

use crate::model::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use crate::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use crate::records::batch::{BatchFlags, BatchHeader, NO_TIMESTAMP};
use crate::records::codec::{Codec, Compression, TimestampType};
use crate::records::compress;
use crate::records::record::RecordView;
use crate::records::varint::{size_i32, size_i64, write_i32, write_i64};

/// A batch in the making. Offsets count up from the base offset unless given.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    compression: Compression,
    timestamp_type: TimestampType,
    flags: BatchFlags,
    log_append_ms: Option<i64>,
    next_offset_delta: i32,
    last_offset_delta: Option<i32>,
    /// Room for the header, then the records: an uncompressed batch is ready without another copy.
    bytes: Vec<u8>,
}

impl BatchBuilder {
    pub fn new(base_offset: Offset) -> BatchBuilder {
        BatchBuilder {
            header: BatchHeader { base_offset, ..BatchHeader::default() },
            compression: Compression::None,
            timestamp_type: TimestampType::CreateTime,
            flags: BatchFlags::default(),
            log_append_ms: None,
            next_offset_delta: 0,
            last_offset_delta: None,
            bytes: vec![0; BATCH_HEADER_BYTES],
        }
    }

    pub fn leader_epoch(mut self, epoch: LeaderEpoch) -> Self {
        self.header.leader_epoch = epoch;
        self
    }

    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Marks the batch as stamped by the broker at `now_ms`; the records keep their own deltas.
    pub fn log_append_time(mut self, now_ms: i64) -> Self {
        self.timestamp_type = TimestampType::LogAppendTime;
        self.log_append_ms = Some(now_ms);
        self
    }

    pub fn transactional(mut self, yes: bool) -> Self {
        self.flags.transactional = yes;
        self
    }

    pub fn control(mut self, yes: bool) -> Self {
        self.flags.control = yes;
        self
    }

    pub fn producer(mut self, id: ProducerId, epoch: ProducerEpoch, base_sequence: i32) -> Self {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Set by compaction before the first record: the base timestamp's place holds the horizon.
    pub fn delete_horizon_ms(mut self, horizon_ms: i64) -> Self {
        self.flags.delete_horizon = true;
        self.header.base_timestamp = horizon_ms;
        self
    }

    /// Lets the batch end at a later offset than its last record, as compaction leaves it.
    pub fn last_offset_delta(mut self, delta: i32) -> Self {
        self.last_offset_delta = Some(delta);
        self
    }

    /// Appends a record at the next offset.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        let mut raw = Vec::new();
        for (name, value) in headers {
            write_bytes(&mut raw, Some(name.as_bytes()));
            write_bytes(&mut raw, *value);
        }
        let record = RecordView {
            attributes: 0,
            timestamp_delta: 0,
            offset_delta: 0,
            key,
            value,
            header_count: headers.len() as i32,
            headers_raw: &raw,
        };
        self.append_view(self.next_offset_delta, timestamp, &record);
    }

    /// Appends another batch's record at an offset of its own, headers as they stand.
    pub fn append_view(&mut self, offset_delta: i32, timestamp: i64, record: &RecordView<'_>) {
        if self.header.record_count == 0 && !self.flags.delete_horizon {
            self.header.base_timestamp = timestamp;
        }
        let timestamp_delta = timestamp.wrapping_sub(self.header.base_timestamp);
        let size = 1
            + size_i64(timestamp_delta)
            + size_i32(offset_delta)
            + size_of_bytes(record.key)
            + size_of_bytes(record.value)
            + size_i32(record.header_count)
            + record.headers_raw.len();
        let out = &mut self.bytes;
        out.reserve(size + 5);
        write_i32(out, size as i32);
        out.push(record.attributes);
        write_i64(out, timestamp_delta);
        write_i32(out, offset_delta);
        write_bytes(out, record.key);
        write_bytes(out, record.value);
        write_i32(out, record.header_count);
        out.extend_from_slice(record.headers_raw);
        self.header.max_timestamp = self.header.max_timestamp.max(timestamp);
        self.header.record_count += 1;
        self.next_offset_delta = offset_delta.saturating_add(1);
    }

    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    pub fn is_empty(&self) -> bool {
        self.header.record_count == 0
    }

    /// The batch's size so far, before compression.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The finished batch, checksum and all.
    pub fn build(mut self) -> Bytes {
        let mut codec = if self.is_empty() { Codec::None } else { self.compression.codec() };
        if codec != Codec::None {
            let mut packed = vec![0; BATCH_HEADER_BYTES];
            let records = self.bytes.get(BATCH_HEADER_BYTES..).unwrap_or_default();
            match compress::compress(self.compression, records, &mut packed) {
                Ok(()) => self.bytes = packed,
                // Compressing in memory fails only for want of memory; the batch is as good uncompressed.
                Err(_) => codec = Codec::None,
            }
        }
        let header = &mut self.header;
        header.set_attributes(codec, self.timestamp_type, self.flags);
        header.last_offset_delta = self.last_offset_delta.unwrap_or(self.next_offset_delta - 1);
        if let Some(now_ms) = self.log_append_ms {
            header.max_timestamp = now_ms;
        }
        seal(*header, self.bytes)
    }
}

/// What compaction leaves of a batch whose records are all gone but whose producer's sequence must stay known.
pub fn emptied(batch: &BatchHeader) -> Bytes {
    let mut header = BatchHeader { base_timestamp: NO_TIMESTAMP, record_count: 0, ..*batch };
    let flags = BatchFlags { delete_horizon: false, ..batch.flags() };
    header.set_attributes(Codec::None, batch.timestamp_type(), flags);
    seal(header, vec![0; BATCH_HEADER_BYTES])
}

/// Puts length and checksum into the header and the header before the payload.
fn seal(mut header: BatchHeader, mut bytes: Vec<u8>) -> Bytes {
    let length = bytes.len() - BATCH_PREFIX_BYTES;
    header.length = i32::try_from(length).expect("a batch being built stays below 2 GiB");
    if let Some((room, payload)) = bytes.split_first_chunk_mut::<BATCH_HEADER_BYTES>() {
        header.crc = header.computed_crc(payload);
        header.write(room);
    }
    Bytes::from(bytes)
}

fn size_of_bytes(bytes: Option<&[u8]>) -> usize {
    match bytes {
        None => 1,
        Some(bytes) => size_i32(bytes.len() as i32) + bytes.len(),
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        None => write_i32(out, -1),
        Some(bytes) => {
            write_i32(out, bytes.len() as i32);
            out.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests;
