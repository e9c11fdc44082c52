//! Logs that Apache Kafka 4.3 wrote, and what its cleaner left of them: ours leaves the same.
//!
//! `tests/data/kafka-4.3-compaction` holds three rounds of one partition before and after a pass of Kafka's cleaner, with
//! keyless records from a time before compaction, tombstones, every codec, committed and aborted transactions, and
//! producers whose last record a newer one had made worthless. Markers and tombstones get their horizon in one round and
//! go in a later one.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ottla::disk::{Disk, RealDisk};
use ottla::log::checkpoint;
use ottla::log::cleaner::{Limits, Pass, Unhurried};
use ottla::log::{LogConfig, Opening, PartitionLog, UpTo, metadata_file};
use ottla::model::{Offset, TopicPartition};
use ottla::records::{BatchHeader, RecordIter, Scratch};

use super::world::{Alone, batches};
use crate::support::env;

const DELETE_RETENTION_MS: i64 = 4_000;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kafka-4.3-compaction").join(name)
}

fn checkpointed(dir: &Path) -> Offset {
    let read = checkpoint::read(&RealDisk, &dir.join(checkpoint::CLEANER)).unwrap().unwrap();
    read[&TopicPartition::new("g", 0)]
}

/// Opens a copy of a directory as after a clean stop.
fn open(from: &Path, to: &Path, now_ms: i64) -> PartitionLog {
    // Where the log ends is found by a scan, which makes indexes of its own: on another copy.
    let scanned = to.with_extension("scanned");
    for copy in [to, &scanned] {
        std::fs::create_dir_all(copy).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let config = LogConfig {
        compact: true,
        delete: false,
        delete_retention_ms: DELETE_RETENTION_MS,
        index_interval_bytes: 300,
        segment_index_bytes: 4096,
        ..LogConfig::default()
    };
    let mut env = env(&disk, to, &config);
    let id = std::fs::read(to.join(metadata_file::FILE_NAME)).unwrap();
    env.topic_id = metadata_file::decode(&id).unwrap();
    let mut scan = env.clone();
    scan.dir = scanned;
    let cleaned_to = Offset(i64::MAX);
    let end =
        PartitionLog::open(scan, Opening { clean: false, cleaned_to, ..Opening::fresh(now_ms) }).unwrap().log_end();
    let opening = Opening { recovery_point: end, high_watermark: end, ..Opening::fresh(now_ms) };
    let mut log = PartitionLog::open(env, opening).unwrap();
    log.ensure_loaded().unwrap();
    log
}

#[derive(Debug, PartialEq)]
struct Batch {
    /// Without what a codec's implementation decides.
    header: BatchHeader,
    /// Offset, timestamp, key, value.
    records: Vec<(Offset, i64, Option<Bytes>, Option<Bytes>)>,
}

fn content(log: &PartitionLog) -> Vec<Batch> {
    let decode = |(header, payload): (BatchHeader, Bytes)| {
        let mut scratch = Scratch::new();
        let records = scratch.records(header.codec().unwrap(), &payload, 1 << 20).unwrap();
        let copy = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
        let records = RecordIter::new(records, header.record_count)
            .map(Result::unwrap)
            .map(|r| (r.offset(&header), r.timestamp(&header), copy(r.key), copy(r.value)))
            .collect();
        Batch { header: BatchHeader { length: 0, crc: 0, ..header }, records }
    };
    batches(&log.reader(), UpTo::LogEnd).into_iter().map(decode).collect()
}

/// Kafka's clock when it cleaned: the newest horizon tells, if this round set one. `about_ms` is when that was, within
/// seconds; rounds lie further apart.
fn cleaned_at_ms(after: &[Batch], about_ms: i64) -> i64 {
    let set_at = |b: &Batch| b.header.delete_horizon_ms().map(|horizon| horizon - DELETE_RETENTION_MS);
    let this_round = |at: &i64| (at - about_ms).abs() < 10_000;
    after.iter().filter_map(set_at).filter(this_round).max().unwrap_or(about_ms)
}

#[test]
fn what_kafkas_cleaner_leaves_is_what_ours_leaves() {
    for round in 1..=3 {
        let tmp = tempfile::tempdir().unwrap();
        let after_dir = fixture(&format!("after{round}"));
        let begun_ms: i64 = std::fs::read_to_string(after_dir.join("now")).unwrap().parse().unwrap();
        let kafkas = open(&after_dir, &tmp.path().join("kafka"), begun_ms);
        let expected = content(&kafkas);
        let now_ms = cleaned_at_ms(&expected, begun_ms);
        let log = open(&fixture(&format!("before{round}")), &tmp.path().join("ours"), begun_ms);
        let log = RefCell::new(log);
        let cleaned_to = (round > 1).then(|| checkpointed(&fixture(&format!("after{}", round - 1))));
        let to_clean = log.borrow_mut().to_clean().unwrap();
        let survey = to_clean.survey(cleaned_to, now_ms).unwrap();
        let limits = Limits { map_bytes: 1 << 20, map_load_factor: 0.9, io_buffer_bytes: 1 << 16 };
        let pass = Pass { survey: &survey, limits: &limits, secret: (1, 2), now_ms };
        let cleaned = to_clean.clean(&pass, &Alone(&log), &mut Unhurried, drop).unwrap();
        assert_eq!(cleaned.up_to, checkpointed(&after_dir), "round {round}: cleaned up to");
        let found = content(&log.borrow());
        for (ours, kafkas) in found.iter().zip(&expected) {
            assert_eq!(ours, kafkas, "round {round}");
        }
        assert_eq!(found.len(), expected.len(), "round {round}: batches");
        let bases =
            |log: &PartitionLog| -> Vec<Offset> { log.reader().segments().unwrap().iter().map(|s| s.base()).collect() };
        assert_eq!(bases(&log.borrow()), bases(&kafkas), "round {round}: segments");
        let end = log.borrow().log_end();
        let aborted = |log: &PartitionLog| log.reader().aborted_txns(Offset(0), end).unwrap();
        assert_eq!(aborted(&log.borrow()), aborted(&kafkas), "round {round}: aborted transactions");
    }
}
