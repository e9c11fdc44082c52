//! The segment that a pass writes: beside the log, until it takes the place of those it was made from.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;

use super::error::{CleanError, Pace};
use crate::disk::{DiskFile, fault};
use crate::log::index::txn::AbortedTxn;
use crate::log::names::{FileKind, Stage};
use crate::log::segment::{Place, Segment};
use crate::model::Offset;
use crate::records::BatchHeader;

/// The largest file that Kafka can read.
const SEGMENT_BYTES_MAX: u64 = i32::MAX as u64;

/// Written back in pieces of this size, the next when the last is done: more at once, and whoever has his own few bytes
/// synced meanwhile would wait for all of it. The sync at the end then finds little to do.
const WRITEBACK_BYTES: u64 = 256 << 10;

/// A segment in stage `Cleaned`, being filled.
pub struct Output<'b> {
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    buffer: &'b mut Vec<u8>,
    buffer_bytes: usize,
    pending: Vec<BatchHeader>,
    index_interval_bytes: u32,
    modified_ms: i64,
    /// What is on its way to the device; everything before it is there.
    written_back: Range<u64>,
}

impl<'b> Output<'b> {
    pub fn create(
        place: &Arc<Place>,
        base: Offset,
        modified_ms: i64,
        buffer: &'b mut Vec<u8>,
        buffer_bytes: usize,
        index_interval_bytes: u32,
    ) -> io::Result<Output<'b>> {
        let segment = Segment::create(place.clone(), base, Stage::Cleaned, modified_ms)?;
        let file = segment.log_file()?;
        buffer.clear();
        Ok(Output {
            segment,
            file,
            buffer,
            buffer_bytes,
            pending: Vec::new(),
            index_interval_bytes,
            modified_ms,
            written_back: 0..0,
        })
    }

    pub fn put(&mut self, header: &BatchHeader, batch: &[u8], pace: &mut dyn Pace) -> Result<(), CleanError> {
        if !self.buffer.is_empty() && self.buffer.len() + batch.len() > self.buffer_bytes {
            self.flush(pace)?;
        }
        self.buffer.extend_from_slice(batch);
        self.pending.push(*header);
        Ok(())
    }

    pub fn add_aborted_txn(&mut self, txn: AbortedTxn) -> io::Result<()> {
        self.segment.add_aborted_txn(txn)
    }

    fn flush(&mut self, pace: &mut dyn Pace) -> Result<(), CleanError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let at = self.segment.size_bytes();
        if at + self.buffer.len() as u64 > SEGMENT_BYTES_MAX {
            return Err(super::source::damaged(&self.segment, at, "cleaned, the segment would be too large"));
        }
        pace.spend(self.buffer.len() as u64)?;
        self.file.write_all_at(&[IoSlice::new(self.buffer)], at)?;
        for header in self.pending.drain(..) {
            self.segment.wrote(&header, self.index_interval_bytes, self.modified_ms)?;
        }
        self.write_back()?;
        self.buffer.clear();
        // An unusually large batch does not keep its memory.
        self.buffer.shrink_to(self.buffer_bytes);
        Ok(())
    }

    fn write_back(&mut self) -> io::Result<()> {
        let size = self.segment.size_bytes();
        if size - self.written_back.end >= WRITEBACK_BYTES {
            self.file.await_writeback_of(self.written_back.clone()).map_err(fault::of_sync)?;
            self.written_back = self.written_back.end..size;
            self.file.start_writeback_of(self.written_back.clone());
        }
        Ok(())
    }

    /// Completes the segment and makes all of its bytes durable. With an error comes what is to be discarded.
    pub fn finish(mut self, pace: &mut dyn Pace) -> Result<Arc<Segment>, (Arc<Segment>, CleanError)> {
        match self.flush(pace).and_then(|()| self.complete().map_err(CleanError::from)) {
            Ok(()) => Ok(self.segment),
            Err(e) => Err((self.segment, e)),
        }
    }

    fn complete(&self) -> io::Result<()> {
        self.segment.seal()?;
        self.file.set_modified_ms(self.modified_ms)?;
        let mut files = vec![self.file.clone()];
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
            files.push(self.segment.file(kind)?);
        }
        if self.segment.has_aborted_txns() {
            files.push(self.segment.file(FileKind::TxnIndex)?);
        }
        // What the first sync finds begun it waits for as well, and the others have little left to do.
        files.iter().for_each(|file| file.start_writeback());
        files.iter().try_for_each(|file| file.sync_data()).map_err(fault::of_sync)
    }

    /// Removes what was written.
    pub fn discard(self) {
        discard(&self.segment);
    }
}

/// Removes a segment that never became part of the log. What cannot be removed, the next start removes.
pub fn discard(segment: &Segment) {
    segment.close_files();
    for kind in FileKind::OF_SEGMENT {
        let _ = segment.disk().remove_file(&segment.path(kind));
    }
}
