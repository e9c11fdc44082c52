//! Group commit: everyone who waits for stable storage shares the next sync of their log directory.
//!
//! There is no timer. A thread per log directory takes whatever has become dirty while it was syncing, syncs that, tells
//! those who wait, and begins again at once: a lone writer waits for one device sync, a crowd shares it. It runs on its
//! own thread, and no partition lock is held while it syncs.
//!
//! A failed sync is final: the kernel may have dropped the pages, and a second sync would report success for bytes
//! that are gone. The directory goes offline and stays so until the broker is restarted and has read back what is there.

mod room;
mod round;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use tracing::error;

use crate::disk::{Disk, FileSystem};
use crate::log::SyncWork;
use crate::metrics::Counter;

pub use room::{Purpose, Room};
use round::{Helpers, Round};

/// Something whose bytes must become durable.
pub trait Syncable: Send + Sync {
    /// Set while the thing waits in a commit queue, so that it waits there once.
    fn queued(&self) -> &AtomicBool;
    /// What is dirty now. Short: it may take the writer's lock.
    fn collect(&self) -> SyncWork;
    /// The work is on stable storage.
    fn synced(&self, work: &SyncWork);
    /// It is not, and never will be.
    fn failed(&self);
    /// Its files are being removed: those that are not there any more need no sync.
    fn is_gone(&self) -> bool;
    /// Its files are in another directory by now, and were made durable there.
    fn has_left(&self, _dir: &Path) -> bool {
        false
    }
}

/// The commit queue of one log directory.
pub struct GroupCommit {
    shared: Arc<Shared>,
    room: Room,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The thread has been started, or never will be.
    begun: AtomicBool,
}

struct Shared {
    disk: Arc<dyn Disk>,
    file_system: Option<Box<dyn FileSystem>>,
    dir: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
    offline: AtomicBool,
    failures: AtomicBool,
    rounds: Counter,
    helpers: Arc<Helpers>,
}

#[derive(Default)]
struct State {
    dirty: Vec<Arc<dyn Syncable>>,
    stopping: bool,
}

impl GroupCommit {
    /// The directory's queue. Its thread begins with the first request: a start has no need of it.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf) -> Self {
        let room = Room::new(disk.clone(), dir.clone());
        let shared = Arc::new(Shared {
            file_system: disk.file_system(&dir),
            disk,
            dir,
            state: Mutex::default(),
            wake: Condvar::new(),
            offline: AtomicBool::new(false),
            failures: AtomicBool::new(false),
            rounds: Counter::new(),
            helpers: Arc::default(),
        });
        GroupCommit { shared, room, thread: Mutex::new(None), begun: AtomicBool::new(false) }
    }

    /// Starts the commit thread, if that has not been done. A directory that cannot have one can make nothing durable.
    fn begin(&self) {
        if self.begun.load(Ordering::Acquire) {
            return;
        }
        let mut thread = self.thread.lock();
        if self.begun.swap(true, Ordering::AcqRel) {
            return;
        }
        let runs = self.shared.clone();
        match std::thread::Builder::new().name("group-commit".into()).spawn(move || runs.run()) {
            Ok(started) => *thread = Some(started),
            Err(e) => self.shared.go_offline(&e),
        }
    }

    /// Has the thing synced in the next round. Who waits for it registers before this call.
    pub fn request(&self, thing: &Arc<dyn Syncable>) {
        self.begin();
        if self.is_offline() {
            thing.failed();
            return;
        }
        if !thing.queued().swap(true, Ordering::AcqRel) {
            self.shared.state.lock().dirty.push(thing.clone());
            self.shared.wake.notify_one();
        }
    }

    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// How much may still be written here.
    pub fn room(&self) -> &Room {
        &self.room
    }

    pub fn is_offline(&self) -> bool {
        self.shared.offline.load(Ordering::Acquire)
    }

    /// One of its partitions is out of service.
    pub fn note_failure(&self) {
        self.shared.failures.store(true, Ordering::Release);
    }

    /// Whether it, or a partition in it, has been out of service since the start.
    pub fn has_had_failures(&self) -> bool {
        self.is_offline() || self.shared.failures.load(Ordering::Acquire)
    }

    /// Takes the directory out of service; everything queued fails.
    pub fn take_offline(&self, why: &io::Error) {
        self.shared.go_offline(why);
        self.shared.wake.notify_one();
    }

    /// Rounds of syncing done so far.
    pub fn rounds(&self) -> u64 {
        self.shared.rounds.get()
    }

    /// Syncs what is queued and ends the thread.
    pub fn stop(&self) {
        self.begun.store(true, Ordering::Release);
        self.shared.state.lock().stopping = true;
        self.shared.wake.notify_one();
        // The last to hold it may be the commit thread itself, which cannot wait for its own end.
        if let Some(thread) = self.thread.lock().take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            error!("The commit thread of {} has died", self.shared.dir.display());
        }
        self.shared.helpers.stop();
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
        let collected = dirty.iter().map(|thing| {
            // What is appended from here on needs another round.
            thing.queued().store(false, Ordering::Release);
            (thing.clone(), thing.collect())
        });
        let round = Round(collected.collect());
        if !self.offline.load(Ordering::Acquire) {
            self.rounds.add(1);
            match round.sync(&*self.disk, self.file_system.as_deref(), &self.helpers) {
                Ok(()) => return round.0.iter().for_each(|(thing, work)| thing.synced(work)),
                Err(e) => self.go_offline(&e),
            }
        }
        dirty.iter().for_each(|thing| thing.failed());
    }

    fn go_offline(&self, why: &io::Error) {
        if !self.offline.swap(true, Ordering::AcqRel) {
            error!(
                "Log directory {} is offline: {why}. What was acknowledged is safe; its partitions answer \
                 KAFKA_STORAGE_ERROR. Check the disk, then restart.",
                self.dir.display()
            );
        }
        let waiting = std::mem::take(&mut self.state.lock().dirty);
        for thing in waiting {
            thing.queued().store(false, Ordering::Release);
            thing.failed();
        }
    }
}
