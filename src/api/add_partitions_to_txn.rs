//! AddPartitionsToTxn (24), versions 0-5: partitions join a transaction.
//!
//! Versions 0-3 are clients', for one transaction. From 4 on it is a broker's request, for many transactions, which may
//! also only ask whether the partitions are in; this broker has no need to send it, but tools may. Before version 2 a
//! fenced producer hears INVALID_PRODUCER_EPOCH.

use bytes::Bytes;

use crate::controller::machine::Producer;
use crate::controller::metadata::is_internal;
use crate::controller::txn::TxnVersion;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::add_partitions_to_txn_request::{AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction};
use crate::wire::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use crate::wire::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};

use super::{Context, Outcome, answer_later};

const KNOWS_FENCING_FROM: i16 = 2;
const OF_BROKERS_FROM: i16 = 4;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: AddPartitionsToTxnRequest| async move {
        let mut response = AddPartitionsToTxnResponse::default();
        if cx.version() < OF_BROKERS_FROM {
            let transaction = AddPartitionsToTxnTransaction::default()
                .with_transactional_id(request.v3_and_below_transactional_id)
                .with_producer_id(request.v3_and_below_producer_id)
                .with_producer_epoch(request.v3_and_below_producer_epoch)
                .with_topics(request.v3_and_below_topics);
            response.results_by_topic_v3_and_below = results(&cx, &transaction).await;
            return response;
        }
        if !cx.allows(Operation::ClusterAction, ResourceType::Cluster, CLUSTER_NAME) {
            response.error_code = ErrorCode::ClusterAuthorizationFailed.code();
            return response;
        }
        for transaction in &request.transactions {
            let result = AddPartitionsToTxnResult::default()
                .with_transactional_id(transaction.transactional_id.clone())
                .with_topic_results(results(&cx, transaction).await);
            response.results_by_transaction.push(result);
        }
        response
    })
}

/// One transaction's partitions with their error codes.
async fn results(cx: &Context, asked: &AddPartitionsToTxnTransaction) -> Vec<AddPartitionsToTxnTopicResult> {
    let id = &asked.transactional_id;
    if cx.version() < OF_BROKERS_FROM && !cx.allows(Operation::Write, ResourceType::TransactionalId, id) {
        return all_with(&asked.topics, ErrorCode::TransactionalIdAuthorizationFailed);
    }
    if let Some(refused) = unusable(cx, &asked.topics) {
        return refused;
    }
    let producer = Producer { id: ProducerId(asked.producer_id.0), epoch: ProducerEpoch(asked.producer_epoch) };
    let partitions: Vec<TopicPartition> = asked
        .topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|p| TopicPartition::new(topic.name.as_str(), *p)))
        .collect();
    let transactions = cx.broker.transactions();
    if asked.verify_only && cx.version() >= OF_BROKERS_FROM {
        return match transactions.verify(id, producer, partitions).await {
            Ok(each) => with_codes(&asked.topics, |topic, partition| {
                let of = each.iter().find(|(tp, _)| &*tp.topic == topic && tp.partition.0 == partition);
                of.map_or(ErrorCode::UnknownServerError, |(_, code)| *code)
            }),
            Err(code) => all_with(&asked.topics, code),
        };
    }
    let client = if cx.version() >= OF_BROKERS_FROM { TxnVersion::V2 } else { TxnVersion::V0 };
    let added = transactions.add(id, producer, partitions, client).await;
    let code = added.err().unwrap_or(ErrorCode::None);
    all_with(&asked.topics, super::fenced_as_of_old(code, cx.version() < KNOWS_FENCING_FROM))
}

/// One partition that cannot be added keeps all the others out.
fn unusable(cx: &Context, topics: &[AddPartitionsToTxnTopic]) -> Option<Vec<AddPartitionsToTxnTopicResult>> {
    let image = cx.broker.image();
    let code = |topic: &str, partition: i32| {
        let checked = cx.version() < OF_BROKERS_FROM && !is_internal(topic);
        if checked && !cx.allows(Operation::Write, ResourceType::Topic, topic)
            || cx.version() < OF_BROKERS_FROM && is_internal(topic)
        {
            return ErrorCode::TopicAuthorizationFailed;
        }
        match image.topics.by_name(topic).and_then(|t| t.partition(partition)) {
            Some(_) => ErrorCode::None,
            None => ErrorCode::UnknownTopicOrPartition,
        }
    };
    let every_is_usable =
        topics.iter().all(|topic| topic.partitions.iter().all(|p| code(&topic.name, *p) == ErrorCode::None));
    (!every_is_usable).then(|| {
        with_codes(topics, |topic, partition| match code(topic, partition) {
            ErrorCode::None => ErrorCode::OperationNotAttempted,
            wrong => wrong,
        })
    })
}

fn all_with(topics: &[AddPartitionsToTxnTopic], code: ErrorCode) -> Vec<AddPartitionsToTxnTopicResult> {
    with_codes(topics, |_, _| code)
}

fn with_codes(
    topics: &[AddPartitionsToTxnTopic],
    code: impl Fn(&str, i32) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let result = |topic: &AddPartitionsToTxnTopic| {
        let partition = |index: &i32| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*index)
                .with_partition_error_code(code(&topic.name, *index).code())
        };
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(topic.partitions.iter().map(partition).collect())
    };
    topics.iter().map(result).collect()
}
