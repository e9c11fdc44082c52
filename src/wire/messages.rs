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
    ($($module:ident: $file:ident {$($name:ident),*};)*) => {
        $(pub mod $module {
            pub use crate::wire::extra::$file::{$($name),*};
        })*
    };
}

// And their parts, under module names like the crate's.
parts! {
    add_raft_voter_request: admin {AddRaftVoterRequest, Listener};
    describe_log_dirs_response: admin {
        DescribeLogDirsPartition, DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic
    };
    write_txn_markers_request: admin {WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest};
    share_fetch_request: share {AcknowledgementBatch, FetchPartition, FetchTopic, ForgottenTopic, ShareFetchRequest};
    share_fetch_response: share {
        AcquiredRecords, LeaderIdAndEpoch, NodeEndpoint, ShareFetchResponse, ShareFetchableTopicResponse,
        SharePartitionData
    };
    share_acknowledge_request: share {
        AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch, ShareAcknowledgeRequest
    };
    share_acknowledge_response: share {
        AcknowledgedPartition, LeaderIdAndEpoch, NodeEndpoint, ShareAcknowledgeResponse, ShareAcknowledgeTopicResponse
    };
    write_share_group_state_request: share {StateBatch, WritePartitionData, WriteShareGroupStateRequest, WriteStateData};
    read_share_group_state_summary_response: share {
        ReadShareGroupStateSummaryResponse, ReadStateSummaryResult, SummaryPartitionResult
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
        Assignment, DescribedGroup, DescribedSubtopology, DescribedTopology, Endpoint, KeyValue, Member,
        StreamsGroupDescribeResponse, TaskIds, TaskOffset, TopicInfo
    };
}
