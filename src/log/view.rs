//! What readers see of a log: its segments and its ends at one moment, without the writer's lock.

use std::sync::Arc;

use parking_lot::Mutex;

use super::error::ReadError;
use super::index::txn::AbortedTxn;
use super::segment::Segment;
use crate::disk::DiskFile;
use crate::model::Offset;

/// The offsets that bound a log, as of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// First offset that may be read.
    pub log_start: Offset,
    /// Offset of the next record to be written.
    pub log_end: Offset,
    pub high_watermark: Offset,
    /// First offset of an open transaction, or of an ended one whose end is beyond the high watermark.
    pub first_unstable: Option<Offset>,
    /// Bytes of the last segment up to `log_end`.
    active_bytes: u64,
}

impl Ends {
    pub(super) fn at(log_start: Offset, log_end: Offset, high_watermark: Offset, active_bytes: u64) -> Self {
        Ends { log_start, log_end, high_watermark, first_unstable: None, active_bytes }
    }

    /// Up to where a `read_committed` consumer may read.
    pub fn last_stable(&self) -> Offset {
        match self.first_unstable {
            Some(first) if first < self.high_watermark => first,
            _ => self.high_watermark,
        }
    }

    pub(super) fn set_end(&mut self, log_end: Offset, active_bytes: u64) {
        self.log_end = log_end;
        self.active_bytes = active_bytes;
    }
}

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpTo {
    LogEnd,
    HighWatermark,
    LastStable,
}

/// Whole batches in a file, to be sent as they lie there.
#[derive(Clone)]
pub struct LogSlice {
    pub file: Arc<dyn DiskFile>,
    pub position: u64,
    pub size_bytes: u64,
    /// Base offset of the first batch; the offset asked for may lie inside it.
    pub base_offset: Offset,
    /// No batch in the slice reaches this offset.
    pub end_offset: Offset,
    /// The segments as they were when the slice was found.
    segments: Segments,
}

impl LogSlice {
    /// Aborted transactions of which a reader of the slice, from `from` on, must skip records. Asked of the segments that
    /// the slice is from: compaction may since have taken the records out of the log, and the transactions with them.
    pub fn aborted_txns(&self, from: Offset) -> Result<Vec<AbortedTxn>, ReadError> {
        Ok(aborted_txns(&self.segments, from, self.end_of_batches())?)
    }

    /// Where the whole batches of the slice end. A slice that was cut knows only where the log ends, and transactions up
    /// to there would fill the answer with what its reader does not need yet.
    fn end_of_batches(&self) -> Offset {
        let segment = self.segments.get(index_of(&self.segments, self.base_offset));
        let Some(segment) = segment.filter(|segment| segment.has_aborted_txns()) else { return self.end_offset };
        let fitting = segment.fit(self.position, self.position + self.size_bytes, segment.size_bytes());
        // Files that are gone or damaged must not hide a transaction.
        fitting.ok().flatten().map_or(self.end_offset, |(_, end)| end.min(self.end_offset))
    }
}

impl std::fmt::Debug for LogSlice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{} ({} bytes at {})", self.base_offset, self.end_offset, self.size_bytes, self.position)
    }
}

/// Where a read that is full may end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    WholeBatches,
    Cut,
}

/// Segments by base offset, the active one last.
pub type Segments = Arc<Vec<Arc<Segment>>>;

#[derive(Clone)]
pub(super) struct View {
    pub segments: Segments,
    pub ends: Ends,
}

/// Shared between the writer, who replaces it, and readers, who look at it.
pub(super) struct Shared(pub(super) Mutex<SharedState>);

pub(super) struct SharedState {
    pub view: View,
    pub loaded: bool,
}

/// Reads a log beside its writer. Cheap to clone.
#[derive(Clone)]
pub struct LogReader(pub(super) Arc<Shared>);

impl LogReader {
    /// The log's ends. Before the log is loaded they are what the checkpoints say.
    pub fn ends(&self) -> Ends {
        self.0.0.lock().view.ends
    }

    pub(super) fn view(&self) -> Result<View, ReadError> {
        let state = self.0.0.lock();
        if !state.loaded {
            return Err(ReadError::NotLoaded);
        }
        Ok(state.view.clone())
    }

    /// The present segments, the active one last.
    pub fn segments(&self) -> Result<Segments, ReadError> {
        Ok(self.view()?.segments)
    }

    /// Bytes of the log's batches.
    pub fn size_bytes(&self) -> Result<u64, ReadError> {
        Ok(self.view()?.segments.iter().map(|s| s.size_bytes()).sum())
    }

