//! InitProducerId: a producer takes a transactional id over, and whoever held it before is fenced.

use super::event::{Decision, TxnConfig, TxnReply};
use super::state::{TxnMetadata, TxnState, TxnVersion, is_exhausted};
use crate::controller::machine::Producer;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};

/// What a request about one transactional id is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub config: &'a TxnConfig,
    /// The cluster's `transaction.version`.
    pub server: TxnVersion,
    pub now_ms: i64,
    pub known: Option<&'a TxnMetadata>,
    /// The epoch before the last change of epoch: who still uses it may only have missed the answer. Lost in a crash,
    /// as in Kafka.
    pub last_epoch: ProducerEpoch,
}

fn refuse(error: ErrorCode) -> Decision {
    Decision::Reply(TxnReply::Initialised(Err(error)))
}

pub fn decide(cx: Context<'_>, timeout_ms: i32, expected: Option<Producer>, fresh: Option<ProducerId>) -> Decision {
    if timeout_ms <= 0 || timeout_ms > cx.config.max_timeout_ms {
        return refuse(ErrorCode::InvalidTransactionTimeout);
    }
    let Some(known) = cx.known else {
        let Some(fresh) = fresh else { return Decision::Reply(TxnReply::NeedsProducerId) };
        let metadata = TxnMetadata::new(fresh, timeout_ms, cx.now_ms);
        let reply = TxnReply::Initialised(Ok(metadata.producer));
        return Decision::Become { metadata, last_epoch: ProducerEpoch::NONE, reply };
    };
    if known.state.is_deciding() {
        return Decision::Busy;
    }
    if expected.is_some_and(|expected| !may_resume(known, expected)) {
        return refuse(ErrorCode::ProducerFenced);
    }
    if known.state == TxnState::Ongoing {
        return fence(cx, known, fresh, TxnReply::Initialised(Err(ErrorCode::ConcurrentTransactions)));
    }
    let (producer, last_epoch) = match next_identity(cx, known, expected, fresh) {
        Ok(chosen) => chosen,
        Err(reply) => return Decision::Reply(reply),
    };
    match known.taken_over(producer, timeout_ms, cx.now_ms) {
        Some(metadata) => Decision::Become { metadata, last_epoch, reply: TxnReply::Initialised(Ok(producer)) },
        None => refuse(ErrorCode::InvalidTxnState),
    }
}

/// Whether the identity is the present one, or the one before a change of producer id whose answer may be lost. The
/// epoch is looked at later.
fn may_resume(known: &TxnMetadata, expected: Producer) -> bool {
    expected.id == known.producer.id || (expected.id == known.previous_producer_id && is_exhausted(expected.epoch))
}

/// The identity to hand out, and the epoch by which a retry of this very request is known.
fn next_identity(
    cx: Context<'_>,
    known: &TxnMetadata,
    expected: Option<Producer>,
    fresh: Option<ProducerId>,
) -> Result<(Producer, ProducerEpoch), TxnReply> {
    let epoch = known.producer.epoch;
    let is_current = expected.is_none_or(|expected| expected.epoch == epoch);
    // Taken over by a stranger, the one before is no retry any more.
    let last_epoch = if expected.is_some() { epoch } else { ProducerEpoch::NONE };
    if is_current && is_exhausted(epoch) {
        let id = fresh.ok_or(TxnReply::NeedsProducerId)?;
        return Ok((Producer { id, epoch: ProducerEpoch(0) }, last_epoch));
    }
    if is_current {
        return Ok((known.next_epoch(), last_epoch));
    }
    if expected.is_some_and(|expected| expected.epoch == cx.last_epoch) && !is_exhausted(epoch) {
        return Ok((known.producer, cx.last_epoch));
    }
    Err(TxnReply::Initialised(Err(ErrorCode::ProducerFenced)))
}

/// Aborts the open transaction over its producer's head.
pub fn fence(cx: Context<'_>, known: &TxnMetadata, fresh: Option<ProducerId>, reply: TxnReply) -> Decision {
    let rotates = cx.server.bumps_epoch() && is_exhausted(known.producer.epoch);
    if rotates && fresh.is_none() {
        return Decision::Reply(TxnReply::NeedsProducerId);
    }
    let last_epoch = if cx.server.bumps_epoch() { known.producer.epoch } else { ProducerEpoch::NONE };
    match known.fenced(cx.server, fresh.filter(|_| rotates), cx.now_ms) {
        Some(metadata) => Decision::Become { metadata, last_epoch, reply },
        None => Decision::Reply(reply),
    }
}
