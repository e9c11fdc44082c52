//! Kafka's messages as plain structs. Other modules name them from here, never from the crate, so that what the crate
//! gets wrong or lacks is mended in one place.

pub use kafka_protocol::messages::*;
pub use kafka_protocol::protocol::StrBytes;

// Structs of our own stand before the crate's of the same name, which lack versions of Kafka 4.3.
pub use super::extra::admin::{AddRaftVoterRequest, DescribeLogDirsResponse, WriteTxnMarkersRequest};
pub use super::extra::share::{
    DescribeShareGroupOffsetsResponse, ReadShareGroupStateSummaryResponse, ShareAcknowledgeRequest,
    ShareAcknowledgeResponse, ShareFetchRequest, ShareFetchResponse, WriteShareGroupStateRequest,
};
pub use super::extra::streams::{
    StreamsGroupDescribeRequest, StreamsGroupDescribeResponse, StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
};

macro_rules! parts {
    ($($module:ident: $file:ident {$($name:ident $(as $shown:ident)?),*};)*) => {
        $(pub mod $module {
            pub use crate::wire::extra::$file::{$($name $(as $shown)?),*};
        })*
    };
}

// And their parts, under the names that Kafka's schemas give them, in modules like the crate's.
parts! {
    add_raft_voter_request: admin {AddRaftVoterRequest, Listener};
    describe_log_dirs_response: admin {
        DescribeLogDirsPartition, DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic
    };
    write_txn_markers_request: admin {WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};
    share_fetch_request: share {AcknowledgementBatch, FetchPartition, FetchTopic, ForgottenTopic, ShareFetchRequest};
    share_fetch_response: share {
        AcquiredRecords, LeaderIdAndEpoch, NodeEndpoint, ShareFetchResponse, ShareFetchableTopicResponse,
        SharePartitionData as PartitionData
    };
    share_acknowledge_request: share {
        AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch, ShareAcknowledgeRequest
    };
    share_acknowledge_response: share {
        AcknowledgedPartition as PartitionData, LeaderIdAndEpoch, NodeEndpoint, ShareAcknowledgeResponse,
        ShareAcknowledgeTopicResponse
    };
    write_share_group_state_request: share {
        StateBatch, WritePartitionData as PartitionData, WriteShareGroupStateRequest, WriteStateData
    };
    read_share_group_state_summary_response: share {
        ReadShareGroupStateSummaryResponse, ReadStateSummaryResult, SummaryPartitionResult as PartitionResult
    };
    describe_share_group_offsets_response: share {
        DescribeShareGroupOffsetsResponse, DescribeShareGroupOffsetsResponseGroup,
        DescribeShareGroupOffsetsResponsePartition, DescribeShareGroupOffsetsResponseTopic
    };
    streams_group_heartbeat_request: streams {
        CopartitionGroup, Endpoint, KeyValue, StreamsGroupHeartbeatRequest, Subtopology, TaskIds, TaskOffset, TopicInfo,
        Topology
    };
    streams_group_heartbeat_response: streams {
        Endpoint, EndpointToPartitions, Status, StreamsGroupHeartbeatResponse, TaskIds, TopicPartition
    };
    streams_group_describe_request: streams {StreamsGroupDescribeRequest};
    streams_group_describe_response: streams {
        Assignment, DescribedGroup, DescribedSubtopology as Subtopology, DescribedTopology as Topology, Endpoint,
        KeyValue, Member, StreamsGroupDescribeResponse, TaskIds, TaskOffset, TopicInfo
    };
}
