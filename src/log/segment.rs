//! A segment: one run of batches in a `.log` file with its indexes. Reading needs no lock but a short one on the part
//! of the index that is in memory.

mod indexes;
mod place;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::handles::Slots;
use super::index::Entry;
use super::index::offset::OffsetEntry;
use super::index::time::TimeEntry;
use super::index::txn::{self, AbortedTxn};
use super::names::{self, FileKind, Stage};
use super::walk::Walk;
use crate::disk::{Disk, DiskFile, Open};
use crate::model::Offset;
use crate::records::BatchHeader;
use indexes::Indexes;

pub use place::Place;

/// A timestamp and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOffset {
    pub timestamp_ms: i64,
    pub offset: Offset,
}

const UNKNOWN_MS: i64 = i64::MIN;

/// One segment of a log.
pub struct Segment {
    place: Arc<Place>,
    base: Offset,
    stage: AtomicU8,
    /// Nothing is appended any more; files are opened for reading only.
    sealed: AtomicBool,
    slots: Arc<Slots>,
    size_bytes: AtomicU64,
    txn_bytes: AtomicU64,
    /// Last change of the `.log` file as far as known: what retention falls back to without timestamps.
    modified_ms: AtomicI64,
    /// Timestamp of the first batch, once asked for.
    first_ms: AtomicI64,
    /// Held while the files change their names.
    renaming: Mutex<()>,
    index: Mutex<Option<Indexes>>,
}

