//! What a log does while nothing goes wrong.

use std::sync::Arc;

use ottla::disk::{Disk, RealDisk};
use ottla::log::{AppendError, LogConfig, Opening, PartitionLog, ReadError, UpTo};
use ottla::model::Offset;

use super::support::*;

fn on_real_disk(test: impl Fn(&Arc<dyn Disk>, &std::path::Path)) {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    test(&disk, &dir.path().join("t-0"));
}

#[test]
fn what_was_appended_is_read_back_across_segments_and_reopening() {
    on_real_disk(|disk, dir| {
        let mut log = PartitionLog::create(env(disk, dir, &small_segments()), 0).unwrap();
        let batches: Vec<_> = (0..200).map(|n| batch(n, 1 + (n % 3) as usize, 1_000 + n as i64)).collect();
        let mut expected = Vec::new();
        for b in &batches {
            let done = append(&mut log, b).unwrap();
            assert!(!done.duplicate);
            expected.push((done.base_offset, payload(b)));
        }
        for max_bytes in [1, 300, 1 << 20] {
            assert_eq!(read_all(&log.reader(), Offset(0), max_bytes, UpTo::LogEnd), expected);
        }
        assert!(log.reader().segments().unwrap().len() > 5);
        let opening = close(&mut log, &**disk);
        assert_eq!(opening.recovery_point, log.log_end());
        drop(log);

        let mut log = PartitionLog::open(env(disk, dir, &small_segments()), opening).unwrap();
        assert!(!log.is_loaded());
        assert_eq!(log.log_end(), opening.recovery_point);
        assert!(matches!(log.reader().read(Offset(0), 100, UpTo::LogEnd, true), Err(ReadError::NotLoaded)));
        log.ensure_loaded().unwrap();
        assert_eq!(read_all(&log.reader(), Offset(0), 400, UpTo::LogEnd), expected);
        let done = append(&mut log, &batch(777, 2, 5_000)).unwrap();
        assert_eq!(done.base_offset, opening.recovery_point);
        expected.push((done.base_offset, payload(&batch(777, 2, 5_000))));
        assert_eq!(read_all(&log.reader(), Offset(0), 400, UpTo::LogEnd), expected);
    });
}

#[test]
fn a_read_from_inside_a_batch_gives_the_whole_batch() {
    on_real_disk(|disk, dir| {
        let mut log = PartitionLog::create(env(disk, dir, &LogConfig::default()), 0).unwrap();
        for n in 0..50 {
            append(&mut log, &batch(n, 10, 0)).unwrap();
        }
        let reader = log.reader();
        for asked in [0, 9, 10, 255, 499] {
            let slice = reader.read(Offset(asked), 1, UpTo::LogEnd, true).unwrap().unwrap();
            assert_eq!(slice.base_offset, Offset(asked / 10 * 10));
            assert_eq!(slice.end_offset, Offset(asked / 10 * 10 + 10));
        }
        assert!(reader.read(Offset(3), 1, UpTo::LogEnd, false).unwrap().is_none());
        assert!(reader.read(Offset(500), 1, UpTo::LogEnd, true).unwrap().is_none());
        let beyond = reader.read(Offset(501), 1, UpTo::LogEnd, true).unwrap_err();
        assert!(matches!(beyond, ReadError::OutOfRange { log_end: Offset(500), .. }));
    });
}

#[test]
fn readers_stop_at_the_high_watermark() {
    on_real_disk(|disk, dir| {
        let mut log = PartitionLog::create(env(disk, dir, &small_segments()), 0).unwrap();
        for n in 0..100 {
            append(&mut log, &batch(n, 2, 0)).unwrap();
        }
        let reader = log.reader();
        assert!(reader.read(Offset(0), 1 << 20, UpTo::HighWatermark, true).unwrap().is_none());
        for high in [2, 30, 78, 200] {
            assert!(log.advance_high_watermark(Offset(high)));
            let seen = read_all(&reader, Offset(0), 1 << 20, UpTo::HighWatermark);
            assert_eq!(seen.len() as i64, high / 2);
        }
        assert!(!log.advance_high_watermark(Offset(100)));
        assert_eq!(log.ends().high_watermark, Offset(200));
    });
}

#[test]
fn duplicates_get_their_first_offsets_also_after_reopening() {
    on_real_disk(|disk, dir| {
        let mut log = PartitionLog::create(env(disk, dir, &small_segments()), 0).unwrap();
        append(&mut log, &batch(0, 5, 0)).unwrap();
        let first = append(&mut log, &produced(1, 3, 7, 0, 0, false)).unwrap();
        let again = append(&mut log, &produced(1, 3, 7, 0, 0, false)).unwrap();
        assert!(again.duplicate);
        assert_eq!((again.base_offset, again.last_offset), (first.base_offset, first.last_offset));
        let gap = append(&mut log, &produced(2, 1, 7, 0, 4, false)).unwrap_err();
        assert!(matches!(gap, AppendError::OutOfOrderSequence { .. }), "{gap}");
        let end = log.log_end();
        let opening = close(&mut log, &**disk);
        let mut log = PartitionLog::open(env(disk, dir, &small_segments()), opening).unwrap();
        assert!(append(&mut log, &produced(1, 3, 7, 0, 0, false)).unwrap().duplicate);
        assert_eq!(append(&mut log, &produced(2, 1, 7, 0, 3, false)).unwrap().base_offset, end);
    });
}

#[test]
fn offsets_are_found_by_time() {
    on_real_disk(|disk, dir| {
        let mut log = PartitionLog::create(env(disk, dir, &small_segments()), 0).unwrap();
        assert_eq!(log.reader().offset_for_time(0).unwrap(), None);
        assert_eq!(log.reader().max_timestamp().unwrap(), None);
        for n in 0..100u64 {
            append(&mut log, &batch(n, 2, 1_000 + 10 * (n as i64))).unwrap();
        }
        for _ in 0..2 {
            let reader = log.reader();
            for (asked, found) in [(0, 0), (1_000, 0), (1_001, 2), (1_500, 100), (1_985, 198), (1_990, 198)] {
                let record = reader.offset_for_time(asked).unwrap().unwrap();
                assert_eq!(record.offset, Offset(found), "asked for {asked}");
            }
            assert_eq!(reader.offset_for_time(1_991).unwrap(), None);
            let max = reader.max_timestamp().unwrap().unwrap();
            assert_eq!((max.timestamp_ms, max.offset), (1_990, Offset(198)));
            let opening = close(&mut log, &**disk);
            log = PartitionLog::open(env(disk, dir, &small_segments()), opening).unwrap();
            log.ensure_loaded().unwrap();
        }
    });
}

#[test]
fn a_torn_tail_is_cut_and_the_rest_is_kept() {
    on_real_disk(|disk, dir| {
        let config = LogConfig::default();
        let mut log = PartitionLog::create(env(disk, dir, &config), 0).unwrap();
        let mut expected = Vec::new();
        for n in 0..20 {
            let b = batch(n, 3, 0);
            expected.push((append(&mut log, &b).unwrap().base_offset, payload(&b)));
        }
        let path = dir.join("00000000000000000000.log");
        drop(log);
        let file = disk.open(&path, ottla::disk::Open::ReadWrite).unwrap();
        file.truncate(file.size_bytes().unwrap() - 5).unwrap();
        let opening = Opening { clean: false, ..Opening::fresh(0) };
        let mut log = PartitionLog::open(env(disk, dir, &config), opening).unwrap();
        expected.pop();
        assert_eq!(read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd), expected);
        assert_eq!(append(&mut log, &batch(99, 1, 0)).unwrap().base_offset, Offset(57));
    });
}
