//! One line a minute for each log at the most, with what was done since the last.

use std::collections::HashMap;

use parking_lot::Mutex;
use tracing::info;

use crate::log::cleaner::{Cleaned, Stats};
use crate::model::{Offset, TopicPartition};

const BETWEEN_LINES_MS: i64 = 60_000;

#[derive(Default)]
pub struct Reports(Mutex<HashMap<TopicPartition, Told>>);

struct Told {
    last_ms: i64,
    passes: u64,
    sum: Stats,
}

impl Reports {
    /// Tells of a pass, or keeps it for later.
    pub fn tell(&self, name: &TopicPartition, cleaned: &Cleaned, took_ms: i64, now_ms: i64) {
        if let Some(line) = self.note(name, cleaned, took_ms, now_ms) {
            info!("{line}");
        }
    }

    fn note(&self, name: &TopicPartition, cleaned: &Cleaned, took_ms: i64, now_ms: i64) -> Option<String> {
        let mut all = self.0.lock();
        let told = all.entry(name.clone()).or_insert_with(|| Told {
            last_ms: now_ms.saturating_sub(BETWEEN_LINES_MS),
            passes: 0,
            sum: Stats::default(),
        });
        told.passes += 1;
        let (sum, stats) = (&mut told.sum, &cleaned.stats);
        sum.bytes_read += stats.bytes_read;
        sum.bytes_written += stats.bytes_written;
        sum.records_read += stats.records_read;
        sum.records_kept += stats.records_kept;
        sum.records_without_key += stats.records_without_key;
        if now_ms.saturating_sub(told.last_ms) < BETWEEN_LINES_MS {
            return None;
        }
        let line = line(name, cleaned.up_to, stats, told, took_ms);
        *told = Told { last_ms: now_ms, passes: 0, sum: Stats::default() };
        Some(line)
    }

    pub fn forget<'a>(&self, names: impl Iterator<Item = &'a TopicPartition>) {
        let mut all = self.0.lock();
        for name in names {
            all.remove(name);
        }
    }
}

fn line(name: &TopicPartition, up_to: Offset, last: &Stats, told: &Told, took_ms: i64) -> String {
    let sum = &told.sum;
    let passes = match told.passes {
        1 => format!("{} segments into {}", last.segments_before, last.segments_after),
        n => format!("in {n} passes"),
    };
    let keyless = match sum.records_without_key {
        0 => String::new(),
        n => format!(", {n} dropped for want of a key"),
    };
    format!(
        "Compacted {name} up to offset {up_to}, {passes}: kept {} of {} records and {} of {} bytes{keyless} (the last \
         pass took {took_ms} ms and {} bytes of memory for {} keys)",
        sum.records_kept, sum.records_read, sum.bytes_written, sum.bytes_read, last.map_bytes, last.keys
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_of_once_a_minute_and_nothing_is_left_out() {
        let (reports, name) = (Reports::default(), TopicPartition::new("t", 3));
        let stats =
            Stats { records_read: 10, records_kept: 4, segments_before: 3, segments_after: 1, ..Stats::default() };
        let cleaned = Cleaned { up_to: Offset(7), stats };
        let first = reports.note(&name, &cleaned, 5, 0).unwrap();
        assert!(first.contains("t-3 up to offset 7, 3 segments into 1: kept 4 of 10 records"), "{first}");
        let quiet = (1..4).all(|n| reports.note(&name, &cleaned, 5, n * 15_000).is_none());
        assert!(quiet);
        let second = reports.note(&name, &cleaned, 5, 60_000).unwrap();
        assert!(second.contains("in 4 passes: kept 16 of 40 records"), "{second}");
    }
}
