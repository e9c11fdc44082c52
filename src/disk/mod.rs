//! The seam to files. The log, the controller's log and every checkpoint go through [`Disk`], so that the same code
//! runs on the machine's file system ([`real`]) and on a simulated one that forgets what was not synced ([`sim`]).
//!
//! The rules that make a promise of durability provable here:
//! - bytes are durable after `sync_data` of their file, names (creation, rename, removal) after `sync_dir` of their
//!   directory, and nothing before;
//! - a failed sync is reported once and never retried by anyone: the pages may be gone.

pub mod fault;
#[cfg(target_os = "linux")]
mod file_system;
mod map;
pub mod real;
pub mod sim;
mod together;

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use map::FileMap;
pub use real::RealDisk;
pub use sim::SimDisk;
pub use together::Together;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// Must exist; reads only.
    Read,
    /// Must exist; reads and writes.
    ReadWrite,
    /// Created when absent; reads and writes.
    Create,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    pub is_dir: bool,
    pub size_bytes: u64,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub is_dir: bool,
    pub size_bytes: u64,
    pub modified_ms: i64,
}

/// Room of the file system under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    pub total_bytes: u64,
    pub usable_bytes: u64,
}

/// Held while a directory is in use; dropping it gives the directory up.
pub trait DirLock: Send + Sync {}

/// A file system.
pub trait Disk: Send + Sync + 'static {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>>;
    /// Names in a directory, in no particular order.
    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>>;
    /// The same, with the size of those only whose names are wanted; that of each costs a call. The others show 0.
    fn list_sizing(&self, dir: &Path, _wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<Entry>> {
        self.list(dir)
    }
    /// `None` when there is nothing at the path.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Makes one directory; `AlreadyExists` when there is something of that name.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Replaces an existing file at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Makes names created, renamed and removed in this directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// The file system under `dir`, where a sync of it as a whole is known to do what one of each file does.
    fn file_system(&self, dir: &Path) -> Option<Box<dyn FileSystem>>;
    fn space(&self, dir: &Path) -> io::Result<Space>;
    /// Takes the advisory lock of a lock file, creating it; `WouldBlock` when another process holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>>;
}

/// A file system that can be synced as a whole. An error in writing anything back is reported by the next sync, from
/// the moment that this value was made.
pub trait FileSystem: Send + Sync {
    /// Whether a file or directory lies on it: a part of a directory tree may lie on another.
    fn holds(&self, path: &Path) -> bool;
    /// About how many bytes a sync would have to wait for, whoever wrote them.
    fn unwritten_bytes(&self) -> io::Result<u64>;
    /// Makes every byte and name there is so far durable.
    fn sync(&self) -> io::Result<()>;
}

/// An open file. All calls are positional, so one handle serves many threads.
pub trait DiskFile: Send + Sync {
    /// Reads what is there, up to the buffer; 0 at the end.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes all of the slices in order from `at`.
    fn write_all_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()>;
    fn size_bytes(&self) -> io::Result<u64>;
    fn truncate(&self, size_bytes: u64) -> io::Result<()>;
    /// Reserves blocks up to `size_bytes`; with `grow` the file's size becomes that too (zeros, never sparse).
    fn allocate(&self, size_bytes: u64, grow: bool) -> io::Result<()>;
    /// Says when the file was last changed, in the place of what the file system saw.
    fn set_modified_ms(&self, modified_ms: i64) -> io::Result<()>;
    /// Makes the file's bytes and size durable.
    fn sync_data(&self) -> io::Result<()>;
    /// Starts writing dirty pages back without waiting; no promise of durability.
    fn start_writeback(&self) {
        self.start_writeback_of(0..u64::MAX);
    }
    /// The same for these bytes only.
    fn start_writeback_of(&self, _bytes: Range<u64>) {}
    /// Waits until what was begun for these bytes is done; no promise of durability. An error is one of a sync: the next
    /// will not tell of it again.
    fn await_writeback_of(&self, _bytes: Range<u64>) -> io::Result<()> {
        Ok(())
    }
    /// The first `size_bytes` as memory; `UnexpectedEof` when the file has fewer. It must not get shorter than that
    /// while the map is in use, see [`FileMap`].
    fn map(&self, size_bytes: u64) -> io::Result<FileMap> {
        FileMap::copy_of(self, size_bytes)
    }
    /// The descriptor, for sending straight from the page cache; `None` where there is none.
    fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

/// Reads a whole small file; `None` when it does not exist.
pub fn read_small(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, Open::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut bytes = vec![0; file.size_bytes()? as usize];
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], done as u64)? {
            0 => break,
            n => done += n,
        }
    }
    bytes.truncate(done);
    Ok(Some(bytes))
}

/// Replaces a small file so that after a crash either the old or the new content is there, whole.
pub fn write_atomically(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(disk, path, bytes)?.sync_data().map_err(fault::of_sync)?;
    put_in_place(disk, path)?;
    match path.parent() {
        Some(dir) => disk.sync_dir(dir).map_err(fault::of_sync),
        None => Ok(()),
    }
}

/// The first half of [`write_atomically`], for those who sync many files at once between the two.
pub fn write_beside(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.open(&beside(path), Open::Create)?;
    file.truncate(0)?;
    file.write_all_at(&[IoSlice::new(bytes)], 0)?;
    Ok(file)
}

/// The second half: what was written beside the file, and is durable by now, takes its place.
pub fn put_in_place(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    disk.rename(&beside(path), path)
}

fn beside(path: &Path) -> std::path::PathBuf {
    let mut tmp = path.as_os_str().to_owned();
    tmp.push(".tmp");
    tmp.into()
}

/// Fills the buffer from `at`, or fails with `UnexpectedEof`.
pub fn read_exact_at(file: &(impl DiskFile + ?Sized), mut buf: &mut [u8], mut at: u64) -> io::Result<()> {
    while !buf.is_empty() {
        match file.read_at(buf, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                buf = &mut buf[n..];
                at += n as u64;
            }
        }
    }
    Ok(())
}