impl Segment {
    /// A new, empty segment with its files on the disk. Leftovers of that name are emptied.
    pub fn create(place: Arc<Place>, base: Offset, stage: Stage, now_ms: i64) -> io::Result<Arc<Segment>> {
        let segment = Segment::known(place, base, 0, now_ms, false);
        segment.stage.store(stage as u8, Ordering::Release);
        segment.file(FileKind::Log)?.truncate(0)?;
        *segment.index.lock() = Some(Indexes::empty());
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
            segment.file(kind)?.truncate(0)?;
        }
        let txn_index = segment.path(FileKind::TxnIndex);
        if segment.place.handles().disk().stat(&txn_index)?.is_some() {
            segment.place.handles().disk().remove_file(&txn_index)?;
        }
        Ok(Arc::new(segment))
    }

    /// Makes the files of a segment in a directory that has none. They are opened again when they are used, if ever.
    pub(super) fn make_files(place: &Place, base: Offset) -> io::Result<()> {
        for kind in [FileKind::Log, FileKind::OffsetIndex, FileKind::TimeIndex] {
            place.handles().open(&place.path(names::file(base, kind, Stage::Live)), Open::Create)?;
        }
        Ok(())
    }

    /// The segment that these are of.
    pub(super) fn just_made(place: Arc<Place>, base: Offset, now_ms: i64) -> Arc<Segment> {
        let segment = Segment::known(place, base, 0, now_ms, false);
        *segment.index.lock() = Some(Indexes::empty());
        Arc::new(segment)
    }

    /// A segment that is on the disk. No file is touched before it is used.
    pub fn existing(place: Arc<Place>, base: Offset, size_bytes: u64, txn_bytes: u64, sealed: bool) -> Arc<Segment> {
        let segment = Segment::known(place, base, size_bytes, UNKNOWN_MS, sealed);
        segment.txn_bytes.store(txn_bytes, Ordering::Release);
        Arc::new(segment)
    }

    /// The same segment where its files have been copied to.
    pub(super) fn moved(&self, place: Arc<Place>) -> Arc<Segment> {
        let copy = Segment::known(place, self.base, self.size_bytes(), UNKNOWN_MS, self.is_sealed());
        copy.txn_bytes.store(self.txn_bytes.load(Ordering::Acquire), Ordering::Release);
        copy.modified_ms.store(self.modified_ms.load(Ordering::Relaxed), Ordering::Relaxed);
        Arc::new(copy)
    }

    fn known(place: Arc<Place>, base: Offset, size_bytes: u64, modified_ms: i64, sealed: bool) -> Segment {
        Segment {
            place,
            base,
            stage: AtomicU8::new(Stage::Live as u8),
            sealed: AtomicBool::new(sealed),
            slots: Arc::default(),
            size_bytes: AtomicU64::new(size_bytes),
            txn_bytes: AtomicU64::new(0),
            modified_ms: AtomicI64::new(modified_ms),
            first_ms: AtomicI64::new(UNKNOWN_MS),
            renaming: Mutex::new(()),
            index: Mutex::new(None),
        }
    }

    pub fn base(&self) -> Offset {
        self.base
    }

    /// Bytes of whole batches in the `.log` file.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Acquire)
    }

    /// When its newest record was stamped, or, without any timestamp, when its file was last changed.
    pub fn newest_ms(&self) -> io::Result<i64> {
        if let Some(max) = self.max_timestamp()? {
            return Ok(max.timestamp_ms);
        }
        self.modified_ms()
    }

    /// When its `.log` file was last changed.
    pub fn modified_ms(&self) -> io::Result<i64> {
        let known = self.modified_ms.load(Ordering::Relaxed);
        if known != UNKNOWN_MS {
            return Ok(known);
        }
        let stat = self.place.handles().disk().stat(&self.path(FileKind::Log))?;
        let modified_ms = stat.map_or(0, |s| s.modified_ms);
        self.modified_ms.store(modified_ms, Ordering::Relaxed);
        Ok(modified_ms)
    }

    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::Relaxed)
    }

    pub fn has_aborted_txns(&self) -> bool {
        self.txn_bytes.load(Ordering::Acquire) > 0
    }

    pub fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Live,
            1 => Stage::Cleaned,
            2 => Stage::Swap,
            _ => Stage::Deleted,
        }
    }

    /// Its files are on their way out, or out.
    pub fn is_removed(&self) -> bool {
        self.stage() == Stage::Deleted
    }

    /// Where a file of this segment is now.
    pub fn path(&self, kind: FileKind) -> PathBuf {
        self.place.path(names::file(self.base, kind, self.stage()))
    }

    /// The open file; opened if it was closed.
    pub fn file(&self, kind: FileKind) -> io::Result<Arc<dyn DiskFile>> {
        let how = if self.is_sealed() { Open::Read } else { Open::Create };
        let open = || self.place.handles().get(&self.slots, kind, how, || self.path(kind));
        match open() {
            // It may just be changing its name; once that is done it is found.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                drop(self.renaming.lock());
                open()
            }
            other => other,
        }
    }

    pub(super) fn disk(&self) -> &dyn Disk {
        self.place.handles().disk()
    }

    /// The directory that its files are in.
    pub(super) fn dir(&self) -> Arc<PathBuf> {
        self.place.dir()
    }

    /// Where the `.log` file is now.
    pub fn log_path(&self) -> PathBuf {
        self.path(FileKind::Log)
    }

    /// The `.log` file.
    pub fn log_file(&self) -> io::Result<Arc<dyn DiskFile>> {
        self.file(FileKind::Log)
    }

    /// Can this offset be written relative to the base?
    pub fn reaches(&self, offset: Offset) -> bool {
        (0..=i64::from(i32::MAX)).contains(&(offset.0 - self.base.0))
    }

    /// Headers from the start of the segment to `limit`.
    pub fn walk_from<'f>(&self, file: &'f dyn DiskFile, at: u64, limit: u64) -> Walk<'f> {
        Walk::new(file, at, limit)
    }

    /// The first batch whose last offset is at or above `target`, of those before `limit`.
    pub fn locate(&self, target: Offset, limit: u64) -> io::Result<Option<(u64, BatchHeader)>> {
        let file = self.log_file()?;
        let hint = match self.floor_by_offset(target) {
            Ok(position) => position,
            Err(e) if is_damage(&e) => 0,
            Err(e) => return Err(e),
        };
        if hint > 0 && hint < limit {
            match search(&mut Walk::new(&*file, hint, limit), target, true) {
                Ok(found) => return Ok(found),
                Err(e) if is_damage(&e) => tracing::warn!(
                    "index of {} misleads ({e}); searching from the start",
                    self.path(FileKind::Log).display()
                ),
                Err(e) => return Err(e),
            }
        }
        search(&mut Walk::new(&*file, 0, limit), target, false)
    }

    /// Where the last whole batch ends that fits between `start`, where a batch begins, and `room_end`; and the offset
    /// after it. `None` when not even the first fits.
    pub fn fit(&self, start: u64, room_end: u64, limit: u64) -> io::Result<Option<(u64, Offset)>> {
        let hint = self.floor_by_position(room_end).unwrap_or(0);
        if hint > start {
            match self.fit_from(hint, start, room_end, limit) {
                // The index misleads; the headers do not.
                Err(e) if e.kind() == io::ErrorKind::InvalidData => {}
                other => return other,
            }
        }
        self.fit_from(start, start, room_end, limit)
    }

    fn fit_from(&self, from: u64, start: u64, room_end: u64, limit: u64) -> io::Result<Option<(u64, Offset)>> {
        let file = self.log_file()?;
        let mut walk = Walk::new(&*file, from, limit);
        let mut fitting = None;
        while let Some((position, header)) = walk.next()? {
            let end = position + header.size_bytes() as u64;
            if end > room_end {
                // Up to where the walk began everything fits.
                if fitting.is_none() && position > start {
                    return Ok(Some((position, header.base_offset)));
                }
                break;
            }
            fitting = Some((end, header.next_offset()));
        }
        Ok(fitting)
    }

    /// Greatest timestamp of the segment's batches and the last offset of the first batch that has it.
    pub fn max_timestamp(&self) -> io::Result<Option<TimedOffset>> {
        self.with_indexes(|i| i.max_timestamp)
    }

    /// Greatest timestamp of the first batch; what rolling by time counts from.
    pub fn first_timestamp(&self) -> io::Result<Option<i64>> {
        let size = self.size_bytes();
        if size == 0 {
            return Ok(None);
        }
        let known = self.first_ms.load(Ordering::Relaxed);
        if known != UNKNOWN_MS {
            return Ok(Some(known));
        }
        let file = self.log_file()?;
        let first = Walk::new(&*file, 0, size).next()?.map(|(_, h)| h.max_timestamp);
        if let Some(first_ms) = first.filter(|_| self.is_sealed()) {
            self.first_ms.store(first_ms, Ordering::Relaxed);
        }
        Ok(first)
    }

    /// Aborted transactions that reach into `from..to`. True: later segments can have no more of them.
    pub fn aborted_txns(&self, from: Offset, to: Offset, into: &mut Vec<AbortedTxn>) -> io::Result<bool> {
        let bytes = self.txn_bytes.load(Ordering::Acquire);
        if bytes == 0 {
            return Ok(false);
        }
        let mut complete = false;
        txn::scan_from(&*self.file(FileKind::TxnIndex)?, bytes, from, |txn| {
            if txn.first_offset < to {
                into.push(txn);
            }
            complete = txn.last_stable_offset >= to;
            !complete
        })?;
        Ok(complete)
    }

    /// Every aborted transaction whose marker is in this segment.
    pub fn all_aborted_txns(&self) -> io::Result<Vec<AbortedTxn>> {
        let mut all = Vec::new();
        self.aborted_txns(Offset(0), Offset(i64::MAX), &mut all)?;
        Ok(all)
    }

    // What the writer calls.

    pub(super) fn add_aborted_txn(&self, txn: AbortedTxn) -> io::Result<()> {
        self.write_aborted_txn(0, txn)?;
        self.count_aborted_txn();
        Ok(())
    }

    /// Writes an entry behind those that count and `ahead` others that do not yet.
    pub(super) fn write_aborted_txn(&self, ahead: usize, txn: AbortedTxn) -> io::Result<()> {
        let at = self.txn_bytes.load(Ordering::Acquire) + (ahead * txn::ENTRY_BYTES) as u64;
        txn::append(&*self.file(FileKind::TxnIndex)?, at, txn)
    }

    pub(super) fn count_aborted_txn(&self) {
        self.txn_bytes.fetch_add(txn::ENTRY_BYTES as u64, Ordering::AcqRel);
    }

    /// Removes entries that were written and do not count.
    pub(super) fn cut_uncounted_aborted_txns(&self) -> io::Result<()> {
        let disk = self.place.handles().disk();
        match disk.stat(&self.path(FileKind::TxnIndex))? {
            Some(found) if found.size_bytes > self.txn_bytes.load(Ordering::Acquire) => {
                self.file(FileKind::TxnIndex)?.truncate(self.txn_bytes.load(Ordering::Acquire))
            }
            _ => Ok(()),
        }
    }

    /// Counts in a batch that was written at the present end.
    pub(super) fn wrote(&self, header: &BatchHeader, interval_bytes: u32, now_ms: i64) -> io::Result<()> {
        let position = self.size_bytes();
        self.modified_ms.store(now_ms, Ordering::Relaxed);
        self.size_bytes.store(position + header.size_bytes() as u64, Ordering::Release);
        self.with_indexes(|i| {
            i.note(self.base, header, position, interval_bytes);
            if i.offsets.wants_write() || i.times.wants_write() {
                // Tried again with the next entry; until then the entries are in memory.
                if let Err(e) = self.write_index(i, false) {
                    tracing::warn!("index of segment {} not written: {e}", self.base);
                }
            }
        })
    }

    /// True when `more` entries bring an index to as many as `segment.index.bytes` allows; the time index keeps one in
    /// reserve.
    pub(super) fn index_is_full(&self, index_bytes: u32, more: u64) -> io::Result<bool> {
        let room = |entry: usize| u64::from(index_bytes) / entry as u64;
        self.with_indexes(|i| {
            i.offsets.entries() + more >= room(OffsetEntry::BYTES)
                || i.times.entries() + more >= room(TimeEntry::BYTES).saturating_sub(1)
        })
    }

    /// Completes the index files: the last time index entry, and all that was only in memory.
    pub(super) fn write_indexes(&self) -> io::Result<()> {
        self.with_indexes(|i| {
            i.note_time(self.base);
            self.write_index(i, false)
        })?
    }

    /// No more appends: indexes are completed and reserved blocks given back.
    pub(super) fn seal(&self) -> io::Result<()> {
        self.write_indexes()?;
        self.log_file()?.truncate(self.size_bytes())?;
        self.sealed.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Opens the segment for appends again, after later segments went.
    pub(super) fn unseal(&self) {
        self.sealed.store(false, Ordering::Relaxed);
        self.place.handles().close(&self.slots);
    }

    /// Replaces what is known of the segment after its bytes were scanned: whole batches, index entries, aborted
    /// transactions. Used by recovery, which cuts the files itself.
    pub(super) fn begin_rebuild(&self) -> io::Result<()> {
        self.size_bytes.store(0, Ordering::Release);
        *self.index.lock() = Some(Indexes::empty());
        self.place.handles().unmap(&self.slots);
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
            // Those of a short log are there and empty: nobody needs them open, and truncating costs a file system even
            // where there is nothing to cut.
            let found = self.place.handles().disk().stat(&self.path(kind))?;
            if found.is_none_or(|file| file.size_bytes > 0) {
                self.file(kind)?.truncate(0)?;
            }
        }
        if self.txn_bytes.swap(0, Ordering::AcqRel) > 0 {
            self.file(FileKind::TxnIndex)?.truncate(0)?;
        }
        Ok(())
    }

    /// Closes the files here; readers that hold one keep it.
    pub(super) fn close_files(&self) {
        self.place.handles().close(&self.slots);
    }

    /// Renames every file of the segment to another stage, the `.log` file first or last as the caller's crash rules
    /// need.
    pub(super) fn change_stage(&self, to: Stage, log_last: bool) -> io::Result<()> {
        let _renaming = self.renaming.lock();
        self.rename_files(self.stage(), to, log_last)
    }

    /// The same, unless the segment has left the stage by now.
    pub(super) fn change_stage_from(&self, from: Stage, to: Stage) -> io::Result<()> {
        let _renaming = self.renaming.lock();
        if self.stage() == from { self.rename_files(from, to, false) } else { Ok(()) }
    }

    fn rename_files(&self, from: Stage, to: Stage, log_last: bool) -> io::Result<()> {
        let disk = self.place.handles().disk();
        let mut kinds = FileKind::OF_SEGMENT;
        if log_last {
            kinds.reverse();
        }
        for kind in kinds {
            let old = self.place.path(names::file(self.base, kind, from));
            let new = self.place.path(names::file(self.base, kind, to));
            match disk.rename(&old, &new) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        self.stage.store(to as u8, Ordering::Release);
        Ok(())
    }
}

/// Damage in an index is met by searching without it.
fn is_damage(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound)
}

/// The first batch that reaches `target`. When `hinted`, the first header must not lie behind the target, or the hint
/// was wrong.
fn search(walk: &mut Walk<'_>, target: Offset, hinted: bool) -> io::Result<Option<(u64, BatchHeader)>> {
    let mut first = true;
    while let Some((position, header)) = walk.next()? {
        if hinted && first && header.base_offset > target {
            return Err(super::walk::damaged(position, "the index points behind the offset"));
        }
        first = false;
        if header.last_offset() >= target {
            return Ok(Some((position, header)));
        }
    }
    Ok(None)
}
