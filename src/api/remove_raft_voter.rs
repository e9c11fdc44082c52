//! RemoveRaftVoter (81), version 0. The metadata quorum keeps its one member: after Kafka's own checks every request is
//! refused. A client needs ALTER on the cluster.

use bytes::Bytes;

use crate::controller::metadata::ApiError;
use crate::model::{ErrorCode, TopicId};
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};

use super::add_raft_voter::check_cluster;
use super::{Context, Outcome, answer};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: RemoveRaftVoterRequest) -> RemoveRaftVoterResponse {
    let error = refusal(cx, &request);
    RemoveRaftVoterResponse::default().with_error_code(error.code.code()).with_error_message(error.wire_message())
}

fn refusal(cx: &Context, request: &RemoveRaftVoterRequest) -> ApiError {
    if let Err(error) = cx.needs_on_cluster(Operation::Alter) {
        return error;
    }
    if let Err(error) = check_cluster(cx, request.cluster_id.as_ref()) {
        return error;
    }
    if request.voter_id < 0 || request.voter_directory_id.is_nil() {
        return ApiError::new(ErrorCode::InvalidRequest, "Remove voter request didn't include a valid voter");
    }
    let (id, directory) = (cx.broker.node_id().0, cx.broker.metadata().voter_directory());
    if directory.is_nil() {
        let why = "Cluster doesn't support removing voter because the kraft.version feature is 0";
        return ApiError::new(ErrorCode::UnsupportedVersion, why);
    }
    if (request.voter_id, request.voter_directory_id) != (id, directory) {
        let key = |id: i32, directory| format!("ReplicaKey(id={id}, directoryId={})", TopicId(directory));
        let (asked, own) = (key(request.voter_id, request.voter_directory_id), key(id, directory));
        let why = format!("Cannot remove voter {asked} from the set of voters [{own}]");
        return ApiError::new(ErrorCode::VoterNotFound, why);
    }
    ApiError::new(ErrorCode::UnsupportedVersion, "The metadata quorum of this broker keeps its one voter")
}
