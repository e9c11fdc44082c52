//! What each request answers in each situation, as a real broker does.

mod desk;

use super::*;
use crate::controller::txn::{ListFilter, TxnDescription, TxnListing};
use crate::model::{ProducerId, TopicPartition};
use desk::Desk;

const T0: i64 = 1_000_000;

fn of(partitions: &[i32]) -> Vec<TopicPartition> {
    partitions.iter().map(|p| TopicPartition::new("t", *p)).collect()
}

fn at(id: ProducerId, epoch: i16) -> Producer {
    Producer { id, epoch: ProducerEpoch(epoch) }
}

fn added() -> Option<TxnReply> {
    Some(TxnReply::Added(Ok(())))
}

fn not_added(error: ErrorCode) -> Option<TxnReply> {
    Some(TxnReply::Added(Err(error)))
}

fn ended() -> Option<TxnReply> {
    Some(TxnReply::Ended(Ok(None)))
}

fn ended_as(producer: Producer) -> Option<TxnReply> {
    Some(TxnReply::Ended(Ok(Some(producer))))
}

fn not_ended(error: ErrorCode) -> Option<TxnReply> {
    Some(TxnReply::Ended(Err(error)))
}

/// An id whose epochs are used up, with an open transaction.
fn exhausted(desk: &mut Desk) -> Producer {
    let id = desk.init("x").id;
    let last = at(id, i16::MAX - 1);
    let mut metadata = TxnMetadata::new(id, 60_000, T0);
    metadata.producer = last;
    let record = records::encode("x", Some(&metadata), desk.machine.version);
    desk.machine.apply(desk.now, &record);
    desk.log.push(record);
    assert_eq!(desk.add("x", last, &[0]), added());
    last
}

#[test]
fn taking_over_bumps_the_epoch_and_resuming_knows_a_retry() {
    let mut desk = Desk::new();
    let first = desk.init("x");
    assert_eq!(first, at(ProducerId(101), 0));
    assert_eq!(desk.init("x"), at(first.id, 1));
    assert_eq!(desk.init_as("x", Some(at(first.id, 1))), Ok(at(first.id, 2)));
    assert_eq!(desk.init_as("x", Some(at(first.id, 1))), Ok(at(first.id, 2)), "a retry");
    assert_eq!(desk.init_as("x", Some(at(first.id, 0))), Err(ErrorCode::ProducerFenced));
    assert_eq!(desk.init_as("x", Some(at(first.id, 50))), Err(ErrorCode::ProducerFenced));
    assert_eq!(desk.init_as("x", Some(at(ProducerId(9), 2))), Err(ErrorCode::ProducerFenced));
    assert_eq!(desk.init_as("new", Some(at(first.id, 3))), Ok(at(ProducerId(102), 0)));
    assert_eq!(desk.init("x"), at(first.id, 3));
    assert_eq!(desk.init_as("x", Some(at(first.id, 2))), Err(ErrorCode::ProducerFenced), "a stranger was between");
}

#[test]
fn time_outs_out_of_bounds_and_empty_ids_are_refused() {
    let mut desk = Desk::new();
    for (timeout_ms, id, error) in [
        (0, "x", ErrorCode::InvalidTransactionTimeout),
        (-1, "x", ErrorCode::InvalidTransactionTimeout),
        (900_001, "x", ErrorCode::InvalidTransactionTimeout),
        (1, "", ErrorCode::InvalidRequest),
    ] {
        let request = Request::Init { timeout_ms, expected: None, fresh: Some(ProducerId(1)) };
        assert_eq!(desk.send(id, request), Some(TxnReply::Initialised(Err(error))), "{timeout_ms} {id:?}");
    }
    assert_eq!(desk.add("", at(ProducerId(1), 0), &[0]), not_added(ErrorCode::InvalidRequest));
    assert!(desk.log.is_empty());
}

#[test]
fn taking_over_an_open_transaction_aborts_it_first() {
    for version in [TxnVersion::V0, TxnVersion::V2] {
        let mut desk = Desk::with(TxnConfig::default(), version);
        let old = desk.init("x");
        desk.add("x", old, &[0, 1]);
        assert_eq!(desk.init_as("x", None), Err(ErrorCode::ConcurrentTransactions));
        let order = desk.orders[0].clone();
        assert_eq!((order.commit, order.producer), (false, at(old.id, 1)), "{version:?}");
        assert_eq!(order.partitions, of(&[0, 1]));
        desk.write_markers();
        assert_eq!(desk.init("x"), at(old.id, 2));
        assert_eq!(desk.add("x", old, &[0]), not_added(ErrorCode::ProducerFenced));
        assert_eq!(desk.end("x", old, true, TxnVersion::V0), not_ended(ErrorCode::ProducerFenced));
        assert_eq!(desk.end("x", old, true, TxnVersion::V2), not_ended(ErrorCode::ProducerFenced));
    }
}

