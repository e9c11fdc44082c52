//! InitProducerId (22), versions 0-5: an identity for a producer, with or without a transactional id.
//!
//! Two-phase commit (version 6) is not finished in Kafka 4.3 and not served. Up to version 3 a fenced producer hears
//! INVALID_PRODUCER_EPOCH, which is all that it knows.

use bytes::Bytes;

use crate::controller::machine::Producer;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::{self, InitProducerIdRequest, InitProducerIdResponse};

use super::{Context, Outcome, answer_later};

const KNOWS_FENCING_FROM: i16 = 4;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request| async move {
        let mut response = InitProducerIdResponse::default();
        match decide(&cx, request).await {
            Ok(producer) => {
                response.producer_id = messages::ProducerId(producer.id.0);
                response.producer_epoch = producer.epoch.0;
            }
            Err(code) => {
                response.producer_id = messages::ProducerId(ProducerId::NONE.0);
                response.producer_epoch = ProducerEpoch::NONE.0;
                response.error_code = super::fenced_as_of_old(code, cx.version() < KNOWS_FENCING_FROM).code();
            }
        }
        response
    })
}

async fn decide(cx: &Context, request: InitProducerIdRequest) -> Result<Producer, ErrorCode> {
    let id = request.transactional_id.as_ref().map(|id| id.as_str());
    may(cx, id)?;
    let given = Producer { id: ProducerId(request.producer_id.0), epoch: ProducerEpoch(request.producer_epoch) };
    let expected = match (given.id == ProducerId::NONE, given.epoch == ProducerEpoch::NONE) {
        (true, true) => None,
        (false, false) => Some(given),
        _ => return Err(ErrorCode::InvalidRequest),
    };
    let transactions = cx.broker.transactions();
    match id {
        None => {
            let id = transactions.fresh_producer_id().await?;
            Ok(Producer { id, epoch: ProducerEpoch(0) })
        }
        Some(id) => transactions.init(id, request.transaction_timeout_ms, expected).await,
    }
}

fn may(cx: &Context, id: Option<&str>) -> Result<(), ErrorCode> {
    match id {
        Some(id) if cx.allows(Operation::Write, ResourceType::TransactionalId, id) => Ok(()),
        Some(_) => Err(ErrorCode::TransactionalIdAuthorizationFailed),
        None if cx.allows(Operation::IdempotentWrite, ResourceType::Cluster, CLUSTER_NAME)
            || cx.allows_somewhere(Operation::Write, ResourceType::Topic) =>
        {
            Ok(())
        }
        None => Err(ErrorCode::ClusterAuthorizationFailed),
    }
}
