//! When a log is cleaned, and what the settings have to say.

use ottla::log::LogConfig;
use ottla::model::Offset;

use super::plain::{Plain, compacted};

const MINUTE_MS: i64 = 60_000;

#[test]
fn a_log_is_due_by_its_dirty_part_or_by_the_age_of_a_record() {
    let mut plain = Plain::new(LogConfig { min_cleanable_dirty_ratio: 0.5, ..compacted() });
    let due = |plain: &Plain, now_ms| plain.survey(now_ms).is_due(plain.log.borrow().config());
    for n in 0..4 {
        plain.put(&[("a", Some("x")), (&format!("k{n}"), Some("y"))], n * MINUTE_MS);
        plain.roll();
    }
    let end = plain.log.borrow().log_end();
    plain.log.borrow_mut().advance_high_watermark(end);
    assert!(plain.survey(0).held_back, "nothing is on stable storage yet");
    assert!(!due(&plain, 0));
    plain.settle();
    let survey = plain.survey(0);
    assert_eq!((survey.first_dirty, survey.first_uncleanable, survey.ratio()), (Offset(0), Offset(8), 1.0));
    assert!(due(&plain, 0) && !survey.held_back);
    plain.clean(4 * MINUTE_MS);
    assert!(!due(&plain, 4 * MINUTE_MS), "all clean");
    plain.put(&[("a", Some("z"))], 5 * MINUTE_MS);
    plain.roll();
    plain.settle();
    assert!(!due(&plain, 5 * MINUTE_MS), "a quarter is dirty: {:?}", plain.survey(0));
    plain.configure(|config| config.max_compaction_lag_ms = MINUTE_MS);
    assert!(!due(&plain, 6 * MINUTE_MS));
    assert!(due(&plain, 6 * MINUTE_MS + 1), "a record waits longer than max.compaction.lag.ms");
    assert!(!due(&plain, 0), "the clock went back: nobody has waited");
}

#[test]
fn young_segments_are_left_alone() {
    let mut plain = Plain::new(LogConfig { min_compaction_lag_ms: 10 * MINUTE_MS, ..compacted() });
    for n in 0..5 {
        plain.put(&[("a", Some("x"))], n * MINUTE_MS);
        plain.roll();
    }
    plain.settle();
    assert_eq!(plain.survey(9 * MINUTE_MS).first_uncleanable, Offset(0));
    assert_eq!(plain.survey(12 * MINUTE_MS).first_uncleanable, Offset(3));
    plain.clean(12 * MINUTE_MS);
    let offsets: Vec<i64> = plain.records().iter().map(|(offset, ..)| *offset).collect();
    assert_eq!(offsets, [2, 3, 4]);
}

#[test]
fn a_tombstone_stays_for_its_time_and_then_goes_without_a_trace() {
    let mut plain = Plain::new(LogConfig { delete_retention_ms: MINUTE_MS, ..compacted() });
    plain.put(&[("a", Some("x")), ("b", Some("x"))], 0);
    plain.put(&[("a", None)], 0);
    plain.roll();
    plain.put(&[("c", Some("x"))], 0);
    plain.roll();
    let pass = |plain: &mut Plain, now_ms| {
        // Something dirty, so that there is a pass.
        plain.put(&[("tick", Some("x"))], 0);
        plain.roll();
        plain.clean(now_ms);
        plain.records().iter().any(|(_, key, _)| key == "a")
    };
    assert!(pass(&mut plain, 1_000));
    assert!(plain.records().contains(&(2, "a".into(), None)));
    assert!(pass(&mut plain, 1_000 + MINUTE_MS - 1));
    assert!(pass(&mut plain, 0), "the clock went back");
    assert!(!pass(&mut plain, 1_000 + MINUTE_MS));
    assert!(plain.records().contains(&(1, "b".into(), Some("x".into()))));
}

