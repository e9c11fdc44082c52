//! ListPartitionReassignments (46), version 0. A client needs DESCRIBE on the cluster.

use bytes::Bytes;

use crate::controller::metadata::{PartitionImage, TopicImage};
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use crate::wire::messages::{BrokerId, ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse};

use super::{Context, Outcome, answer, topic_name};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: ListPartitionReassignmentsRequest) -> ListPartitionReassignmentsResponse {
    let response = ListPartitionReassignmentsResponse::default().with_error_message(None);
    if let Err(error) = cx.needs_on_cluster(Operation::Describe) {
        return response.with_error_code(error.code.code()).with_error_message(error.wire_message());
    }
    let image = cx.broker.image();
    let topics: Vec<OngoingTopicReassignment> = match &request.topics {
        None => image.topics.iter().filter_map(|topic| ongoing(topic, |_| true)).collect(),
        Some(asked) => asked
            .iter()
            .filter_map(|asked| {
                let topic = image.topics.by_name(&asked.name)?;
                ongoing(topic, |index| asked.partition_indexes.contains(&index))
            })
            .collect(),
    };
    response.with_topics(topics)
}

/// The topic's partitions that are on their way; `None` when there are none.
fn ongoing(topic: &TopicImage, wanted: impl Fn(i32) -> bool) -> Option<OngoingTopicReassignment> {
    let moving = |p: &&PartitionImage| !p.adding_replicas().is_empty() || !p.removing_replicas().is_empty();
    let ids = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect::<Vec<_>>();
    let partition = |partition: &PartitionImage| {
        OngoingPartitionReassignment::default()
            .with_partition_index(partition.index)
            .with_replicas(ids(&partition.replicas))
            .with_adding_replicas(ids(partition.adding_replicas()))
            .with_removing_replicas(ids(partition.removing_replicas()))
    };
    let partitions: Vec<_> =
        topic.partitions().iter().filter(|p| wanted(p.index)).filter(moving).map(partition).collect();
    let name = topic_name(&topic.name);
    (!partitions.is_empty()).then(|| OngoingTopicReassignment::default().with_name(name).with_partitions(partitions))
}
