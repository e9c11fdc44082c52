//! What an error says about the disk: that it will take the same thing later, or that it is lost.

use std::io::{self, ErrorKind};

use rustix::io::Errno;

/// Whether the disk is well and only cannot do this now: it is full, or too many files are open. Everything else (EIO,
/// a read-only remount, a directory that is gone) means that what lies there is out of reach.
pub fn is_passing(e: &io::Error) -> bool {
    if is_full(e) || matches!(e.kind(), ErrorKind::OutOfMemory | ErrorKind::Interrupted) {
        return true;
    }
    matches!(Errno::from_io_error(e), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// Whether there is no room.
pub fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// The error of a sync, which never passes: the kernel may have dropped the pages, for want of room as well.
pub fn of_sync(e: io::Error) -> io::Error {
    io::Error::other(SyncFailed(e))
}

/// Whether it is such an error.
pub fn is_of_sync(e: &io::Error) -> bool {
    e.get_ref().is_some_and(|inner| inner.is::<SyncFailed>())
}

#[derive(Debug, thiserror::Error)]
#[error("a sync failed: {0}")]
struct SyncFailed(io::Error);

/// The same error once more; errors of the operating system stay what they are.
pub fn copy(e: &io::Error) -> io::Error {
    e.raw_os_error().map_or_else(|| io::Error::new(e.kind(), e.to_string()), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_passes_unless_a_sync_met_it() {
        let full = io::Error::from(Errno::NOSPC);
        assert!(is_passing(&full) && is_full(&full) && is_passing(&copy(&full)));
        assert!(!is_of_sync(&full));
        let of_sync = of_sync(full);
        assert!(is_of_sync(&of_sync) && !is_passing(&of_sync));
    }

    #[test]
    fn too_many_open_files_pass_and_a_broken_disk_does_not() {
        assert!(is_passing(&Errno::MFILE.into()));
        for errno in [Errno::IO, Errno::ROFS, Errno::NOENT, Errno::ACCESS, Errno::NODEV] {
            assert!(!is_passing(&errno.into()), "{errno}");
        }
    }
}
