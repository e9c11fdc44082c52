//! Group commit: everyone who waits for stable storage shares the next sync of their log directory.
//!
//! There is no timer. A thread per log directory takes whatever has become dirty while it was syncing, syncs that, tells
//! those who wait, and begins again at once: a lone writer waits for one device sync, a crowd shares it. It runs on its
//! own thread, and no partition lock is held while it syncs.
//!
//! A failed sync is final: the kernel may have dropped the pages, and a second sync would report success for bytes
//! that are gone. The directory goes offline and stays so until the broker is restarted and has read back what is there.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use tracing::error;

use crate::disk::Disk;
use crate::log::SyncWork;
use crate::metrics::Counter;

/// Up to here each file is synced by itself; from here on one sync of the whole file system is cheaper.
const FILES_SYNCED_SINGLY_MAX: usize = 16;

/// Something whose bytes must become durable.
pub trait Syncable: Send + Sync {
    /// Set while the thing waits in a commit queue, so that it waits there once.
    fn queued(&self) -> &AtomicBool;
    /// What is dirty now. Short: it may take the writer's lock.
    fn collect(&self) -> io::Result<SyncWork>;
    /// The work is on stable storage.
    fn synced(&self, work: &SyncWork);
    /// It is not, and never will be.
    fn failed(&self);
}

/// Told once when a directory is lost.
type OnOffline = Box<dyn Fn(&Path, &io::Error) + Send + Sync>;

/// The commit queue of one log directory.
pub struct GroupCommit {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
    offline: AtomicBool,
    syncs: Counter,
    on_offline: OnOffline,
}

#[derive(Default)]
struct State {
    dirty: Vec<Arc<dyn Syncable>>,
    stopping: bool,
}

impl GroupCommit {
    /// Starts the directory's commit thread. `on_offline` is told once, when a sync has failed.
    pub fn start(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        on_offline: impl Fn(&Path, &io::Error) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            disk,
            dir,
            state: Mutex::default(),
            wake: Condvar::new(),
            offline: AtomicBool::new(false),
            syncs: Counter::new(),
            on_offline: Box::new(on_offline),
        });
        let runs = shared.clone();
        let thread = std::thread::Builder::new().name("group-commit".into()).spawn(move || runs.run())?;
        Ok(GroupCommit { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Has the thing synced in the next round. Who waits for it registers before this call.
    pub fn request(&self, thing: &Arc<dyn Syncable>) {
        if self.shared.offline.load(Ordering::Acquire) {
            thing.failed();
            return;
        }
        if !thing.queued().swap(true, Ordering::AcqRel) {
            self.shared.state.lock().dirty.push(thing.clone());
            self.shared.wake.notify_one();
        }
    }

    pub fn is_offline(&self) -> bool {
        self.shared.offline.load(Ordering::Acquire)
    }

    /// Takes the directory out of service; everything queued fails.
    pub fn take_offline(&self, why: &io::Error) {
        self.shared.go_offline(why);
        self.shared.wake.notify_one();
    }

    /// Rounds of syncing done so far.
    pub fn rounds(&self) -> u64 {
        self.shared.syncs.get()
    }

    /// Syncs what is queued and ends the thread.
    pub fn stop(&self) {
        self.shared.state.lock().stopping = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            error!("The commit thread of {} has died", self.shared.dir.display());
        }
    }
}

impl Drop for GroupCommit {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        while let Some(dirty) = self.next_round() {
            self.commit(&dirty);
        }
    }

    /// Everything that has become dirty; `None` when there is nothing left and the queue is closed.
    fn next_round(&self) -> Option<Vec<Arc<dyn Syncable>>> {
        let mut state = self.state.lock();
        while state.dirty.is_empty() {
            if state.stopping {
                return None;
            }
            self.wake.wait(&mut state);
        }
        Some(std::mem::take(&mut state.dirty))
    }

    fn commit(&self, dirty: &[Arc<dyn Syncable>]) {
        let mut round = Vec::with_capacity(dirty.len());
        let mut result = Ok(());
        for thing in dirty {
            // What is appended from here on needs another round.
            thing.queued().store(false, Ordering::Release);
            match thing.collect() {
                Ok(work) => round.push((thing, work)),
                Err(e) => result = Err(e),
            }
        }
        if !self.offline.load(Ordering::Acquire) {
            result = result.and_then(|()| self.sync(round.iter().map(|(_, work)| work)));
            self.syncs.add(1);
            match result {
                Ok(()) => return round.iter().for_each(|(thing, work)| thing.synced(work)),
                Err(e) => self.go_offline(&e),
            }
        }
        dirty.iter().for_each(|thing| thing.failed());
    }

    fn sync<'a>(&self, round: impl Iterator<Item = &'a SyncWork> + Clone) -> io::Result<()> {
        let count: usize = round.clone().map(|work| work.segments.len()).sum();
        if count > FILES_SYNCED_SINGLY_MAX {
            return self.disk.sync_file_system(&self.dir);
        }
        let mut files = Vec::with_capacity(count);
        for work in round.clone() {
            files.extend(work.files()?);
        }
        if count > 1 {
            // The device works on all of them while the first is waited for.
            files.iter().for_each(|file| file.start_writeback());
        }
        for file in &files {
            file.sync_data()?;
        }
        let dirs: BTreeSet<&PathBuf> = round.flat_map(|work| &work.dirs).collect();
        dirs.into_iter().try_for_each(|dir| self.disk.sync_dir(dir))
    }

    fn go_offline(&self, why: &io::Error) {
        if !self.offline.swap(true, Ordering::AcqRel) {
            error!(
                "Log directory {} is offline: {why}. What was acknowledged is safe; its partitions answer \
                 KAFKA_STORAGE_ERROR. Check the disk, then restart.",
                self.dir.display()
            );
            (self.on_offline)(&self.dir, why);
        }
        let waiting = std::mem::take(&mut self.state.lock().dirty);
        for thing in waiting {
            thing.queued().store(false, Ordering::Release);
            thing.failed();
        }
    }
}
