//! What the log asks of a batch header beyond that it parses: offsets that can be counted with.

use crate::model::limits::BATCH_HEADER_BYTES;
use crate::records::BatchHeader;

/// The header at the front of `bytes`, if it is one that a log can hold.
pub fn parse(bytes: &[u8]) -> Option<BatchHeader> {
    let header = BatchHeader::parse(bytes.get(..BATCH_HEADER_BYTES)?).ok()?;
    is_sound(&header).then_some(header)
}

/// Offsets neither negative nor at the very end of what a number holds, and not backwards.
pub fn is_sound(header: &BatchHeader) -> bool {
    header.base_offset.0 >= 0
        && header.last_offset_delta >= 0
        && header.base_offset.0.checked_add(i64::from(header.last_offset_delta)).is_some_and(|last| last < i64::MAX)
}
