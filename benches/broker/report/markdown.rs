//! The table of the README: of all that was measured what most people ask about, ready to be pasted.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::results::{CaseResult, Results};
use super::stats::Samples;
use super::table::number;

/// A row: case, figure, what it is called. Of what happens in a second more is better, of the rest less.
type Row = (&'static str, &'static str, &'static str);

const PAGE_CACHE: &[Row] = &[
    ("produce 1KB in 64K x4", "cpu_us_per_op", "us of CPU per 1 KB record produced, 64 KiB batches"),
    ("produce 100B single x4", "cpu_us_per_op", "us of CPU per request with one 100-byte record"),
    ("fetch 1KB in 64K x4", "cpu_us_per_op", "us of CPU per 1 KB record fetched"),
    (
        "fetch committed 1KB in 16K x4",
        "cpu_of_uncommitted",
        "CPU to read committed records only, 1 % aborted, of that to read all",
    ),
    ("commits 200 in flight x16", "cpu_us_per_op", "us of CPU per offset commit, 200 in flight"),
    ("heartbeats of 10000 members", "core_percent", "% of a core for the heartbeats of 10 000 members, every 3 s"),
    (
        "heartbeats of 10000 members, new protocol",
        "core_percent",
        "% of a core for the same in the new protocol, every 5 s",
    ),
    ("group of 200 settles", "stable_ms", "ms until a group of 200 has settled"),
    ("group of 200 settles, new protocol", "stable_ms", "ms until a group of 200 has settled, new protocol"),
    ("group of 1000 settles, new protocol", "stable_ms", "ms until a group of 1 000 has settled, new protocol"),
    ("memory of a group of 1000", "group_mb", "MB that a group of 1 000 adds"),
    ("memory of a group of 1000, new protocol", "group_mb", "MB that a group of 1 000 adds, new protocol"),
    ("produce 1KB in 64K x1", "mb_per_s", "MB/s produced, 64 KiB batches, 1 connection"),
    ("produce 1KB in 64K x4", "mb_per_s", "the same, 4 connections"),
    ("produce 100B single x4", "ops_per_s", "requests with one 100-byte record a second, 4 connections"),
    ("fetch 1KB in 64K x1", "mb_per_s", "MB/s fetched, 1 consumer"),
    ("fetch 1KB in 64K x4", "mb_per_s", "the same, 4 consumers"),
    ("both 1KB in 64K, 1+1", "mb_per_s", "MB/s produced and fetched at once"),
    ("latency end to end, 1000/s", "e2e_p50_us", "us from producer to consumer at 1 000 a second, median"),
    ("latency end to end, 1000/s", "e2e_p99_us", "the same, 99 of 100 within"),
    ("burst over 100 partitions", "burst_p50_us", "us until a burst over 100 partitions is acknowledged, median"),
    ("start empty", "first_answer_ms", "ms from start to first answer, empty directory"),
    ("start 1000 partitions, clean", "first_answer_ms", "the same, 1 000 partitions"),
    ("start 10000 partitions, clean", "first_answer_ms", "the same, 10 000 partitions"),
    ("start empty", "resident_mb", "MB resident, idle"),
    ("produce 1KB in 64K x4", "peak_mb", "MB resident at most while producing"),
];

const SYNCED: &[Row] = &[
    ("produce 1KB in 64K x1", "mb_per_s", "MB/s produced, 64 KiB batches, 1 connection"),
    ("produce 1KB in 64K x4", "mb_per_s", "the same, 4 connections"),
    ("produce 100B single x4", "ops_per_s", "requests with one 100-byte record a second, 4 connections"),
    ("latency end to end, 1000/s", "e2e_p50_us", "us from producer to consumer at 1 000 a second, median"),
    ("burst over 100 partitions", "burst_p50_us", "us until a burst over 100 partitions is acknowledged, median"),
    ("commits 200 in flight x16", "cpu_us_per_op", "us of CPU per offset commit, 200 in flight"),
];

pub fn write(results: &Results, path: &Path) -> Result<()> {
    std::fs::write(path, page(results))?;
    Ok(())
}

fn page(results: &Results) -> String {
    let mut page = String::from("| acknowledged from the page cache | Ottla | Kafka | |\n| --- | --- | --- | --- |\n");
    rows(&mut page, results, "page cache", PAGE_CACHE);
    let mut synced = String::new();
    rows(&mut synced, results, "synced", SYNCED);
    if !synced.is_empty() {
        page.push_str("| **acknowledged when synced** (Kafka: `log.flush.interval.messages=1`) | | | |\n");
        page.push_str(&synced);
    }
    let machine: Vec<String> = results.machine.iter().map(|(what, value)| format!("{what} {value}")).collect();
    let _ = writeln!(page, "\nTaken on {}; {}.", results.date, machine.join(", "));
    let limits = results.limits.names().into_iter();
    let limits: Vec<String> =
        limits.filter_map(|name| Some(format!("{name} {}", number(results.limits.median(name)?)))).collect();
    if !limits.is_empty() {
        let _ = writeln!(page, "The machine's limits in the same run, medians: {}.", limits.join(", "));
    }
    for note in &results.notes {
        let _ = writeln!(page, "Note: {note}.");
    }
    page
}

fn rows(page: &mut String, results: &Results, durability: &str, wanted: &[Row]) {
    for (name, metric, label) in wanted {
        let named = |case: &&CaseResult| case.name == *name && case.durability == durability;
        let Some(case) = results.cases.iter().find(named) else { continue };
        let more_is_better = metric.ends_with("_per_s");
        let ratio = match (case.ottla.median(metric), case.kafka.median(metric)) {
            (Some(ottla), Some(kafka)) if more_is_better => format!("{:.1}x", ottla / kafka),
            (Some(ottla), Some(kafka)) => format!("{:.1}x", kafka / ottla),
            _ => String::new(),
        };
        let _ = writeln!(page, "| {label} | {} | {} | {ratio} |", cell(&case.ottla, metric), cell(&case.kafka, metric));
    }
}

fn cell(samples: &Samples, metric: &str) -> String {
    samples
        .summary(metric)
        .map_or("-".into(), |s| format!("{} ({} to {})", number(s.median), number(s.min), number(s.max)))
}
