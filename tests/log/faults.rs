//! Disks that refuse, fail and rot: each has a defined answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla::disk::{Disk, Open, RealDisk, SimDisk, read_small, write_atomically};
use ottla::log::{AppendError, LogConfig, OpenError, Opening, PartitionLog, UpTo};
use ottla::model::{ErrorCode, Offset};

use super::support::*;

const DIR: &str = "/logs/t-0";

fn filled(disk: &SimDisk, batches: u64) -> PartitionLog {
    let mut log = PartitionLog::create(env(&disk.shared(), Path::new(DIR), &small_segments()), 0).unwrap();
    for n in 0..batches {
        append(&mut log, &batch(n, 2, n as i64)).unwrap();
    }
    log
}

fn file(name: &str) -> std::path::PathBuf {
    Path::new(DIR).join(name)
}

#[test]
fn a_full_disk_refuses_the_write_and_takes_the_next_when_there_is_room() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 10);
    let before = read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd);
    disk.set_capacity(Some(0));
    for _ in 0..3 {
        let refused = append(&mut log, &produced(99, 2, 5, 0, 0, false)).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::KafkaStorageError);
    }
    assert_eq!(read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd), before);
    disk.set_capacity(None);
    // Nothing of the refused batch is remembered, so its retry is no duplicate.
    let done = append(&mut log, &produced(99, 2, 5, 0, 0, false)).unwrap();
    assert_eq!((done.base_offset, done.duplicate), (Offset(20), false));
}

#[test]
fn a_roll_on_a_full_disk_leaves_the_log_as_it_was() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 10);
    disk.set_capacity(Some(0));
    assert!(log.roll(0).is_err());
    disk.set_capacity(None);
    append(&mut log, &batch(50, 1, 0)).unwrap();
    log.roll(0).unwrap();
    append(&mut log, &batch(51, 1, 0)).unwrap();
    let mut log = reopen_unclean(&disk.killed_image(), Offset(0)).unwrap();
    log.ensure_loaded().unwrap();
    assert_eq!(read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd).len(), 12);
}

#[test]
fn half_a_write_is_taken_back() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 3);
    disk.fail_next_write(".log");
    assert!(append(&mut log, &batch(7, 40, 0)).is_err());
    assert_eq!(append(&mut log, &batch(8, 1, 0)).unwrap().base_offset, Offset(6));
    let expected = read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd);
    let log = reopen_unclean(&disk.killed_image(), Offset(0)).unwrap();
    assert_eq!(read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd), expected);
}

#[test]
fn a_failed_sync_is_reported_and_the_log_then_takes_nothing_more() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 3);
    disk.fail_next_sync(".log");
    let why = sync(&mut log, &disk).unwrap_err();
    assert_eq!(log.synced_to(), Offset(0));
    log.fail(why.to_string());
    assert!(matches!(append(&mut log, &batch(9, 1, 0)), Err(AppendError::Failed(_))));
    assert_eq!(read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd).len(), 3);
}

fn reopen_unclean(disk: &SimDisk, recovery_point: Offset) -> Result<PartitionLog, OpenError> {
    let opening = Opening { clean: false, recovery_point, ..Opening::fresh(0) };
    PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening)
}

fn flip(disk: &SimDisk, name: &str, at: u64) {
    let file = disk.open(&file(name), Open::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, at).unwrap();
    byte[0] ^= 0x40;
    file.write_all_at(&[std::io::IoSlice::new(&byte)], at).unwrap();
}

#[test]
fn damage_below_the_recovery_point_is_not_cut_away() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 100);
    let segments: Vec<Offset> = log.reader().segments().unwrap().iter().map(|s| s.base()).collect();
    sync(&mut log, &disk).unwrap();
    let safe = log.log_end();
    drop(log);
    let last = format!("{:020}.log", segments.last().unwrap().0);
    let before = read_small(&disk, &file(&last)).unwrap();
    flip(&disk, &last, 30);
    let Err(refused) = reopen_unclean(&disk, safe) else { panic!("damage was not noticed") };
    assert!(matches!(refused, OpenError::Damaged { position: 0, .. }), "{refused}");
    assert_eq!(read_small(&disk, &file(&last)).unwrap().map(|b| b.len()), before.map(|b| b.len()));
    // The same beyond the recovery point is a torn write.
    let log = reopen_unclean(&disk, Offset(0)).unwrap();
    assert_eq!(log.log_end(), *segments.last().unwrap());
}

