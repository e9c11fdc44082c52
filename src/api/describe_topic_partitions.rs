//! DescribeTopicPartitions (75), version 0: topics with their partitions, page by page. Topics come in order of names;
//! the answer holds at most as many partitions as asked for and as `max.request.partition.size.limit` allows, and says
//! where to go on.

use std::collections::BTreeSet;

use bytes::Bytes;
use uuid::Uuid;

use crate::controller::metadata::{MetadataImage, PartitionImage, TopicImage, is_internal, validate_topic_name};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::wire::messages::{BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};

use super::{Context, Outcome, encode, topic_name};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: DescribeTopicPartitionsRequest = codec::decode(cx.version(), body)?;
    match respond(&cx, &request) {
        Ok(response) => encode(&cx, &response),
        // The answer has no field for an error of the whole request.
        Err(why) => encode(&cx, &refused(&request, why)),
    }
}

/// What is wrong with a request as a whole.
enum BadRequest {
    Cursor,
    /// Kafka takes a topic without a name for the one that a cursor names, and stumbles when there is no cursor.
    EmptyName,
}

fn refused(request: &DescribeTopicPartitionsRequest, why: BadRequest) -> DescribeTopicPartitionsResponse {
    let code = match why {
        BadRequest::Cursor => ErrorCode::InvalidRequest,
        BadRequest::EmptyName => ErrorCode::UnknownServerError,
    };
    let topics = request.topics.iter().map(|topic| blank(&topic.name, code)).collect();
    DescribeTopicPartitionsResponse::default().with_topics(topics)
}

fn respond(
    cx: &Context,
    request: &DescribeTopicPartitionsRequest,
) -> Result<DescribeTopicPartitionsResponse, BadRequest> {
    let image = cx.broker.image();
    let (from, first_partition) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.as_str(), cursor.partition_index),
        None => ("", 0),
    };
    let everything = request.topics.is_empty();
    let named: BTreeSet<&str> = match everything {
        true => image.topics.iter_from(from).map(|topic| &*topic.name).collect(),
        false => request.topics.iter().map(|topic| topic.name.as_str()).filter(|name| *name >= from).collect(),
    };
    if request.cursor.is_some() && ((!everything && !named.contains(from)) || first_partition < 0) {
        return Err(BadRequest::Cursor);
    }
    if named.contains("") && request.cursor.is_none() {
        return Err(BadRequest::EmptyName);
    }
    let (shown, hidden): (Vec<&str>, Vec<&str>) =
        named.into_iter().partition(|name| cx.allows(Operation::Describe, ResourceType::Topic, name));
    let start = |name: &str| if name == from { first_partition } else { 0 };
    let limit = cx.broker.config().values.int32("max.request.partition.size.limit");
    let limit = request.response_partition_limit.min(limit).max(1) as usize;
    let mut response = page(&image, &shown, start, limit, everything);
    for topic in &mut response.topics {
        if let Some(name) = &topic.name {
            topic.topic_authorized_operations = cx.operations_on(ResourceType::Topic, name);
        }
    }
    if !everything {
        let hidden = hidden.into_iter().map(|name| blank(name, ErrorCode::TopicAuthorizationFailed));
        response.topics.extend(hidden);
    }
    Ok(response)
}

fn page(
    image: &MetadataImage,
    names: &[&str],
    start: impl Fn(&str) -> i32,
    limit: usize,
    everything: bool,
) -> DescribeTopicPartitionsResponse {
    let mut response = DescribeTopicPartitionsResponse::default();
    let mut room = limit;
    for name in names {
        if room == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let Some(topic) = image.topics.by_name(name) else {
            if !everything {
                let code = match validate_topic_name(name) {
                    Ok(()) => ErrorCode::UnknownTopicOrPartition,
                    Err(error) => error.code,
                };
                response.topics.push(blank(name, code));
            }
            continue;
        };
        let first = start(name);
        let partitions = partitions(topic, first, room);
        room -= partitions.len();
        let next = first + partitions.len() as i32;
        let cut = room == 0 && next < topic.partition_count();
        response.topics.push(blank(name, ErrorCode::None).with_topic_id(topic.id.0).with_partitions(partitions));
        if cut {
            response.next_cursor = Some(cursor(name, next));
            break;
        }
    }
    response
}

fn partitions(topic: &TopicImage, first: i32, room: usize) -> Vec<DescribeTopicPartitionsResponsePartition> {
    let behind = topic.partitions().iter().skip_while(|partition| partition.index < first);
    behind.take(room).map(wire_partition).collect()
}

fn wire_partition(partition: &PartitionImage) -> DescribeTopicPartitionsResponsePartition {
    let ids = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect::<Vec<_>>();
    DescribeTopicPartitionsResponsePartition::default()
        .with_error_code(if partition.leader < 0 { ErrorCode::LeaderNotAvailable } else { ErrorCode::None }.code())
        .with_partition_index(partition.index)
        .with_leader_id(BrokerId(partition.leader))
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(ids(&partition.replicas))
        .with_isr_nodes(ids(&partition.isr))
        .with_eligible_leader_replicas(Some(ids(partition.eligible_leader_replicas())))
        .with_last_known_elr(Some(ids(partition.last_known_elr())))
}

fn cursor(name: &str, partition: i32) -> Cursor {
    Cursor::default().with_topic_name(topic_name(name)).with_partition_index(partition)
}

fn blank(name: &str, code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(code.code())
        .with_name(Some(topic_name(name)))
        .with_topic_id(Uuid::nil())
        .with_is_internal(is_internal(name))
        .with_topic_authorized_operations(i32::MIN)
}
