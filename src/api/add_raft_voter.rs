//! AddRaftVoter (80), versions 0-1. The metadata quorum has one member for ever: after Kafka's own checks every request is
//! refused. A client needs ALTER on the cluster.

use bytes::Bytes;

use crate::controller::metadata::ApiError;
use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::{AddRaftVoterRequest, AddRaftVoterResponse, StrBytes};

use super::{Context, Outcome, answer};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: AddRaftVoterRequest) -> AddRaftVoterResponse {
    let error = refusal(cx, &request);
    AddRaftVoterResponse::default().with_error_code(error.code.code()).with_error_message(error.wire_message())
}

fn refusal(cx: &Context, request: &AddRaftVoterRequest) -> ApiError {
    if let Err(error) = cx.needs_on_cluster(Operation::Alter) {
        return error;
    }
    if let Err(error) = check_cluster(cx, request.cluster_id.as_ref()) {
        return error;
    }
    if request.voter_id < 0 || request.voter_directory_id.is_nil() {
        return ApiError::new(ErrorCode::InvalidRequest, "Add voter request didn't include a valid voter");
    }
    if cx.broker.metadata().voter_directory().is_nil() {
        let why = "Cluster doesn't support adding voter because the kraft.version feature is 0";
        return ApiError::new(ErrorCode::UnsupportedVersion, why);
    }
    if request.voter_id == cx.broker.node_id().0 {
        let why = "The voter's id is already part of the set of voters";
        return ApiError::new(ErrorCode::DuplicateVoter, why);
    }
    ApiError::new(ErrorCode::UnsupportedVersion, "The metadata quorum of this broker has one voter and takes no others")
}

/// Refuses a request that was meant for another cluster.
pub(super) fn check_cluster(cx: &Context, given: Option<&StrBytes>) -> Result<(), ApiError> {
    let own = cx.broker.cluster_id();
    match given {
        Some(given) if &**given != own => {
            let why = format!("The given id \"{}\" doesn't match the cluster id \"{own}\"", &**given);
            Err(ApiError::new(ErrorCode::InconsistentClusterId, why))
        }
        _ => Ok(()),
    }
}
