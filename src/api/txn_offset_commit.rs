//! TxnOffsetCommit (28), versions 0-5: a group's offsets become part of a transaction.
//!
//! As with records, the partition of `__consumer_offsets` must be in the transaction: from version 5 on this request
//! puts it there, before that AddOffsetsToTxn has. Old clients cannot bear COORDINATOR_LOAD_IN_PROGRESS and hear
//! COORDINATOR_NOT_AVAILABLE.

use bytes::Bytes;

use crate::broker::transactions::enlist::{self, Enlisting, Support, Verdict};
use crate::controller::group::events::{self, Reply, Request};
use crate::controller::machine::Producer;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};
use crate::records::batch::NO_SEQUENCE;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::txn_offset_commit_request::TxnOffsetCommitRequestTopic;
use crate::wire::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use crate::wire::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};

use super::groups::{WRONG_REPLY, call};
use super::{Context, Outcome, answer_later};

const BEARS_LOADING_FROM: i16 = 2;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: TxnOffsetCommitRequest| async move {
        let mut response = commit(&cx, request).await;
        if cx.version() < BEARS_LOADING_FROM {
            for partition in response.topics.iter_mut().flat_map(|topic| topic.partitions.iter_mut()) {
                if partition.error_code == ErrorCode::CoordinatorLoadInProgress.code() {
                    partition.error_code = ErrorCode::CoordinatorNotAvailable.code();
                }
            }
        }
        response
    })
}

async fn commit(cx: &Context, mut request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse {
    if !cx.allows(Operation::Write, ResourceType::TransactionalId, &request.transactional_id) {
        return events::failed_txn_commit(&request, ErrorCode::TransactionalIdAuthorizationFailed);
    }
    if !cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
        return events::failed_txn_commit(&request, ErrorCode::GroupAuthorizationFailed);
    }
    let mut response = TxnOffsetCommitResponse::default();
    request.topics = keep_valid(cx, std::mem::take(&mut request.topics), &mut response);
    if request.topics.is_empty() {
        return response;
    }
    // Names and partitions, to say of each what went wrong if nothing is accepted.
    let outline = TxnOffsetCommitRequest::default().with_topics(request.topics.clone());
    let committed = match ask(cx, request).await {
        Ok(Reply::TxnOffsetCommit(committed)) => committed,
        other => events::failed_txn_commit(&outline, other.err().unwrap_or(WRONG_REPLY)),
    };
    for topic in committed.topics {
        add(&mut response, topic);
    }
    response
}

/// Has the transaction's coordinator vouch for the partition, then asks the group's.
async fn ask(cx: &Context, request: TxnOffsetCommitRequest) -> Result<Reply, ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let shard = cx.broker.groups().shard_of(&request.group_id)?;
    let producer = Producer { id: ProducerId(request.producer_id.0), epoch: ProducerEpoch(request.producer_epoch) };
    let wanted = Enlisting { partition: shard.partition().clone(), base_sequence: NO_SEQUENCE };
    let support = Support::of_offset_commit(cx.version());
    let begun = enlist::begin(&cx.broker, producer, support, std::iter::once(Some(wanted)));
    let verdicts: Vec<Verdict> = enlist::confirm(&cx.broker, &request.transactional_id, begun).await;
    let guard = verdicts.into_iter().next().unwrap_or(Ok(None))?;
    shard.ask_verified(call(cx, Request::TxnOffsetCommit(request)), guard).await
}

/// Topics and partitions that are there and may be read; the others are answered at once.
fn keep_valid(
    cx: &Context,
    topics: Vec<TxnOffsetCommitRequestTopic>,
    response: &mut TxnOffsetCommitResponse,
) -> Vec<TxnOffsetCommitRequestTopic> {
    let image = cx.broker.image();
    let mut valid = Vec::with_capacity(topics.len());
    for mut topic in topics {
        let found = image.topics.by_name(&topic.name);
        let is_allowed = cx.allows(Operation::Read, ResourceType::Topic, &topic.name);
        let code = match is_allowed {
            true => ErrorCode::UnknownTopicOrPartition,
            false => ErrorCode::TopicAuthorizationFailed,
        };
        let count = found.filter(|_| is_allowed).map_or(0, |found| found.partition_count());
        let all = std::mem::take(&mut topic.partitions);
        let (there, missing): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|partition| (0..count).contains(&partition.partition_index));
        if !missing.is_empty() {
            let refused = missing.iter().map(|partition| {
                TxnOffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(code.code())
            });
            let refused = refused.collect();
            let name = topic.name.clone();
            add(response, TxnOffsetCommitResponseTopic::default().with_name(name).with_partitions(refused));
        }
        if !there.is_empty() {
            topic.partitions = there;
            valid.push(topic);
        }
    }
    valid
}

fn add(response: &mut TxnOffsetCommitResponse, topic: TxnOffsetCommitResponseTopic) {
    match response.topics.iter_mut().find(|known| known.name == topic.name) {
        Some(known) => known.partitions.extend(topic.partitions),
        None => response.topics.push(topic),
    }
}
