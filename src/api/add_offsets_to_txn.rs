//! AddOffsetsToTxn (25), versions 0-4: the group's partition of `__consumer_offsets` joins the transaction.
//!
//! Before version 2 a fenced producer hears INVALID_PRODUCER_EPOCH.

use bytes::Bytes;

use crate::broker::transactions::offsets_partition;
use crate::controller::machine::Producer;
use crate::controller::txn::TxnVersion;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::{Context, Outcome, answer_later};

const KNOWS_FENCING_FROM: i16 = 2;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request| async move {
        let code = decide(&cx, request).await.err().unwrap_or(ErrorCode::None);
        let mut response = AddOffsetsToTxnResponse::default();
        response.error_code = super::fenced_as_of_old(code, cx.version() < KNOWS_FENCING_FROM).code();
        response
    })
}

async fn decide(cx: &Context, request: AddOffsetsToTxnRequest) -> Result<(), ErrorCode> {
    let id = &request.transactional_id;
    if !cx.allows(Operation::Write, ResourceType::TransactionalId, id) {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    if !cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
        return Err(ErrorCode::GroupAuthorizationFailed);
    }
    let producer = Producer { id: ProducerId(request.producer_id.0), epoch: ProducerEpoch(request.producer_epoch) };
    let offsets = vec![offsets_partition(&cx.broker, &request.group_id)];
    // Producers of transaction version 2 do not send this request.
    cx.broker.transactions().add(id, producer, offsets, TxnVersion::V0).await
}
