//! Open files and maps in a bounded number: a partition keeps its files closed until they are used, and the one that
//! was not used for longest is closed when a new one would pass the bound.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::names::FileKind;
use crate::disk::{Disk, DiskFile, FileMap, Open};
use crate::metrics::Counter;

/// Maps kept when nobody is using them. They cost no descriptor, but the pages that were touched count as ours.
const MAPS_MAX: usize = 512;

/// Every open file of the logs of one process, and the disk they come from.
pub struct Handles {
    disk: Arc<dyn Disk>,
    files: Pool<Arc<dyn DiskFile>>,
    maps: Pool<Arc<FileMap>>,
    /// Bytes that were read back after unclean stops.
    pub recovered_bytes: Counter,
}

/// Places for what is open of one segment.
#[derive(Default)]
pub struct Slots {
    files: [Slot<Arc<dyn DiskFile>>; 4],
    maps: [Slot<Arc<FileMap>>; 2],
}

struct Slot<T> {
    held: Mutex<Option<T>>,
    used: AtomicBool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot { held: Mutex::new(None), used: AtomicBool::new(false) }
    }
}

impl Slots {
    fn file(&self, kind: FileKind) -> &Slot<Arc<dyn DiskFile>> {
        // A snapshot is written and read whole and has no slot; it never gets here.
        &self.files[(kind as usize).min(3)]
    }

    /// Only the two sparse indexes are mapped.
    fn map(&self, kind: FileKind) -> &Slot<Arc<FileMap>> {
        &self.maps[usize::from(kind == FileKind::TimeIndex)]
    }
}

/// What may be open of one sort, the longest unused being closed first.
struct Pool<T> {
    limit: usize,
    slot: fn(&Slots, FileKind) -> &Slot<T>,
    opened: Mutex<VecDeque<(Weak<Slots>, FileKind)>>,
}

impl<T: Clone> Pool<T> {
    fn new(limit: usize, slot: fn(&Slots, FileKind) -> &Slot<T>) -> Self {
        Pool { limit: limit.max(1), slot, opened: Mutex::new(VecDeque::new()) }
    }

    fn get(
        &self,
        slots: &Arc<Slots>,
        kind: FileKind,
        is_enough: impl Fn(&T) -> bool,
        open: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let slot = (self.slot)(slots, kind);
        let mut held = slot.held.lock();
        if let Some(open) = held.as_ref().filter(|open| is_enough(open)) {
            slot.used.store(true, Ordering::Relaxed);
            return Ok(open.clone());
        }
        let opened = open()?;
        let is_known = held.replace(opened.clone()).is_some();
        drop(held);
        if !is_known {
            self.admit(slots, kind);
        }
        Ok(opened)
    }

    fn admit(&self, slots: &Arc<Slots>, kind: FileKind) {
        let mut closed = Vec::new();
        let mut opened = self.opened.lock();
        opened.push_back((Arc::downgrade(slots), kind));
        // Each gets one second chance, so this ends after at most two rounds.
        let mut tries = opened.len() * 2;
        while opened.len() > self.limit && tries > 0 {
            tries -= 1;
            let Some((weak, kind)) = opened.pop_front() else { break };
            let Some(slots) = weak.upgrade() else { continue };
            let slot = (self.slot)(&slots, kind);
            if slot.used.swap(false, Ordering::Relaxed) {
                opened.push_back((weak, kind));
                continue;
            }
            // Somebody is just looking at it, so it is in use.
            match slot.held.try_lock() {
                Some(mut held) => closed.push(held.take()),
                None => opened.push_back((weak, kind)),
            }
        }
        drop(opened);
        drop(closed);
    }

    #[cfg(test)]
    fn kept(&self) -> usize {
        self.opened.lock().len()
    }
}

impl Handles {
    /// `limit`: files kept open when nobody is using them. A file in use stays open beyond it.
    pub fn new(disk: Arc<dyn Disk>, limit: usize) -> Arc<Self> {
        let (files, maps) = (Pool::new(limit, Slots::file), Pool::new(MAPS_MAX, Slots::map));
        Arc::new(Handles { disk, files, maps, recovered_bytes: Counter::new() })
    }

