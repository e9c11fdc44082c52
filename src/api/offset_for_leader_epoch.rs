//! OffsetForLeaderEpoch (23), versions 2-4: where a leader epoch ends, so that a consumer notices a truncated log.

use bytes::Bytes;

use crate::model::{ErrorCode, LeaderEpoch};
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use crate::wire::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use crate::wire::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::{Context, Outcome, answer};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let everywhere = cx.allows(Operation::ClusterAction, ResourceType::Cluster, CLUSTER_NAME);
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut denied = Vec::new();
    for topic in &request.topics {
        let allowed = everywhere || cx.allows(Operation::Describe, ResourceType::Topic, &topic.topic);
        let ends = topic.partitions.iter().map(|asked| one(cx, allowed, &topic.topic, asked)).collect();
        let answer = OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone()).with_partitions(ends);
        if allowed { topics.push(answer) } else { denied.push(answer) }
    }
    topics.extend(denied);
    OffsetForLeaderEpochResponse::default().with_topics(topics)
}

fn one(cx: &Context, allowed: bool, topic: &str, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let mut answer = EpochEndOffset::default();
    answer.partition = asked.partition;
    answer.leader_epoch = -1;
    answer.end_offset = -1;
    let mut refuse = |code: ErrorCode| answer.error_code = code.code();
    if !allowed {
        refuse(ErrorCode::TopicAuthorizationFailed);
        return answer;
    }
    let found = cx.broker.served_partition(topic, asked.partition).and_then(|partition| {
        partition.check_leader_epoch(LeaderEpoch(asked.current_leader_epoch)).map(|()| partition)
    });
    let partition = match found {
        Ok(partition) => partition,
        Err(code) => {
            refuse(code);
            return answer;
        }
    };
    if let Some((epoch, end)) = partition.end_of_epoch(LeaderEpoch(asked.leader_epoch)) {
        answer.leader_epoch = epoch.0;
        answer.end_offset = end.0;
    }
    answer
}
