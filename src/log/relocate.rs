//! Moving a log to another directory: its files are copied while it is written, and what came meanwhile in one last
//! step that holds the writer. Until that step is complete the log is where it was.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::OpenError;
use super::flush::Dirty;
use super::names::{self, FileKind, Stage};
use super::partition_log::PartitionLog;
use super::segment::{Place, Segment};
use super::{epochs, metadata_file};
use crate::disk::{self, Disk, Open, fault};
use crate::model::Offset;

const CHUNK_BYTES: u64 = 1 << 20;

/// Told of every piece of so many bytes that was copied; false ends the copying.
pub type GoOn<'a> = &'a mut dyn FnMut(u64) -> bool;

/// A copy that is being made.
pub struct Copying {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segments: BTreeMap<Offset, Copied>,
}

struct Copied {
    of: Arc<Segment>,
    bytes: u64,
    with_indexes: bool,
}

impl Copying {
    /// Makes the directory of the copy.
    pub fn begin(disk: Arc<dyn Disk>, dir: PathBuf) -> io::Result<Copying> {
        disk.create_dir_all(&dir)?;
        Ok(Copying { disk, dir, segments: BTreeMap::new() })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Copies what these segments have more than was copied before, durably. Returns how many bytes that were.
    pub fn follow(&mut self, segments: &[Arc<Segment>], go_on: GoOn<'_>) -> io::Result<u64> {
        // Given up, or compacted into another of that name.
        let is_current = |base: &Offset, copied: &Copied| {
            segments.iter().any(|segment| segment.base() == *base && Arc::ptr_eq(segment, &copied.of))
        };
        let outdated: Vec<Offset> =
            self.segments.iter().filter(|(base, copied)| !is_current(base, copied)).map(|(base, _)| *base).collect();
        for base in outdated {
            self.segments.remove(&base);
            for kind in FileKind::OF_SEGMENT {
                match self.disk.remove_file(&self.path(base, kind)) {
                    Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                    _ => {}
                }
            }
        }
        let mut total = 0;
        for segment in segments {
            total += self.segment(segment, go_on)?;
        }
        Ok(total)
    }

    fn path(&self, base: Offset, kind: FileKind) -> PathBuf {
        self.dir.join(names::file(base, kind, Stage::Live))
    }

    fn segment(&mut self, segment: &Arc<Segment>, go_on: GoOn<'_>) -> io::Result<u64> {
        let base = segment.base();
        let known = self.segments.get(&base).map_or((0, false), |copied| (copied.bytes, copied.with_indexes));
        let (from, with_indexes) = known;
        let (is_sealed, to) = (segment.is_sealed(), segment.size_bytes());
        if !self.segments.contains_key(&base) || to > from {
            let source = segment.log_file()?;
            let copy = self.disk.open(&self.path(base, FileKind::Log), Open::Create)?;
            copy_range(&*source, &*copy, from, to, go_on)?;
            copy.set_modified_ms(segment.modified_ms()?)?;
            copy.sync_data().map_err(fault::of_sync)?;
        }
        if is_sealed && !with_indexes {
            self.indexes(segment)?;
        }
        let copied = Copied { of: segment.clone(), bytes: to, with_indexes: is_sealed };
        self.segments.insert(base, copied);
        Ok(to - from)
    }

    fn indexes(&self, segment: &Segment) -> io::Result<()> {
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TxnIndex] {
            if self.disk.stat(&segment.path(kind))?.is_some() {
                self.whole_file(&segment.path(kind))?;
            }
        }
        Ok(())
    }

    /// Copies a file that is not written any more.
    fn whole_file(&self, from: &Path) -> io::Result<()> {
        let Some(name) = from.file_name() else { return Ok(()) };
        let source = self.disk.open(from, Open::Read)?;
        let copy = self.disk.open(&self.dir.join(name), Open::Create)?;
        copy.truncate(0)?;
        copy_range(&*source, &*copy, 0, source.size_bytes()?, &mut |_| true)?;
        copy.sync_data().map_err(fault::of_sync)
    }
}

fn copy_range(
    from: &dyn disk::DiskFile,
    to: &dyn disk::DiskFile,
    start: u64,
    end: u64,
    go_on: GoOn<'_>,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES.min(end.saturating_sub(start)) as usize];
    let mut at = start;
    while at < end {
        let wanted = CHUNK_BYTES.min(end - at) as usize;
        let read = from.read_at(&mut buffer[..wanted], at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all_at(&[IoSlice::new(&buffer[..read])], at)?;
        at += read as u64;
        if !go_on(read as u64) {
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
    Ok(())
}

impl PartitionLog {
    /// The segments as they are now.
    pub fn segments_to_copy(&mut self) -> Result<Vec<Arc<Segment>>, OpenError> {
        self.ensure_loaded()?;
        Ok(self.view().segments.to_vec())
    }

    /// Completes the copy, gives it its name, and goes on there. An error leaves the log where it is. The directory that
    /// it leaves is renamed to `aside`; it was left under its old name when that did not work.
    pub fn relocate(&mut self, copying: &mut Copying, live: &Path, aside: &Path) -> io::Result<io::Result<()>> {
        let disk = copying.disk.clone();
        let end = self.log_end();
        if let Some(active) = self.active() {
            active.write_indexes()?;
        }
        self.snapshot_producers(end)?;
        let segments = self.view().segments.to_vec();
        copying.follow(&segments, &mut |_| true)?;
        if let Some(active) = segments.last() {
            copying.indexes(active)?;
        }
        for at in &self.snapshots {
            copying.whole_file(&self.place.path(names::file(*at, FileKind::Snapshot, Stage::Live)))?;
        }
        disk::write_atomically(&*disk, &copying.dir.join(epochs::FILE_NAME), self.epochs.to_text().as_bytes())?;
        copying.whole_file(&self.place.path(metadata_file::FILE_NAME))?;
        disk.sync_dir(&copying.dir).map_err(fault::of_sync)?;
        disk.rename(&copying.dir, live)?;
        sync_parent(&*disk, live)?;
        let old = self.go_on_in(live.to_path_buf(), &segments, end);
        let from = old.dir();
        Ok(disk.rename(&from, aside).and_then(|()| {
            // Readers of the old files find them until the last of them is done.
            old.moved_to(aside.to_path_buf());
            sync_parent(&*disk, aside)
        }))
    }

    /// Takes the files in another directory, which are durable, for the log's. Returns where it was.
    fn go_on_in(&mut self, dir: PathBuf, segments: &[Arc<Segment>], end: Offset) -> Arc<Place> {
        let place = self.place.beside(dir);
        self.replace_view(segments.iter().map(|segment| segment.moved(place.clone())).collect());
        self.dirty = Dirty::default();
        self.names_at_risk = false;
        self.reserved_bytes = 0;
        self.synced = self.synced.max(end);
        std::mem::replace(&mut self.place, place)
    }
}

fn sync_parent(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| disk.sync_dir(parent)).map_err(fault::of_sync)
}
