//! AlterClientQuotas (49), versions 0-1. Every entity is answered by itself. A client needs ALTER_CONFIGS on the cluster.

use bytes::Bytes;

use crate::controller::metadata::ApiError;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::alter_client_quotas_request;
use crate::wire::messages::alter_client_quotas_response::{EntityData, EntryData};
use crate::wire::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse};

use super::asking::ask;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse {
    let decided = match cx.needs_on_cluster(Operation::AlterConfigs) {
        Ok(()) => ask!(cx, AlterClientQuotas(request.clone())),
        Err(error) => Err(error),
    };
    decided.unwrap_or_else(|error| {
        let entries = request.entries.iter().map(|entry| refused(entry, &error)).collect();
        AlterClientQuotasResponse::default().with_entries(entries)
    })
}

fn refused(entry: &alter_client_quotas_request::EntryData, error: &ApiError) -> EntryData {
    let part = |part: &alter_client_quotas_request::EntityData| {
        EntityData::default().with_entity_type(part.entity_type.clone()).with_entity_name(part.entity_name.clone())
    };
    EntryData::default()
        .with_error_code(error.code.code())
        .with_error_message(error.wire_message())
        .with_entity(entry.entity.iter().map(part).collect())
}
