//! Sparse indexes of a segment: sorted fixed-size entries, most of them in the file, the newest in memory.
//!
//! Entries reach the file in blocks and are looked up there through a map of the file, or with positional reads where
//! nothing can be mapped.

pub mod offset;
pub mod time;
pub mod txn;

use std::io::{self, IoSlice};

use crate::disk::{DiskFile, read_exact_at};

/// Entries held back in memory before a block is written.
const TAIL_ENTRIES_MAX: usize = 128;
/// A search narrows down to a block of this size and reads it in one go.
const BLOCK_BYTES: usize = 4096;

/// One entry of fixed size.
pub trait Entry: Copy + PartialEq {
    const BYTES: usize;
    fn put(&self, into: &mut Vec<u8>);
    /// `from` has exactly `BYTES` bytes.
    fn get(from: &[u8]) -> Self;
}

/// Where the floor of a key is.
pub enum Floor<E> {
    Found(E),
    /// Among this many first entries of the file, see [`floor_in_bytes`] and [`floor_in_file`].
    InFile(u32),
    /// Before all entries.
    Nothing,
}

/// An index whose first entries are in its file and whose newest are in memory.
#[derive(Debug)]
pub struct SparseIndex<E> {
    in_file: u32,
    tail: Vec<E>,
    last: Option<E>,
}

impl<E: Entry> SparseIndex<E> {
    pub fn empty() -> Self {
        SparseIndex { in_file: 0, tail: Vec::new(), last: None }
    }

    /// Takes over what a file of this many bytes holds.
    pub fn of_file(file: &dyn DiskFile, size_bytes: u64) -> io::Result<Self> {
        let in_file = u32::try_from(size_bytes / E::BYTES as u64).unwrap_or(u32::MAX);
        let last = match in_file {
            0 => None,
            n => Some(read_entry::<E>(file, n - 1)?),
        };
        Ok(SparseIndex { in_file, tail: Vec::new(), last })
    }

    pub fn entries(&self) -> u64 {
        u64::from(self.in_file) + self.tail.len() as u64
    }

    pub fn last(&self) -> Option<E> {
        self.last
    }

    /// True when a block waits to be written.
    pub fn wants_write(&self) -> bool {
        self.tail.len() >= TAIL_ENTRIES_MAX
    }

    pub fn has_tail(&self) -> bool {
        !self.tail.is_empty()
    }

    pub fn push(&mut self, entry: E) {
        if self.tail.is_empty() {
            // In a log that is hardly written to it stays alone.
            self.tail.reserve_exact(1);
        }
        self.tail.push(entry);
        self.last = Some(entry);
    }

    /// Writes what is only in memory.
    pub fn write_tail(&mut self, file: &dyn DiskFile) -> io::Result<()> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.tail.len() * E::BYTES);
        self.tail.iter().for_each(|e| e.put(&mut bytes));
        file.write_all_at(&[IoSlice::new(&bytes)], u64::from(self.in_file) * E::BYTES as u64)?;
        self.in_file += self.tail.len() as u32;
        self.tail = Vec::new();
        Ok(())
    }

    /// The last entry of which `at_most` is true, if that can be told from memory; it must be true for a prefix of the
    /// entries. The file is left to the caller, who need not hold a lock for it.
    pub fn floor_in_tail(&self, at_most: impl Fn(&E) -> bool) -> Floor<E> {
        let in_tail = self.tail.partition_point(&at_most);
        match in_tail.checked_sub(1).and_then(|n| self.tail.get(n)) {
            Some(found) => Floor::Found(*found),
            None if self.in_file == 0 => Floor::Nothing,
            None => Floor::InFile(self.in_file),
        }
    }
}

fn read_entry<E: Entry>(file: &dyn DiskFile, n: u32) -> io::Result<E> {
    let mut buf = [0; 16];
    let buf = &mut buf[..E::BYTES];
    read_exact_at(file, buf, u64::from(n) * E::BYTES as u64)?;
    Ok(E::get(buf))
}

