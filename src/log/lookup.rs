//! Offsets by timestamp, as ListOffsets asks for them.

use super::error::ReadError;
use super::segment::Segment;
use super::view::LogReader;
use super::walk::damaged;
use crate::disk::read_exact_at;
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{LeaderEpoch, Offset};
use crate::records::{BatchHeader, RecordIter, Scratch};

/// A record found by its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    pub timestamp_ms: i64,
    pub offset: Offset,
    pub leader_epoch: LeaderEpoch,
}

/// What records of one batch may grow to when they are decompressed to look at their timestamps.
const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

impl LogReader {
    /// The first record, by offset, whose timestamp is at or after the one given.
    pub fn offset_for_time(&self, timestamp_ms: i64) -> Result<Option<FoundRecord>, ReadError> {
        let view = self.view()?;
        for (n, segment) in view.segments.iter().enumerate() {
            // Only a segment that has such a timestamp is worth opening.
            if segment.max_timestamp()?.is_none_or(|max| max.timestamp_ms < timestamp_ms) {
                continue;
            }
            let start = view.ends.log_start.max(segment.base());
            let from = segment.floor_by_time(timestamp_ms)?.map_or(start, |found| found.offset.max(start));
            if let Some(found) = search(segment, from, view.bytes(n), start, timestamp_ms)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The record with the greatest timestamp, the first of them when several have it.
    pub fn max_timestamp(&self) -> Result<Option<FoundRecord>, ReadError> {
        let view = self.view()?;
        let mut best: Option<(usize, i64, Offset)> = None;
        for (n, segment) in view.segments.iter().enumerate() {
            if let Some(max) = segment.max_timestamp()?
                && best.is_none_or(|(_, timestamp_ms, _)| max.timestamp_ms > timestamp_ms)
            {
                best = Some((n, max.timestamp_ms, max.offset));
            }
        }
        let Some((n, timestamp_ms, offset)) = best else { return Ok(None) };
        let Some(segment) = view.segments.get(n) else { return Ok(None) };
        let Some((position, header)) = segment.locate(offset, view.bytes(n))? else { return Ok(None) };
        Ok(in_batch(segment, position, &header, Offset(0), timestamp_ms)?)
    }
}

/// Batch after batch from the one with `from` on, until one has a record that late at or behind `start`.
fn search(
    segment: &Segment,
    from: Offset,
    limit: u64,
    start: Offset,
    timestamp_ms: i64,
) -> std::io::Result<Option<FoundRecord>> {
    let Some((position, _)) = segment.locate(from, limit)? else { return Ok(None) };
    let file = segment.log_file()?;
    let mut walk = segment.walk_from(&*file, position, limit);
    while let Some((position, header)) = walk.next()? {
        if header.max_timestamp >= timestamp_ms
            && header.last_offset() >= start
            && let Some(found) = in_batch(segment, position, &header, start, timestamp_ms)?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The first record of a batch at or behind `start` that is at least that late.
fn in_batch(
    segment: &Segment,
    position: u64,
    header: &BatchHeader,
    start: Offset,
    timestamp_ms: i64,
) -> std::io::Result<Option<FoundRecord>> {
    // The segment's end lies behind the batch, so its length is no wild number.
    let mut payload = vec![0; header.payload_bytes()];
    read_exact_at(&*segment.log_file()?, &mut payload, position + BATCH_HEADER_BYTES as u64)?;
    let bad = |e: crate::records::RecordsError| damaged(position, &e.to_string());
    let mut scratch = Scratch::default();
    let codec = header.codec().map_err(bad)?;
    let records = scratch.records(codec, &payload, DECOMPRESSED_BYTES_MAX).map_err(bad)?;
    for record in RecordIter::new(records, header.record_count) {
        let record = record.map_err(bad)?;
        let (offset, timestamp) = (record.offset(header), record.timestamp(header));
        if timestamp >= timestamp_ms && offset >= start {
            return Ok(Some(FoundRecord { timestamp_ms: timestamp, offset, leader_epoch: header.leader_epoch }));
        }
    }
    Ok(None)
}
