//! DescribeProducers (61), version 0: the producers that a partition remembers, with their open transactions.

use bytes::Bytes;

use crate::controller::metadata::{ApiError, validate_topic_name};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use crate::wire::messages::{self, DescribeProducersRequest, DescribeProducersResponse};

use super::{Context, Outcome, answer};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, |cx, request: DescribeProducersRequest| {
        let mut response = DescribeProducersResponse::default();
        for topic in request.topics {
            let usable = check_topic(cx, &topic.name);
            let partitions = topic.partition_indexes.iter().map(|index| match &usable {
                Ok(()) => describe(cx, &topic.name, *index),
                Err(e) => refused(*index, e),
            });
            let partitions = partitions.collect();
            response.topics.push(TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions));
        }
        response
    })
}

fn check_topic(cx: &Context, topic: &str) -> Result<(), ApiError> {
    validate_topic_name(topic)?;
    if !cx.allows(Operation::Read, ResourceType::Topic, topic) {
        return Err(ApiError::new(ErrorCode::TopicAuthorizationFailed, "Topic authorization failed."));
    }
    match cx.broker.image().topics.by_name(topic) {
        Some(_) => Ok(()),
        None => {
            Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, "This server does not host this topic-partition."))
        }
    }
}

fn refused(index: i32, e: &ApiError) -> PartitionResponse {
    PartitionResponse::default()
        .with_partition_index(index)
        .with_error_code(e.code.code())
        .with_error_message(e.wire_message())
}

fn describe(cx: &Context, topic: &str, index: i32) -> PartitionResponse {
    let code = match cx.broker.served_partition(topic, index) {
        Err(code) => code,
        Ok(partition) if partition.is_offline() => ErrorCode::KafkaStorageError,
        Ok(partition) => {
            let mut log = partition.log();
            match log.ensure_loaded() {
                Err(_) => ErrorCode::KafkaStorageError,
                Ok(_) => {
                    let mut producers: Vec<ProducerState> = log
                        .producers()
                        .map(|(id, entry)| {
                            ProducerState::default()
                                .with_producer_id(messages::ProducerId(id.0))
                                .with_producer_epoch(entry.epoch.0.into())
                                .with_last_sequence(entry.last_sequence())
                                .with_last_timestamp(entry.last_timestamp_ms)
                                .with_coordinator_epoch(entry.coordinator_epoch)
                                .with_current_txn_start_offset(entry.txn_first_offset.map_or(-1, |offset| offset.0))
                        })
                        .collect();
                    producers.sort_by_key(|producer| producer.producer_id.0);
                    return PartitionResponse::default().with_partition_index(index).with_active_producers(producers);
                }
            }
        }
    };
    PartitionResponse::default().with_partition_index(index).with_error_code(code.code())
}
