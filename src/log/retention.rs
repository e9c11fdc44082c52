//! Forgetting: the log's start moves, segments before it go, a deleted log's directory is set aside.
//!
//! The order keeps a crash harmless. The start moves in memory; the caller writes the log start checkpoint; only then do
//! files go, and leftovers below the checkpoint go at the next start. Otherwise a crash that loses some of several
//! renames would leave a hole.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::error::{AppendError, OpenError, ReadError};
use super::names::{self, DirState, FileKind, Stage};
use super::partition_log::PartitionLog;
use super::segment::Segment;
use crate::disk::Disk;
use crate::model::Offset;

/// Why retention gave a segment up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its newest record is older than `retention.ms`.
    Time,
    /// Without it the log is still as large as `retention.bytes`.
    Size,
}

/// A segment that retention gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    pub base: Offset,
    /// Behind its last record.
    pub end: Offset,
    pub size_bytes: u64,
    pub why: Why,
}

/// Files that are no longer part of the log, to be removed after `file.delete.delay.ms`.
#[derive(Default)]
pub struct DeadFiles {
    pub paths: Vec<PathBuf>,
    pub size_bytes: u64,
    /// Kept so that readers who still look at the segments find them open.
    segments: Vec<Arc<Segment>>,
}

impl DeadFiles {
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Removes them. A crash before or in the middle is made good at the next start.
    pub fn remove(&self, disk: &dyn Disk) -> io::Result<()> {
        for segment in &self.segments {
            segment.close_files();
        }
        for path in &self.paths {
            match disk.remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
        }
        Ok(())
    }
}

impl PartitionLog {
    /// Moves the log's start to `to`; a smaller offset leaves it where it is. The high watermark is the furthest it can
    /// go. Returns the start. It is to be made durable in the log start checkpoint before the answer goes out.
    pub fn delete_records(&mut self, to: Offset) -> Result<Offset, ReadError> {
        self.ensure_loaded().map_err(into_read_error)?;
        let ends = self.ends();
        if to < Offset(0) || to > ends.high_watermark {
            let (log_start, log_end) = (ends.log_start, ends.high_watermark);
            return Err(ReadError::OutOfRange { asked: to, log_start, log_end });
        }
        self.move_start(to);
        Ok(self.log_start())
    }

    /// Gives up the oldest segments as `retention.ms` and `retention.bytes` ask, as far as the high watermark allows,
    /// and moves the log's start behind them. The active segment is ended when it is given up. Nothing happens unless
    /// `cleanup.policy` contains `delete`. To be followed by a log start checkpoint and
    /// [`PartitionLog::drop_dead_segments`] when something was given up.
    pub fn apply_retention(&mut self, now_ms: i64) -> Result<Vec<GivenUp>, AppendError> {
        // A log that was never written is not loaded for this.
        let is_untouched = !self.is_loaded() && self.log_end() == Offset(0);
        if !self.config.delete || is_untouched {
            return Ok(Vec::new());
        }
        self.ensure_loaded().map_err(super::partition_log::into_append_error)?;
        let view = self.view();
        let (retention_ms, retention_bytes) = (self.config.retention_ms, self.config.retention_bytes);
        let total: u64 = view.segments.iter().map(|s| s.size_bytes()).sum();
        let mut spare = u64::try_from(retention_bytes).ok().map(|keep| total.saturating_sub(keep));
        let mut given_up = Vec::new();
        let mut start = view.ends.log_start;
        for (n, segment) in view.segments.iter().enumerate() {
            let size_bytes = segment.size_bytes();
            let upper = view.upper(n);
            if view.ends.high_watermark < upper || (size_bytes == 0 && n + 1 == view.segments.len()) {
                break;
            }
            let why = if spare.is_some_and(|spare| spare >= size_bytes) {
                Why::Size
            } else if retention_ms >= 0 && now_ms.saturating_sub(segment.newest_ms()?) > retention_ms {
                Why::Time
            } else {
                break;
            };
            if let Some(spare) = &mut spare {
                *spare = spare.saturating_sub(size_bytes);
            }
            given_up.push(GivenUp { base: segment.base(), end: upper, size_bytes, why });
            start = upper;
        }
        if given_up.len() == view.segments.len() {
            self.roll(now_ms)?;
        }
        self.move_start(start);
        Ok(given_up)
    }

