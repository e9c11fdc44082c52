//! Compaction: of every key only the newest record stays, of a deleted key nothing, and offsets never change.
//!
//! A pass takes two readings of the log. The first remembers each key's newest offset over the dirty part; the second
//! writes the log anew up to there, without the records that a newer one has made worthless, and swaps the new segments
//! in. It runs beside the log's writer and holds its lock only to look and to swap.
//!
//! | file | idea |
//! | --- | --- |
//! | `survey.rs` | what may be cleaned now, and is it worth it |
//! | `keys.rs`, `offset_map.rs`, `sip.rs` | first reading: key to newest offset, in bounded memory |
//! | `groups.rs` | which segments become one |
//! | `rewrite.rs`, `txns.rs` | second reading: what stays of a batch |
//! | `source.rs`, `output.rs` | batches in, batches out |
//! | `swap_in.rs` | old segments out, new ones in |

mod error;
mod groups;
mod keys;
pub mod offset_map;
mod output;
mod rewrite;
mod sip;
mod source;
mod survey;
mod swap_in;
mod txns;

use std::borrow::Cow;
use std::sync::Arc;

use super::config::LogConfig;
use super::error::OpenError;
use super::partition_log::PartitionLog;
use super::retention::DeadFiles;
use super::segment::{Place, Segment};
use super::view::View;
use crate::model::Offset;
use crate::records::{BatchHeader, Scratch};
use offset_map::OffsetMap;
use output::Output;
use rewrite::Rules;
use source::Batches;
use txns::Txns;

pub use error::{CleanError, Interrupted, Pace, Unhurried};
pub use rewrite::LastRecords;
pub use survey::Survey;
pub use swap_in::Home;

/// What one batch may decompress to; a log with a larger one is left alone.
const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;

/// How much memory one cleaner may use, and how it fills it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// For the map of keys: `log.cleaner.dedupe.buffer.size`, shared by the threads.
    pub map_bytes: usize,
    /// `log.cleaner.io.buffer.load.factor`
    pub map_load_factor: f64,
    /// For reading and as much for writing: `log.cleaner.io.buffer.size`, shared by the threads.
    pub io_buffer_bytes: usize,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub bytes_indexed: u64,
    pub bytes_read: u64,
    pub bytes_written: u64,
    pub records_read: u64,
    pub records_kept: u64,
    pub records_without_key: u64,
    pub segments_before: u64,
    pub segments_after: u64,
    pub keys: u64,
    pub map_bytes: u64,
}

/// A pass that came to its end.
#[derive(Debug)]
pub struct Cleaned {
    /// Everything before is clean now; for the checkpoint.
    pub up_to: Offset,
    pub stats: Stats,
}

/// When and how a pass is made.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a> {
    pub survey: &'a Survey,
    pub limits: &'a Limits,
    /// Keys the hash, so that nobody can make keys collide.
    pub secret: (u64, u64),
    pub now_ms: i64,
}

/// Memory that is reused from segment to segment.
struct Tools {
    buffer: Vec<u8>,
    out: Vec<u8>,
    scratch: Scratch,
    io_buffer_bytes: usize,
}

impl Tools {
    fn new(io_buffer_bytes: usize) -> Tools {
        const LEAST_BYTES: usize = 4096;
        let io_buffer_bytes = io_buffer_bytes.max(LEAST_BYTES);
        Tools { buffer: Vec::new(), out: Vec::new(), scratch: Scratch::new(), io_buffer_bytes }
    }
}

/// A log at one moment, to be cleaned beside its writer.
pub struct LogToClean {
    view: View,
    config: Arc<LogConfig>,
    place: Arc<Place>,
    recovery_point: Offset,
}

impl PartitionLog {
    /// The log as a cleaner needs it.
    pub fn to_clean(&mut self) -> Result<LogToClean, OpenError> {
        self.ensure_loaded()?;
        let recovery_point = self.recovery_point();
        Ok(LogToClean { view: self.view(), config: self.config.clone(), place: self.place.clone(), recovery_point })
    }

    /// What must stay known of the producers.
    pub fn last_records(&self) -> LastRecords {
        let last = |e: &super::producers::ProducerEntry| (e.last_batch().map(|b| b.last_offset), e.epoch);
        LastRecords(self.producers.iter().map(|(id, entry)| (*id, last(entry))).collect())
    }
}

impl LogToClean {
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Whether this is where its files are.
    pub fn is_at(&self, dir: &std::path::Path) -> bool {
        **self.place.dir() == *dir
    }

    /// Bytes of the whole log.
    pub fn size_bytes(&self) -> u64 {
        self.view.segments.iter().map(|s| s.size_bytes()).sum()
    }

    /// What there is to do. `cleaned_to` is what the last pass, or the checkpoint, says.
    pub fn survey(&self, cleaned_to: Option<Offset>, now_ms: i64) -> std::io::Result<Survey> {
        survey::survey(&self.view, &self.config, self.recovery_point, cleaned_to, now_ms)
    }

