//! The machine's file system: positional vectored writes, data syncs, reservations. What only Linux has sits behind
//! `cfg` with a portable fallback beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use super::map::{FileMap, has_bytes};
use super::{DirLock, Disk, DiskFile, Entry, FileSystem, Open, Space, Stat};

/// Slices that one vectored write may carry.
#[cfg(target_os = "linux")]
const SLICES_PER_WRITE: usize = 1024;

/// Files are mapped in multiples of this.
const MAP_BYTES: u64 = 64 * 1024;

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(how != Open::Read).create(how == Open::Create).truncate(false);
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.list_sizing(dir, &|_| true)
    }

    fn list_sizing(&self, dir: &Path, wanted: &dyn Fn(&str) -> bool) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // A name that is not UTF-8 was made by no Kafka; shown in a form that parses as nothing.
            let name = entry.file_name().to_string_lossy().into_owned();
            let seen = match wanted(&name) {
                true => entry.metadata().map(|meta| (meta.is_dir(), meta.len())),
                false => entry.file_type().map(|kind| (kind.is_dir(), 0)),
            };
            match seen {
                Ok((is_dir, size_bytes)) => found.push(Entry { name, is_dir, size_bytes }),
                // Removed by someone else between the two calls.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }

    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        match fs::metadata(path) {
            Ok(meta) => Ok(Some(Stat {
                is_dir: meta.is_dir(),
                size_bytes: meta.len(),
                modified_ms: meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000),
            })),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn file_system(&self, dir: &Path) -> Option<Box<dyn FileSystem>> {
        #[cfg(target_os = "linux")]
        {
            Some(Box::new(super::file_system::RealFileSystem::of(dir)?))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = dir;
            None
        }
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(Space {
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            usable_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }

    /// Takes both kinds of advisory lock: `flock` keeps out another opening of this process too, the record lock keeps
    /// out a JVM, whose file locks are record locks.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        use rustix::fs::{FlockOperation, fcntl_lock, flock};
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let held = |e: rustix::io::Errno| match e {
            rustix::io::Errno::ACCESS | rustix::io::Errno::AGAIN => {
                io::Error::new(io::ErrorKind::WouldBlock, lock_holder(&file).unwrap_or("pid unknown".into()))
            }
            e => io::Error::from(e),
        };
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(held)?;
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(held)?;
        Ok(Box::new(RealLock { _file: file }))
    }
}

/// Which process holds a lock of this file, where the system tells.
fn lock_holder(file: &File) -> Option<String> {
    let inode = file.metadata().ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF`
    let pid = locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = words.iter().position(|word| word.rsplit(':').next() == Some(&inode) && word.contains(':'))?;
        words.get(place.checked_sub(1)?)?.parse::<u32>().ok()
    })?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(format!("pid {pid} {}", name.trim()).trim_end().to_string())
}

struct RealLock {
    _file: File,
}

impl DirLock for RealLock {}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buf, at) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => return other,
            }
        }
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            self.write_vectored_at(slices, at)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let mut at = at;
            for slice in slices {
                self.0.write_all_at(slice, at)?;
                at += slice.len() as u64;
            }
            Ok(())
        }
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, size_bytes: u64) -> io::Result<()> {
        self.0.set_len(size_bytes)
    }

    fn set_modified_ms(&self, modified_ms: i64) -> io::Result<()> {
        let since_epoch = std::time::Duration::from_millis(u64::try_from(modified_ms).unwrap_or(0));
        self.0.set_modified(std::time::UNIX_EPOCH + since_epoch)
    }

    fn allocate(&self, size_bytes: u64, grow: bool) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
            use rustix::io::Errno;
            let flags = if grow { FallocateFlags::empty() } else { FallocateFlags::KEEP_SIZE };
            match fallocate(&self.0, flags, 0, size_bytes) {
                Ok(()) => return Ok(()),
                // A file system without reservations.
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(e) => return Err(e.into()),
            }
        }
        if grow { self.grow_with_zeros(size_bytes) } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn start_writeback_of(&self, bytes: Range<u64>) {
        // Only a hint: an error is told by the wait or the sync that follows.
        #[cfg(target_os = "linux")]
        let _ = writeback::start(&self.0, bytes);
        #[cfg(not(target_os = "linux"))]
        let _ = bytes;
    }

    fn await_writeback_of(&self, bytes: Range<u64>) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        return writeback::wait(&self.0, bytes);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = bytes;
            Ok(())
        }
    }

    fn map(&self, size_bytes: u64) -> io::Result<FileMap> {
        has_bytes(self, size_bytes)?;
        // Room for a file that grows, so that it is not mapped anew for every few entries. It costs addresses only.
        let reach = usize::try_from(size_bytes.next_multiple_of(MAP_BYTES)).map_err(io::Error::other)?;
        // SAFETY: the memory is only read, through `FileMap`, whose user sees to it that bytes that were asked for stay
        // in the file and are not written again.
        let map = unsafe { memmap2::MmapOptions::new().len(reach).map(&self.0)? };
        Ok(FileMap::mapped(map))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.0.as_fd())
    }
}

impl RealFile {
    #[cfg(target_os = "linux")]
    fn write_vectored_at(&self, slices: &[IoSlice<'_>], mut at: u64) -> io::Result<()> {
        let mut done_slices = 0;
        let mut done_in_slice = 0;
        while done_slices < slices.len() {
            let (first, rest) = (&slices[done_slices][done_in_slice..], &slices[done_slices + 1..]);
            if first.is_empty() {
                done_slices += 1;
                done_in_slice = 0;
                continue;
            }
            let written = if done_in_slice == 0 {
                let upto = slices.len().min(done_slices + SLICES_PER_WRITE);
                rustix::io::pwritev(&self.0, &slices[done_slices..upto], at)
            } else {
                // The rest of a slice that went out in part; it goes alone, what follows goes together again.
                rustix::io::pwrite(&self.0, first, at)
            };
            let mut written = match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => n,
                Err(rustix::io::Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            };
            at += written as u64;
            if written < first.len() {
                done_in_slice += written;
                continue;
            }
            written -= first.len();
            done_slices += 1;
            done_in_slice = 0;
            for slice in rest {
                if written < slice.len() {
                    break;
                }
                written -= slice.len();
                done_slices += 1;
            }
            done_in_slice += written;
        }
        Ok(())
    }

    fn grow_with_zeros(&self, size_bytes: u64) -> io::Result<()> {
        let zeros = [0u8; 64 * 1024];
        let mut at = self.size_bytes()?;
        while at < size_bytes {
            let n = (size_bytes - at).min(zeros.len() as u64) as usize;
            self.0.write_all_at(&zeros[..n], at)?;
            at += n as u64;
        }
        Ok(())
    }
}

/// The one call that the safe wrappers lack.
#[cfg(target_os = "linux")]
mod writeback {
    use std::ffi::{c_int, c_uint};
    use std::fs::File;
    use std::io;
    use std::ops::Range;
    use std::os::fd::AsRawFd;

    const SYNC_FILE_RANGE_WAIT_BEFORE: c_uint = 1;
    const SYNC_FILE_RANGE_WRITE: c_uint = 2;

    unsafe extern "C" {
        fn sync_file_range(fd: c_int, offset: i64, nbytes: i64, flags: c_uint) -> c_int;
    }

    pub(super) fn start(file: &File, bytes: Range<u64>) -> io::Result<()> {
        call(file, bytes, SYNC_FILE_RANGE_WRITE)
    }

    pub(super) fn wait(file: &File, bytes: Range<u64>) -> io::Result<()> {
        call(file, bytes, SYNC_FILE_RANGE_WAIT_BEFORE)
    }

    fn call(file: &File, bytes: Range<u64>, flags: c_uint) -> io::Result<()> {
        let offset = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        let from = offset(bytes.start);
        let length = offset(bytes.end).saturating_sub(from);
        if length <= 0 {
            // No length would mean all to the end.
            return Ok(());
        }
        // SAFETY: the descriptor is open for as long as `file` is borrowed; the call reads and writes no memory of ours.
        match unsafe { sync_file_range(file.as_raw_fd(), from, length, flags) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_written_in_order_even_when_there_are_more_than_one_call_takes() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("f"), Open::Create).unwrap();
        let bytes: Vec<[u8; 3]> = (0..3000u32).map(|n| [n as u8, (n >> 8) as u8, 7]).collect();
        let mut slices: Vec<IoSlice<'_>> = bytes.iter().map(|b| IoSlice::new(b)).collect();
        slices.insert(5, IoSlice::new(&[]));
        file.write_all_at(&slices, 10).unwrap();
        let mut read = vec![0; 9000];
        assert_eq!(file.read_at(&mut read, 10).unwrap(), 9000);
        assert_eq!(read, bytes.concat());
        assert_eq!(file.size_bytes().unwrap(), 9010);
    }

    #[test]
    fn a_map_shows_what_the_file_has_and_what_it_gets() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("f"), Open::Create).unwrap();
        file.write_all_at(&[IoSlice::new(b"one")], 0).unwrap();
        let map = file.map(3).unwrap();
        assert_eq!(map.first(3), Some(&b"one"[..]));
        file.write_all_at(&[IoSlice::new(b"two")], 3).unwrap();
        assert_eq!(map.first(6), Some(&b"onetwo"[..]));
        assert_eq!(map.first(map.reach_bytes() + 1), None);
        assert_eq!(file.map(7).map(|_| ()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn bytes_are_written_back_wherever_they_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("f"), Open::Create).unwrap();
        file.write_all_at(&[IoSlice::new(&[7; 100_000])], 0).unwrap();
        file.start_writeback();
        for bytes in [0..0, 0..4096, 50_000..u64::MAX, 200_000..300_000, u64::MAX..u64::MAX] {
            file.start_writeback_of(bytes.clone());
            file.await_writeback_of(bytes).unwrap();
        }
        // An empty range waits for nothing, also at a start where no other could be.
        RealDisk.open(Path::new("/dev/null"), Open::Read).unwrap().await_writeback_of(9..9).unwrap();
    }

    #[test]
    fn a_lock_is_held_until_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let held = RealDisk.lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        RealDisk.lock(&path).unwrap();
    }

    #[test]
    fn reserving_keeps_the_size_unless_asked_to_grow() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("f"), Open::Create).unwrap();
        file.allocate(8192, false).unwrap();
        assert_eq!(file.size_bytes().unwrap(), 0);
        file.allocate(8192, true).unwrap();
        assert_eq!(file.size_bytes().unwrap(), 8192);
    }
}