    pub fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    pub fn shared_disk(&self) -> Arc<dyn Disk> {
        self.disk.clone()
    }

    /// The segment's file, opened if it is not. The result may be kept and used after the file was closed here.
    pub fn get(
        &self,
        slots: &Arc<Slots>,
        kind: FileKind,
        how: Open,
        path: impl FnOnce() -> std::path::PathBuf,
    ) -> io::Result<Arc<dyn DiskFile>> {
        self.files.get(slots, kind, |_| true, || self.disk.open(&path(), how))
    }

    /// The first `size_bytes` of a segment's index as memory, mapped if they are not.
    pub fn map(
        &self,
        slots: &Arc<Slots>,
        kind: FileKind,
        size_bytes: u64,
        file: impl FnOnce() -> io::Result<Arc<dyn DiskFile>>,
    ) -> io::Result<Arc<FileMap>> {
        let reaches = |map: &Arc<FileMap>| map.reach_bytes() >= size_bytes;
        self.maps.get(slots, kind, reaches, || Ok(Arc::new(file()?.map(size_bytes)?)))
    }

    /// Forgets the maps of a segment, whose index files are about to be written anew.
    pub fn unmap(&self, slots: &Slots) {
        slots.maps.iter().for_each(|slot| drop(slot.held.lock().take()));
    }

    /// Closes the segment's files, so that they can be renamed or removed everywhere.
    pub fn close(&self, slots: &Slots) {
        self.unmap(slots);
        slots.files.iter().for_each(|slot| drop(slot.held.lock().take()));
    }

    /// Opens a file that is not kept.
    pub fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(path, how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn no_more_files_stay_open_than_the_bound_and_used_ones_stay_longest() {
        let dir = tempfile::tempdir().unwrap();
        let handles = Handles::new(Arc::new(RealDisk), 3);
        let slots: Vec<Arc<Slots>> = (0..6).map(|_| Arc::default()).collect();
        let get = |n: usize| {
            handles.get(&slots[n], FileKind::Log, Open::Create, || dir.path().join(n.to_string())).unwrap();
        };
        for n in 0..6 {
            get(n);
            get(0);
        }
        assert_eq!(handles.files.kept(), 3);
        let open: Vec<bool> = slots.iter().map(|s| s.file(FileKind::Log).held.lock().is_some()).collect();
        assert!(open[0], "the file used all the time was closed: {open:?}");
        assert!(open[5]);
        assert_eq!(open.iter().filter(|o| **o).count(), 3);
    }

    #[test]
    fn a_map_is_made_anew_when_it_does_not_reach_and_dropped_when_too_many_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let handles = Handles::new(Arc::new(RealDisk), 3);
        let path = |n: usize| dir.path().join(n.to_string());
        let map = |slots: &Arc<Slots>, n: usize, size_bytes: u64| {
            handles.map(slots, FileKind::OffsetIndex, size_bytes, || RealDisk.open(&path(n), Open::Create)).unwrap()
        };
        let file = RealDisk.open(&path(0), Open::Create).unwrap();
        file.truncate(200_000).unwrap();
        let slots: Vec<Arc<Slots>> = (0..MAPS_MAX + 9).map(|_| Arc::default()).collect();
        let small = map(&slots[0], 0, 8);
        assert!(Arc::ptr_eq(&small, &map(&slots[0], 0, 16)));
        let large = map(&slots[0], 0, 200_000);
        assert!(large.first(200_000).is_some() && !Arc::ptr_eq(&small, &large));
        for slots in &slots[1..] {
            map(slots, 0, 8);
        }
        assert_eq!(handles.maps.kept(), MAPS_MAX);
        let held = |s: &&Arc<Slots>| s.map(FileKind::OffsetIndex).held.lock().is_some();
        assert_eq!(slots.iter().filter(held).count(), MAPS_MAX);
    }
}
