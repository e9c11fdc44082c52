//! DescribeQuorum (55), versions 0-2: the metadata quorum, of which this node is the only member, and always caught up
//! with itself. A client needs DESCRIBE on the cluster.

use bytes::Bytes;
use uuid::Uuid;

use crate::controller::metadata::ApiError;
use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::describe_quorum_request;
use crate::wire::messages::describe_quorum_response::{Listener, Node, PartitionData, ReplicaState, TopicData};
use crate::wire::messages::{BrokerId, DescribeQuorumRequest, DescribeQuorumResponse, StrBytes};

use super::{Context, Outcome, answer};

/// The version that brought the nodes' endpoints and directories.
const NODES_FROM: i16 = 2;
const METADATA_TOPIC: &str = "__cluster_metadata";

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: DescribeQuorumRequest) -> DescribeQuorumResponse {
    // A success says "" and not null, as Kafka's does.
    let response = DescribeQuorumResponse::default().with_error_message(Some(StrBytes::default()));
    if let Err(error) = cx.needs_on_cluster(Operation::Describe) {
        return response.with_error_code(error.code.code()).with_error_message(error.wire_message());
    }
    let asks_for_metadata = match request.topics.as_slice() {
        [topic] => {
            &**topic.topic_name == METADATA_TOPIC
                && matches!(topic.partitions.as_slice(), [p] if p.partition_index == 0)
        }
        _ => false,
    };
    if !asks_for_metadata {
        return response.with_topics(request.topics.into_iter().map(unknown).collect());
    }
    let topics = request.topics.into_iter().map(|topic| {
        TopicData::default().with_topic_name(topic.topic_name).with_partitions(vec![metadata_partition(cx)])
    });
    let topics = topics.collect();
    let nodes = if cx.version() >= NODES_FROM { vec![this_node(cx)] } else { Vec::new() };
    response.with_topics(topics).with_nodes(nodes)
}

fn unknown(topic: describe_quorum_request::TopicData) -> TopicData {
    let error = ApiError::usual(ErrorCode::UnknownTopicOrPartition);
    let partition = |partition: describe_quorum_request::PartitionData| {
        PartitionData::default()
            .with_partition_index(partition.partition_index)
            .with_error_code(error.code.code())
            .with_error_message(error.wire_message())
    };
    let partitions = topic.partitions.into_iter().map(partition).collect();
    TopicData::default().with_topic_name(topic.topic_name).with_partitions(partitions)
}

fn metadata_partition(cx: &Context) -> PartitionData {
    let end = cx.broker.image().next_offset;
    let now_ms = cx.broker.clock().now_ms();
    let directory = if cx.version() >= NODES_FROM { cx.broker.metadata().voter_directory() } else { Uuid::nil() };
    let voter = ReplicaState::default()
        .with_replica_id(BrokerId(cx.broker.node_id().0))
        .with_replica_directory_id(directory)
        .with_log_end_offset(end)
        .with_last_fetch_timestamp(now_ms)
        .with_last_caught_up_timestamp(now_ms);
    PartitionData::default()
        .with_partition_index(0)
        .with_error_message(Some(StrBytes::default()))
        .with_leader_id(BrokerId(cx.broker.node_id().0))
        .with_leader_epoch(cx.broker.metadata().leader_epoch())
        .with_high_watermark(end)
        .with_current_voters(vec![voter])
}

fn this_node(cx: &Context) -> Node {
    let node = cx.broker.node_id().0;
    let image = cx.broker.image();
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let registered = image.cluster.controllers.get(&node);
    let listeners = registered.map(|controller| controller.endpoints.as_slice()).unwrap_or_default().iter();
    let listener = |endpoint: &crate::controller::records::Endpoint| {
        Listener::default().with_name(text(&endpoint.name)).with_host(text(&endpoint.host)).with_port(endpoint.port)
    };
    Node::default().with_node_id(BrokerId(node)).with_listeners(listeners.map(listener).collect())
}
