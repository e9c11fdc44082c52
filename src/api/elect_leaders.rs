//! ElectLeaders (43), versions 0-2. One broker leads everything it holds, so mostly no election is needed. A client
//! needs ALTER on the cluster.

use bytes::Bytes;

use crate::controller::metadata::ApiError;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use crate::wire::messages::{ElectLeadersRequest, ElectLeadersResponse};

use super::asking::ask;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: ElectLeadersRequest) -> ElectLeadersResponse {
    let decided = match cx.needs_on_cluster(Operation::Alter) {
        Ok(()) => ask!(cx, ElectLeaders(request.clone())).and_then(|decided| decided),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| refused(cx.version(), request, &error))
}

/// Every partition gets the error, and from version 1 on the answer as a whole too.
fn refused(version: i16, request: ElectLeadersRequest, error: &ApiError) -> ElectLeadersResponse {
    let partition = |index: i32| {
        PartitionResult::default()
            .with_partition_id(index)
            .with_error_code(error.code.code())
            .with_error_message(error.wire_message())
    };
    let topics = request.topic_partitions.unwrap_or_default().into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(partition).collect();
        ReplicaElectionResult::default().with_topic(topic.topic).with_partition_result(partitions)
    });
    ElectLeadersResponse::default()
        .with_error_code(if version > 0 { error.code.code() } else { 0 })
        .with_replica_election_results(topics.collect())
}
