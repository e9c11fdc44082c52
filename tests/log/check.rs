//! Looking for damage, and mending it, on logs that were damaged on purpose.

use std::io::IoSlice;
use std::path::{Path, PathBuf};

use ottla::disk::{Disk, Open, SimDisk};
use ottla::log::check::{self, Checked, Severity};
use ottla::log::{Opening, PartitionLog, UpTo};
use ottla::model::Offset;

use super::support::*;

const DIR: &str = "/logs/t-0";

/// A closed log of 100 batches in several segments, and the bases of those.
fn closed(disk: &SimDisk) -> (Opening, Vec<Offset>) {
    let mut log = PartitionLog::create(env(&disk.shared(), Path::new(DIR), &small_segments()), 0).unwrap();
    for n in 0..100 {
        append(&mut log, &batch(n, 2, n as i64)).unwrap();
    }
    let bases = log.reader().segments().unwrap().iter().map(|s| s.base()).collect();
    (close(&mut log, disk), bases)
}

fn file(base: Offset, suffix: &str) -> PathBuf {
    Path::new(DIR).join(format!("{:020}{suffix}", base.0))
}

fn flip(disk: &SimDisk, path: &Path, at: u64) {
    let file = disk.open(path, Open::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, at).unwrap();
    file.write_all_at(&[IoSlice::new(&[byte[0] ^ 0x40])], at).unwrap();
}

fn look(disk: &SimDisk, opening: &Opening) -> Checked {
    check::partition(disk, Path::new(DIR), opening.recovery_point).unwrap()
}

fn mend_all(disk: &SimDisk, checked: &Checked) {
    checked.findings.iter().for_each(|finding| check::mend(disk, finding).unwrap());
}

#[test]
fn a_sound_log_has_nothing_to_tell() {
    let disk = SimDisk::new();
    let (opening, bases) = closed(&disk);
    let checked = look(&disk, &opening);
    assert_eq!(checked.findings, []);
    assert_eq!((checked.segments, checked.batches, checked.end), (bases.len(), 100, Offset(200)));
}

#[test]
fn damage_amid_a_sealed_segment_is_taken_out_and_all_else_kept() {
    let disk = SimDisk::new();
    let (opening, bases) = closed(&disk);
    let unclean = Opening { clean: false, recovery_point: Offset(0), ..opening };
    let before = {
        let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening).unwrap();
        log.ensure_loaded().unwrap();
        read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd)
    };
    // In the payload of one batch, and in the length of another.
    flip(&disk, &file(bases[1], ".log"), 70);
    let size = disk.stat(&file(bases[2], ".log")).unwrap().unwrap().size_bytes;
    flip(&disk, &file(bases[2], ".log"), 8);
    let checked = look(&disk, &opening);
    assert_eq!(checked.findings.iter().filter(|f| f.severity == Severity::Damage).count(), 2, "{:?}", checked.findings);
    mend_all(&disk, &checked);
    assert_eq!(look(&disk, &opening).findings, []);
    assert_eq!(disk.stat(&file(bases[2], ".log.damaged")).unwrap().unwrap().size_bytes, size);
    for opening in [opening, Opening { recovery_point: opening.recovery_point, ..unclean }] {
        let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening).unwrap();
        log.ensure_loaded().unwrap();
        let after = read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LogEnd);
        let lost: Vec<Offset> = before.iter().filter(|b| !after.contains(b)).map(|(base, _)| *base).collect();
        assert_eq!(lost, [bases[1], bases[2]]);
        assert_eq!(log.log_end(), Offset(200));
    }
}

#[test]
fn a_torn_tail_is_no_damage_beyond_the_recovery_point_only() {
    let disk = SimDisk::new();
    let (opening, bases) = closed(&disk);
    let last = file(*bases.last().unwrap(), ".log");
    let size = disk.stat(&last).unwrap().unwrap().size_bytes;
    disk.open(&last, Open::ReadWrite).unwrap().truncate(size - 3).unwrap();
    assert!(look(&disk, &opening).is_damaged());
    let checked = look(&disk, &Opening { recovery_point: Offset(100), ..opening });
    assert!(!checked.is_damaged() && !checked.findings.is_empty(), "{:?}", checked.findings);
}

#[test]
fn indexes_and_small_files_that_lie_are_found_and_removed() {
    let disk = SimDisk::new();
    let (opening, bases) = closed(&disk);
    flip(&disk, &file(bases[0], ".index"), 3);
    flip(&disk, &file(bases[1], ".snapshot"), 2);
    let epochs = disk.open(&Path::new(DIR).join("leader-epoch-checkpoint"), Open::ReadWrite).unwrap();
    epochs.write_all_at(&[IoSlice::new(b"9")], 0).unwrap();
    let checked = look(&disk, &opening);
    assert_eq!(checked.findings.len(), 3, "{:?}", checked.findings);
    mend_all(&disk, &checked);
    assert_eq!(look(&disk, &opening).findings, []);
}
