//! What breaks while a log is cleaned, and after.

use ottla::disk::{Disk, Open};
use ottla::log::cleaner::{CleanError, Interrupted, Pace, Unhurried};
use ottla::log::{LogConfig, UpTo};
use ottla::model::Offset;
use std::io::IoSlice;
use std::path::Path;

use super::plain::{DIR, Plain, compacted};
use crate::support::{append, ctx, produced};

fn filled() -> Plain {
    let plain = Plain::new(compacted());
    for n in 0..120 {
        let value = format!("value {n} {}", "x".repeat(n % 50));
        plain.put(&[(&format!("k{}", n % 9), Some(&value)), (&format!("once{n}"), Some("y"))], 1_000 + n as i64);
    }
    plain.roll();
    plain.settle();
    plain
}

/// Ends the pass at the n-th piece of I/O.
struct Until(u64);

impl Pace for Until {
    fn spend(&mut self, _bytes: u64) -> Result<(), Interrupted> {
        self.0 = self.0.checked_sub(1).ok_or(Interrupted)?;
        Ok(())
    }
}

#[test]
fn a_pass_that_is_ended_anywhere_leaves_a_sound_log_and_nothing_behind() {
    let mut expected = filled();
    expected.clean(0);
    let mut pieces = 0;
    loop {
        let mut plain = filled();
        match plain.clean_at(0, &mut Until(pieces)) {
            Ok(_) => break,
            Err(e) => assert!(matches!(e, CleanError::Interrupted), "{e}"),
        }
        let names = plain.disk.list(Path::new(DIR)).unwrap();
        let left = names.iter().find(|e| e.name.ends_with(".cleaned") || e.name.ends_with(".swap"));
        assert_eq!(left, None, "after {pieces} pieces");
        assert_eq!(plain.records().last(), expected.records().last());
        plain.clean(0);
        assert_eq!(plain.records(), expected.records(), "after {pieces} pieces");
        pieces += 1;
    }
    assert!(pieces > 5);
}

#[test]
fn a_cleaned_log_needs_none_of_its_indexes() {
    let mut plain = filled();
    plain.clean(0);
    let (records, end) = (plain.records(), plain.log.borrow().log_end());
    for cut in [0, 5, 8] {
        let crashed = plain.disk.killed_image();
        for entry in crashed.list(Path::new(DIR)).unwrap() {
            let path = Path::new(DIR).join(&entry.name);
            if entry.name.ends_with("index") && cut == 0 {
                crashed.remove_file(&path).unwrap();
            } else if entry.name.ends_with("index") {
                crashed.open(&path, Open::ReadWrite).unwrap().truncate(cut).unwrap();
            }
        }
        let opening = ottla::log::Opening { recovery_point: end, high_watermark: end, ..ottla::log::Opening::fresh(0) };
        let again = Plain::open(crashed, compacted(), opening);
        assert_eq!(again.records(), records, "indexes cut to {cut}");
        let reader = again.log.borrow().reader();
        for (offset, ..) in &records {
            let slice = reader.read(Offset(*offset), 1, UpTo::LogEnd, true).unwrap().unwrap();
            assert!(slice.base_offset <= Offset(*offset) && slice.end_offset > Offset(*offset));
        }
    }
}

