//! Streams group messages (KIP-1071), all of them unknown to the codec.

use super::value::prelude::*;
use crate::wire::messages::{GroupId, StrBytes, TopicName};

structs! {
    StreamsGroupHeartbeatRequest {
        group_id: GroupId,
        member_id: StrBytes,
        /// 0 joins, -1 leaves, -2 leaves for a restart of a static member.
        member_epoch: i32,
        endpoint_information_epoch: i32,
        instance_id: Option<StrBytes>,
        rack_id: Option<StrBytes>,
        rebalance_timeout_ms: i32 = -1,
        topology: Option<Topology>,
        /// Null in these is unchanged since the last heartbeat.
        active_tasks: Option<Vec<TaskIds>>,
        standby_tasks: Option<Vec<TaskIds>>,
        warmup_tasks: Option<Vec<TaskIds>>,
        process_id: Option<StrBytes>,
        user_endpoint: Option<Endpoint>,
        client_tags: Option<Vec<KeyValue>>,
        task_offsets: Option<Vec<TaskOffset>>,
        task_end_offsets: Option<Vec<TaskOffset>>,
        shutdown_application: bool,
    }

    Topology {
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }

    Subtopology {
        subtopology_id: StrBytes,
        source_topics: Vec<TopicName>,
        source_topic_regex: Vec<StrBytes>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_sink_topics: Vec<TopicName>,
        repartition_source_topics: Vec<TopicInfo>,
        copartition_groups: Vec<CopartitionGroup>,
    }

    /// Topics that must have equally many partitions, by their place in the subtopology's lists.
    CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }

    /// An internal topic of the application.
    TopicInfo {
        name: TopicName,
        /// 0 where the broker is to decide.
        partitions: i32,
        /// 0 for the broker's default.
        replication_factor: i16,
        topic_configs: Vec<KeyValue>,
    }

    KeyValue {
        key: StrBytes,
        value: StrBytes,
    }

    Endpoint {
        host: StrBytes,
        port: u16,
    }

    TaskOffset {
        subtopology_id: StrBytes,
        partition: i32,
        offset: i64,
    }

    TaskIds {
        subtopology_id: StrBytes,
        partitions: Vec<i32>,
    }

    StreamsGroupHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<StrBytes>,
        member_id: StrBytes,
        member_epoch: i32,
        heartbeat_interval_ms: i32,
        acceptable_recovery_lag: i32,
        task_offset_interval_ms: i32,
        status: Option<Vec<Status>> = Some(Vec::new()),
        active_tasks: Option<Vec<TaskIds>>,
        standby_tasks: Option<Vec<TaskIds>>,
        warmup_tasks: Option<Vec<TaskIds>>,
        endpoint_information_epoch: i32,
        partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
    }

    Status {
        status_code: i8,
        status_detail: StrBytes,
    }

    EndpointToPartitions {
        user_endpoint: Endpoint,
        active_partitions: Vec<TopicPartition>,
        standby_partitions: Vec<TopicPartition>,
    }

    TopicPartition {
        topic: TopicName,
        partitions: Vec<i32>,
    }

    StreamsGroupDescribeRequest {
        group_ids: Vec<GroupId>,
        include_authorized_operations: bool,
    }

    StreamsGroupDescribeResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }

    DescribedGroup {
        error_code: i16,
        error_message: Option<StrBytes>,
        group_id: GroupId,
        group_state: StrBytes,
        group_epoch: i32,
        assignment_epoch: i32,
        topology: Option<DescribedTopology>,
        members: Vec<Member>,
        authorized_operations: i32 = i32::MIN,
    }

    DescribedTopology {
        epoch: i32,
        subtopologies: Option<Vec<DescribedSubtopology>>,
    }

    DescribedSubtopology {
        subtopology_id: StrBytes,
        source_topics: Vec<TopicName>,
        repartition_sink_topics: Vec<TopicName>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_source_topics: Vec<TopicInfo>,
    }

    Member {
        member_id: StrBytes,
        member_epoch: i32,
        instance_id: Option<StrBytes>,
        rack_id: Option<StrBytes>,
        client_id: StrBytes,
        client_host: StrBytes,
        topology_epoch: i32,
        process_id: StrBytes,
        user_endpoint: Option<Endpoint>,
        client_tags: Vec<KeyValue>,
        task_offsets: Vec<TaskOffset>,
        task_end_offsets: Vec<TaskOffset>,
        assignment: Assignment,
        target_assignment: Assignment,
        is_classic: bool,
    }

    Assignment {
        active_tasks: Vec<TaskIds>,
        standby_tasks: Vec<TaskIds>,
        warmup_tasks: Vec<TaskIds>,
    }
}

messages! {
    StreamsGroupHeartbeatRequest: 0 to 0, flexible 0;
    StreamsGroupHeartbeatResponse: 0 to 0, flexible 0;
    StreamsGroupDescribeRequest: 0 to 0, flexible 0;
    StreamsGroupDescribeResponse: 0 to 0, flexible 0;
}