    /// One pass. Files that go out of use are handed to `bury`, as soon as they do.
    pub fn clean(
        &self,
        pass: &Pass<'_>,
        home: &impl Home,
        pace: &mut dyn Pace,
        mut bury: impl FnMut(DeadFiles),
    ) -> Result<Cleaned, CleanError> {
        let (from, to) = (pass.survey.first_dirty, pass.survey.first_uncleanable);
        let mut stats = Stats::default();
        if from >= to {
            return Ok(Cleaned { up_to: from, stats });
        }
        let mut tools = Tools::new(pass.limits.io_buffer_bytes);
        let Limits { map_bytes, map_load_factor, .. } = *pass.limits;
        let keys_max = to.0.saturating_sub(from.0).unsigned_abs();
        let map = OffsetMap::new(map_bytes, map_load_factor, keys_max, pass.secret);
        let keys = keys::collect(&self.view, (from, to), map, &mut tools, &mut stats, pace)?;
        stats.map_bytes = keys.map.memory_bytes() as u64;
        stats.keys = keys.map.len() as u64;
        let producers = home.with_log(|log| log.last_records());
        let rules = Rules {
            keys: &keys,
            producers: &producers,
            now_ms: pass.now_ms,
            delete_retention_ms: self.config.delete_retention_ms,
            upper: to,
        };
        // Segments before the log's start only wait for their removal.
        let dead = (0..self.view.segments.len()).take_while(|n| self.view.upper(*n) <= self.view.ends.log_start);
        let until = self.view.segments.partition_point(|s| s.base() < keys.end);
        let segments = self.view.segments.get(dead.count()..until).unwrap_or_default();
        let mut txns = Txns::default();
        for range in groups::group(segments, &self.config, to)? {
            let group = segments.get(range).unwrap_or_default();
            stats.segments_before += group.len() as u64;
            let (new, changed) = self.write_group(group, &rules, &mut txns, &mut tools, &mut stats, pace)?;
            stats.segments_after += 1;
            if group.len() == 1 && !changed {
                output::discard(&new);
            } else if let Some(dead) = swap_in::swap_in(home, group, &new)? {
                bury(dead);
            }
        }
        Ok(Cleaned { up_to: keys.end, stats })
    }

    /// Writes what stays of a group of neighbours as one segment. Also tells whether anything was left out or altered.
    fn write_group(
        &self,
        group: &[Arc<Segment>],
        rules: &Rules<'_>,
        txns: &mut Txns,
        tools: &mut Tools,
        stats: &mut Stats,
        pace: &mut dyn Pace,
    ) -> Result<(Arc<Segment>, bool), CleanError> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Err(CleanError::Interrupted) };
        let Tools { buffer, out, scratch, io_buffer_bytes } = tools;
        let interval_bytes = self.config.index_interval_bytes;
        let mut output =
            Output::create(&self.place, first.base(), last.modified_ms()?, out, *io_buffer_bytes, interval_bytes)?;
        let mut changed = false;
        for segment in group {
            let upper = self.view.upper(self.view.index_of(segment.base()));
            let written = self.view.aborted_txns(segment.base(), upper).map_err(CleanError::from).and_then(|aborted| {
                txns.add_aborted(aborted);
                copy(segment, &mut output, rules, txns, (buffer, scratch, *io_buffer_bytes), stats, pace)
            });
            match written {
                Ok(touched) => changed |= touched,
                Err(e) => {
                    output.discard();
                    return Err(e);
                }
            }
        }
        match output.finish(pace) {
            Ok(new) => Ok((new, changed)),
            Err((segment, e)) => {
                output::discard(&segment);
                Err(e)
            }
        }
    }
}

/// Copies what stays of one segment. True when that is not everything as it was.
fn copy(
    segment: &Segment,
    output: &mut Output<'_>,
    rules: &Rules<'_>,
    txns: &mut Txns,
    (buffer, scratch, io_buffer_bytes): (&mut Vec<u8>, &mut Scratch, usize),
    stats: &mut Stats,
    pace: &mut dyn Pace,
) -> Result<bool, CleanError> {
    let file = segment.log_file()?;
    let mut batches = Batches::new(segment, &*file, 0, buffer, io_buffer_bytes);
    let mut changed = false;
    while let Some((position, header, batch)) = batches.next(pace)? {
        stats.bytes_read += batch.len() as u64;
        let mut still_aborted = None;
        let stays = rules
            .apply(&header, batch, txns, scratch, stats, |txn| still_aborted = Some(txn))
            .map_err(|e| source::damaged(segment, position, e.to_string()))?;
        if let Some(txn) = still_aborted {
            output.add_aborted_txn(txn)?;
        }
        match stays {
            None => changed = true,
            Some(batch) => {
                stats.bytes_written += batch.len() as u64;
                changed |= matches!(batch, Cow::Owned(_));
                let header = match &batch {
                    Cow::Borrowed(_) => header,
                    Cow::Owned(new) => {
                        BatchHeader::parse(new).map_err(|e| source::damaged(segment, position, e.to_string()))?
                    }
                };
                output.put(&header, &batch, pace)?;
            }
        }
    }
    Ok(changed)
}
