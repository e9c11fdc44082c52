//! The indexes of a segment: loaded when first used, rebuilt from the log when their files cannot be right.

use std::io;
use std::sync::Arc;

use super::{Segment, TimedOffset};
use crate::disk::{DiskFile, Open};
use crate::log::config::LogConfig;
use crate::log::index::offset::OffsetEntry;
use crate::log::index::time::TimeEntry;
use crate::log::index::{Entry, Floor, SparseIndex, floor_in_bytes, floor_in_file};
use crate::log::names::FileKind;
use crate::log::walk::Walk;
use crate::model::Offset;
use crate::records::BatchHeader;

/// The part of the indexes that is in memory.
pub(super) struct Indexes {
    pub(super) offsets: SparseIndex<OffsetEntry>,
    pub(super) times: SparseIndex<TimeEntry>,
    bytes_since_entry: u64,
    /// Greatest timestamp so far, with the last offset of its batch.
    pub(super) max_timestamp: Option<TimedOffset>,
}

impl Indexes {
    pub(super) fn empty() -> Self {
        Indexes {
            offsets: SparseIndex::empty(),
            times: SparseIndex::empty(),
            bytes_since_entry: 0,
            max_timestamp: None,
        }
    }

    /// Counts a batch in and adds entries when enough bytes have passed since the last.
    pub(super) fn note(&mut self, base: Offset, header: &BatchHeader, position: u64, interval_bytes: u32) {
        let last = header.last_offset();
        if self.max_timestamp.map_or(-1, |m| m.timestamp_ms) < header.max_timestamp {
            self.max_timestamp = Some(TimedOffset { timestamp_ms: header.max_timestamp, offset: last });
        }
        if self.bytes_since_entry > u64::from(interval_bytes) {
            let entry = OffsetEntry { relative: relative(base, last), position: position as u32 };
            self.offsets.push(entry);
            self.note_time(base);
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += header.size_bytes() as u64;
    }

    pub(super) fn note_time(&mut self, base: Offset) {
        let Some(max) = self.max_timestamp else { return };
        if self.times.last().is_none_or(|last| last.timestamp_ms < max.timestamp_ms) {
            self.times.push(TimeEntry { timestamp_ms: max.timestamp_ms, relative: relative(base, max.offset) });
        }
    }
}

fn relative(base: Offset, offset: Offset) -> u32 {
    u32::try_from(offset.0 - base.0).unwrap_or(u32::MAX)
}

impl Segment {
    /// Makes room for `f` to see the indexes, loading or rebuilding them first where they are not known.
    pub(super) fn with_indexes<T>(&self, f: impl FnOnce(&mut Indexes) -> T) -> io::Result<T> {
        let mut place = self.index.lock();
        if place.is_none() {
            *place = Some(self.load_indexes()?);
        }
        match &mut *place {
            Some(indexes) => Ok(f(indexes)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Bytes of the offset and the time index.
    pub fn index_bytes(&self) -> io::Result<(u64, u64)> {
        let bytes = |entries: u64, each: usize| entries * each as u64;
        self.with_indexes(|i| {
            (bytes(i.offsets.entries(), OffsetEntry::BYTES), bytes(i.times.entries(), TimeEntry::BYTES))
        })
    }

    fn load_indexes(&self) -> io::Result<Indexes> {
        match self.read_indexes() {
            Ok(indexes) => Ok(indexes),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                tracing::warn!(
                    "index of {} is missing or damaged ({e}); rebuilding it from the log",
                    self.path(FileKind::Log).display()
                );
                self.rebuild_indexes(LogConfig::default().index_interval_bytes)
            }
            Err(e) => Err(e),
        }
    }

    fn read_indexes(&self) -> io::Result<Indexes> {
        let disk = self.place.handles().disk();
        // Asked by path: opening could create them.
        let sizes = [FileKind::OffsetIndex, FileKind::TimeIndex].map(|k| disk.stat(&self.path(k)));
        let [offsets, times] = sizes;
        let (Some(offsets), Some(times)) = (offsets?, times?) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let whole = |size: u64, entry: usize| size.is_multiple_of(entry as u64);
        if !whole(offsets.size_bytes, OffsetEntry::BYTES) || !whole(times.size_bytes, TimeEntry::BYTES) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a whole number of entries"));
        }
        // That of a short log has nothing in it, and is opened when something is written to it.
        let offsets = match offsets.size_bytes {
            0 => SparseIndex::empty(),
            size => SparseIndex::<OffsetEntry>::of_file(&*self.index_file(FileKind::OffsetIndex)?, size)?,
        };
        let times = SparseIndex::<TimeEntry>::of_file(&*self.index_file(FileKind::TimeIndex)?, times.size_bytes)?;
        let size = self.size_bytes();
        if offsets.last().is_some_and(|last| u64::from(last.position) >= size.max(1)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry points behind the end of the log"));
        }
        let max_timestamp = times
            .last()
            .map(|e| TimedOffset { timestamp_ms: e.timestamp_ms, offset: self.base.plus(i64::from(e.relative)) });
        let bytes_since_entry = size - offsets.last().map_or(0, |e| u64::from(e.position));
        Ok(Indexes { offsets, times, bytes_since_entry, max_timestamp })
    }

    fn rebuild_indexes(&self, interval_bytes: u32) -> io::Result<Indexes> {
        let mut indexes = Indexes::empty();
        let file = self.log_file()?;
        let mut walk = Walk::new(&*file, 0, self.size_bytes());
        while let Some((position, header)) = walk.next()? {
            indexes.note(self.base, &header, position, interval_bytes);
        }
        indexes.note_time(self.base);
        // A file system that takes no writes keeps what was found in memory.
        let written = self.write_index(&mut indexes, true);
        if let Err(e) = written {
            tracing::warn!("rebuilt index of segment {} stays in memory: {e}", self.base);
        }
        Ok(indexes)
    }

    /// Writes index entries that are only in memory; with `anew` the files hold nothing else afterwards.
    pub(super) fn write_index(&self, indexes: &mut Indexes, anew: bool) -> io::Result<()> {
        let handles = self.place.handles();
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
            let has_tail = match kind {
                FileKind::OffsetIndex => indexes.offsets.has_tail(),
                _ => indexes.times.has_tail(),
            };
            if !has_tail && !anew {
                continue;
            }
            let file = if self.is_sealed() { handles.open(&self.path(kind), Open::Create)? } else { self.file(kind)? };
            if anew {
                handles.unmap(&self.slots);
                file.truncate(0)?;
            }
            match kind {
                FileKind::OffsetIndex => indexes.offsets.write_tail(&*file)?,
                _ => indexes.times.write_tail(&*file)?,
            }
        }
        Ok(())
    }

