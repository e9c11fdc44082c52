//! UpdateFeatures (57), versions 0-2: all of a request's levels change, or none. A client needs ALTER on the cluster.

use bytes::Bytes;

use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use super::asking::ask;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
    let version = cx.version();
    let decided = match cx.needs_on_cluster(Operation::Alter) {
        Ok(()) => ask!(cx, UpdateFeatures(request, version)),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        UpdateFeaturesResponse::default().with_error_code(error.code.code()).with_error_message(error.wire_message())
    })
}