#[test]
fn a_cut_file_below_the_recovery_point_is_damage_too() {
    let disk = SimDisk::new();
    let log = filled(&disk, 100);
    let safe = log.log_end();
    let last = log.reader().segments().unwrap().last().unwrap().base();
    drop(log);
    disk.open(&file(&format!("{:020}.log", last.0)), Open::ReadWrite).unwrap().truncate(0).unwrap();
    assert!(matches!(reopen_unclean(&disk, safe), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_torn_segment_takes_its_followers_with_it() {
    let disk = SimDisk::new();
    let log = filled(&disk, 100);
    let second = log.reader().segments().unwrap()[1].base();
    drop(log);
    flip(&disk, &format!("{:020}.log", second.0), 30);
    let mut log = reopen_unclean(&disk, Offset(0)).unwrap();
    assert_eq!(log.log_end(), second);
    assert_eq!(append(&mut log, &batch(1, 1, 0)).unwrap().base_offset, second);
    assert_eq!(log.reader().segments().unwrap().len(), 2);
}

#[test]
fn indexes_that_are_gone_cut_or_wrong_do_not_change_what_is_found() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 200);
    let expected = read_all(&log.reader(), Offset(0), 300, UpTo::LogEnd);
    let opening = close(&mut log, &disk);
    let segments = log.reader().segments().unwrap();
    drop(log);
    let name = |n: usize, suffix: &str| file(&format!("{:020}{suffix}", segments[n].base().0));
    disk.remove_file(&name(0, ".index")).unwrap();
    disk.remove_file(&name(1, ".timeindex")).unwrap();
    disk.open(&name(2, ".index"), Open::ReadWrite).unwrap().truncate(11).unwrap();
    write_atomically(&disk, &name(3, ".index"), &[0xff; 16]).unwrap();
    // Entries that look sound and are not: everything is said to be in the second batch.
    let wrong: Vec<u8> = (1..40u32).flat_map(|n| [n.to_be_bytes(), 57u32.to_be_bytes()].concat()).collect();
    write_atomically(&disk, &name(4, ".index"), &wrong).unwrap();
    let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening).unwrap();
    log.ensure_loaded().unwrap();
    for max_bytes in [1, 300, 1 << 20] {
        assert_eq!(read_all(&log.reader(), Offset(0), max_bytes, UpTo::LogEnd), expected);
    }
    for n in 0..200 {
        let found = log.reader().offset_for_time(n).unwrap().unwrap();
        assert_eq!(found.offset, Offset(n * 2), "timestamp {n}");
    }
}

/// An index file is mapped while it is in use, and touching what was cut off a map would end the process.
#[test]
fn indexes_that_are_cut_while_they_are_mapped_are_built_anew() {
    let tmp = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let mut log = PartitionLog::create(env(&disk, &tmp.path().join("t-0"), &small_segments()), 0).unwrap();
    for n in 0..200 {
        append(&mut log, &batch(n, 2, n as i64)).unwrap();
    }
    let expected = read_all(&log.reader(), Offset(0), 300, UpTo::LogEnd);
    assert_eq!(log.reader().offset_for_time(1).unwrap().unwrap().offset, Offset(2));
    let dir = log.dir();
    let indexes = || {
        let files = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|e| e == "index" || e == "timeindex"))
    };
    let sizes: Vec<(PathBuf, u64)> = indexes().map(|path| (path.clone(), path.metadata().unwrap().len())).collect();
    for left in [0, 8] {
        let open = |path| std::fs::OpenOptions::new().write(true).open(path).unwrap();
        sizes.iter().filter(|(_, size)| *size > left).for_each(|(path, _)| open(path).set_len(left).unwrap());
        assert_eq!(read_all(&log.reader(), Offset(0), 300, UpTo::LogEnd), expected);
        for n in 0..200 {
            assert_eq!(log.reader().offset_for_time(n).unwrap().unwrap().offset, Offset(n * 2), "timestamp {n}");
        }
    }
    append(&mut log, &batch(200, 2, 200)).unwrap();
    assert!(indexes().filter(|path| path.metadata().unwrap().len() > 8).count() > 5);
}

#[test]
fn a_directory_of_another_topic_is_refused() {
    let disk = SimDisk::new();
    drop(filled(&disk, 1));
    let mut other = env(&disk.shared(), Path::new(DIR), &LogConfig::default());
    other.topic_id = ottla::model::TopicId(uuid::Uuid::from_u128(2));
    let mut log = PartitionLog::open(other, Opening::fresh(0)).unwrap();
    assert!(matches!(log.ensure_loaded(), Err(OpenError::WrongTopic { .. })));
}

#[test]
fn a_read_only_disk_still_serves_reads() {
    let disk = SimDisk::new();
    let mut log = filled(&disk, 100);
    let expected = read_all(&log.reader(), Offset(0), 300, UpTo::LogEnd);
    let opening = close(&mut log, &disk);
    drop(log);
    let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening).unwrap();
    log.ensure_loaded().unwrap();
    disk.set_read_only(true);
    assert_eq!(append(&mut log, &batch(1, 1, 0)).unwrap_err().code(), ErrorCode::KafkaStorageError);
    assert_eq!(read_all(&log.reader(), Offset(0), 300, UpTo::LogEnd), expected);
}
