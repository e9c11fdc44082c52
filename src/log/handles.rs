//! Open files in a bounded number: a partition keeps its files closed until they are used, and the file that was not
//! used for longest is closed when a new one would pass the bound.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::names::FileKind;
use crate::disk::{Disk, DiskFile, Open};

/// Every open file of the logs of one process, and the disk they come from.
pub struct Handles {
    disk: Arc<dyn Disk>,
    limit: usize,
    opened: Mutex<VecDeque<(Weak<Slots>, FileKind)>>,
}

/// Places for the open files of one segment.
#[derive(Default)]
pub struct Slots([Slot; 4]);

#[derive(Default)]
struct Slot {
    file: Mutex<Option<Arc<dyn DiskFile>>>,
    used: AtomicBool,
}

impl Slots {
    fn of(&self, kind: FileKind) -> &Slot {
        // A snapshot is written and read whole and has no slot; it never gets here.
        &self.0[(kind as usize).min(3)]
    }
}

impl Handles {
    /// `limit`: files kept open when nobody is using them. A file in use stays open beyond it.
    pub fn new(disk: Arc<dyn Disk>, limit: usize) -> Arc<Self> {
        Arc::new(Handles { disk, limit: limit.max(1), opened: Mutex::new(VecDeque::new()) })
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
        let slot = slots.of(kind);
        let mut place = slot.file.lock();
        if let Some(file) = &*place {
            slot.used.store(true, Ordering::Relaxed);
            return Ok(file.clone());
        }
        let file = self.disk.open(&path(), how)?;
        *place = Some(file.clone());
        drop(place);
        self.admit(slots, kind);
        Ok(file)
    }

    /// Closes the segment's files, so that they can be renamed or removed everywhere.
    pub fn close(&self, slots: &Slots) {
        for slot in &slots.0 {
            slot.file.lock().take();
        }
    }

    fn admit(&self, slots: &Arc<Slots>, kind: FileKind) {
        let mut closed = Vec::new();
        let mut opened = self.opened.lock();
        opened.push_back((Arc::downgrade(slots), kind));
        // Each file gets one second chance, so this ends after at most two rounds.
        let mut tries = opened.len() * 2;
        while opened.len() > self.limit && tries > 0 {
            tries -= 1;
            let Some((weak, kind)) = opened.pop_front() else { break };
            let Some(slots) = weak.upgrade() else { continue };
            let slot = slots.of(kind);
            if slot.used.swap(false, Ordering::Relaxed) {
                opened.push_back((weak, kind));
                continue;
            }
            // Somebody is just looking at it, so it is in use.
            match slot.file.try_lock() {
                Some(mut place) => closed.push(place.take()),
                None => opened.push_back((weak, kind)),
            }
        }
        drop(opened);
        drop(closed);
    }

    /// Opens a file that is not kept.
    pub fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(path, how)
    }

    #[cfg(test)]
    fn kept(&self) -> usize {
        self.opened.lock().len()
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
        assert_eq!(handles.kept(), 3);
        let open: Vec<bool> = slots.iter().map(|s| s.of(FileKind::Log).file.lock().is_some()).collect();
        assert!(open[0], "the file used all the time was closed: {open:?}");
        assert!(open[5]);
        assert_eq!(open.iter().filter(|o| **o).count(), 3);
    }
}
