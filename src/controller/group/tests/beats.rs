//! ConsumerGroupHeartbeat and ConsumerGroupDescribe as tests speak them.

use super::harness::World;
use super::topics::Topics;
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::{Reply, Request, text};
use crate::wire::messages::consumer_group_describe_response::DescribedGroup;
use crate::wire::messages::consumer_group_heartbeat_request::TopicPartitions;
use crate::wire::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};

pub type Beat = ConsumerGroupHeartbeatRequest;

pub fn beat(group: &str, member: &str, epoch: i32) -> Beat {
    Beat::default()
        .with_group_id(text(group).into())
        .with_member_id(text(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(-1)
        .with_subscribed_topic_names(None)
        .with_topic_partitions(None)
}

pub fn join(group: &str, member: &str, topics: &[&str]) -> Beat {
    let names = topics.iter().map(|name| text(name).into()).collect();
    beat(group, member, 0)
        .with_rebalance_timeout_ms(30_000)
        .with_subscribed_topic_names(Some(names))
        .with_topic_partitions(Some(Vec::new()))
}

pub fn join_matching(group: &str, member: &str, pattern: &str) -> Beat {
    join(group, member, &[]).with_subscribed_topic_names(None).with_subscribed_topic_regex(Some(text(pattern)))
}

/// The member says what it owns of one topic.
pub fn owning(beat: Beat, topics: &Topics, topic: &str, partitions: &[i32]) -> Beat {
    let owned = match partitions {
        [] => Vec::new(),
        _ => vec![TopicPartitions::default().with_topic_id(topics.id(topic).0).with_partitions(partitions.to_vec())],
    };
    beat.with_topic_partitions(Some(owned))
}

/// Assignments are computed without delay, so that a test sees each step.
pub fn eager() -> GroupConfig {
    GroupConfig { consumer_assignment_interval_ms: 0, ..super::harness::quick() }
}

/// What an answer says: error, epoch, and partitions if there is an assignment, in order of topic id.
pub fn said(response: &ConsumerGroupHeartbeatResponse) -> (i16, i32, Option<Vec<i32>>) {
    let partitions = response.assignment.as_ref().map(|assignment| {
        assignment.topic_partitions.iter().flat_map(|topic| topic.partitions.iter().copied()).collect()
    });
    (response.error_code, response.member_epoch, partitions)
}

impl World {
    pub fn beat_at(&mut self, version: i16, request: Beat) -> ConsumerGroupHeartbeatResponse {
        match self.ask(version, Request::ConsumerGroupHeartbeat(request)) {
            Reply::ConsumerGroupHeartbeat(response) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Error, epoch, partitions.
    pub fn beats(&mut self, request: Beat) -> (i16, i32, Option<Vec<i32>>) {
        said(&self.beat_at(1, request))
    }

    pub fn shown(&mut self, group: &str) -> DescribedGroup {
        match self.ask(1, Request::ConsumerGroupDescribe(vec![group.into()])) {
            Reply::ConsumerGroupDescribe(mut groups) => groups.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// State, group epoch, assignment epoch.
    pub fn epochs(&mut self, group: &str) -> (String, i32, i32) {
        let shown = self.shown(group);
        (shown.group_state.to_string(), shown.group_epoch, shown.assignment_epoch)
    }
}
