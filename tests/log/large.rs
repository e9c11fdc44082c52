//! Logs that have grown: many segments, many bytes, great offsets, long times.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ottla::disk::{Disk, RealDisk, SimDisk};
use ottla::log::{AppendCtx, LogConfig, Opening, PartitionLog, UpTo, Why};
use ottla::model::Offset;
use ottla::records::BatchBuilder;

use super::support::*;

const DIR: &str = "/logs/t-0";
const GB: u64 = 1 << 30;

fn reopened(disk: &SimDisk, config: &LogConfig, opening: Opening) -> PartitionLog {
    let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), config), opening).unwrap();
    log.ensure_loaded().unwrap();
    log
}

#[test]
fn thousands_of_segments_are_opened_read_and_forgotten() {
    const SEGMENTS: i64 = 3_000;
    let disk = SimDisk::new();
    let config = LogConfig { retention_ms: 1_000, ..small_segments() };
    let mut log = PartitionLog::create(env(&disk.shared(), Path::new(DIR), &config), 0).unwrap();
    for n in 0..SEGMENTS {
        append(&mut log, &batch(n as u64, 1, n)).unwrap();
        log.roll(n).unwrap();
    }
    let first_of = |log: &PartitionLog, offset| {
        log.reader().read(Offset(offset), 1, UpTo::LogEnd, true).unwrap().unwrap().base_offset
    };
    let unclean = reopened(&disk.killed_image(), &config, Opening { clean: false, ..Opening::fresh(0) });
    assert_eq!(unclean.log_end(), Offset(SEGMENTS));
    let opening = close(&mut log, &disk);
    let mut log = reopened(&disk, &config, opening);
    log.advance_high_watermark(Offset(SEGMENTS));
    for offset in [0, 1, SEGMENTS / 2, SEGMENTS - 1] {
        assert_eq!(first_of(&log, offset), Offset(offset));
        assert_eq!(first_of(&unclean, offset), Offset(offset));
        assert_eq!(log.reader().offset_for_time(offset).unwrap().unwrap().offset, Offset(offset));
    }
    assert_eq!(log.reader().segments().unwrap().len() as i64, SEGMENTS + 1);
    let given_up = log.apply_retention(3_500).unwrap();
    assert_eq!(given_up.len(), 2_500);
    log.drop_dead_segments().unwrap().remove(&disk).unwrap();
    assert_eq!((log.log_start(), first_of(&log, 2_500)), (Offset(2_500), Offset(2_500)));
    assert_eq!(log.reader().segments().unwrap().len(), 501);
}

/// The first 61 bytes of a batch that says that a gigabyte follows, as the only bytes of a sparse file of that size.
fn sparse_segment(dir: &Path, n: i64, timestamp_ms: i64) {
    use std::os::unix::fs::FileExt;
    let mut head = batch(0, 1, timestamp_ms)[..61].to_vec();
    head[..8].copy_from_slice(&n.to_be_bytes());
    head[8..12].copy_from_slice(&((GB - 12) as i32).to_be_bytes());
    let file = std::fs::File::create(dir.join(format!("{n:020}.log"))).unwrap();
    file.set_len(GB).unwrap();
    file.write_all_at(&head, 0).unwrap();
}

#[test]
fn a_log_of_100_gigabytes_is_counted_searched_and_forgotten_by_size() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("t-0");
    std::fs::create_dir(&dir).unwrap();
    if std::fs::File::create(tmp.path().join("probe")).and_then(|probe| probe.set_len(100 * GB)).is_err() {
        return eprintln!("left out: no files of that size here");
    }
    (0..100).for_each(|n| sparse_segment(&dir, n, n * 1_000));
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let config = LogConfig { retention_ms: -1, retention_bytes: (40 * GB) as i64, ..LogConfig::default() };
    let opening = Opening { recovery_point: Offset(100), high_watermark: Offset(100), ..Opening::fresh(0) };
    let mut log = PartitionLog::open(env(&disk, &dir, &config), opening).unwrap();
    log.ensure_loaded().unwrap();
    assert_eq!((log.log_end(), log.reader().size_bytes().unwrap()), (Offset(100), 100 * GB));
    let segments = log.reader().segments().unwrap();
    assert_eq!(segments[71].max_timestamp().unwrap().map(|max| max.timestamp_ms), Some(71_000));
    let slice = log.reader().read(Offset(99), 1, UpTo::LogEnd, true).unwrap().unwrap();
    assert_eq!((slice.base_offset, slice.size_bytes), (Offset(99), GB));
    // The active segment is full, so the next batch begins another.
    assert_eq!(append(&mut log, &batch(1, 1, 0)).unwrap().base_offset, Offset(100));
    let given_up = log.apply_retention(0).unwrap();
    assert_eq!(given_up.iter().filter(|g| g.why == Why::Size).count(), 60);
    assert_eq!(log.log_start(), Offset(60));
}

