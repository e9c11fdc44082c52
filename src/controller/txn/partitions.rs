//! AddPartitionsToTxn and AddOffsetsToTxn: partitions join the transaction; and the check whether they have.

use super::event::{Decision, TxnReply};
use super::init::Context;
use super::state::{TxnMetadata, TxnState, TxnVersion};
use crate::controller::machine::Producer;
use crate::model::{ErrorCode, TopicPartition};

pub fn decide_add(cx: Context<'_>, producer: Producer, partitions: &[TopicPartition], client: TxnVersion) -> Decision {
    let answer = |result| Decision::Reply(TxnReply::Added(result));
    let Some(known) = cx.known else { return answer(Err(ErrorCode::InvalidProducerIdMapping)) };
    // Before any look at the identity: it may be about to change.
    if known.state.is_deciding() {
        return Decision::Busy;
    }
    if let Err(error) = check_holder(known, producer) {
        return answer(Err(error));
    }
    if known.state == TxnState::Ongoing && partitions.iter().all(|p| known.partitions.contains(p)) {
        return answer(Ok(()));
    }
    match known.with_partitions(partitions, client, cx.now_ms) {
        Some(metadata) => Decision::Become { metadata, last_epoch: cx.last_epoch, reply: TxnReply::Added(Ok(())) },
        None => answer(Err(ErrorCode::InvalidTxnState)),
    }
}

pub fn decide_verify(cx: Context<'_>, producer: Producer, partitions: &[TopicPartition]) -> Decision {
    let answer = |result| Decision::Reply(TxnReply::Verified(result));
    let Some(known) = cx.known else { return answer(Err(ErrorCode::InvalidProducerIdMapping)) };
    if let Err(error) = check_holder(known, producer) {
        return answer(Err(error));
    }
    if known.state.is_deciding() {
        // No use in waiting: afterwards nothing is in the transaction any more.
        return answer(Err(ErrorCode::ConcurrentTransactions));
    }
    let error_of = |partition: &TopicPartition| match known.partitions.contains(partition) {
        true => ErrorCode::None,
        false => ErrorCode::TransactionAbortable,
    };
    answer(Ok(partitions.iter().map(|p| (p.clone(), error_of(p))).collect()))
}

/// The order of the checks is Kafka's: a foreign id first, then any other epoch.
pub fn check_holder(known: &TxnMetadata, producer: Producer) -> Result<(), ErrorCode> {
    if known.producer.id != producer.id {
        Err(ErrorCode::InvalidProducerIdMapping)
    } else if known.producer.epoch != producer.epoch {
        Err(ErrorCode::ProducerFenced)
    } else {
        Ok(())
    }
}
