//! EndTxn: the producer commits or aborts, under both versions of the protocol.

use super::event::{Decision, TxnReply};
use super::init::Context;
use super::partitions::check_holder;
use super::state::{Step, TxnMetadata, TxnState, TxnVersion, is_exhausted};
use crate::controller::machine::Producer;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};

/// What an end means in a state in which nothing is being decided.
enum Meaning {
    Do(Step),
    /// It is done already: answered as the first time.
    Repeated,
    Wrong,
}

fn refuse(error: ErrorCode) -> Decision {
    Decision::Reply(TxnReply::Ended(Err(error)))
}

pub fn decide(
    cx: Context<'_>,
    producer: Producer,
    commit: bool,
    client: TxnVersion,
    fresh: Option<ProducerId>,
) -> Decision {
    let Some(known) = cx.known else { return refuse(ErrorCode::InvalidProducerIdMapping) };
    if client.bumps_epoch() {
        decide_v2(cx, known, producer, commit, fresh)
    } else {
        decide_v1(cx, known, producer, commit)
    }
}

/// The epoch stays, so an end after the end is a repetition.
fn decide_v1(cx: Context<'_>, known: &TxnMetadata, producer: Producer, commit: bool) -> Decision {
    if let Err(error) = check_holder(known, producer) {
        return refuse(error);
    }
    if known.state.is_deciding() {
        return Decision::Busy;
    }
    let meaning = match (known.state, commit) {
        (TxnState::Ongoing, true) => Meaning::Do(Step::Commit),
        (TxnState::Ongoing, false) => Meaning::Do(Step::Abort),
        (TxnState::CompleteCommit, true) | (TxnState::CompleteAbort, false) => Meaning::Repeated,
        _ => Meaning::Wrong,
    };
    let step = match meaning {
        Meaning::Do(step) => step,
        Meaning::Repeated => return Decision::Reply(TxnReply::Ended(Ok(None))),
        Meaning::Wrong => return refuse(ErrorCode::InvalidTxnState),
    };
    match known.decided(step, TxnVersion::V0, None, cx.now_ms) {
        Some(metadata) => Decision::Become { metadata, last_epoch: cx.last_epoch, reply: TxnReply::Ended(Ok(None)) },
        None => refuse(ErrorCode::InvalidTxnState),
    }
}

/// Every end bumps the epoch, so a repetition is told by carrying the one before.
fn decide_v2(
    cx: Context<'_>,
    known: &TxnMetadata,
    producer: Producer,
    commit: bool,
    fresh: Option<ProducerId>,
) -> Decision {
    // Before any look at the identity: it may be about to change.
    if known.state.is_deciding() {
        return Decision::Busy;
    }
    let epoch = known.producer.epoch;
    // Only an end of this version bumps. After one of version 1 the epoch before is a fenced producer's, which a repeated
    // answer would hand its successor's identity (Kafka does).
    let has_bumped = known.client_version.bumps_epoch();
    let repeats_over_new_id = known.previous_producer_id == producer.id
        && known.previous_producer_id != known.producer.id
        && producer.epoch == ProducerEpoch(i16::MAX - 1)
        && epoch == ProducerEpoch(0);
    let repeats = has_bumped && (repeats_over_new_id || producer.epoch.0.checked_add(1) == Some(epoch.0));
    if known.producer.id != producer.id && !repeats_over_new_id {
        return refuse(ErrorCode::InvalidProducerIdMapping);
    }
    let is_complete = matches!(known.state, TxnState::CompleteCommit | TxnState::CompleteAbort);
    if producer.epoch != epoch && !(is_complete && repeats) {
        return refuse(ErrorCode::ProducerFenced);
    }
    let meaning = match (known.state, commit) {
        (TxnState::Ongoing, true) => Meaning::Do(Step::Commit),
        (TxnState::Ongoing, false) => Meaning::Do(Step::Abort),
        (TxnState::CompleteCommit, true) | (TxnState::CompleteAbort, false) if repeats => Meaning::Repeated,
        (TxnState::Empty | TxnState::CompleteCommit | TxnState::CompleteAbort, false) if !repeats => {
            Meaning::Do(Step::AbortNothing)
        }
        _ => Meaning::Wrong,
    };
    let step = match meaning {
        Meaning::Do(step) => step,
        Meaning::Repeated => return Decision::Reply(TxnReply::Ended(Ok(Some(known.producer)))),
        Meaning::Wrong => return refuse(ErrorCode::InvalidTxnState),
    };
    let rotates = is_exhausted(epoch);
    if rotates && fresh.is_none() {
        return Decision::Reply(TxnReply::NeedsProducerId);
    }
    let decided = known.decided(step, TxnVersion::V2, fresh.filter(|_| rotates), cx.now_ms);
    let Some((metadata, next)) = decided.and_then(|d| d.completed(cx.now_ms).map(|c| (d, c.producer))) else {
        return refuse(ErrorCode::InvalidTxnState);
    };
    Decision::Become { metadata, last_epoch: epoch, reply: TxnReply::Ended(Ok(Some(next))) }
}
