//! OffsetCommit (8), 2-10. Later commits of a connection need not wait for earlier ones to be durable: they share the
//! append and the sync. From version 10 on topics are named by id.

use std::sync::Arc;

use bytes::Bytes;

use super::{WRONG_REPLY, ask};
use crate::api::{Context, Outcome, answer_later, topic_name};
use crate::controller::group::events::{self, Reply, Request};
use crate::controller::metadata::MetadataImage;
use crate::model::{ErrorCode, TopicId};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::offset_commit_request::OffsetCommitRequestTopic;
use crate::wire::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use crate::wire::messages::{OffsetCommitRequest, OffsetCommitResponse};

const TOPIC_IDS_SINCE: i16 = 10;

pub(in crate::api) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, mut request: OffsetCommitRequest| {
        let mut answers = Answers { by_id: cx.version() >= TOPIC_IDS_SINCE, topics: Vec::new() };
        let asking = if cx.allows(Operation::Read, ResourceType::Group, &request.group_id) {
            request.topics = keep_valid(&cx, std::mem::take(&mut request.topics), &mut answers);
            let request = Arc::new(request);
            (!request.topics.is_empty())
                .then(|| (ask(&cx, &request.group_id, Request::OffsetCommit(request.clone())), request))
        } else {
            answers.merge(events::failed_commit(&request, ErrorCode::GroupAuthorizationFailed).topics);
            None
        };
        async move {
            if let Some((asking, request)) = asking {
                answers.merge(match asking.await {
                    Ok(Reply::OffsetCommit(response)) => response.topics,
                    other => events::failed_commit(&request, other.err().unwrap_or(WRONG_REPLY)).topics,
                });
            }
            OffsetCommitResponse::default().with_topics(answers.topics)
        }
    })
}

/// Topics and partitions that are there and may be read; the others are answered at once.
fn keep_valid(
    cx: &Context,
    topics: Vec<OffsetCommitRequestTopic>,
    answers: &mut Answers,
) -> Vec<OffsetCommitRequestTopic> {
    let image: Arc<MetadataImage> = cx.broker.image();
    let mut valid = Vec::with_capacity(topics.len());
    for mut topic in topics {
        let found =
            if answers.by_id { image.topics.by_id(TopicId(topic.topic_id)) } else { image.topics.by_name(&topic.name) };
        if answers.by_id {
            topic.name = found.map(|found| topic_name(&found.name)).unwrap_or_default();
        }
        let unknown = if answers.by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition };
        let named = !answers.by_id || found.is_some();
        let refusal = if named && !cx.allows(Operation::Read, ResourceType::Topic, &topic.name) {
            Some(ErrorCode::TopicAuthorizationFailed)
        } else {
            found.is_none().then_some(unknown)
        };
        let (Some(found), None) = (found, refusal) else {
            for partition in &topic.partitions {
                answers.add(&topic, partition.partition_index, refusal.unwrap_or(unknown));
            }
            continue;
        };
        topic.topic_id = found.id.0;
        let all = std::mem::take(&mut topic.partitions);
        let (there, missing): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|partition| (0..found.partition_count()).contains(&partition.partition_index));
        for partition in missing {
            answers.add(&topic, partition.partition_index, ErrorCode::UnknownTopicOrPartition);
        }
        if !there.is_empty() {
            topic.partitions = there;
            valid.push(topic);
        }
    }
    valid
}

/// The answer as it grows: first what is refused here, then what the machine says.
struct Answers {
    by_id: bool,
    topics: Vec<OffsetCommitResponseTopic>,
}

impl Answers {
    fn topic(&mut self, like: &OffsetCommitResponseTopic) -> &mut OffsetCommitResponseTopic {
        let same = |topic: &OffsetCommitResponseTopic| match self.by_id {
            true => topic.topic_id == like.topic_id,
            false => topic.name == like.name,
        };
        let place = self.topics.iter().position(same).unwrap_or_else(|| {
            let empty = OffsetCommitResponseTopic::default().with_name(like.name.clone()).with_topic_id(like.topic_id);
            self.topics.push(empty);
            self.topics.len() - 1
        });
        &mut self.topics[place]
    }

    fn add(&mut self, topic: &OffsetCommitRequestTopic, partition: i32, error: ErrorCode) {
        let like = OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_topic_id(topic.topic_id);
        self.topic(&like).partitions.push(
            OffsetCommitResponsePartition::default().with_partition_index(partition).with_error_code(error.code()),
        );
    }

    fn merge(&mut self, topics: Vec<OffsetCommitResponseTopic>) {
        for topic in topics {
            self.topic(&topic).partitions.extend(topic.partitions);
        }
    }
}