/// The last of the entries in `bytes` of which `at_most` is true.
pub fn floor_in_bytes<E: Entry>(bytes: &[u8], at_most: impl Fn(&E) -> bool) -> Option<E> {
    let entry = |n: usize| bytes.get(n * E::BYTES..(n + 1) * E::BYTES).map(E::get);
    // It holds for everything before `low` and for nothing from `high` on.
    let (mut low, mut high) = (0, bytes.len() / E::BYTES);
    while low < high {
        let middle = low + (high - low) / 2;
        if entry(middle).is_some_and(|e| at_most(&e)) { low = middle + 1 } else { high = middle }
    }
    low.checked_sub(1).and_then(entry)
}

/// The last of the file's first `entries` entries of which `at_most` is true.
pub fn floor_in_file<E: Entry>(
    file: &dyn DiskFile,
    entries: u32,
    at_most: impl Fn(&E) -> bool,
) -> io::Result<Option<E>> {
    match count_in_file(file, entries, &at_most)? {
        0 => Ok(None),
        n => Ok(Some(read_entry(file, n - 1)?)),
    }
}

/// How many of the file's entries `holds` is true for.
fn count_in_file<E: Entry>(file: &dyn DiskFile, entries: u32, holds: &impl Fn(&E) -> bool) -> io::Result<u32> {
    let per_block = (BLOCK_BYTES / E::BYTES) as u32;
    // It holds for everything before `low` and for nothing from `high` on.
    let (mut low, mut high) = (0, entries);
    while high - low > per_block {
        let middle = low + (high - low) / 2;
        if holds(&read_entry(file, middle)?) { low = middle + 1 } else { high = middle }
    }
    let mut block = [0; BLOCK_BYTES];
    let block = &mut block[..(high - low) as usize * E::BYTES];
    read_exact_at(file, block, u64::from(low) * E::BYTES as u64)?;
    let in_block = block.chunks_exact(E::BYTES).take_while(|bytes| holds(&E::get(bytes))).count();
    Ok(low + in_block as u32)
}

#[cfg(test)]
mod tests {
    use super::offset::OffsetEntry;
    use super::*;
    use crate::disk::{Disk, Open, RealDisk};

    fn floor(index: &SparseIndex<OffsetEntry>, target: u32, file: &dyn DiskFile) -> io::Result<Option<OffsetEntry>> {
        match index.floor_in_tail(|e| e.relative <= target) {
            Floor::Found(e) => Ok(Some(e)),
            Floor::InFile(n) => floor_in_file(file, n, |e: &OffsetEntry| e.relative <= target),
            Floor::Nothing => Ok(None),
        }
    }

    #[test]
    fn lookups_find_the_floor_in_file_and_memory_alike() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("i"), Open::Create).unwrap();
        let mut index = SparseIndex::empty();
        for n in 0..5000u32 {
            index.push(OffsetEntry { relative: n * 10, position: n * 4096 });
            if n < 4900 && index.wants_write() {
                index.write_tail(&*file).unwrap();
            }
        }
        assert!(index.has_tail());
        let reread = SparseIndex::<OffsetEntry>::of_file(&*file, file.size_bytes().unwrap()).unwrap();
        let map = file.map(file.size_bytes().unwrap()).unwrap();
        let bytes = map.first(file.size_bytes().unwrap()).unwrap();
        for target in [0, 5, 9, 10, 11, 20_000, 20_001, 40_959, 48_999, 49_990, 60_000] {
            let found = floor(&index, target, &*file).unwrap().unwrap();
            assert_eq!(found.relative, (target / 10 * 10).min(49_990), "target {target}");
            if found.relative / 10 < reread.entries() as u32 {
                assert_eq!(floor(&reread, target, &*file).unwrap(), Some(found));
                assert_eq!(floor_in_bytes(bytes, |e: &OffsetEntry| e.relative <= target), Some(found));
            }
        }
    }

    #[test]
    fn a_cut_file_is_an_error_and_not_a_wrong_answer() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("i"), Open::Create).unwrap();
        let mut index = SparseIndex::empty();
        (0..2000u32).for_each(|n| index.push(OffsetEntry { relative: n, position: n }));
        index.write_tail(&*file).unwrap();
        file.truncate(80).unwrap();
        assert!(floor(&index, 1500, &*file).is_err());
        assert!(file.map(2000 * 8).is_err());
    }
}
