//! Share group messages as of Kafka 4.2, where they became stable: the acquire mode, the renewal of locks, the count of
//! completed deliveries, and the lag.

use bytes::Bytes;
use uuid::Uuid;

use super::value::prelude::*;
use crate::wire::messages::{BrokerId, GroupId, StrBytes, TopicName};

structs! {
    ShareFetchRequest {
        group_id: Option<GroupId>,
        member_id: Option<StrBytes> = Some(StrBytes::default()),
        share_session_epoch: i32,
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        max_records: i32,
        batch_size: i32,
        /// 0: whole batches, 1: no more records than asked for.
        share_acquire_mode: i8 [2..],
        is_renew_ack: bool [2..],
        topics: Vec<FetchTopic>,
        forgotten_topics_data: Vec<ForgottenTopic>,
    }

    FetchTopic {
        topic_id: Uuid,
        partitions: Vec<FetchPartition>,
    }

    FetchPartition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    /// What became of some records, one type for all or one for each.
    AcknowledgementBatch {
        first_offset: i64,
        last_offset: i64,
        acknowledge_types: Vec<i8>,
    }

    ForgottenTopic {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }

    ShareFetchResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<StrBytes>,
        acquisition_lock_timeout_ms: i32,
        responses: Vec<ShareFetchableTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }

    ShareFetchableTopicResponse {
        topic_id: Uuid,
        partitions: Vec<SharePartitionData>,
    }

    SharePartitionData {
        partition_index: i32,
        error_code: i16,
        error_message: Option<StrBytes>,
        acknowledge_error_code: i16,
        acknowledge_error_message: Option<StrBytes>,
        current_leader: LeaderIdAndEpoch,
        records: Option<Bytes> = Some(Bytes::new()),
        acquired_records: Vec<AcquiredRecords>,
    }

    LeaderIdAndEpoch {
        leader_id: i32,
        leader_epoch: i32,
    }

    AcquiredRecords {
        first_offset: i64,
        last_offset: i64,
        delivery_count: i16,
    }

    NodeEndpoint {
        node_id: BrokerId,
        host: StrBytes,
        port: i32,
        rack: Option<StrBytes>,
    }

    ShareAcknowledgeRequest {
        group_id: Option<GroupId>,
        member_id: Option<StrBytes> = Some(StrBytes::default()),
        share_session_epoch: i32,
        is_renew_ack: bool [2..],
        topics: Vec<AcknowledgeTopic>,
    }

    AcknowledgeTopic {
        topic_id: Uuid,
        partitions: Vec<AcknowledgePartition>,
    }

    AcknowledgePartition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }

    ShareAcknowledgeResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<StrBytes>,
        acquisition_lock_timeout_ms: i32 [2..],
        responses: Vec<ShareAcknowledgeTopicResponse>,
        node_endpoints: Vec<NodeEndpoint>,
    }

    ShareAcknowledgeTopicResponse {
        topic_id: Uuid,
        partitions: Vec<AcknowledgedPartition>,
    }

    AcknowledgedPartition {
        partition_index: i32,
        error_code: i16,
        error_message: Option<StrBytes>,
        current_leader: LeaderIdAndEpoch,
    }

    WriteShareGroupStateRequest {
        group_id: StrBytes,
        topics: Vec<WriteStateData>,
    }

    WriteStateData {
        topic_id: Uuid,
        partitions: Vec<WritePartitionData>,
    }

    WritePartitionData {
        partition: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 [1..] = -1,
        state_batches: Vec<StateBatch>,
    }

    StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }

    ReadShareGroupStateSummaryResponse {
        results: Vec<ReadStateSummaryResult>,
    }

    ReadStateSummaryResult {
        topic_id: Uuid,
        partitions: Vec<SummaryPartitionResult>,
    }

    SummaryPartitionResult {
        partition: i32,
        error_code: i16,
        error_message: Option<StrBytes>,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 [1..] = -1,
    }

    DescribeShareGroupOffsetsResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribeShareGroupOffsetsResponseGroup>,
    }

    DescribeShareGroupOffsetsResponseGroup {
        group_id: GroupId,
        topics: Vec<DescribeShareGroupOffsetsResponseTopic>,
        error_code: i16,
        error_message: Option<StrBytes>,
    }

    DescribeShareGroupOffsetsResponseTopic {
        topic_name: TopicName,
        topic_id: Uuid,
        partitions: Vec<DescribeShareGroupOffsetsResponsePartition>,
    }

    DescribeShareGroupOffsetsResponsePartition {
        partition_index: i32,
        start_offset: i64,
        leader_epoch: i32,
        lag: i64 [1..] = -1,
        error_code: i16,
        error_message: Option<StrBytes>,
    }
}

messages! {
    ShareFetchRequest: 1 to 2, flexible 0;
    ShareFetchResponse: 1 to 2, flexible 0;
    ShareAcknowledgeRequest: 1 to 2, flexible 0;
    ShareAcknowledgeResponse: 1 to 2, flexible 0;
    WriteShareGroupStateRequest: 0 to 1, flexible 0;
    ReadShareGroupStateSummaryResponse: 0 to 1, flexible 0;
    DescribeShareGroupOffsetsResponse: 0 to 1, flexible 0;
}
