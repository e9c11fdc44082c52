//! What time does: transactions open for too long are aborted, ids unused for too long are forgotten.

use super::event::{Decision, TxnConfig, TxnReply};
use super::init::{self, Context};
use super::state::{TxnMetadata, TxnState};
use crate::controller::machine::Producer;
use crate::model::ProducerId;

/// A time-out that stands for "never": the transaction is prepared and ended by an outside coordinator.
const NO_TIMEOUT_MS: i32 = i32::MAX;

pub fn is_timed_out(metadata: &TxnMetadata, wall_ms: i64) -> bool {
    metadata.state == TxnState::Ongoing
        && metadata.timeout_ms != NO_TIMEOUT_MS
        && metadata.start_ms.saturating_add(metadata.timeout_ms.into()) < wall_ms
}

pub fn is_expired(metadata: &TxnMetadata, config: &TxnConfig, wall_ms: i64) -> bool {
    metadata.state.is_idle() && metadata.last_update_ms <= wall_ms.saturating_sub(config.expiration_ms)
}

/// The abort of a transaction that was found timed out; by now it may have ended.
pub fn decide_fence(cx: Context<'_>, producer: Producer, fresh: Option<ProducerId>) -> Decision {
    match cx.known {
        Some(known) if known.producer == producer && is_timed_out(known, cx.now_ms) => {
            init::fence(cx, known, fresh, TxnReply::Done)
        }
        _ => Decision::Reply(TxnReply::Done),
    }
}