#[test]
fn small_neighbours_become_one_segment_up_to_the_size_of_a_segment() {
    let mut plain = Plain::new(compacted());
    let value = "v".repeat(300);
    for n in 0..40 {
        plain.put(&[(&format!("k{n}"), Some(&value))], 0);
        plain.roll();
    }
    assert_eq!(plain.segments(), 41);
    let cleaned = plain.clean(0);
    assert_eq!(cleaned.stats.records_kept, 40);
    let segments = plain.log.borrow().reader().segments().unwrap();
    assert!(segments.iter().all(|s| s.size_bytes() <= 4096));
    assert_eq!(segments.len(), 5);
    assert_eq!(plain.records().len(), 40);
    assert_eq!(plain.crashed().records(), plain.records());
}

#[test]
fn offsets_further_apart_than_a_segment_can_count_stay_in_segments_of_their_own() {
    let disk = ottla::disk::SimDisk::new();
    let far = 5_000_000_000;
    let opening = ottla::log::Opening {
        recovery_point: Offset(far),
        log_start: Offset(far),
        high_watermark: Offset(far),
        ..ottla::log::Opening::fresh(0)
    };
    // A batch that spans nearly all that 31 bits can count, three times.
    let mut plain = Plain::open(disk, compacted(), opening);
    let span = i64::from(i32::MAX) - 1;
    for n in 0..3 {
        let mut builder = ottla::records::BatchBuilder::new(Offset(0)).last_offset_delta(span as i32);
        builder.append(0, Some(format!("k{}", n % 2).as_bytes()), Some(b"v"), &[]);
        crate::support::append(&mut plain.log.borrow_mut(), &builder.build()).unwrap();
    }
    plain.put(&[("k0", Some("new"))], 0);
    plain.roll();
    plain.clean(0);
    let left: Vec<(i64, String)> = plain.records().into_iter().map(|(offset, key, _)| (offset, key)).collect();
    let end = far + 3 * (span + 1);
    assert_eq!(left, [(far + span + 1, "k1".to_string()), (end, "k0".to_string())]);
    assert_eq!(plain.crashed().records(), plain.records());
    let reader = plain.log.borrow().reader();
    for segment in reader.segments().unwrap().iter() {
        assert!(segment.max_timestamp().is_ok());
    }
    assert_eq!(plain.log.borrow().log_end(), Offset(end + 1));
}

#[test]
fn both_policies_together_forget_what_is_old_and_compact_the_rest() {
    let mut plain = Plain::new(LogConfig { delete: true, retention_ms: 10 * MINUTE_MS, ..compacted() });
    for n in 0..20 {
        plain.put(&[("a", Some("x")), (&format!("k{n}"), Some("y"))], n * MINUTE_MS);
        plain.roll();
    }
    plain.settle();
    let given_up = plain.log.borrow_mut().apply_retention(20 * MINUTE_MS).unwrap();
    assert_eq!(given_up.len(), 10);
    // Before the old ones are out of the view a pass leaves them out.
    plain.clean(20 * MINUTE_MS);
    plain.log.borrow_mut().drop_dead_segments().unwrap().remove(&plain.disk).unwrap();
    let records = plain.records();
    assert_eq!(records.first().map(|r| r.0), Some(21), "{records:?}");
    assert_eq!(records.len(), 11);
    assert!(plain.survey(20 * MINUTE_MS).first_dirty >= Offset(40));
}

#[test]
fn without_any_policy_everything_stays() {
    let plain = Plain::new(LogConfig { compact: false, delete: false, retention_ms: 1, ..compacted() });
    for n in 0..5 {
        plain.put(&[("a", Some("x"))], n);
        plain.roll();
    }
    plain.settle();
    assert!(plain.log.borrow_mut().apply_retention(i64::MAX).unwrap().is_empty());
    assert_eq!(plain.records().len(), 5);
}

#[test]
fn a_compacted_topic_ends_its_segment_when_a_record_must_not_wait_longer() {
    let plain = Plain::new(LogConfig { max_compaction_lag_ms: MINUTE_MS, ..compacted() });
    plain.put(&[("a", Some("x"))], 0);
    plain.put(&[("a", Some("y"))], MINUTE_MS);
    assert_eq!(plain.segments(), 1);
    plain.put(&[("a", Some("z"))], MINUTE_MS + 1);
    assert_eq!(plain.segments(), 2);
    plain.put(&[("a", Some("old"))], 0);
    assert_eq!(plain.segments(), 2, "a timestamp that goes back ends nothing");
}
