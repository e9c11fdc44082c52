use super::check::{Origin, Verdict};
use super::*;
use crate::log::error::AppendError;

fn batch(id: i64, epoch: i16, sequence: i32, records: i32, at: i64, transactional: bool) -> BatchHeader {
    BatchHeader {
        base_offset: Offset(at),
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
        last_offset_delta: records - 1,
        record_count: records,
        max_timestamp: 1_000,
        attributes: if transactional { 0x10 } else { 0 },
        ..BatchHeader::default()
    }
}

fn append(p: &mut Producers, header: &BatchHeader) -> Result<Option<RememberedBatch>, AppendError> {
    match p.plan_data(header, Origin::Client, None, false)? {
        Verdict::Duplicate(found) => Ok(Some(found)),
        Verdict::Append(plan) => {
            p.apply(&plan);
            Ok(None)
        }
    }
}

fn end(id: i64, epoch: i16, commit: bool, version: i16) -> EndTxn {
    EndTxn {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        commit,
        coordinator_epoch: 0,
        transaction_version: version,
    }
}

fn mark(p: &mut Producers, e: EndTxn, at: i64) -> Result<Option<CompletedTxn>, AppendError> {
    let header = batch(e.producer_id.0, e.producer_epoch.0, -1, 1, at, true);
    let plan = p.plan_marker(&header, &e)?;
    p.apply(&plan);
    Ok(plan.completed)
}

#[test]
fn sequences_follow_each_other_and_retries_get_their_first_answer() {
    let mut p = Producers::default();
    // Who is not known may start anywhere.
    assert_eq!(append(&mut p, &batch(1, 0, 17, 3, 100, false)).unwrap(), None);
    assert_eq!(append(&mut p, &batch(1, 0, 20, 1, 103, false)).unwrap(), None);
    let again = append(&mut p, &batch(1, 0, 17, 3, 104, false)).unwrap().unwrap();
    assert_eq!((again.first_offset(), again.last_offset), (Offset(100), Offset(102)));
    let gap = append(&mut p, &batch(1, 0, 22, 1, 104, false)).unwrap_err();
    assert!(matches!(gap, AppendError::OutOfOrderSequence { sequence: 22, last_sequence: 20, .. }), "{gap}");
    // A new epoch starts at 0, an old one is over.
    assert!(matches!(append(&mut p, &batch(1, 1, 21, 1, 104, false)), Err(AppendError::OutOfOrderSequence { .. })));
    assert_eq!(append(&mut p, &batch(1, 1, 0, 1, 104, false)).unwrap(), None);
    assert!(matches!(append(&mut p, &batch(1, 0, 21, 1, 105, false)), Err(AppendError::InvalidProducerEpoch { .. })));
}

#[test]
fn sequences_wrap_to_zero() {
    let mut p = Producers::default();
    assert_eq!(append(&mut p, &batch(1, 0, i32::MAX - 1, 2, 0, false)).unwrap(), None);
    assert_eq!(append(&mut p, &batch(1, 0, 0, 1, 2, false)).unwrap(), None);
}

#[test]
fn the_first_unstable_offset_waits_for_the_marker_and_for_the_high_watermark() {
    let mut p = Producers::default();
    append(&mut p, &batch(1, 0, 0, 1, 10, true)).unwrap();
    append(&mut p, &batch(2, 0, 0, 1, 11, true)).unwrap();
    append(&mut p, &batch(1, 0, 1, 1, 12, true)).unwrap();
    assert_eq!(p.first_unstable(), Some(Offset(10)));
    let done = mark(&mut p, end(1, 0, false, 1), 13).unwrap().unwrap();
    assert_eq!((done.first_offset, done.last_offset, done.aborted), (Offset(10), Offset(13), true));
    assert_eq!(p.stable_after(&done), Offset(11));
    assert_eq!(p.first_unstable(), Some(Offset(10)));
    p.replicated_to(Offset(13));
    assert_eq!(p.first_unstable(), Some(Offset(10)), "the marker itself is not replicated yet");
    p.replicated_to(Offset(14));
    assert_eq!(p.first_unstable(), Some(Offset(11)));
    let done = mark(&mut p, end(2, 0, true, 1), 14).unwrap().unwrap();
    assert_eq!(p.stable_after(&done), Offset(15));
    p.replicated_to(Offset(15));
    assert_eq!(p.first_unstable(), None);
}

