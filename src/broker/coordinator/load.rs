//! Builds a machine from its partition's log.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tracing::warn;

use crate::broker::partition::Partition;
use crate::controller::machine::{LogEntry, LogRecord, Logged, Machine, Now, Producer, TxnMarker};
use crate::disk::read_exact_at;
use crate::log::{UpTo, marker};
use crate::model::limits::{BATCH_HEADER_BYTES, DECOMPRESSED_BATCH_BYTES_MAX};
use crate::records::{BatchHeader, BatchIter, RecordIter, Scratch};

/// Bytes read at a time; a larger batch is read alone.
const CHUNK_BYTES: u64 = 1 << 20;

/// Applies everything in the log. Reads the disk, so it runs where that may block.
pub fn load<M>(machine: &mut M, partition: &Arc<Partition>) -> io::Result<u64>
where
    M: Machine<Record: Logged>,
{
    let mut at = partition.ends().log_start;
    let mut scratch = Scratch::new();
    let mut applied = 0;
    loop {
        let slice = partition.read(at, CHUNK_BYTES, UpTo::LogEnd, true).map_err(io::Error::other)?;
        let Some(slice) = slice else { return Ok(applied) };
        // The log itself says how large its batches are; it has checked them against the file.
        let mut bytes = vec![0; slice.size_bytes as usize];
        read_exact_at(&*slice.file, &mut bytes, slice.position)?;
        for batch in BatchIter::new(&bytes) {
            let (position, header) = batch.map_err(io::Error::other)?;
            let from = position + BATCH_HEADER_BYTES;
            let payload = bytes.get(from..position + header.size_bytes()).unwrap_or_default();
            applied += apply_batch(machine, &header, payload, &mut scratch)?;
            at = header.next_offset();
        }
    }
}

fn apply_batch<M>(machine: &mut M, header: &BatchHeader, payload: &[u8], scratch: &mut Scratch) -> io::Result<u64>
where
    M: Machine<Record: Logged>,
{
    let producer = Producer { id: header.producer_id, epoch: header.producer_epoch };
    if header.is_control() {
        if let Some(end) = marker::decode(header, payload) {
            let entry = LogEntry::Marker(TxnMarker {
                producer,
                coordinator_epoch: end.coordinator_epoch,
                commit: end.commit,
                transaction_version: 0,
            });
            apply(machine, header.max_timestamp, entry);
        }
        return Ok(1);
    }
    let codec = header.codec().map_err(io::Error::other)?;
    let records = scratch.records(codec, payload, DECOMPRESSED_BATCH_BYTES_MAX).map_err(io::Error::other)?;
    // One copy for the batch; keys and values are parts of it.
    let records = Bytes::copy_from_slice(records);
    let mut count = 0;
    for record in RecordIter::new(&records, header.record_count) {
        let record = record.map_err(io::Error::other)?;
        let Some(key) = record.key else {
            warn!("A record without key in an internal topic, at {}", record.offset(header));
            continue;
        };
        let data = LogRecord {
            key: records.slice_ref(key),
            value: record.value.map(|value| records.slice_ref(value)),
            producer: header.is_transactional().then_some(producer),
        };
        apply(machine, record.timestamp(header), LogEntry::Data(data));
        count += 1;
    }
    Ok(count)
}

fn apply<M: Machine<Record: Logged>>(machine: &mut M, timestamp_ms: i64, entry: LogEntry) {
    if let Some(record) = M::Record::from_entry(entry) {
        machine.apply(Now { wall_ms: timestamp_ms, monotonic_ms: 0 }, &record);
    }
}
