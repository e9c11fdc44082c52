//! UnregisterBroker (64), version 0. Brokers that are left over from a larger cluster go; this one stays. A client needs
//! ALTER on the cluster.

use bytes::Bytes;

use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use super::asking::ask;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: UnregisterBrokerRequest) -> UnregisterBrokerResponse {
    let decided = match cx.needs_on_cluster(Operation::Alter) {
        Ok(()) => ask!(cx, UnregisterBroker(request)),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        UnregisterBrokerResponse::default().with_error_code(error.code.code()).with_error_message(error.wire_message())
    })
}