#[test]
fn a_batch_outside_the_open_transaction_is_refused() {
    let mut p = Producers::default();
    append(&mut p, &batch(1, 0, 0, 1, 10, true)).unwrap();
    let refused = append(&mut p, &batch(1, 0, 1, 1, 11, false)).unwrap_err();
    assert!(matches!(refused, AppendError::InvalidTxnState { .. }));
}

#[test]
fn markers_are_fenced_by_epoch_and_coordinator() {
    let mut p = Producers::default();
    append(&mut p, &batch(1, 5, 0, 1, 10, true)).unwrap();
    assert!(mark(&mut p, end(1, 4, true, 1), 11).is_err());
    assert!(mark(&mut p, end(1, 5, true, 2), 11).is_err(), "version 2 ends under a raised epoch");
    assert!(mark(&mut p, end(1, 6, true, 2), 11).unwrap().is_some());
    // The same marker again, because its answer was lost.
    assert_eq!(mark(&mut p, end(1, 6, true, 2), 12).unwrap(), None);
    let newer = EndTxn { coordinator_epoch: 3, ..end(1, 7, true, 2) };
    mark(&mut p, newer, 13).unwrap();
    let late = mark(&mut p, EndTxn { coordinator_epoch: 2, ..end(1, 8, true, 2) }, 14).unwrap_err();
    assert!(matches!(late, AppendError::CoordinatorFenced { given: 2, current: 3 }));
}

#[test]
fn the_first_batch_of_a_transaction_needs_its_guard() {
    let mut p = Producers::default();
    let first = batch(1, 0, 0, 1, 10, true);
    let plan = |p: &Producers, guard| p.plan_data(&first, Origin::Client, guard, true);
    assert!(matches!(plan(&p, None), Err(AppendError::InvalidTxnState { .. })));
    let begin = |p: &mut Producers, sequence| {
        p.begin_verification(ProducerId(1), ProducerEpoch(0), sequence, false, 0).unwrap()
    };
    let guard = begin(&mut p, 0);
    let Ok(Verdict::Append(ok)) = plan(&p, guard) else { panic!("refused") };
    p.apply(&ok);
    // Open now: neither guard nor question is needed.
    assert_eq!(begin(&mut p, 1), None);
    assert!(matches!(p.plan_data(&batch(1, 0, 1, 1, 11, true), Origin::Client, None, true), Ok(Verdict::Append(_))));
    // A marker in between makes an old guard worthless.
    let stale = guard;
    mark(&mut p, end(1, 0, false, 1), 12).unwrap();
    begin(&mut p, 1);
    assert!(matches!(
        p.plan_data(&batch(1, 0, 1, 1, 13, true), Origin::Client, stale, true),
        Err(AppendError::InvalidTxnState { .. })
    ));
    // Who is known to be over need not ask the coordinator.
    let before = p.begin_verification(ProducerId(1), ProducerEpoch(-1), 1, false, 0);
    assert!(matches!(before, Err(AppendError::InvalidProducerEpoch { .. })));
}

#[test]
fn what_was_taken_back_never_happened() {
    let mut p = Producers::default();
    append(&mut p, &batch(1, 0, 0, 1, 10, true)).unwrap();
    let before = p.get(ProducerId(1)).copied();
    let Ok(Verdict::Append(plan)) = p.plan_data(&batch(1, 0, 1, 1, 11, true), Origin::Client, None, false) else {
        panic!("refused")
    };
    let undo = p.apply(&plan);
    let header = batch(1, 0, -1, 1, 12, true);
    let plan = p.plan_marker(&header, &end(1, 0, true, 1)).unwrap();
    let undo_marker = p.apply(&plan);
    p.undo(undo_marker);
    p.undo(undo);
    assert_eq!(p.get(ProducerId(1)).copied(), before);
    assert_eq!(p.first_undecided(), Some(Offset(10)));
}

#[test]
fn expiry_spares_open_transactions() {
    let mut p = Producers::default();
    append(&mut p, &batch(1, 0, 0, 1, 10, true)).unwrap();
    append(&mut p, &batch(2, 0, 0, 1, 11, false)).unwrap();
    p.expire(1_999, 1_000);
    assert_eq!(p.len(), 2);
    p.expire(2_000, 1_000);
    assert!(p.get(ProducerId(1)).is_some());
    assert!(p.get(ProducerId(2)).is_none());
}
