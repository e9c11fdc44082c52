//! Whole batches of a segment, one after the other, through a buffer that the caller lends.

use super::error::{CleanError, Pace};
use crate::disk::{DiskFile, read_exact_at};
use crate::log::header;
use crate::log::names::FileKind;
use crate::log::segment::Segment;
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::records::BatchHeader;

/// A batch: its position, its header, and all of its bytes, header first.
pub type Found<'b> = (u64, BatchHeader, &'b [u8]);

/// Reads a segment from a position to its end.
pub struct Batches<'a> {
    segment: &'a Segment,
    file: &'a dyn DiskFile,
    at: u64,
    end: u64,
    buffer: &'a mut Vec<u8>,
    /// Where in the file the buffer's first byte lies.
    buffer_at: u64,
    block_bytes: usize,
}

impl<'a> Batches<'a> {
    /// `at` must be where a batch begins. The buffer is filled with `block_bytes` at a time, and grows for a batch that
    /// is larger.
    pub fn new(
        segment: &'a Segment,
        file: &'a dyn DiskFile,
        at: u64,
        buffer: &'a mut Vec<u8>,
        block_bytes: usize,
    ) -> Self {
        buffer.clear();
        let block_bytes = block_bytes.max(BATCH_HEADER_BYTES);
        Batches { segment, file, at, end: segment.size_bytes(), buffer, buffer_at: at, block_bytes }
    }

    pub fn next(&mut self, pace: &mut dyn Pace) -> Result<Option<Found<'_>>, CleanError> {
        if self.at >= self.end {
            return Ok(None);
        }
        self.hold(BATCH_HEADER_BYTES as u64, pace)?;
        let start = (self.at - self.buffer_at) as usize;
        let Some(header) = self.buffer.get(start..).and_then(header::parse) else {
            return Err(self.damaged("there is no batch header"));
        };
        let size = header.size_bytes();
        self.hold(size as u64, pace)?;
        let start = (self.at - self.buffer_at) as usize;
        let position = self.at;
        self.at += size as u64;
        Ok(Some((position, header, self.buffer.get(start..start + size).unwrap_or_default())))
    }

    /// Sees to it that `need` bytes from the present position on are buffered.
    fn hold(&mut self, need: u64, pace: &mut dyn Pace) -> Result<(), CleanError> {
        if self.end - self.at < need {
            return Err(self.damaged("a batch is cut off"));
        }
        if self.at + need <= self.buffer_at + self.buffer.len() as u64 {
            return Ok(());
        }
        // What is left of the last block moves to the front, so no byte is read twice.
        let used = ((self.at - self.buffer_at) as usize).min(self.buffer.len());
        let kept = self.buffer.len() - used;
        self.buffer.copy_within(used.., 0);
        self.buffer_at = self.at;
        let want = (self.end - self.at).min(need.max(self.block_bytes as u64)) as usize;
        if want > self.buffer.capacity() || self.buffer.capacity() > 4 * self.block_bytes.max(want) {
            // Grown for an unusually large batch, and given back after it.
            self.buffer.truncate(kept);
            self.buffer.shrink_to(want);
            self.buffer.reserve_exact(want - kept);
        }
        self.buffer.resize(want, 0);
        pace.spend((want - kept) as u64)?;
        read_exact_at(self.file, &mut self.buffer[kept..], self.at + kept as u64)?;
        Ok(())
    }

    pub fn damaged(&self, what: impl Into<String>) -> CleanError {
        damaged(self.segment, self.at, what)
    }
}

pub fn damaged(segment: &Segment, position: u64, what: impl Into<String>) -> CleanError {
    CleanError::Damaged { segment: segment.path(FileKind::Log).display().to_string(), position, what: what.into() }
}