    /// An index file to read. That of a sealed segment is not kept open: a map does without its descriptor.
    fn index_file(&self, kind: FileKind) -> io::Result<Arc<dyn DiskFile>> {
        if self.is_sealed() { self.place.handles().open(&self.path(kind), Open::Read) } else { self.file(kind) }
    }

    /// Looks among the first entries of an index file. No lock is needed: they do not change, and nobody here makes the
    /// file shorter once its indexes are loaded, which is what makes a map safe to look at. Somebody else might: touching
    /// what was cut off would end the process, so the size is asked for first.
    fn floor_in_index<E: Entry>(
        &self,
        kind: FileKind,
        entries: u32,
        at_most: impl Fn(&E) -> bool,
    ) -> io::Result<Option<E>> {
        let bytes = u64::from(entries) * E::BYTES as u64;
        if self.place.handles().disk().stat(&self.path(kind))?.is_some_and(|file| file.size_bytes < bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match self.place.handles().map(&self.slots, kind, bytes, || self.index_file(kind)) {
            Ok(map) => Ok(map.first(bytes).and_then(|bytes| floor_in_bytes(bytes, at_most))),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof || e.kind() == io::ErrorKind::NotFound => Err(e),
            // No more maps, or a file system without them.
            Err(_) => floor_in_file(&*self.index_file(kind)?, entries, at_most),
        }
    }

    /// Puts new index files in the place of those that were cut while they were in use. Maps of the old ones stay good.
    fn replace_indexes(&self) -> io::Result<()> {
        tracing::warn!("an index of {} was cut; building it anew", self.path(FileKind::Log).display());
        let mut place = self.index.lock();
        self.place.handles().close(&self.slots);
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
            // Where it cannot be removed it cannot be written either, and the new one stays in memory.
            let _ = self.place.handles().disk().remove_file(&self.path(kind));
        }
        *place = Some(self.rebuild_indexes(LogConfig::default().index_interval_bytes)?);
        Ok(())
    }

    /// The floor, in memory or in a file; a file that was cut is replaced first.
    fn floor_in<E: Entry>(
        &self,
        kind: FileKind,
        of: impl Fn(&Indexes) -> &SparseIndex<E>,
        at_most: impl Fn(&E) -> bool,
    ) -> io::Result<Option<E>> {
        let look = || match self.with_indexes(|indexes| of(indexes).floor_in_tail(&at_most))? {
            Floor::Found(entry) => Ok(Some(entry)),
            Floor::InFile(entries) => self.floor_in_index(kind, entries, &at_most),
            Floor::Nothing => Ok(None),
        };
        match look() {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                self.replace_indexes()?;
                look()
            }
            other => other,
        }
    }

    /// Position of a batch at or before the one with this offset.
    pub fn floor_by_offset(&self, target: Offset) -> io::Result<u64> {
        let relative = relative(self.base, target);
        self.floor(move |e| e.relative <= relative)
    }

    /// Position of a batch, the greatest indexed one at or before `position`.
    pub fn floor_by_position(&self, position: u64) -> io::Result<u64> {
        self.floor(move |e| u64::from(e.position) <= position)
    }

    fn floor(&self, at_most: impl Fn(&OffsetEntry) -> bool) -> io::Result<u64> {
        let found = self.floor_in(FileKind::OffsetIndex, |indexes| &indexes.offsets, at_most)?;
        Ok(found.map_or(0, |e| u64::from(e.position)))
    }

    /// The last time index entry at or before this timestamp.
    pub fn floor_by_time(&self, timestamp_ms: i64) -> io::Result<Option<TimedOffset>> {
        let at_most = |e: &TimeEntry| e.timestamp_ms <= timestamp_ms;
        let found = self.floor_in(FileKind::TimeIndex, |indexes| &indexes.times, at_most)?;
        Ok(found.map(|e| TimedOffset { timestamp_ms: e.timestamp_ms, offset: self.base.plus(i64::from(e.relative)) }))
    }
}
