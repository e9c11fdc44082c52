//! What of a log may be cleaned now, and whether that is worth doing.

use std::io;

use crate::log::config::LogConfig;
use crate::log::segment::Segment;
use crate::log::view::View;
use crate::model::Offset;

/// A log as the cleaner sees it before it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survey {
    /// Everything before has been cleaned.
    pub first_dirty: Offset,
    /// Where a segment begins that is not to be touched.
    pub first_uncleanable: Offset,
    pub clean_bytes: u64,
    pub cleanable_bytes: u64,
    /// A record has waited longer than `max.compaction.lag.ms`.
    pub overdue: bool,
    /// More could be cleaned if it were on stable storage and its indexes complete.
    pub held_back: bool,
    /// The checkpoint named an offset that the log does not have.
    pub checkpoint_invalid: bool,
}

impl Survey {
    /// Which part of the log is dirty.
    pub fn ratio(&self) -> f64 {
        match self.clean_bytes + self.cleanable_bytes {
            0 => 0.0,
            total => self.cleanable_bytes as f64 / total as f64,
        }
    }

    /// Whether the settings ask for a pass now.
    pub fn is_due(&self, config: &LogConfig) -> bool {
        (self.overdue && self.cleanable_bytes > 0) || self.ratio() > config.min_cleanable_dirty_ratio
    }
}

/// `cleaned_to` is what the checkpoint says.
pub(super) fn survey(
    view: &View,
    config: &LogConfig,
    recovery_point: Offset,
    cleaned_to: Option<Offset>,
    now_ms: i64,
) -> io::Result<Survey> {
    let ends = view.ends;
    let cleaned_to = cleaned_to.unwrap_or(ends.log_start);
    let checkpoint_invalid = cleaned_to < ends.log_start || cleaned_to > ends.log_end;
    let first_dirty = if checkpoint_invalid { ends.log_start } else { cleaned_to };
    let (sealed, active) = match view.segments.split_last() {
        Some((active, sealed)) => (sealed, active.base()),
        None => (&[][..], ends.log_end),
    };
    let dirty_from = view.index_of(first_dirty).min(sealed.len());
    let dirty = sealed.get(dirty_from..).unwrap_or_default();
    let mut bound = ends.last_stable().min(active);
    if config.min_compaction_lag_ms > 0
        && let Some(young) = first_younger(dirty, now_ms.saturating_sub(config.min_compaction_lag_ms))?
    {
        bound = bound.min(young);
    }
    // The segment that a bound lies in is not touched.
    let floor = |bound: Offset| match view.index_of(bound) {
        n if n < sealed.len() => sealed.get(n).map_or(active, |s| s.base()),
        _ => active,
    };
    let unheld = floor(bound);
    let first_uncleanable = floor(bound.min(recovery_point));
    let bytes = |segments: &[std::sync::Arc<Segment>]| segments.iter().map(|s| s.size_bytes()).sum();
    let clean_bytes = bytes(sealed.get(..sealed.partition_point(|s| s.base() < first_dirty)).unwrap_or_default());
    let cleanable = dirty.partition_point(|s| s.base() < first_uncleanable);
    Ok(Survey {
        first_dirty,
        first_uncleanable,
        clean_bytes,
        cleanable_bytes: bytes(dirty.get(..cleanable).unwrap_or_default()),
        overdue: is_overdue(dirty, config.max_compaction_lag_ms, now_ms)?,
        held_back: unheld > first_uncleanable && unheld > first_dirty,
        checkpoint_invalid,
    })
}

/// The first segment with a record newer than this.
fn first_younger(dirty: &[std::sync::Arc<Segment>], than_ms: i64) -> io::Result<Option<Offset>> {
    for segment in dirty {
        if segment.newest_ms()? > than_ms {
            return Ok(Some(segment.base()));
        }
    }
    Ok(None)
}

fn is_overdue(dirty: &[std::sync::Arc<Segment>], lag_max_ms: i64, now_ms: i64) -> io::Result<bool> {
    if lag_max_ms == i64::MAX {
        return Ok(false);
    }
    let before_ms = now_ms.saturating_sub(lag_max_ms.max(0));
    for segment in dirty {
        if segment.first_timestamp()?.is_some_and(|first| first > 0 && first < before_ms) {
            return Ok(true);
        }
    }
    Ok(false)
}
