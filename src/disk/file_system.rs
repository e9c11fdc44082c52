//! Syncing a Linux file system as a whole: one commit of its journal for many files.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::{DiskFile, FileSystem};

/// Before this version syncfs reported no errors.
const FIRST_KERNEL: (u32, u32) = (5, 8);

/// Kept open: errors are reported from the opening on.
pub struct RealFileSystem {
    dir: File,
    device: u64,
}

impl RealFileSystem {
    pub fn of(dir: &Path) -> Option<RealFileSystem> {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
        if version(&release)? < FIRST_KERNEL {
            return None;
        }
        let dir = File::open(dir).ok()?;
        let device = rustix::fs::fstat(&dir).ok()?.st_dev;
        Some(RealFileSystem { dir, device })
    }
}

impl FileSystem for RealFileSystem {
    fn holds(&self, file: &dyn DiskFile) -> bool {
        let stat = file.descriptor().and_then(|file| rustix::fs::fstat(file).ok());
        stat.is_some_and(|stat| stat.st_dev == self.device)
    }

    fn unwritten_bytes(&self) -> io::Result<u64> {
        let info = fs::read_to_string("/proc/meminfo")?;
        unwritten(&info).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn sync(&self) -> io::Result<()> {
        rustix::fs::syncfs(&self.dir).map_err(Into::into)
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
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
    use crate::disk::{Disk, Open, RealDisk};

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
    fn a_file_of_another_file_system_is_known_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let Some(here) = RealFileSystem::of(dir.path()) else { return };
        let file = RealDisk.open(&dir.path().join("f"), Open::Create).unwrap();
        assert!(here.holds(&*file));
        here.sync().unwrap();
        here.unwritten_bytes().unwrap();
        let other = RealDisk.open(Path::new("/proc/self/stat"), Open::Read).unwrap();
        assert!(!here.holds(&*other));
    }
}
