//! `.timeindex`: the greatest timestamp up to an offset. Both columns only grow.

use super::Entry;
use super::offset::be_u32;

/// The greatest timestamp so far and the last offset of the batch that has it, relative to the segment's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    pub timestamp_ms: i64,
    pub relative: u32,
}

impl Entry for TimeEntry {
    const BYTES: usize = 12;

    fn put(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        into.extend_from_slice(&self.relative.to_be_bytes());
    }

    fn get(from: &[u8]) -> Self {
        let timestamp_ms = from.get(..8).and_then(|b| b.try_into().ok()).map_or(0, i64::from_be_bytes);
        TimeEntry { timestamp_ms, relative: be_u32(from, 8) }
    }
}
