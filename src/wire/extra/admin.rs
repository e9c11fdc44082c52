//! Administrative messages of Kafka 4.3 that the codec lacks: transaction markers with their transaction version, log
//! directories that may be cordoned, and raft voters acknowledged early.

use uuid::Uuid;

use super::value::prelude::*;
use crate::wire::messages::{ProducerId, StrBytes, TopicName};

structs! {
    WriteTxnMarkersRequest {
        markers: Vec<WritableTxnMarker>,
    }

    /// How one transaction ended, and the partitions to tell.
    WritableTxnMarker {
        producer_id: ProducerId,
        producer_epoch: i16,
        /// True for commit.
        transaction_result: bool,
        topics: Vec<WritableTxnMarkerTopic>,
        coordinator_epoch: i32,
        /// From 2 on the epoch rises with every transaction, and must be newer than the log's.
        transaction_version: i8 [2..],
    }

    WritableTxnMarkerTopic {
        name: TopicName,
        partition_indexes: Vec<i32>,
    }

    DescribeLogDirsResponse {
        throttle_time_ms: i32,
        error_code: i16 [3..],
        results: Vec<DescribeLogDirsResult>,
    }

    DescribeLogDirsResult {
        error_code: i16,
        log_dir: StrBytes,
        topics: Vec<DescribeLogDirsTopic>,
        total_bytes: i64 [4..] = -1,
        usable_bytes: i64 [4..] = -1,
        /// New partitions keep away from this directory.
        is_cordoned: bool [5..],
    }

    DescribeLogDirsTopic {
        name: TopicName,
        partitions: Vec<DescribeLogDirsPartition>,
    }

    DescribeLogDirsPartition {
        partition_index: i32,
        partition_size: i64,
        offset_lag: i64,
        is_future_key: bool,
    }

    AddRaftVoterRequest {
        cluster_id: Option<StrBytes>,
        timeout_ms: i32,
        voter_id: i32,
        voter_directory_id: Uuid,
        listeners: Vec<Listener>,
        /// Answer when the change is committed, not when it is written.
        ack_when_committed: bool [1..] = true,
    }

    Listener {
        name: StrBytes,
        host: StrBytes,
        port: u16,
    }
}

messages! {
    WriteTxnMarkersRequest: 1 to 2, flexible 1;
    DescribeLogDirsResponse: 1 to 5, flexible 2;
    AddRaftVoterRequest: 0 to 1, flexible 0;
}
