//! `.index`: where in the segment the batch with a given last offset begins.

use super::Entry;

/// Offset of a batch's last record, relative to the segment's base, and the position of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetEntry {
    pub relative: u32,
    pub position: u32,
}

impl Entry for OffsetEntry {
    const BYTES: usize = 8;

    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.relative.to_be_bytes());
        into.extend_from_slice(&self.position.to_be_bytes());
    }

    fn get(from: &[u8]) -> Self {
        OffsetEntry { relative: be_u32(from, 0), position: be_u32(from, 4) }
    }
}

/// Reads a number whose bytes the caller has already counted; missing ones would read as zero.
pub(super) fn be_u32(from: &[u8], at: usize) -> u32 {
    from.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}