    fn move_start(&mut self, to: Offset) {
        let moved = self.update_ends(|ends| {
            let moved = to > ends.log_start;
            ends.log_start = ends.log_start.max(to);
            ends.high_watermark = ends.high_watermark.max(ends.log_start);
            moved
        });
        if moved {
            if self.epochs.truncate_start(to) {
                self.dirty.epochs = true;
            }
            self.producers.replicated_to(to);
            self.refresh_unstable();
        }
    }

    /// Whether [`PartitionLog::drop_dead_segments`] would leave some that wait for upkeep.
    pub fn dead_wait_for_upkeep(&self) -> bool {
        self.dirty.upkeep_from().is_some_and(|from| from < self.log_start())
    }

    /// Takes the segments that lie wholly before the log's start out of the log and renames their files. The log start
    /// must be in its checkpoint by now. Segments that wait for upkeep stay until it is done: the snapshot at their end
    /// is all that will be left of their producers.
    pub fn drop_dead_segments(&mut self) -> io::Result<DeadFiles> {
        self.drop_first_dead_segments(usize::MAX)
    }

    /// The same for the first few. One by one, with a sync of the directory behind each, they may also go without the
    /// checkpoint: the log then begins with the first segment that is left.
    pub fn drop_first_dead_segments(&mut self, count_max: usize) -> io::Result<DeadFiles> {
        let mut dead = DeadFiles::default();
        if !self.is_loaded() {
            return Ok(dead);
        }
        let view = self.view();
        let limit = self.dirty.upkeep_from().unwrap_or(view.ends.log_start).min(view.ends.log_start);
        let count = (0..view.segments.len().saturating_sub(1)).take_while(|n| view.upper(*n) <= limit).count();
        let count = count.min(count_max);
        if count == 0 {
            return Ok(dead);
        }
        let (gone, kept) = view.segments.split_at(count);
        // Out of the view first: whoever looks from now on does not meet a file that is being renamed.
        self.replace_view(kept.to_vec());
        for segment in gone {
            self.bury(segment, &mut dead)?;
        }
        if let Some(first) = kept.first() {
            let kept_snapshots = self.snapshots.split_off(&first.base());
            for at in std::mem::replace(&mut self.snapshots, kept_snapshots) {
                self.bury_snapshot(at, &mut dead)?;
            }
        }
        self.dirty.dir(self.dir());
        Ok(dead)
    }

    /// Renames a segment's files and lists them as dead.
    pub(super) fn bury(&mut self, segment: &Arc<Segment>, dead: &mut DeadFiles) -> io::Result<()> {
        segment.change_stage(Stage::Deleted, false)?;
        dead.size_bytes += segment.size_bytes();
        dead.paths.extend(FileKind::OF_SEGMENT.map(|kind| segment.path(kind)));
        dead.segments.push(segment.clone());
        self.dirty.forget(segment);
        Ok(())
    }

    pub(super) fn bury_snapshot(&mut self, at: Offset, dead: &mut DeadFiles) -> io::Result<()> {
        let live = self.place.path(names::file(at, FileKind::Snapshot, Stage::Live));
        let buried = self.place.path(names::file(at, FileKind::Snapshot, Stage::Deleted));
        match self.place.handles().disk().rename(&live, &buried) {
            Ok(()) => dead.paths.push(buried),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }

    /// Sets the directory of a deleted topic's partition aside under a name that says so, and takes no more appends.
    /// Returns the new path, to be removed later with everything in it. The parent directory is to be synced.
    pub fn set_aside(&mut self, state: DirState, unique: Uuid) -> io::Result<PathBuf> {
        let from = self.dir();
        let name = names::partition_dir_as(&self.topic_partition, state, unique);
        let to = from.parent().map_or_else(|| PathBuf::from(&name), |parent| parent.join(&name));
        self.place.handles().disk().rename(&from, &to)?;
        self.place.moved_to(to.clone());
        self.fail("its topic is deleted");
        Ok(to)
    }

    pub(super) fn replace_view(&self, segments: Vec<Arc<Segment>>) {
        self.reader.0.0.lock().view.segments = Arc::new(segments);
    }
}

fn into_read_error(e: OpenError) -> ReadError {
    match e {
        OpenError::Io(e) => ReadError::Io(e),
        other => ReadError::Io(io::Error::new(io::ErrorKind::InvalidData, other.to_string())),
    }
}
