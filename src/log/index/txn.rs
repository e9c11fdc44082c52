//! `.txnindex`: the aborted transactions whose marker lies in the segment, in the order of their markers.

use std::io::{self, IoSlice};

use crate::disk::{DiskFile, read_exact_at};
use crate::model::{Offset, ProducerId};

/// Bytes of one entry: version, producer id, first, last and last stable offset.
pub const ENTRY_BYTES: usize = 34;
const VERSION: i16 = 0;
const READ_ENTRIES: usize = 120;

/// An aborted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTxn {
    pub producer_id: ProducerId,
    pub first_offset: Offset,
    /// Where its marker lies.
    pub last_offset: Offset,
    /// The last stable offset when the marker was written: what every later entry exceeds.
    pub last_stable_offset: Offset,
}

impl AbortedTxn {
    fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..2].copy_from_slice(&VERSION.to_be_bytes());
        let numbers = [self.producer_id.0, self.first_offset.0, self.last_offset.0, self.last_stable_offset.0];
        for (place, n) in bytes[2..].chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&n.to_be_bytes());
        }
        bytes
    }

    /// `None` for a version that is not known.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, numbers) = bytes.split_at_checked(2)?;
        if version != VERSION.to_be_bytes() {
            return None;
        }
        let mut numbers = numbers.chunks_exact(8).map(|b| b.try_into().map_or(-1, i64::from_be_bytes));
        Some(AbortedTxn {
            producer_id: ProducerId(numbers.next()?),
            first_offset: Offset(numbers.next()?),
            last_offset: Offset(numbers.next()?),
            last_stable_offset: Offset(numbers.next()?),
        })
    }
}

/// Adds an entry behind the `size_bytes` that the file has.
pub fn append(file: &dyn DiskFile, size_bytes: u64, txn: AbortedTxn) -> io::Result<()> {
    file.write_all_at(&[IoSlice::new(&txn.to_bytes())], size_bytes)
}

/// Calls `each` with every entry whose marker lies at or behind `from`, one after the other, until it says stop
/// (`false`).
pub fn scan_from(
    file: &dyn DiskFile,
    size_bytes: u64,
    from: Offset,
    mut each: impl FnMut(AbortedTxn) -> bool,
) -> io::Result<()> {
    let entries = size_bytes / ENTRY_BYTES as u64;
    let first = first_ending_at(file, entries, from)?;
    let mut block = [0; READ_ENTRIES * ENTRY_BYTES];
    let mut left = (entries - first) as usize;
    let mut at = first * ENTRY_BYTES as u64;
    while left > 0 {
        let n = left.min(READ_ENTRIES);
        let block = &mut block[..n * ENTRY_BYTES];
        read_exact_at(file, block, at)?;
        for bytes in block.chunks_exact(ENTRY_BYTES) {
            let txn = known(bytes)?;
            if txn.last_offset >= from && !each(txn) {
                return Ok(());
            }
        }
        left -= n;
        at += block.len() as u64;
    }
    Ok(())
}

/// An entry from where it is at most a block to the first whose marker lies at or behind `from`.
fn first_ending_at(file: &dyn DiskFile, entries: u64, from: Offset) -> io::Result<u64> {
    // It lies behind all entries before `low`, and not behind the one at `high`.
    let (mut low, mut high) = (0, entries);
    while high - low > READ_ENTRIES as u64 {
        let middle = low + (high - low) / 2;
        let mut bytes = [0; ENTRY_BYTES];
        read_exact_at(file, &mut bytes, middle * ENTRY_BYTES as u64)?;
        if known(&bytes)?.last_offset < from { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

fn known(bytes: &[u8]) -> io::Result<AbortedTxn> {
    AbortedTxn::from_bytes(bytes)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown version in a transaction index"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, Open, RealDisk};

    #[test]
    fn a_scan_finds_every_entry_that_ends_at_or_behind_an_offset() {
        let dir = tempfile::tempdir().unwrap();
        let file = RealDisk.open(&dir.path().join("t"), Open::Create).unwrap();
        let txn = |n: i64| AbortedTxn {
            producer_id: ProducerId(n),
            first_offset: Offset(n * 10),
            last_offset: Offset(n * 10 + 5),
            last_stable_offset: Offset(n * 10 + 5),
        };
        let bytes_of = |n: i64| n as u64 * ENTRY_BYTES as u64;
        (0..1000).for_each(|n| append(&*file, bytes_of(n), txn(n)).unwrap());
        for entries in [0, 1, 120, 121, 1000] {
            for from in [0, 5, 6, 1195, 1196, 5000, 9995, 9996] {
                let mut found = Vec::new();
                let keep = |txn: AbortedTxn| {
                    found.push(txn);
                    found.len() < 3
                };
                scan_from(&*file, bytes_of(entries), Offset(from), keep).unwrap();
                let expected: Vec<_> = (0..entries).map(txn).filter(|t| t.last_offset.0 >= from).take(3).collect();
                assert_eq!(found, expected, "from {from} of {entries}");
            }
        }
    }

    #[test]
    fn entries_have_kafkas_bytes() {
        let txn = AbortedTxn {
            producer_id: ProducerId(1),
            first_offset: Offset(2),
            last_offset: Offset(3),
            last_stable_offset: Offset(4),
        };
        let bytes = txn.to_bytes();
        let mut expected = vec![0u8, 0];
        (1..=4u64).for_each(|n| expected.extend_from_slice(&n.to_be_bytes()));
        assert_eq!(bytes.as_slice(), expected);
        assert_eq!(AbortedTxn::from_bytes(&bytes), Some(txn));
        assert_eq!(AbortedTxn::from_bytes(&bytes[..20]), None);
    }
}