#[test]
fn segments_on_their_way_in_are_taken_in_at_the_next_start() {
    let plain = filled();
    let log = plain.log.borrow_mut().to_clean().unwrap();
    drop(log);
    let mut done = filled();
    done.clean(0);
    // The files of a finished pass under the names they have in the middle of it, beside the old ones.
    let disk = plain.disk.killed_image();
    let dir = Path::new(DIR);
    for entry in done.disk.list(dir).unwrap().iter().filter(|e| e.name.starts_with("00000000000000000000.")) {
        if entry.name.ends_with(".snapshot") {
            continue;
        }
        let bytes = ottla::disk::read_small(&done.disk, &dir.join(&entry.name)).unwrap().unwrap();
        let file = disk.open(&dir.join(format!("{}.swap", entry.name)), Open::Create).unwrap();
        file.write_all_at(&[IoSlice::new(&bytes)], 0).unwrap();
    }
    let recovery_point = plain.log.borrow_mut().recovery_point();
    let opening = ottla::log::Opening { clean: false, recovery_point, ..ottla::log::Opening::fresh(0) };
    let again = Plain::open(disk.clone(), compacted(), opening);
    let first_segment: Vec<_> = done.records().into_iter().filter(|(offset, ..)| *offset < 30).collect();
    let found: Vec<_> = again.records().into_iter().filter(|(offset, ..)| *offset < 30).collect();
    assert_eq!(found, first_segment);
    assert!(disk.list(dir).unwrap().iter().all(|e| !e.name.ends_with(".swap")));
    assert_eq!(again.records().last(), done.records().last());
}

#[test]
fn damage_stops_the_pass_and_changes_nothing() {
    let plain = filled();
    let segments = plain.segments();
    let path = Path::new(DIR).join("00000000000000000000.log");
    let file = plain.disk.open(&path, Open::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, 300).unwrap();
    file.write_all_at(&[IoSlice::new(&[byte[0] ^ 0x40])], 300).unwrap();
    let error = plain.clean_at(0, &mut Unhurried).unwrap_err();
    assert!(matches!(&error, CleanError::Damaged { segment, .. } if segment.contains("00000.log")), "{error}");
    assert_eq!(plain.segments(), segments);
}

#[test]
fn a_reader_keeps_the_bytes_that_it_has() {
    let mut plain = filled();
    let reader = plain.log.borrow().reader();
    let slice = reader.read(Offset(0), 1 << 20, UpTo::LogEnd, true).unwrap().unwrap();
    let bytes = |slice: &ottla::log::LogSlice| {
        let mut bytes = vec![0; slice.size_bytes as usize];
        ottla::disk::read_exact_at(&*slice.file, &mut bytes, slice.position).unwrap();
        bytes
    };
    let before = bytes(&slice);
    let size = plain.size_bytes();
    plain.clean(0);
    assert!(plain.size_bytes() < size);
    assert_eq!(bytes(&slice), before, "the files are gone, the bytes are not");
    let after = reader.read(Offset(0), 1 << 20, UpTo::LogEnd, true).unwrap().unwrap();
    assert_ne!(bytes(&after), before);
}

#[test]
fn retention_may_take_segments_that_are_being_cleaned() {
    /// Gives up the first half of the log when the pass has begun to write.
    struct Meddling<'a>(&'a Plain, u64);
    impl Pace for Meddling<'_> {
        fn spend(&mut self, _bytes: u64) -> Result<(), Interrupted> {
            self.1 += 1;
            if self.1 == 12 {
                let mut log = self.0.log.borrow_mut();
                log.delete_records(Offset(120)).unwrap();
                self.0.dead.borrow_mut().push(log.drop_dead_segments().unwrap());
            }
            Ok(())
        }
    }
    let plain = filled();
    plain.clean_at(0, &mut Meddling(&plain, 0)).unwrap();
    assert_eq!(plain.log.borrow().log_start(), Offset(120));
    let mut expected = filled();
    expected.clean(0);
    let kept: Vec<_> = expected.records().into_iter().filter(|(offset, ..)| *offset >= 121).collect();
    let found: Vec<_> = plain.records().into_iter().filter(|(offset, ..)| *offset >= 121).collect();
    assert_eq!(found, kept);
    assert_eq!(plain.crashed().records().last(), kept.last());
}

