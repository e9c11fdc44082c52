//! CreateAcls (30), versions 1-3. Every entry is answered by itself. A client needs ALTER on the cluster.
//!
//! An entry that says 0, "unknown", closes the connection. One that says "any" or "match", which only filters may, fails
//! the whole request with UNKNOWN_SERVER_ERROR. Both as in Kafka.

use bytes::Bytes;

use crate::controller::metadata::ApiError;
use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::create_acls_request::AclCreation;
use crate::wire::messages::create_acls_response::AclCreationResult;
use crate::wire::messages::{CreateAclsRequest, CreateAclsResponse};

use super::asking::ask;
use super::{Context, Outcome, encode};

const UNKNOWN: i8 = 0;
const ANY: i8 = 1;
const MATCH: i8 = 2;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: CreateAclsRequest = codec::decode(cx.version(), body)?;
    if request.creations.iter().any(|acl| numbers(acl).contains(&UNKNOWN)) {
        return Ok(Outcome::Close("CreateAcls with an entry that names the unknown".into()));
    }
    Ok(Outcome::Later(Box::pin(async move {
        let response = respond(&cx, request).await;
        encode(&cx, &response).unwrap_or_else(|e| Outcome::Close(e.to_string()))
    })))
}

fn numbers(acl: &AclCreation) -> [i8; 4] {
    [acl.resource_type, acl.resource_pattern_type, acl.operation, acl.permission_type]
}

async fn respond(cx: &Context, request: CreateAclsRequest) -> CreateAclsResponse {
    let count = request.creations.len();
    let allowed = cx.needs_on_cluster(Operation::Alter).and_then(|()| cx.needs_authorizer());
    let for_filters = |acl: &AclCreation| numbers(acl).contains(&ANY) || acl.resource_pattern_type == MATCH;
    let decided = match allowed {
        Ok(()) if request.creations.iter().any(for_filters) => Err(ApiError::bare(ErrorCode::UnknownServerError)),
        Ok(()) => ask!(cx, CreateAcls(request)),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        let result =
            AclCreationResult::default().with_error_code(error.code.code()).with_error_message(error.wire_message());
        CreateAclsResponse::default().with_results(vec![result; count])
    })
}
