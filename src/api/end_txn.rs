//! EndTxn (26), versions 0-5: commits or aborts. The answer comes when the decision is durable; markers follow.
//!
//! From version 5 on every end gives the producer its next identity. Before version 2 a fenced producer hears
//! INVALID_PRODUCER_EPOCH.

use bytes::Bytes;

use crate::controller::machine::Producer;
use crate::controller::txn::TxnVersion;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{self, EndTxnRequest, EndTxnResponse};

use super::{Context, Outcome, answer_later};

const KNOWS_FENCING_FROM: i16 = 2;
const BUMPS_EPOCH_FROM: i16 = 5;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request| async move {
        let (code, next) = match decide(&cx, request).await {
            Ok(next) => (ErrorCode::None, next),
            Err(code) => (code, None),
        };
        let mut response = EndTxnResponse::default();
        response.error_code = super::fenced_as_of_old(code, cx.version() < KNOWS_FENCING_FROM).code();
        let next = next.filter(|_| cx.version() >= BUMPS_EPOCH_FROM);
        response.producer_id = messages::ProducerId(next.map_or(ProducerId::NONE.0, |p| p.id.0));
        response.producer_epoch = next.map_or(ProducerEpoch::NONE.0, |p| p.epoch.0);
        response
    })
}

async fn decide(cx: &Context, request: EndTxnRequest) -> Result<Option<Producer>, ErrorCode> {
    let id = &request.transactional_id;
    if !cx.allows(Operation::Write, ResourceType::TransactionalId, id) {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    let producer = Producer { id: ProducerId(request.producer_id.0), epoch: ProducerEpoch(request.producer_epoch) };
    let client = if cx.version() >= BUMPS_EPOCH_FROM { TxnVersion::V2 } else { TxnVersion::V0 };
    cx.broker.transactions().end(id, producer, request.committed, client).await
}
