//! What a log has written and not yet made durable, handed out to be synced without any lock.
//!
//! Two kinds. [`SyncWork`] is what an acknowledgement waits for: the bytes of segments and the names of files. [`Upkeep`]
//! is what spares the next start a scan: complete indexes of sealed segments, producer snapshots, leader epochs. The
//! recovery point moves over a sealed segment only when both are done.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::names::{FileKind, Stage};
use super::segment::Segment;
use crate::disk::{self, Disk, FileSystem, fault};
use crate::model::Offset;

/// From so many logs on they are not worked on one after the other.
const MANY_LOGS: usize = 16;
/// Threads that wait for the device at a time.
const SIDE_BY_SIDE: usize = 8;

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

/// Does the work of many logs, the cheapest way their file system allows.
pub fn run_all(works: &[(SyncWork, Upkeep)], disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    if works.len() < MANY_LOGS {
        return works.iter().try_for_each(|work| run_one(work, disk));
    }
    let all_on_it = |it: &dyn FileSystem| works.iter().all(|(_, upkeep)| it.holds(&upkeep.dir));
    match disk.file_system(dir).filter(|it| all_on_it(&**it)) {
        Some(file_system) => run_together(works, disk, &*file_system),
        None => run_side_by_side(works, disk),
    }
}

fn run_one((sync, upkeep): &(SyncWork, Upkeep), disk: &dyn Disk) -> io::Result<()> {
    sync.run(disk).and_then(|()| upkeep.run(disk))
}

/// A sync or two of their file system, which is cheaper than one for each file.
fn run_together(works: &[(SyncWork, Upkeep)], disk: &dyn Disk, file_system: &dyn FileSystem) -> io::Result<()> {
    let epochs = || works.iter().filter_map(|(_, upkeep)| upkeep.epochs.as_ref());
    for (path, text) in epochs() {
        disk::write_beside(disk, path, text.as_bytes())?;
    }
    file_system.sync().map_err(fault::of_sync)?;
    for (path, _) in epochs() {
        disk::put_in_place(disk, path)?;
    }
    if epochs().next().is_some() { file_system.sync().map_err(fault::of_sync) } else { Ok(()) }
}

/// Several threads, whose waits for the device the file system joins.
fn run_side_by_side(works: &[(SyncWork, Upkeep)], disk: &dyn Disk) -> io::Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(work) = works.get(next.fetch_add(1, Ordering::Relaxed)) {
            run_one(work, disk)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..SIDE_BY_SIDE)
            .map_while(|_| std::thread::Builder::new().name("closing".into()).spawn_scoped(scope, work).ok())
            .collect();
        let mine = work();
        let helped = helpers
            .into_iter()
            .map(|helper| helper.join().unwrap_or_else(|_| Err(io::Error::other("a thread that closes logs died"))));
        helped.fold(mine, |all, one| all.and(one))
    })
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
