//! OffsetDelete (47), 0: forgets a group's offsets in topics that its members do not use.

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later};
use crate::controller::group::events::{Reply, Request};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::offset_delete_request::OffsetDeleteRequestTopic;
use crate::wire::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use crate::wire::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, mut request: OffsetDeleteRequest| {
        let mut refused = Vec::new();
        let asking = if cx.allows(Operation::Delete, ResourceType::Group, &request.group_id) {
            request.topics = keep_valid(&cx, std::mem::take(&mut request.topics), &mut refused);
            let group = request.group_id.clone();
            Ok(ask(&cx, &group, Request::OffsetDelete(request)))
        } else {
            Err(ErrorCode::GroupAuthorizationFailed)
        };
        async move {
            let answered = match asking {
                Ok(asking) => asking.await,
                Err(code) => Err(code),
            };
            match answered {
                // An error of the group leaves no room for those of its topics.
                Ok(Reply::OffsetDelete(response)) if response.error_code != 0 => response,
                Ok(Reply::OffsetDelete(response)) => {
                    for topic in response.topics {
                        match refused.iter_mut().find(|known| known.name == topic.name) {
                            Some(known) => known.partitions.extend(topic.partitions),
                            None => refused.push(topic),
                        }
                    }
                    OffsetDeleteResponse::default().with_topics(refused)
                }
                other => OffsetDeleteResponse::default().with_error_code(other.err().unwrap_or(WRONG_REPLY).code()),
            }
        }
    })
}

/// Topics and partitions that are there and may be read; the others are answered at once.
fn keep_valid(
    cx: &Context,
    topics: Vec<OffsetDeleteRequestTopic>,
    refused: &mut Vec<OffsetDeleteResponseTopic>,
) -> Vec<OffsetDeleteRequestTopic> {
    let image = cx.broker.image();
    let mut valid = Vec::with_capacity(topics.len());
    for mut topic in topics {
        let found = image.topics.by_name(&topic.name);
        let count = found.map_or(0, |found| found.partition_count());
        let may = cx.allows(Operation::Read, ResourceType::Topic, &topic.name);
        let error = if may { ErrorCode::UnknownTopicOrPartition } else { ErrorCode::TopicAuthorizationFailed };
        let all = std::mem::take(&mut topic.partitions);
        let (there, missing): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|partition| may && (0..count).contains(&partition.partition_index));
        if !missing.is_empty() {
            let failed = missing.iter().map(|partition| {
                OffsetDeleteResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error.code())
            });
            let topic = OffsetDeleteResponseTopic::default().with_name(topic.name.clone());
            refused.push(topic.with_partitions(failed.collect()));
        }
        if !there.is_empty() {
            topic.partitions = there;
            valid.push(topic);
        }
    }
    valid
}
