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

/// Calls `each` with entry after entry until it says stop (`false`).
pub fn scan(file: &dyn DiskFile, size_bytes: u64, mut each: impl FnMut(AbortedTxn) -> bool) -> io::Result<()> {
    let mut block = [0; READ_ENTRIES * ENTRY_BYTES];
    let mut left = (size_bytes / ENTRY_BYTES as u64) as usize;
    let mut at = 0;
    while left > 0 {
        let n = left.min(READ_ENTRIES);
        let block = &mut block[..n * ENTRY_BYTES];
        read_exact_at(file, block, at)?;
        for bytes in block.chunks_exact(ENTRY_BYTES) {
            let txn = AbortedTxn::from_bytes(bytes)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unknown version in a transaction index"))?;
            if !each(txn) {
                return Ok(());
            }
        }
        left -= n;
        at += block.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
