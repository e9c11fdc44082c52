//! One round of a group commit: write-back of all its files is begun, then a few threads wait for them side by side.
//!
//! One thread after the other would wait for as many device flushes as there are files; several at a time share them.
//! For more than a few files one sync of the whole file system is quicker still and takes a fraction of the CPU: one
//! flush of the device, neighbouring inodes in one write. But it waits for everyone else's bytes too, so it is taken
//! only while there are few of them. `benches/bursts.rs` measures all of this.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::Syncable;
use crate::disk::{Disk, DiskFile, FileSystem, fault};
use crate::log::{Segment, SyncWork};

/// Threads that wait for one round's files, the commit thread among them.
const THREADS_MAX: usize = 8;
/// From so many files and directories on their file system is synced as a whole.
const TOGETHER_FROM_FILES: usize = 4;
/// Unless more than this for each of the files waits to be written, by whomever: syncing them singly takes a device
/// about as long as writing so much.
const TOGETHER_BYTES_PER_FILE_MAX: u64 = 512 << 10;
/// A helper that had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);
/// Pause before a file is opened again when too many are open.
const REOPEN_PAUSE: Duration = Duration::from_millis(2);
/// Attempts at that: about ten seconds.
const REOPEN_ATTEMPTS: usize = 5_000;

/// What is to be made durable, and for whom.
pub struct Round(pub Vec<(Arc<dyn Syncable>, SyncWork)>);

impl Round {
    /// Everything is on stable storage when this returns without an error.
    pub fn sync(
        &self,
        disk: &dyn Disk,
        file_system: Option<&dyn FileSystem>,
        helpers: &Arc<Helpers>,
    ) -> io::Result<()> {
        let each = |(thing, work): &(Arc<dyn Syncable>, SyncWork)| {
            let thing = thing.clone();
            work.segments.iter().map(move |segment| (thing.clone(), segment.clone())).collect::<Vec<_>>()
        };
        let files: Vec<(Arc<dyn Syncable>, Arc<Segment>)> = self.0.iter().flat_map(each).collect();
        let mut dirs: BTreeMap<&PathBuf, &Arc<dyn Syncable>> = BTreeMap::new();
        for (thing, work) in &self.0 {
            dirs.extend(work.dirs.iter().map(|dir| (dir, thing)));
        }
        if sync_together(&files, &dirs, file_system)? {
            return Ok(());
        }
        match files.as_slice() {
            [] => {}
            [(thing, segment)] => sync_file(thing, segment)?,
            _ => helpers.sync_all(files)?,
        }
        // Names come after the bytes they name.
        dirs.into_iter().try_for_each(|(dir, thing)| match disk.sync_dir(dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && (thing.is_gone() || thing.has_left(dir)) => Ok(()),
            other => other.map_err(fault::of_sync),
        })
    }
}

/// Syncs all files and names at once, if that is the quicker way. False: nothing was done.
fn sync_together(
    files: &[(Arc<dyn Syncable>, Arc<Segment>)],
    dirs: &BTreeMap<&PathBuf, &Arc<dyn Syncable>>,
    file_system: Option<&dyn FileSystem>,
) -> io::Result<bool> {
    let count = files.len() + dirs.len();
    let Some(file_system) = file_system.filter(|_| count >= TOGETHER_FROM_FILES) else { return Ok(false) };
    let bytes_max = count as u64 * TOGETHER_BYTES_PER_FILE_MAX;
    if !file_system.unwritten_bytes().is_ok_and(|bytes| bytes <= bytes_max) {
        return Ok(false);
    }
    // One that was removed or is just getting another name is not found there, and looked for one by one.
    let files_held = files.iter().all(|(_, segment)| file_system.holds(&segment.log_path()));
    if !files_held || !dirs.keys().all(|dir| file_system.holds(dir)) {
        return Ok(false);
    }
    file_system.sync().map_err(fault::of_sync)?;
    Ok(true)
}

