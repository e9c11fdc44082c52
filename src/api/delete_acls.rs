//! DeleteAcls (31), versions 1-3. Every filter is answered by itself. A client needs ALTER on the cluster. A filter that
//! says 0, "unknown", closes the connection, as in Kafka.

use bytes::Bytes;

use crate::controller::metadata::AclFilter;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::delete_acls_response::DeleteAclsFilterResult;
use crate::wire::messages::{DeleteAclsRequest, DeleteAclsResponse};

use super::asking::ask;
use super::{Context, Outcome, encode};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: DeleteAclsRequest = codec::decode(cx.version(), body)?;
    if request.filters.iter().any(|filter| AclFilter::from(filter).names_unknown()) {
        return Ok(Outcome::Close("DeleteAcls with a filter that names the unknown".into()));
    }
    Ok(Outcome::Later(Box::pin(async move {
        let response = respond(&cx, request).await;
        encode(&cx, &response).unwrap_or_else(|e| Outcome::Close(e.to_string()))
    })))
}

async fn respond(cx: &Context, request: DeleteAclsRequest) -> DeleteAclsResponse {
    let count = request.filters.len();
    let decided = match cx.needs_on_cluster(Operation::Alter).and_then(|()| cx.needs_authorizer()) {
        Ok(()) => ask!(cx, DeleteAcls(request)),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        let result = DeleteAclsFilterResult::default()
            .with_error_code(error.code.code())
            .with_error_message(error.wire_message());
        DeleteAclsResponse::default().with_filter_results(vec![result; count])
    })
}
