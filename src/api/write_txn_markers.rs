//! WriteTxnMarkers (27), versions 1-2: ends transactions in the partitions named, whatever their coordinator thinks.
//!
//! Between Kafka's brokers it is how coordinators work; here it is what `kafka-transactions.sh abort` sends to end a
//! transaction that hangs.

use bytes::Bytes;

use crate::log::EndTxn;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::write_txn_markers_request::WritableTxnMarker;
use crate::wire::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use crate::wire::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};

use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: WriteTxnMarkersRequest| async move {
        let may = [Operation::Alter, Operation::ClusterAction]
            .into_iter()
            .any(|operation| cx.allows(operation, ResourceType::Cluster, CLUSTER_NAME));
        let mut response = WriteTxnMarkersResponse::default();
        for marker in request.markers {
            let codes = match may {
                true => write(&cx, &marker).await,
                false => vec![ErrorCode::ClusterAuthorizationFailed; partitions(&marker).count()],
            };
            merge(&mut response.markers, result(marker, codes));
        }
        response
    })
}

fn partitions(marker: &WritableTxnMarker) -> impl Iterator<Item = TopicPartition> {
    let of_topic = marker.topics.iter();
    of_topic.flat_map(|topic| topic.partition_indexes.iter().map(|p| TopicPartition::new(topic.name.as_str(), *p)))
}

async fn write(cx: &Context, marker: &WritableTxnMarker) -> Vec<ErrorCode> {
    let end = EndTxn {
        producer_id: ProducerId(marker.producer_id.0),
        producer_epoch: ProducerEpoch(marker.producer_epoch),
        commit: marker.transaction_result,
        coordinator_epoch: marker.coordinator_epoch,
        transaction_version: marker.transaction_version.into(),
    };
    let partitions: Vec<TopicPartition> = partitions(marker).collect();
    if end.producer_epoch.0 < 0 {
        return partitions.iter().map(|at| unwritable(cx, at)).collect();
    }
    cx.broker.transactions().write_markers(&cx.broker, &end, &partitions).await
}

/// No batch can carry a negative epoch. Kafka notices when it has looked the partition up.
fn unwritable(cx: &Context, at: &TopicPartition) -> ErrorCode {
    match cx.broker.served_partition(&at.topic, at.partition.0) {
        Ok(_) => ErrorCode::UnknownServerError,
        Err(code) => code,
    }
}

fn result(marker: WritableTxnMarker, codes: Vec<ErrorCode>) -> WritableTxnMarkerResult {
    let mut codes = codes.into_iter();
    let topics = marker.topics.into_iter().map(|topic| {
        let results = topic.partition_indexes.iter().zip(codes.by_ref()).map(|(index, code)| {
            WritableTxnMarkerPartitionResult::default().with_partition_index(*index).with_error_code(code.code())
        });
        let results = results.collect();
        WritableTxnMarkerTopicResult::default().with_name(topic.name).with_partitions(results)
    });
    let topics = topics.collect();
    WritableTxnMarkerResult::default().with_producer_id(marker.producer_id).with_topics(topics)
}

/// Several markers of one producer are answered together, as Kafka does.
fn merge(all: &mut Vec<WritableTxnMarkerResult>, more: WritableTxnMarkerResult) {
    match all.iter_mut().find(|result| result.producer_id == more.producer_id) {
        Some(same) => same.topics.extend(more.topics),
        None => all.push(more),
    }
}