    /// Whole batches from the one that holds `from` on, from one file, at most `max_bytes` of them and none that
    /// reaches beyond `up_to`. `min_one` lets the first batch be larger than `max_bytes`. `None`: there is nothing to
    /// read now.
    pub fn read(
        &self,
        from: Offset,
        max_bytes: u64,
        up_to: UpTo,
        min_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        self.read_as(Edge::WholeBatches, from, max_bytes, up_to, min_one)
    }

    /// The same, but the last batch may be cut off at `max_bytes`: Kafka answers a fetch so, and spares the search for
    /// the batch's end.
    pub fn read_cut(
        &self,
        from: Offset,
        max_bytes: u64,
        up_to: UpTo,
        min_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        self.read_as(Edge::Cut, from, max_bytes, up_to, min_one)
    }

    fn read_as(
        &self,
        edge: Edge,
        from: Offset,
        max_bytes: u64,
        up_to: UpTo,
        min_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        let mut tries = 0;
        loop {
            match self.view()?.read(edge, from, max_bytes, up_to, min_one) {
                // The segment was removed after we looked; the next look does not see it.
                Err(ReadError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound && tries < 3 => tries += 1,
                other => return other,
            }
        }
    }

    /// Aborted transactions of which a reader of `from..to` must skip records, `to` being the `end_offset` of what was
    /// read.
    pub fn aborted_txns(&self, from: Offset, to: Offset) -> Result<Vec<AbortedTxn>, ReadError> {
        Ok(self.view()?.aborted_txns(from, to)?)
    }
}

impl View {
    /// Which segment may hold this offset: the last that begins at or before it.
    pub(super) fn index_of(&self, offset: Offset) -> usize {
        index_of(&self.segments, offset)
    }

    /// The offset at which segment `n` ends at the latest.
    pub(super) fn upper(&self, n: usize) -> Offset {
        self.segments.get(n + 1).map_or(self.ends.log_end, |next| next.base())
    }

    /// Aborted transactions that reach into `from..to`.
    pub(super) fn aborted_txns(&self, from: Offset, to: Offset) -> std::io::Result<Vec<AbortedTxn>> {
        aborted_txns(&self.segments, from, to)
    }

    /// Bytes of segment `n` in this view.
    pub(super) fn bytes(&self, n: usize) -> u64 {
        match self.segments.get(n) {
            Some(segment) if n + 1 < self.segments.len() => segment.size_bytes(),
            _ => self.ends.active_bytes,
        }
    }

    fn read(
        &self,
        edge: Edge,
        from: Offset,
        max_bytes: u64,
        up_to: UpTo,
        min_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        let Ends { log_start, log_end, .. } = self.ends;
        if from < log_start || from > log_end {
            return Err(ReadError::OutOfRange { asked: from, log_start, log_end });
        }
        let bound = match up_to {
            UpTo::LogEnd => log_end,
            UpTo::HighWatermark => self.ends.high_watermark,
            UpTo::LastStable => self.ends.last_stable(),
        };
        for (n, segment) in self.segments.iter().enumerate().skip(self.index_of(from)) {
            if from >= bound || segment.base() >= bound {
                return Ok(None);
            }
            let mut limit = self.bytes(n);
            if bound < self.upper(n) {
                limit = segment.locate(bound, limit)?.map_or(limit, |(position, _)| position);
            }
            // A cleaned segment may hold nothing from this offset on.
            let Some((start, first)) = segment.locate(from, limit)? else { continue };
            let first_end = start + first.size_bytes() as u64;
            let (end, end_offset) = if limit - start <= max_bytes {
                (limit, bound.min(self.upper(n)))
            } else if first_end - start > max_bytes {
                if !min_one {
                    return Ok(None);
                }
                (first_end, first.next_offset())
            } else if edge == Edge::Cut {
                (start + max_bytes, bound.min(self.upper(n)))
            } else {
                segment.fit(start, start + max_bytes, limit)?.unwrap_or((first_end, first.next_offset()))
            };
            return Ok(Some(LogSlice {
                file: segment.log_file()?,
                position: start,
                size_bytes: end - start,
                base_offset: first.base_offset,
                end_offset,
                segments: self.segments.clone(),
            }));
        }
        Ok(None)
    }
}

fn index_of(segments: &Segments, offset: Offset) -> usize {
    segments.partition_point(|s| s.base() <= offset).saturating_sub(1)
}

fn aborted_txns(segments: &Segments, from: Offset, to: Offset) -> std::io::Result<Vec<AbortedTxn>> {
    let mut found = Vec::new();
    for segment in segments.iter().skip(index_of(segments, from)) {
        if segment.aborted_txns(from, to, &mut found)? {
            break;
        }
    }
    Ok(found)
}
