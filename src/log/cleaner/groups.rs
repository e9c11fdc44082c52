//! Which segments become one: as many neighbours as fit into a segment by their present sizes, so that logs that shrink
//! do not end as thousands of tiny files.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::log::config::LogConfig;
use crate::log::segment::Segment;
use crate::model::Offset;

/// Sizes that add up within a group.
#[derive(Clone, Copy)]
struct Sizes {
    log: u64,
    index: u64,
    time_index: u64,
}

/// Neighbours to be written as one, in order. `upper` is the offset at which the last of the segments ends at the
/// latest.
pub fn group(segments: &[Arc<Segment>], config: &LogConfig, upper: Offset) -> io::Result<Vec<Range<usize>>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut total = Sizes { log: 0, index: 0, time_index: 0 };
    for (n, segment) in segments.iter().enumerate() {
        let (index, time_index) = segment.index_bytes()?;
        let size = Sizes { log: segment.size_bytes(), index, time_index };
        let end = segments.get(n + 1).map_or(upper, |next| next.base());
        let index_max = u64::from(config.segment_index_bytes);
        let joins = groups.last().and_then(|group| segments.get(group.start)).is_some_and(|first| {
            total.log + size.log <= u64::from(config.segment_bytes)
                && total.index + size.index <= index_max
                && total.time_index + size.time_index <= index_max
                // Offsets in a segment are counted from its base in 31 bits.
                && (size.log == 0 || end.0 - 1 - first.base().0 <= i64::from(i32::MAX))
        });
        match groups.last_mut() {
            Some(group) if joins => {
                group.end = n + 1;
                total.log += size.log;
                total.index += size.index;
                total.time_index += size.time_index;
            }
            _ => {
                groups.push(n..n + 1);
                total = size;
            }
        }
    }
    Ok(groups)
}