fn sync_file(thing: &Arc<dyn Syncable>, segment: &Segment) -> io::Result<()> {
    match open(thing, segment)? {
        Some(file) => file.sync_data().map_err(fault::of_sync),
        None => Ok(()),
    }
}

/// The segment's file; `None` when it was removed since.
fn open(thing: &Arc<dyn Syncable>, segment: &Segment) -> io::Result<Option<Arc<dyn DiskFile>>> {
    let mut attempts = 0;
    loop {
        match segment.log_file() {
            Ok(file) => return Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound && (thing.is_gone() || segment.is_removed()) => {
                return Ok(None);
            }
            // It is being renamed, or another file must close first.
            Err(e) if attempts < REOPEN_ATTEMPTS && (attempts == 0 || fault::is_passing(&e)) => {
                attempts += 1;
                std::thread::sleep(REOPEN_PAUSE);
            }
            Err(e) => return Err(e),
        }
    }
}

/// Threads that help the commit thread with more than one file. They are started when they are needed and end when
/// they have not been for a while.
#[derive(Default)]
pub struct Helpers {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    bursts: VecDeque<Arc<Burst>>,
    running: usize,
    idle: usize,
    stopping: bool,
}

/// The files of one round, taken one by one by whoever is free.
struct Burst {
    files: Vec<(Arc<dyn Syncable>, Arc<Segment>)>,
    next: AtomicUsize,
    done: Mutex<Done>,
    all_done: Condvar,
}

#[derive(Default)]
struct Done {
    files: usize,
    failed: Option<io::Error>,
}

impl Helpers {
    fn sync_all(self: &Arc<Self>, files: Vec<(Arc<dyn Syncable>, Arc<Segment>)>) -> io::Result<()> {
        for (thing, segment) in &files {
            // The device works on all of them while the first are waited for.
            if let Some(file) = open(thing, segment)? {
                file.start_writeback();
            }
        }
        let helpers = files.len().min(THREADS_MAX) - 1;
        let burst =
            Arc::new(Burst { files, next: AtomicUsize::new(0), done: Mutex::default(), all_done: Condvar::new() });
        self.call(&burst, helpers);
        burst.work();
        let mut done = burst.done.lock();
        while done.files < burst.files.len() {
            burst.all_done.wait(&mut done);
        }
        done.failed.take().map_or(Ok(()), Err)
    }

    /// Has this many helpers join in, as far as threads are to be had.
    fn call(self: &Arc<Self>, burst: &Arc<Burst>, count: usize) {
        let mut state = self.state.lock();
        for _ in state.idle.min(count)..count {
            if state.running + 1 >= THREADS_MAX {
                break;
            }
            let helpers = self.clone();
            if std::thread::Builder::new().name("group-commit".into()).spawn(move || helpers.run()).is_ok() {
                state.running += 1;
            }
        }
        let coming = count.min(state.running);
        state.bursts.extend(std::iter::repeat_n(burst.clone(), coming));
        drop(state);
        self.wake.notify_all();
    }

    fn run(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(burst) = state.bursts.pop_front() {
                drop(state);
                burst.work();
                state = self.state.lock();
                continue;
            }
            state.idle += 1;
            let late = self.wake.wait_for(&mut state, IDLE).timed_out();
            state.idle -= 1;
            if state.bursts.is_empty() && (late || state.stopping) {
                state.running -= 1;
                return;
            }
        }
    }

    pub fn stop(&self) {
        self.state.lock().stopping = true;
        self.wake.notify_all();
    }
}

impl Burst {
    fn work(&self) {
        while let Some((thing, segment)) = self.files.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let synced = sync_file(thing, segment);
            let mut done = self.done.lock();
            done.files += 1;
            if let Err(e) = synced {
                done.failed.get_or_insert(e);
            }
            if done.files == self.files.len() {
                self.all_done.notify_all();
            }
        }
    }
}
