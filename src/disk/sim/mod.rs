//! A file system in memory that forgets what was not synced, tears writes, fills up and fails when told to.
//!
//! A crash is taken from the outside: [`SimDisk::crash_image`] draws, from a seed, one of the many states that a real
//! disk could be in after power was lost now. Bytes survive sector by sector, names change by change, in any
//! combination that the syncs so far allow.

mod file;
mod image;
mod tree;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};
use rustix::io::Errno;

use super::{DirLock, Disk, DiskFile, Entry, FileSystem, Open, Space, Stat};
use file::SimFile;
use tree::Tree;

pub use image::Rng;

/// What was done to the disk, for tests that look at the order of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Create(PathBuf),
    Write { path: PathBuf, at: u64, bytes: u64 },
    Truncate(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
    Remove(PathBuf),
    SyncData(PathBuf),
    SyncDir(PathBuf),
    SyncFileSystem,
}

impl Op {
    fn path(&self) -> Option<&Path> {
        match self {
            Op::Create(p) | Op::Truncate(p) | Op::Remove(p) | Op::SyncData(p) | Op::SyncDir(p) => Some(p),
            Op::Write { path, .. } => Some(path),
            Op::Rename { from, .. } => Some(from),
            Op::SyncFileSystem => None,
        }
    }

    fn is_sync(&self) -> bool {
        matches!(self, Op::SyncData(_) | Op::SyncDir(_) | Op::SyncFileSystem)
    }
}

/// The simulated disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// A sync has come to wait, or may go on.
    syncs_changed: Condvar,
}

struct State {
    tree: Tree,
    /// Operations that change something, so far.
    ops: u64,
    crash_at: Option<u64>,
    capacity_bytes: Option<u64>,
    read_only: bool,
    failing: Vec<String>,
    failing_writes: Vec<(String, Errno)>,
    failing_reads: Vec<String>,
    lying_syncs: bool,
    others_unwritten_bytes: u64,
    only_singly: bool,
    holding_syncs: bool,
    held_syncs: usize,
    passing_syncs: usize,
    trace: Option<Vec<Op>>,
    now_ms: i64,
    locked: HashSet<PathBuf>,
}

impl SimDisk {
    pub fn new() -> Self {
        SimDisk::over(Tree::default())
    }