#[test]
fn two_hours_of_commits_stay_small() {
    // As the coordinator writes them: 40 groups of 5 partitions commit every five seconds, and a cleaner looks every 15.
    let config = LogConfig { segment_bytes: 256 << 10, index_interval_bytes: 4096, ..compacted() };
    let mut plain = Plain::new(config);
    let keys: Vec<String> = (0..200).map(|n| format!("group-{}/topic/{}", n / 5, n % 5)).collect();
    let value = "o".repeat(32);
    let (mut largest, mut passes, mut written) = (0, 0, 0u64);
    for second in (0..2 * 3600).step_by(5) {
        let now_ms = i64::from(second) * 1000;
        for group in keys.chunks(5) {
            let records: Vec<_> = group.iter().map(|key| (key.as_str(), Some(value.as_str()))).collect();
            plain.put(&records, now_ms);
            written += 1;
        }
        if second % 15 == 0 {
            plain.settle();
            let survey = plain.survey(now_ms);
            if survey.is_due(plain.log.borrow().config()) {
                plain.clean(now_ms);
                passes += 1;
            }
            largest = largest.max(plain.size_bytes());
        }
    }
    assert!(largest < 4 * (256 << 10), "it grew to {largest} bytes in {passes} passes over {written} batches");
    assert!(passes > 3);
    assert!(plain.segments() < 6);
    let newest: std::collections::HashMap<_, _> = plain.records().into_iter().map(|(o, key, _)| (key, o)).collect();
    assert_eq!(newest.len(), 200);
}

#[test]
fn a_reader_of_old_bytes_still_learns_which_of_them_were_aborted() {
    let mut plain = Plain::new(compacted());
    let end = ottla::log::EndTxn {
        producer_id: ottla::model::ProducerId(7),
        producer_epoch: ottla::model::ProducerEpoch(0),
        commit: false,
        coordinator_epoch: 0,
        transaction_version: 0,
    };
    plain.configure(|config| config.verify_transactions = false);
    {
        let mut log = plain.log.borrow_mut();
        append(&mut log, &produced(1, 3, 7, 0, 0, true)).unwrap();
        append(&mut log, &produced(2, 3, 7, 0, 3, true)).unwrap();
        log.append_marker(&end, &ctx()).unwrap();
    }
    plain.put(&[("a", Some("x"))], 0);
    plain.roll();
    plain.settle();
    let reader = plain.log.borrow().reader();
    let slice = reader.read(Offset(0), 1 << 20, UpTo::LastStable, true).unwrap().unwrap();
    plain.clean(0);
    plain.put(&[("a", Some("y"))], 0);
    plain.roll();
    plain.settle();
    plain.clean_at(0, &mut Unhurried).unwrap();
    let aborted = slice.aborted_txns(Offset(0)).unwrap();
    assert_eq!(aborted.iter().map(|t| (t.first_offset, t.last_offset)).collect::<Vec<_>>(), [(Offset(0), Offset(6))]);
    assert!(plain.records().iter().all(|(offset, ..)| *offset >= 6), "only the marker and what came after it stay");
}

/// Counts the bytes of a pass.
#[derive(Default)]
struct Counting(u64);

impl Pace for Counting {
    fn spend(&mut self, bytes: u64) -> Result<(), Interrupted> {
        self.0 += bytes;
        Ok(())
    }
}

#[test]
fn a_device_that_fails_in_the_middle_of_a_segment_ends_the_pass_there() {
    let plain = Plain::new(LogConfig { segment_bytes: 4 << 20, ..compacted() });
    let value = "v".repeat(64 << 10);
    for n in 0..48 {
        plain.put(&[(&format!("once{n}"), Some(&value)), ("again", Some("x"))], 1_000);
    }
    plain.roll();
    plain.settle();
    let (records, size) = (plain.records(), plain.size_bytes());
    plain.disk.fail_next_sync(".log.cleaned");
    let mut counting = Counting::default();
    let error = plain.clean_at(0, &mut counting).unwrap_err();
    assert!(matches!(&error, CleanError::Io(_)), "{error}");
    // A whole pass reads everything twice and writes it once; this one ended soon after its first piece was written.
    assert!(counting.0 < 2 * size, "{} of {size}", counting.0);
    assert_eq!(plain.records(), records);
    let names = plain.disk.list(Path::new(DIR)).unwrap();
    assert!(names.iter().all(|e| !e.name.ends_with(".cleaned")), "{names:?}");
}
