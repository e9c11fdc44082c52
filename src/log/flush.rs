//! What a log has written and not yet made durable, handed out to be synced without any lock.
//!
//! Two kinds. [`SyncWork`] is what an acknowledgement waits for: the bytes of segments and the names of files. [`Upkeep`]
//! is what spares the next start a scan: complete indexes of sealed segments, producer snapshots, leader epochs. The
//! recovery point moves over a sealed segment only when both are done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::names::{FileKind, Stage};
use super::segment::Segment;
use crate::disk::{self, Disk, fault};
use crate::model::Offset;

/// Bytes and names to be made durable for everything below `up_to`.
#[derive(Default)]
pub struct SyncWork {
    pub segments: Vec<Arc<Segment>>,
    /// Directories in which names were made, changed or removed; to be synced after the files.
    pub dirs: Vec<PathBuf>,
    pub up_to: Offset,
}

impl SyncWork {
    /// Syncs everything one by one.
    pub fn run(&self, disk: &dyn Disk) -> io::Result<()> {
        for segment in &self.segments {
            segment.log_file()?.sync_data().map_err(fault::of_sync)?;
        }
        self.dirs.iter().try_for_each(|dir| disk.sync_dir(dir).map_err(fault::of_sync))
    }
}

/// Small files to be made durable before the recovery point may move on.
#[derive(Default)]
pub struct Upkeep {
    pub(super) sealed: Vec<Arc<Segment>>,
    pub(super) snapshots: Vec<PathBuf>,
    /// The leader epochs, to be written anew.
    pub(super) epochs: Option<(PathBuf, String)>,
    pub(super) dir: PathBuf,
    /// The recovery point may come up to here.
    pub(super) up_to: Offset,
}

impl Upkeep {
    /// Does the work. Not on a thread that answers requests.
    pub fn run(&self, disk: &dyn Disk) -> io::Result<()> {
        for segment in &self.sealed {
            match sync_indexes(segment, disk) {
                // Given up or compacted since, and removed.
                Err(e) if e.kind() == io::ErrorKind::NotFound && segment.stage() == Stage::Deleted => {}
                other => other?,
            }
        }
        for path in &self.snapshots {
            match disk.open(path, disk::Open::Read) {
                Ok(file) => file.sync_data().map_err(fault::of_sync)?,
                // Removed since with its segment.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        if let Some((path, text)) = &self.epochs {
            disk::write_atomically(disk, path, text.as_bytes())?;
        }
        disk.sync_dir(&self.dir).map_err(fault::of_sync)
    }
}

fn sync_indexes(segment: &Segment, disk: &dyn Disk) -> io::Result<()> {
    for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
        segment.file(kind)?.sync_data().map_err(fault::of_sync)?;
    }
    // Also one without entries: it may be about to lose those of an earlier life.
    if disk.stat(&segment.path(FileKind::TxnIndex))?.is_some() {
        segment.file(FileKind::TxnIndex)?.sync_data().map_err(fault::of_sync)?;
    }
    Ok(())
}

/// Does the work of many logs with a sync or two of their file system, which is cheaper than one for each file.
pub fn run_together(works: &[(SyncWork, Upkeep)], disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let epochs = || works.iter().filter_map(|(_, upkeep)| upkeep.epochs.as_ref());
    for (path, text) in epochs() {
        disk::write_beside(disk, path, text.as_bytes())?;
    }
    disk.sync_file_system(dir).map_err(fault::of_sync)?;
    for (path, _) in epochs() {
        disk::put_in_place(disk, path)?;
    }
    if epochs().next().is_some() { disk.sync_file_system(dir).map_err(fault::of_sync) } else { Ok(()) }
}

/// The writer's list of what is not durable yet.
#[derive(Default)]
pub(super) struct Dirty {
    segments: Vec<Arc<Segment>>,
    dirs: Vec<PathBuf>,
    sealed: Vec<Arc<Segment>>,
    snapshots: Vec<PathBuf>,
    pub epochs: bool,
    /// Upkeep that is being done: the base of its first sealed segment, and whether it holds the leader epochs.
    taken: Option<(Option<Offset>, bool)>,
}

impl Dirty {
    pub fn segment(&mut self, segment: &Arc<Segment>) {
        if !self.segments.iter().rev().any(|s| Arc::ptr_eq(s, segment)) {
            self.segments.push(segment.clone());
        }
    }

    pub fn dir(&mut self, dir: PathBuf) {
        if !self.dirs.contains(&dir) {
            self.dirs.push(dir);
        }
    }

    pub fn sealed(&mut self, segment: &Arc<Segment>) {
        self.sealed.push(segment.clone());
    }

    pub fn snapshot(&mut self, path: PathBuf) {
        self.snapshots.push(path);
    }

    /// A removed segment has nothing left to sync.
    pub fn forget(&mut self, segment: &Arc<Segment>) {
        self.segments.retain(|s| !Arc::ptr_eq(s, segment));
        self.sealed.retain(|s| !Arc::ptr_eq(s, segment));
    }

    pub fn take_sync(&mut self, up_to: Offset) -> Option<SyncWork> {
        if self.segments.is_empty() && self.dirs.is_empty() {
            return None;
        }
        Some(SyncWork { segments: std::mem::take(&mut self.segments), dirs: std::mem::take(&mut self.dirs), up_to })
    }

    /// The base of the first sealed segment whose upkeep is not done.
    pub fn upkeep_from(&self) -> Option<Offset> {
        let taken = self.taken.and_then(|(from, _)| from);
        taken.or_else(|| self.sealed.first().map(|s| s.base()))
    }

    /// Whether the leader epochs on the disk are older than the log's.
    pub fn epochs_at_risk(&self) -> bool {
        self.epochs || self.taken.is_some_and(|(_, epochs)| epochs)
    }

    pub fn upkeep_is_done(&mut self) {
        self.taken = None;
    }

    /// Work that was taken and could not be done now.
    pub fn give_back(&mut self, upkeep: Upkeep) {
        self.taken = None;
        self.sealed.splice(0..0, upkeep.sealed);
        self.snapshots.splice(0..0, upkeep.snapshots);
        self.epochs |= upkeep.epochs.is_some();
    }

    /// One piece at a time: `None` also while another is being done.
    pub fn take_upkeep(&mut self, dir: PathBuf, epochs: Option<(PathBuf, String)>, up_to: Offset) -> Option<Upkeep> {
        if self.taken.is_some() || (self.sealed.is_empty() && self.snapshots.is_empty() && !self.epochs) {
            return None;
        }
        self.taken = Some((self.sealed.first().map(|s| s.base()), self.epochs));
        let epochs = std::mem::take(&mut self.epochs).then_some(epochs).flatten();
        Some(Upkeep {
            sealed: std::mem::take(&mut self.sealed),
            snapshots: std::mem::take(&mut self.snapshots),
            epochs,
            dir,
            up_to,
        })
    }
}
