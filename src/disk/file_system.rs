//! Syncing a Linux file system as a whole: one commit of its journal for many files.
//!
//! Only of a kind that is known to keep the promise. `syncfs` answers success where it did nothing (a FUSE server is not
//! even told), where errors are kept from it (overlayfs), or where the device was not made to empty its cache (XFS with
//! nothing in its log). ext4 writes everything, waits, commits its journal and flushes the device.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{StatVfsMountFlags, major, minor};
use rustix::io::Errno;

use super::FileSystem;

/// The one kind whose sync as a whole is as good as one of each file.
const TRUSTED_KIND: &str = "ext4";

/// Before this version syncfs reported no errors.
const FIRST_KERNEL: (u32, u32) = (5, 8);

/// Kept open: errors are reported from the opening on. The rest is found out when it is first needed, which for many a
/// broker is never.
pub struct RealFileSystem {
    dir: File,
    device: u64,
    memory: OnceLock<Option<File>>,
}

/// More than what is looked for in `/proc/meminfo`, which begins with it.
const MEMORY_BYTES: usize = 2048;

impl RealFileSystem {
    pub fn of(dir: &Path) -> Option<RealFileSystem> {
        let dir = File::open(dir).ok()?;
        let device = rustix::fs::fstat(&dir).ok()?.st_dev;
        Some(RealFileSystem { dir, device, memory: OnceLock::new() })
    }

    /// `/proc/meminfo`, if a sync as a whole is to be trusted here.
    fn trusted(&self) -> Option<&File> {
        self.memory.get_or_init(|| memory_of_trusted(self.device)).as_ref()
    }
}

fn memory_of_trusted(device: u64) -> Option<File> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let is_trusted = version(&release)? >= FIRST_KERNEL && kind_of(device, &mounts)? == TRUSTED_KIND;
    is_trusted.then(|| File::open("/proc/meminfo").ok())?
}

impl FileSystem for RealFileSystem {
    fn holds(&self, path: &Path) -> bool {
        self.trusted().is_some() && rustix::fs::stat(path).is_ok_and(|stat| stat.st_dev == self.device)
    }

    fn unwritten_bytes(&self) -> io::Result<u64> {
        let mut info = [0; MEMORY_BYTES];
        let read = self.trusted().ok_or(io::ErrorKind::Unsupported)?.read_at(&mut info, 0)?;
        unwritten(&String::from_utf8_lossy(&info[..read])).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn sync(&self) -> io::Result<()> {
        self.trusted().ok_or(io::ErrorKind::Unsupported)?;
        rustix::fs::syncfs(&self.dir)?;
        // Older kernels answer success for a file system that an error has turned read-only, and do nothing for it.
        match rustix::fs::fstatvfs(&self.dir)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
            true => Err(Errno::ROFS.into()),
            false => Ok(()),
        }
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The kind of the file system with this device number:
/// `<id> <parent> <major>:<minor> <root> <mount point> <options> [<tag>...] - <kind> <source> <options>`.
fn kind_of(device: u64, mounts: &str) -> Option<&str> {
    let numbers = format!("{}:{}", major(device), minor(device));
    mounts.lines().find_map(|mount| {
        let (place, kind) = mount.split_once(" - ")?;
        (place.split(' ').nth(2)? == numbers).then(|| kind.split(' ').next())?
    })
}

/// Dirty pages and those on their way, of all file systems: more than there may be on this one, never less.
fn unwritten(info: &str) -> Option<u64> {
    let kilobytes = |name: &str| -> Option<u64> {
        let line = info.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some((kilobytes("Dirty:")? + kilobytes("Writeback:")?) * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_dirty_bytes_are_read() {
        assert_eq!(version("6.18.44-fc\n"), Some((6, 18)));
        assert_eq!(version("5.4.0-1"), Some((5, 4)));
        assert_eq!(version("what"), None);
        let info = "MemFree: 1 kB\nDirty:  36 kB\nWriteback: 4 kB\nWritebackTmp: 7 kB\n";
        assert_eq!(unwritten(info), Some(40 * 1024));
        assert_eq!(unwritten("Dirty: 36 kB"), None);
    }

    #[test]
    fn the_kind_is_that_of_the_mount_with_the_device() {
        let mounts = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
                      27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n\
                      31 27 254:1 /a\\040-\\040b /mnt rw - xfs /dev/vdb rw\n\
                      32 27 0:44 / /fuse rw - fuse.sshfs host: rw\n";
        let kind = |major, minor| kind_of(rustix::fs::makedev(major, minor), mounts);
        assert_eq!(kind(254, 0), Some("ext4"));
        assert_eq!(kind(254, 1), Some("xfs"));
        assert_eq!(kind(0, 44), Some("fuse.sshfs"));
        assert_eq!(kind(0, 4), None);
        assert_eq!(kind_of(rustix::fs::makedev(1, 2), "1 1 1:2 cut short"), None);
    }

    #[test]
    fn only_one_that_keeps_its_promise_is_synced_as_a_whole() {
        let proc = RealFileSystem::of(Path::new("/proc")).unwrap();
        assert!(!proc.holds(Path::new("/proc/self")));
        assert!(proc.unwritten_bytes().is_err());
        assert!(proc.sync().is_err());
        assert!(RealFileSystem::of(Path::new("/no such place")).is_none());
        let dir = tempfile::tempdir().unwrap();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let kind = kind_of(rustix::fs::stat(dir.path()).unwrap().st_dev, &mounts);
        let here = RealFileSystem::of(dir.path()).unwrap();
        assert_eq!(here.holds(dir.path()), kind == Some("ext4"));
        if here.holds(dir.path()) {
            assert!(!here.holds(Path::new("/proc/self/stat")));
            assert!(!here.holds(&dir.path().join("missing")));
            here.sync().unwrap();
            here.unwritten_bytes().unwrap();
        }
    }
}
