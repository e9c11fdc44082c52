//! OffsetFetch (9), 1-10: what groups have committed. From version 8 on for several groups at once, from version 10 on
//! topics are named by id.

use std::sync::Arc;

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later, topic_name};
use crate::controller::group::events::{Reply, Request, text};
use crate::controller::metadata::MetadataImage;
use crate::model::{ErrorCode, TopicId};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::wire::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use crate::wire::messages::{OffsetFetchRequest, OffsetFetchResponse};

/// Before this version there was no error for the group: each partition carries it.
const GROUP_ERROR_SINCE: i16 = 2;
const SEVERAL_SINCE: i16 = 8;
const TOPIC_IDS_SINCE: i16 = 10;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: OffsetFetchRequest| async move {
        let require_stable = request.require_stable;
        let mut groups = Vec::new();
        for group in groups_of(cx.version(), request) {
            groups.push(fetch(&cx, group, require_stable).await);
        }
        if cx.version() >= SEVERAL_SINCE {
            return OffsetFetchResponse::default().with_groups(groups);
        }
        let group = groups.pop().unwrap_or_default();
        OffsetFetchResponse::default()
            .with_error_code(group.error_code)
            .with_topics(group.topics.into_iter().map(as_before).collect())
    })
}

fn groups_of(version: i16, request: OffsetFetchRequest) -> Vec<OffsetFetchRequestGroup> {
    if version >= SEVERAL_SINCE {
        return request.groups;
    }
    let topics = request.topics.map(|topics| {
        let all = topics.into_iter().map(|topic| {
            OffsetFetchRequestTopics::default().with_name(topic.name).with_partition_indexes(topic.partition_indexes)
        });
        all.collect()
    });
    vec![OffsetFetchRequestGroup::default().with_group_id(request.group_id).with_topics(topics)]
}

async fn fetch(cx: &Context, mut group: OffsetFetchRequestGroup, require_stable: bool) -> OffsetFetchResponseGroup {
    let outline = group.clone();
    if !cx.allows(Operation::Describe, ResourceType::Group, &group.group_id) {
        return failed(cx.version(), &outline, ErrorCode::GroupAuthorizationFailed);
    }
    let image = cx.broker.image();
    let mut refused = Vec::new();
    let all = group.topics.is_none();
    if let Some(topics) = group.topics.take() {
        group.topics = Some(keep_valid(cx, &image, topics, &mut refused));
    }
    let id = group.group_id.clone();
    match ask(cx, &id, Request::OffsetFetch { group, require_stable }).await {
        Ok(Reply::OffsetFetch(mut answer)) => {
            if all && answer.error_code == 0 {
                answer.topics = visible(cx, &image, std::mem::take(&mut answer.topics));
            }
            if answer.error_code == 0 {
                answer.topics.append(&mut refused);
            }
            answer
        }
        other => failed(cx.version(), &outline, other.err().unwrap_or(WRONG_REPLY)),
    }
}

fn keep_valid(
    cx: &Context,
    image: &Arc<MetadataImage>,
    topics: Vec<OffsetFetchRequestTopics>,
    refused: &mut Vec<OffsetFetchResponseTopics>,
) -> Vec<OffsetFetchRequestTopics> {
    let by_id = cx.version() >= TOPIC_IDS_SINCE;
    let mut valid = Vec::with_capacity(topics.len());
    for mut topic in topics {
        if by_id {
            let found = image.topics.by_id(TopicId(topic.topic_id));
            topic.name = found.map(|found| topic_name(&found.name)).unwrap_or_default();
        }
        if by_id && topic.name.is_empty() {
            refused.push(failed_topic(&topic, ErrorCode::UnknownTopicId));
        } else if !cx.allows(Operation::Describe, ResourceType::Topic, &topic.name) {
            refused.push(failed_topic(&topic, ErrorCode::TopicAuthorizationFailed));
        } else {
            valid.push(topic);
        }
    }
    valid
}

/// Of all the topics that a group has offsets in, those that the client may see; by id only those that exist.
fn visible(
    cx: &Context,
    image: &Arc<MetadataImage>,
    topics: Vec<OffsetFetchResponseTopics>,
) -> Vec<OffsetFetchResponseTopics> {
    let mut seen = Vec::with_capacity(topics.len());
    for mut topic in topics {
        if !cx.allows(Operation::Describe, ResourceType::Topic, &topic.name) {
            continue;
        }
        if cx.version() >= TOPIC_IDS_SINCE {
            let Some(found) = image.topics.by_name(&topic.name) else { continue };
            topic.topic_id = found.id.0;
        }
        seen.push(topic);
    }
    seen
}

fn nothing(partition: i32, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(partition)
        .with_committed_offset(-1)
        .with_committed_leader_epoch(-1)
        .with_metadata(Some(text("")))
        .with_error_code(error.code())
}

fn failed_topic(topic: &OffsetFetchRequestTopics, error: ErrorCode) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics::default()
        .with_name(topic.name.clone())
        .with_topic_id(topic.topic_id)
        .with_partitions(topic.partition_indexes.iter().map(|partition| nothing(*partition, error)).collect())
}

fn failed(version: i16, group: &OffsetFetchRequestGroup, error: ErrorCode) -> OffsetFetchResponseGroup {
    let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone());
    // Clients know no other word for "ask again" here.
    let error = match error {
        ErrorCode::CoordinatorNotAvailable | ErrorCode::RequestTimedOut => ErrorCode::NotCoordinator,
        error => error,
    };
    if version >= GROUP_ERROR_SINCE {
        return answer.with_error_code(error.code());
    }
    let topics = group.topics.iter().flatten().map(|topic| failed_topic(topic, error));
    answer.with_topics(topics.collect())
}

fn as_before(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic.partitions.into_iter().map(|partition| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(partition.partition_index)
            .with_committed_offset(partition.committed_offset)
            .with_committed_leader_epoch(partition.committed_leader_epoch)
            .with_metadata(partition.metadata)
            .with_error_code(partition.error_code)
    });
    OffsetFetchResponseTopic::default().with_name(topic.name).with_partitions(partitions.collect())
}
