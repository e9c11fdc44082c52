//! The first bytes of a file as memory.
//!
//! A real file is mapped: its pages are the page cache's own, loaded when they are touched and taken back by the system
//! when it needs them. Where nothing can be mapped the bytes are copied.

use std::io;

use super::{DiskFile, read_exact_at};

/// Read-only memory that shows the beginning of a file.
///
/// Only bytes that the file has may be asked for, and it must keep them: touching what was cut off a mapped file ends
/// the process. So whoever maps a file is the one who decides when it gets shorter.
pub struct FileMap(Memory);

enum Memory {
    Mapped(memmap2::Mmap),
    Copied(Vec<u8>),
}

impl FileMap {
    /// Copies the bytes, for files that cannot be mapped.
    pub(super) fn copy_of(file: &(impl DiskFile + ?Sized), size_bytes: u64) -> io::Result<FileMap> {
        has_bytes(file, size_bytes)?;
        let mut bytes = vec![0; usize::try_from(size_bytes).map_err(io::Error::other)?];
        read_exact_at(file, &mut bytes, 0)?;
        Ok(FileMap(Memory::Copied(bytes)))
    }

    pub(super) fn mapped(map: memmap2::Mmap) -> FileMap {
        FileMap(Memory::Mapped(map))
    }

    /// How far it reaches, which may be beyond what was asked for and beyond what the file has.
    pub fn reach_bytes(&self) -> u64 {
        self.all().len() as u64
    }

    /// The first `size_bytes`, if it reaches that far. The file must have them.
    pub fn first(&self, size_bytes: u64) -> Option<&[u8]> {
        self.all().get(..usize::try_from(size_bytes).ok()?)
    }

    fn all(&self) -> &[u8] {
        match &self.0 {
            Memory::Mapped(map) => map,
            Memory::Copied(bytes) => bytes,
        }
    }
}

/// Fails with `UnexpectedEof` where the file is shorter.
pub(super) fn has_bytes(file: &(impl DiskFile + ?Sized), size_bytes: u64) -> io::Result<()> {
    if file.size_bytes()? < size_bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}