#[test]
fn partitions_join_and_are_verified() {
    let mut desk = Desk::new();
    let me = desk.init("x");
    let verify = |desk: &mut Desk, producer, partitions: &[i32]| match desk
        .send("x", Request::Verify { producer, partitions: of(partitions) })
    {
        Some(TxnReply::Verified(result)) => result.map(|all| all.into_iter().map(|(_, e)| e).collect::<Vec<_>>()),
        other => panic!("{other:?}"),
    };
    assert_eq!(verify(&mut desk, me, &[0]), Ok(vec![ErrorCode::TransactionAbortable]));
    assert_eq!(desk.add("x", me, &[0]), added());
    let records = desk.log.len();
    assert_eq!(desk.add("x", me, &[0]), added());
    assert_eq!(desk.log.len(), records, "nothing new, nothing written");
    assert_eq!(desk.add("x", me, &[0, 1]), added());
    assert_eq!(verify(&mut desk, me, &[1, 2]), Ok(vec![ErrorCode::None, ErrorCode::TransactionAbortable]));
    assert_eq!(verify(&mut desk, at(me.id, 1), &[1]), Err(ErrorCode::ProducerFenced));
    assert_eq!(verify(&mut desk, at(ProducerId(9), 0), &[1]), Err(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(desk.add("no", me, &[0]), not_added(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(desk.add("x", at(ProducerId(9), 0), &[0]), not_added(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(desk.add("x", at(me.id, -1), &[0]), not_added(ErrorCode::ProducerFenced));
    assert_eq!(desk.add("x", at(me.id, 1), &[0]), not_added(ErrorCode::ProducerFenced));
    let shown = desk.shown("x");
    assert_eq!((shown.state, shown.start_ms, shown.partitions), (TxnState::Ongoing, T0, of(&[0, 1])));
    desk.end("x", me, true, TxnVersion::V0);
    assert_eq!(verify(&mut desk, me, &[0]), Err(ErrorCode::ConcurrentTransactions));
}

#[test]
fn version_1_ends_by_state_alone() {
    let mut desk = Desk::new();
    let me = desk.init("x");
    let v1 = TxnVersion::V0;
    assert_eq!(desk.end("x", me, true, v1), not_ended(ErrorCode::InvalidTxnState));
    assert_eq!(desk.end("x", me, false, v1), not_ended(ErrorCode::InvalidTxnState));
    for commit in [true, false] {
        desk.add("x", me, &[0]);
        assert_eq!(desk.end("x", me, commit, v1), ended());
        assert_eq!(desk.end("x", at(me.id, 9), commit, v1), not_ended(ErrorCode::ProducerFenced));
        let order = desk.write_markers().remove(0);
        assert_eq!((order.commit, order.producer), (commit, me));
        assert_eq!(desk.end("x", me, commit, v1), ended(), "a repetition");
        assert_eq!(desk.end("x", me, !commit, v1), not_ended(ErrorCode::InvalidTxnState));
    }
    assert_eq!(desk.end("no", me, true, v1), not_ended(ErrorCode::InvalidProducerIdMapping));
    assert_eq!(desk.end("x", at(ProducerId(9), 0), true, v1), not_ended(ErrorCode::InvalidProducerIdMapping));
}

#[test]
fn version_2_ends_by_epoch() {
    let mut desk = Desk::new();
    let me = desk.init("x");
    let v2 = TxnVersion::V2;
    assert_eq!(desk.end("x", me, true, v2), not_ended(ErrorCode::InvalidTxnState), "commit of nothing");
    assert_eq!(desk.end("x", me, false, v2), ended_as(at(me.id, 1)), "abort of nothing");
    assert_eq!(desk.state("x"), TxnState::CompleteAbort, "no markers to wait for");
    assert_eq!(desk.end("x", me, false, v2), ended_as(at(me.id, 1)), "a repetition");
    assert_eq!(desk.end("x", me, true, v2), not_ended(ErrorCode::InvalidTxnState));
    assert_eq!(desk.end("x", at(me.id, 5), false, v2), not_ended(ErrorCode::ProducerFenced));
    let mut me = at(me.id, 1);
    for commit in [true, false] {
        desk.add("x", me, &[0]);
        let next = at(me.id, me.epoch.0 + 1);
        assert_eq!(desk.end("x", me, commit, v2), ended_as(next));
        assert_eq!(desk.write_markers()[0].producer, next, "markers carry the bumped epoch");
        assert_eq!(desk.end("x", me, commit, v2), ended_as(next), "a repetition");
        assert_eq!(desk.end("x", me, !commit, v2), not_ended(ErrorCode::InvalidTxnState));
        assert_eq!(desk.end("x", next, true, v2), not_ended(ErrorCode::InvalidTxnState));
        assert_eq!(desk.add("x", me, &[0]), not_added(ErrorCode::ProducerFenced));
        me = next;
    }
}

#[test]
fn a_fenced_producer_is_not_given_its_successors_identity() {
    let mut desk = Desk::new();
    let zombie = desk.init("x");
    let me = desk.init("x");
    desk.add("x", me, &[0]);
    desk.end("x", me, false, TxnVersion::V0);
    desk.write_markers();
    assert_eq!(desk.end("x", zombie, false, TxnVersion::V2), not_ended(ErrorCode::ProducerFenced));
}

#[test]
fn used_up_epochs_lead_to_a_new_producer_id_on_every_way() {
    let mut desk = Desk::new();
    let last = exhausted(&mut desk);
    let new = at(ProducerId(102), 0);
    assert_eq!(desk.end("x", last, true, TxnVersion::V2), ended_as(new));
    assert_eq!(desk.write_markers()[0].producer, at(last.id, i16::MAX));
    assert_eq!(desk.end("x", last, true, TxnVersion::V2), ended_as(new), "a repetition over the new id");
    assert_eq!(desk.add("x", new, &[0]), added());

    let mut desk = Desk::new();
    let last = exhausted(&mut desk);
    desk.end("x", last, true, TxnVersion::V0);
    desk.write_markers();
    assert_eq!(desk.init_as("x", Some(last)), Ok(new));
    assert_eq!(desk.init_as("x", Some(last)), Ok(new), "a repetition over the new id");

    let mut desk = Desk::new();
    let last = exhausted(&mut desk);
    assert_eq!(desk.init_as("x", None), Err(ErrorCode::ConcurrentTransactions));
    desk.write_markers();
    assert_eq!(desk.init_as("x", None), Ok(at(new.id, 1)), "fenced into the new id, then taken over");
    assert_eq!(desk.add("x", last, &[0]), not_added(ErrorCode::InvalidProducerIdMapping));

    let mut desk = Desk::new();
    exhausted(&mut desk);
    desk.pass(120_000);
    assert_eq!(desk.write_markers()[0].producer.epoch.0, i16::MAX);
    assert_eq!(desk.shown("x").producer, new, "timed out");
}

#[test]
fn who_meets_markers_being_written_waits_for_them() {
    let mut desk = Desk::new();
    let me = desk.init("x");
    desk.add("x", me, &[0]);
    assert_eq!(desk.end("x", me, true, TxnVersion::V0), ended());
    assert_eq!(desk.add("x", me, &[1]), None);
    assert_eq!(desk.end("x", me, true, TxnVersion::V0), None);
    desk.write_markers();
    let replies: Vec<_> = desk.late.drain(..).map(|(_, reply)| Some(reply)).collect();
    assert_eq!(replies, [added(), ended()]);
    assert_eq!(desk.shown("x").state, TxnState::PrepareCommit, "the second transaction, ended by the second");
    assert_eq!(desk.add("x", me, &[2]), None);
    desk.pass(99);
    assert!(desk.late.is_empty());
    desk.pass(1);
    assert_eq!(desk.late.pop().map(|(_, reply)| reply), not_added(ErrorCode::ConcurrentTransactions));
    for _ in 0..crate::controller::txn::waiting::WAITING_PER_ID_MAX {
        assert_eq!(desk.init_waiting(), None);
    }
    let full = Some(TxnReply::Initialised(Err(ErrorCode::ConcurrentTransactions)));
    assert_eq!(desk.init_waiting(), full);
}

#[test]
fn a_transaction_open_too_long_is_aborted_and_its_producer_fenced() {
    for version in [TxnVersion::V0, TxnVersion::V2] {
        let mut desk = Desk::with(TxnConfig::default(), version);
        let me = desk.init("x");
        desk.init("idle");
        desk.add("x", me, &[0]);
        desk.pass(60_000);
        assert!(desk.orders.is_empty(), "not before its time is over");
        desk.pass(10_001);
        assert_eq!(desk.orders.len(), 1);
        desk.write_markers();
        assert_eq!((desk.state("x"), desk.state("idle")), (TxnState::CompleteAbort, TxnState::Empty));
        assert_eq!(desk.end("x", me, true, TxnVersion::V0), not_ended(ErrorCode::ProducerFenced));
        assert_eq!(desk.init("x"), at(me.id, 2));
    }
}

#[test]
fn with_version_2_a_timed_out_producer_may_resume() {
    let mut desk = Desk::new();
    let me = desk.init("x");
    desk.add("x", me, &[0]);
    desk.pass(80_000);
    desk.write_markers();
    assert_eq!(desk.init_as("x", Some(me)), Ok(at(me.id, 1)));
}

#[test]
fn ids_unused_for_long_are_forgotten_and_open_ones_never() {
    let config = TxnConfig { expiration_ms: 1_000, expiry_interval_ms: 10, ..TxnConfig::default() };
    let mut desk = Desk::with(config, TxnVersion::V2);
    let (open, done) = (desk.init("open"), desk.init("done"));
    desk.init("empty");
    desk.add("open", open, &[0]);
    desk.add("done", done, &[0]);
    desk.end("done", done, true, TxnVersion::V2);
    desk.pass(1_010);
    let left: Vec<_> = desk.machine.transactions().map(|(id, _)| id.to_string()).collect();
    assert_eq!(left, ["done", "open"]);
    desk.write_markers();
    desk.pass(1_010);
    let left: Vec<_> = desk.machine.transactions().map(|(id, _)| id.to_string()).collect();
    assert_eq!(left, ["open"]);
    let missing = Some(TxnReply::Described(Err(ErrorCode::TransactionalIdNotFound)));
    assert_eq!(desk.event(TxnEvent::Describe("done".into())), missing);
    desk.restarted();
}

#[test]
fn a_restart_orders_the_markers_of_every_decision_again() {
    let mut desk = Desk::new();
    let (a, b) = (desk.init("a"), desk.init("b"));
    desk.add("a", a, &[0, 5]);
    desk.add("b", b, &[1]);
    desk.end("a", a, true, TxnVersion::V2);
    desk.end("b", b, false, TxnVersion::V0);
    let mut again = desk.restarted();
    assert_eq!(again.orders, desk.orders);
    again.write_markers();
    assert_eq!((again.state("a"), again.state("b")), (TxnState::CompleteCommit, TxnState::CompleteAbort));
    again.restarted();
}

#[test]
fn stale_reports_of_markers_change_nothing() {
    let mut desk = Desk::new();
    let me = desk.init("x");
    desk.add("x", me, &[0]);
    desk.end("x", me, true, TxnVersion::V2);
    desk.event(TxnEvent::MarkersWritten { transactional_id: "x".into(), producer: me });
    desk.event(TxnEvent::MarkersWritten { transactional_id: "no".into(), producer: me });
    assert_eq!(desk.state("x"), TxnState::PrepareCommit);
}

#[test]
fn tools_see_what_passes_their_filters() {
    let mut desk = Desk::new();
    let open = desk.init("my-open");
    desk.init("my-idle");
    desk.add("my-open", open, &[0]);
    desk.pass(50);
    let mut list = |filter: ListFilter| match desk.event(TxnEvent::List(filter)) {
        Some(TxnReply::Listed(listed)) => {
            listed.map(|all| all.iter().map(|l: &TxnListing| l.transactional_id.to_string()).collect::<Vec<_>>())
        }
        other => panic!("{other:?}"),
    };
    let any = ListFilter { longer_than_ms: -1, ..ListFilter::default() };
    let both = Ok(vec!["my-idle".to_string(), "my-open".to_string()]);
    let open_only = Ok(vec!["my-open".to_string()]);
    assert_eq!(list(any.clone()), both);
    assert_eq!(list(ListFilter { states: vec!["Ongoing".into(), "Nonsense".into()], ..any.clone() }), open_only);
    assert_eq!(list(ListFilter { states: vec!["ongoing".into()], ..any.clone() }), Ok(vec![]));
    assert_eq!(list(ListFilter { producer_ids: vec![open.id], ..any.clone() }), open_only);
    assert_eq!(list(ListFilter { longer_than_ms: 10, ..any.clone() }), both, "what never started is older than all");
    let pattern = |pattern: &str| ListFilter { id_pattern: Some(pattern.into()), ..any.clone() };
    assert_eq!(list(pattern(".*open")), open_only);
    assert_eq!(list(pattern("open")), Ok(vec![]));
    assert_eq!(list(pattern("")), both);
    assert_eq!(list(pattern("[")), Err(ErrorCode::InvalidRegularExpression));
    assert_eq!(list(pattern("a)|(.*")), Err(ErrorCode::InvalidRegularExpression));
    let names = ["Ongoing", "Dead", "Nonsense"].map(String::from);
    assert_eq!(describe::unknown_states(&names), ["Nonsense"]);
}

#[test]
fn a_log_of_level_0_has_only_values_of_version_0() {
    let mut desk = Desk::with(TxnConfig::default(), TxnVersion::V0);
    let me = desk.init("x");
    desk.add("x", me, &[0]);
    desk.end("x", me, true, TxnVersion::V0);
    desk.write_markers();
    assert!(desk.log.iter().all(|record| record.value.as_ref().unwrap().starts_with(&[0, 0])));
    desk.event(TxnEvent::VersionChanged(TxnVersion::V2));
    desk.add("x", me, &[0]);
    assert!(desk.log.last().unwrap().value.as_ref().unwrap().starts_with(&[0, 1]));
    desk.restarted();
}
