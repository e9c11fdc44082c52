//! An open file of the simulated disk.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::PathBuf;

use rustix::io::Errno;

use super::tree::Ino;
use super::{Op, SimDisk};
use crate::disk::DiskFile;

pub(super) struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) ino: Ino,
    pub(super) path: PathBuf,
    pub(super) writable: bool,
}

impl SimFile {
    fn must_be_writable(&self) -> io::Result<()> {
        if self.writable { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        let path = self.path.to_string_lossy();
        if state.failing_reads.iter().any(|text| path.contains(text.as_str())) {
            return Err(Errno::IO.into());
        }
        state.tree.read(self.ino, buf, at)
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()> {
        self.must_be_writable()?;
        let bytes = slices.iter().flat_map(|s| s.iter().copied()).collect::<Vec<u8>>();
        let mut state = self.disk.state();
        state.begin(Op::Write { path: self.path.clone(), at, bytes: bytes.len() as u64 })?;
        let grown_by = (at + bytes.len() as u64).saturating_sub(state.tree.size(self.ino));
        state.room_for(grown_by)?;
        let now_ms = state.now_ms;
        let path = self.path.to_string_lossy();
        if let Some(n) = state.failing_writes.iter().position(|(text, _)| path.contains(text.as_str())) {
            let (_, errno) = state.failing_writes.remove(n);
            state.tree.write(self.ino, bytes[..bytes.len() / 2].to_vec(), at, now_ms)?;
            return Err(errno.into());
        }
        state.tree.write(self.ino, bytes, at, now_ms)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        Ok(self.disk.state().tree.size(self.ino))
    }

    fn truncate(&self, size_bytes: u64) -> io::Result<()> {
        self.must_be_writable()?;
        let mut state = self.disk.state();
        if state.tree.size(self.ino) == size_bytes {
            return Ok(());
        }
        state.begin(Op::Truncate(self.path.clone()))?;
        let now_ms = state.now_ms;
        state.tree.truncate(self.ino, size_bytes, now_ms)
    }

    fn set_modified_ms(&self, modified_ms: i64) -> io::Result<()> {
        self.disk.0.state.lock().tree.set_modified(self.ino, modified_ms)
    }

    fn allocate(&self, size_bytes: u64, grow: bool) -> io::Result<()> {
        let grown_by = size_bytes.saturating_sub(self.size_bytes()?);
        self.disk.state().room_for(grown_by)?;
        if grow && grown_by > 0 { self.truncate(size_bytes) } else { Ok(()) }
    }

    /// Nothing is durable by this; but the fault that a sync is to meet may be met here already.
    fn await_writeback_of(&self, _bytes: Range<u64>) -> io::Result<()> {
        let mut state = self.disk.state();
        if !state.must_fail(std::slice::from_ref(&self.path)) {
            return Ok(());
        }
        state.tree.settle(self.ino, true)?;
        Err(Errno::IO.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.at_the_gate().sync(Op::SyncData(self.path.clone()), |tree, lose| tree.settle(self.ino, lose))
    }
}