    fn over(tree: Tree) -> Self {
        let state = Mutex::new(State {
            tree,
            ops: 0,
            crash_at: None,
            capacity_bytes: None,
            read_only: false,
            failing: Vec::new(),
            failing_writes: Vec::new(),
            failing_reads: Vec::new(),
            lying_syncs: false,
            others_unwritten_bytes: 0,
            only_singly: false,
            holding_syncs: false,
            held_syncs: 0,
            passing_syncs: 0,
            trace: None,
            now_ms: 0,
            locked: HashSet::new(),
        });
        SimDisk(Arc::new(Shared { state, syncs_changed: Condvar::new() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    /// As a trait object.
    pub fn shared(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Operations that changed something, or synced, so far.
    pub fn ops(&self) -> u64 {
        self.state().ops
    }

    /// The operation with this number and all after it fail, as if power had been lost just before it.
    pub fn crash_at(&self, op: u64) {
        self.state().crash_at = Some(op);
    }

    /// Whether the operation has come at which power is lost.
    pub fn has_lost_power(&self) -> bool {
        let state = self.state();
        state.crash_at.is_some_and(|at| state.ops >= at)
    }

    /// The disk as it may be found after losing power now. Everything in it is durable; faults are not inherited.
    pub fn crash_image(&self, seed: u64) -> SimDisk {
        let state = self.state();
        let disk = SimDisk::over(image::draw(&state.tree, &mut Rng::new(seed)));
        disk.state().now_ms = state.now_ms;
        disk
    }

    /// The disk as another process finds it when this one is killed: nothing is lost.
    pub fn killed_image(&self) -> SimDisk {
        SimDisk::over(self.state().tree.clone())
    }

    /// Writes beyond this many bytes find the disk full.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    pub fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    /// The next sync of a path that contains this text, alone or with all others, fails once, and what it should have
    /// saved is lost for good, though it can still be read until the crash.
    pub fn fail_next_sync(&self, path_contains: &str) {
        self.state().failing.push(path_contains.into());
    }

    /// The next write to a path that contains this text fails once, after half of its bytes.
    pub fn fail_next_write(&self, path_contains: &str) {
        self.state().failing_writes.push((path_contains.into(), Errno::IO));
    }

    /// The same because the disk is full.
    pub fn fill_on_next_write(&self, path_contains: &str) {
        self.state().failing_writes.push((path_contains.into(), Errno::NOSPC));
    }

    /// Reads of a path that contains this text fail from now on.
    pub fn fail_reads(&self, path_contains: &str) {
        self.state().failing_reads.push(path_contains.into());
    }

    /// Lets syncs wait, as on a slow device, or lets them go on.
    pub fn hold_syncs(&self, hold: bool) {
        self.state().holding_syncs = hold;
        self.0.syncs_changed.notify_all();
    }

    /// Waits until this many syncs are being held.
    pub fn wait_for_held_syncs(&self, count: usize) {
        let mut state = self.state();
        while state.held_syncs < count {
            self.0.syncs_changed.wait(&mut state);
        }
    }

    /// Lets those go on that are being held, and holds those that come.
    pub fn let_held_syncs_go(&self) {
        let mut state = self.state();
        state.passing_syncs = state.held_syncs;
        self.0.syncs_changed.notify_all();
    }

    /// Where a sync passes while they are held.
    fn at_the_gate(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.held_syncs += 1;
        self.0.syncs_changed.notify_all();
        while state.holding_syncs && state.passing_syncs == 0 {
            self.0.syncs_changed.wait(&mut state);
        }
        state.passing_syncs = state.passing_syncs.saturating_sub(1);
        state.held_syncs -= 1;
        state
    }

    /// Syncs report success and do nothing.
    pub fn set_lying_syncs(&self, lying: bool) {
        self.state().lying_syncs = lying;
    }

    /// How much a sync of everything would have to wait for that is none of ours.
    pub fn set_others_unwritten(&self, bytes: u64) {
        self.state().others_unwritten_bytes = bytes;
    }

    /// Can no longer be synced as a whole.
    pub fn set_only_singly(&self) {
        self.state().only_singly = true;
    }

    /// Starts to record, or hands out and forgets what was recorded.
    pub fn take_trace(&self) -> Vec<Op> {
        self.state().trace.replace(Vec::new()).unwrap_or_default()
    }

    /// What `modified_ms` of files changed from now on says.
    pub fn set_now(&self, now_ms: i64) {
        self.state().now_ms = now_ms;
    }
}

impl Default for SimDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// Every change and every sync passes here first.
    fn begin(&mut self, op: Op) -> io::Result<()> {
        if self.crash_at.is_some_and(|at| self.ops >= at) {
            return Err(io::Error::other("the simulated machine has lost power"));
        }
        if self.read_only && !op.is_sync() {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.ops += 1;
        if let Some(trace) = &mut self.trace {
            trace.push(op);
        }
        Ok(())
    }

    /// Whether a sync of these paths is to fail; it then has, and the next one will not.
    fn must_fail(&mut self, paths: &[PathBuf]) -> bool {
        let is_meant = |text: &String| paths.iter().any(|path| path.to_string_lossy().contains(text.as_str()));
        let meant = self.failing.iter().position(is_meant);
        meant.map(|n| self.failing.remove(n)).is_some()
    }

    fn sync(&mut self, op: Op, f: impl FnOnce(&mut Tree, bool) -> io::Result<()>) -> io::Result<()> {
        let paths = op.path().map_or_else(|| self.tree.paths(), |path| vec![path.to_path_buf()]);
        self.begin(op)?;
        if self.lying_syncs {
            return Ok(());
        }
        let failing = self.must_fail(&paths);
        f(&mut self.tree, failing)?;
        if failing { Err(Errno::IO.into()) } else { Ok(()) }
    }

    fn room_for(&self, grown_by: u64) -> io::Result<()> {
        match self.capacity_bytes {
            Some(capacity) if grown_by > 0 && self.tree.used_bytes() + grown_by > capacity => {
                Err(io::ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        let ino = match state.tree.find(path) {
            Some(ino) if state.tree.is_dir(ino) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(ino) => ino,
            None if how == Open::Create => {
                state.begin(Op::Create(path.to_path_buf()))?;
                let now_ms = state.now_ms;
                state.tree.create_file(path, now_ms)?
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        let writable = how != Open::Read;
        if writable && state.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(Arc::new(SimFile { disk: self.clone(), ino, path: path.to_path_buf(), writable }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.state().tree.list(dir)
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        let state = self.state();
        Ok(state.tree.find(path).map(|ino| state.tree.stat(ino)))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.tree.find(dir).is_some_and(|ino| state.tree.is_dir(ino)) {
            return Ok(());
        }
        state.begin(Op::Create(dir.to_path_buf()))?;
        state.tree.create_dirs(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.tree.find(dir).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if dir.parent().is_none_or(|parent| state.tree.find(parent).is_none()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.begin(Op::Create(dir.to_path_buf()))?;
        state.tree.create_dirs(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if state.tree.find(from).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.begin(Op::Rename { from: from.to_path_buf(), to: to.to_path_buf() })?;
        state.tree.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        match state.tree.find(path) {
            None => return Err(io::ErrorKind::NotFound.into()),
            Some(ino) if state.tree.is_dir(ino) => return Err(io::ErrorKind::IsADirectory.into()),
            Some(_) => {}
        }
        state.begin(Op::Remove(path.to_path_buf()))?;
        state.tree.unlink(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        // File by file, as the real one does, so that a crash can fall in between.
        for entry in self.list(dir)? {
            let path = dir.join(&entry.name);
            if entry.is_dir { self.remove_dir_all(&path)? } else { self.remove_file(&path)? }
        }
        let mut state = self.state();
        state.begin(Op::Remove(dir.to_path_buf()))?;
        state.tree.unlink(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.at_the_gate();
        let ino = state.tree.find(dir).ok_or(io::ErrorKind::NotFound)?;
        state.sync(Op::SyncDir(dir.to_path_buf()), |tree, lose| tree.settle(ino, lose))
    }

    fn file_system(&self, _dir: &Path) -> Option<Box<dyn FileSystem>> {
        let whole = !self.state().only_singly;
        whole.then(|| -> Box<dyn FileSystem> { Box::new(self.clone()) })
    }

    fn space(&self, _dir: &Path) -> io::Result<Space> {
        let state = self.state();
        let total_bytes = state.capacity_bytes.unwrap_or(1 << 40);
        Ok(Space { total_bytes, usable_bytes: total_bytes.saturating_sub(state.tree.used_bytes()) })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        self.open(path, Open::Create)?;
        if !self.state().locked.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock { disk: self.clone(), path: path.to_path_buf() }))
    }
}

impl FileSystem for SimDisk {
    fn holds(&self, _path: &Path) -> bool {
        true
    }

    fn unwritten_bytes(&self) -> io::Result<u64> {
        Ok(self.state().others_unwritten_bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.at_the_gate().sync(Op::SyncFileSystem, |tree, lose| tree.settle_all(lose))
    }
}

struct SimLock {
    disk: SimDisk,
    path: PathBuf,
}

impl DirLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.path);
    }
}

#[cfg(test)]
mod tests;
