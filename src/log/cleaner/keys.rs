//! First half of a pass: go through the dirty part of the log and remember each key's newest offset.

use std::sync::Arc;

use super::error::{CleanError, Pace};
use super::offset_map::OffsetMap;
use super::source::Batches;
use super::txns::{Marker, Txns};
use super::{DECOMPRESSED_BYTES_MAX, Stats, Tools};
use crate::log::segment::Segment;
use crate::log::view::View;
use crate::model::Offset;
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::records::{BatchHeader, RecordIter, RecordsError, Scratch, verify_crc};

/// The map, and how far it tells the truth.
pub struct Keys {
    pub map: OffsetMap,
    /// Every record before this offset is in the map, or has no key, or was aborted.
    pub end: Offset,
}

/// Reads `from..to`, until the map is full.
pub fn collect(
    view: &View,
    (from, to): (Offset, Offset),
    map: OffsetMap,
    tools: &mut Tools,
    stats: &mut Stats,
    pace: &mut dyn Pace,
) -> Result<Keys, CleanError> {
    let mut keys = Keys { map, end: from };
    let mut txns = Txns::default();
    txns.add_aborted(view.aborted_txns(from, to)?);
    let first = view.index_of(from);
    for (n, segment) in view.segments.iter().enumerate().skip(first).take_while(|(_, s)| s.base() < to) {
        if !keys.collect_segment(segment, from, &mut txns, tools, stats, pace)? {
            return Ok(keys);
        }
        // Nothing else comes before the next segment.
        keys.end = keys.end.max(view.upper(n).min(to));
    }
    Ok(keys)
}

impl Keys {
    /// False when the map is full.
    fn collect_segment(
        &mut self,
        segment: &Arc<Segment>,
        from: Offset,
        txns: &mut Txns,
        tools: &mut Tools,
        stats: &mut Stats,
        pace: &mut dyn Pace,
    ) -> Result<bool, CleanError> {
        let start = match segment.base() < from {
            true => segment.locate(from, segment.size_bytes())?.map_or(segment.size_bytes(), |(at, _)| at),
            false => 0,
        };
        let file = segment.log_file()?;
        let Tools { buffer, scratch, io_buffer_bytes, .. } = tools;
        let mut batches = Batches::new(segment, &*file, start, buffer, *io_buffer_bytes);
        loop {
            let Some((position, header, batch)) = batches.next(pace)? else { return Ok(true) };
            stats.bytes_indexed += batch.len() as u64;
            let room = self
                .collect_batch(&header, batch, from, txns, scratch)
                .map_err(|e| super::source::damaged(segment, position, e.to_string()))?;
            if !room {
                return Ok(false);
            }
            if header.last_offset() >= from {
                self.end = self.end.max(header.next_offset());
            }
        }
    }

    fn collect_batch(
        &mut self,
        header: &BatchHeader,
        batch: &[u8],
        from: Offset,
        txns: &mut Txns,
        scratch: &mut Scratch,
    ) -> Result<bool, RecordsError> {
        // A wrong key or offset here would cost a record that is good.
        verify_crc(batch)?;
        let payload = batch.get(BATCH_HEADER_BYTES..).unwrap_or_default();
        if header.is_control() {
            let marker = Marker::of(header, payload).unwrap_or(Marker::Other);
            txns.on_marker(header, marker, |_| {});
            return Ok(true);
        }
        if txns.on_data(header) {
            return Ok(true);
        }
        let records = scratch.records(header.codec()?, payload, DECOMPRESSED_BYTES_MAX)?;
        for record in RecordIter::new(records, header.record_count) {
            let record = record?;
            let offset = record.offset(header);
            let Some(key) = record.key.filter(|_| offset >= from) else { continue };
            if !self.map.put(key, offset) {
                return Ok(false);
            }
            self.end = self.end.max(offset.plus(1));
        }
        Ok(true)
    }
}
