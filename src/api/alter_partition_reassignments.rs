//! AlterPartitionReassignments (45), versions 0-1. Partitions can only be moved to where they are. A client needs ALTER
//! on the cluster.

use bytes::Bytes;

use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::{AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse};

use super::asking::ask;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: AlterPartitionReassignmentsRequest) -> AlterPartitionReassignmentsResponse {
    let decided = match cx.needs_on_cluster(Operation::Alter) {
        Ok(()) => ask!(cx, AlterPartitionReassignments(request)),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        AlterPartitionReassignmentsResponse::default()
            .with_error_code(error.code.code())
            .with_error_message(error.wire_message())
    })
}