#[test]
fn offsets_beyond_what_32_bits_count_are_found() {
    let disk = SimDisk::new();
    let far = 3_000_000_000_000;
    let at = |offset| Opening {
        recovery_point: Offset(offset),
        log_start: Offset(offset),
        high_watermark: Offset(offset),
        ..Opening::fresh(0)
    };
    let mut log = reopened(&disk, &LogConfig::default(), at(far));
    let wide = |delta: i32| -> Bytes {
        let mut builder = BatchBuilder::new(Offset(0)).last_offset_delta(delta);
        builder.append(5, Some(b"k"), Some(b"v"), &[]);
        builder.build()
    };
    let mut bases = Vec::new();
    for delta in [0, i32::MAX - 2, 0, 0, i32::MAX, 0, 7] {
        bases.push(append(&mut log, &wide(delta)).unwrap().base_offset);
    }
    let check = |log: &PartitionLog| {
        let found: Vec<Offset> =
            read_all(&log.reader(), Offset(far), 1 << 20, UpTo::LogEnd).into_iter().map(|(base, _)| base).collect();
        assert_eq!(found, bases);
        for pair in bases.windows(2) {
            let slice = log.reader().read(Offset(pair[1].0 - 1), 1, UpTo::LogEnd, true).unwrap().unwrap();
            assert_eq!(slice.base_offset, pair[0]);
        }
        let segments = log.reader().segments().unwrap();
        assert_eq!(segments.iter().map(|s| s.base()).collect::<Vec<_>>(), [bases[0], bases[3], bases[4], bases[5]]);
    };
    check(&log);
    check(&reopened(&disk.killed_image(), &LogConfig::default(), Opening { clean: false, ..at(far) }));
    let opening = close(&mut log, &disk);
    check(&reopened(&disk, &LogConfig::default(), opening));
}

#[test]
fn a_clock_that_goes_back_loses_nothing_and_stops_nothing() {
    let disk = SimDisk::new();
    let config = LogConfig { segment_ms: 1_000, retention_ms: 10_000, ..LogConfig::default() };
    let now = 1_000_000;
    let mut log = PartitionLog::create(env(&disk.shared(), Path::new(DIR), &config), now).unwrap();
    let put = |log: &mut PartitionLog, timestamp_ms: i64, now_ms: i64| {
        let bytes = batch(0, 1, timestamp_ms);
        let header = ottla::records::BatchHeader::parse(&bytes).unwrap();
        let appended = ottla::log::AppendBatch { header: &header, payload: &bytes[61..], guard: None };
        log.append(appended, &AppendCtx { now_ms, ..ctx() }).unwrap().base_offset.0
    };
    for (n, at) in [now, now + 500, now - 900_000, now - 899_000, now + 5_000].into_iter().enumerate() {
        assert_eq!(put(&mut log, at, at), n as i64);
    }
    log.advance_high_watermark(log.log_end());
    let bases: Vec<i64> = log.reader().segments().unwrap().iter().map(|s| s.base().0).collect();
    assert_eq!(bases, [0, 4], "only a record that is younger by segment.ms ends a segment");
    for now_ms in [0, now - 900_000, i64::MIN, now + 10_500] {
        assert_eq!(log.apply_retention(now_ms).unwrap(), [], "at {now_ms}");
    }
    assert_eq!(log.apply_retention(now + 10_501).unwrap().len(), 1);
    // Without timestamps the broker's own clock decides, whose return ends no segment.
    put(&mut log, -1, now - 900_000);
    assert_eq!(log.log_end(), Offset(6));
    let after = reopened(&disk.killed_image(), &config, Opening { clean: false, ..Opening::fresh(0) });
    assert_eq!(after.log_end(), Offset(6));
}
