//! AlterConfigs (33), versions 0-2: replaces all configs of a resource. Old; IncrementalAlterConfigs came after it.

use bytes::Bytes;

use crate::controller::metadata::ApiError;
use crate::wire::WireError;
use crate::wire::messages::alter_configs_response::AlterConfigsResourceResponse;
use crate::wire::messages::{AlterConfigsRequest, AlterConfigsResponse, StrBytes};

use super::asking::ask;
use super::incremental_alter_configs::check_rights;
use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let mut answers: Vec<Option<AlterConfigsResourceResponse>> = Vec::new();
    let mut rest = request.clone();
    rest.resources.clear();
    for resource in &request.resources {
        match check_rights(&cx, resource.resource_type, &resource.resource_name) {
            Err(error) => answers.push(Some(refused(resource.resource_type, &resource.resource_name, &error))),
            Ok(()) => {
                answers.push(None);
                rest.resources.push(resource.clone());
            }
        }
    }
    let asked: Vec<_> = rest.resources.iter().map(|r| (r.resource_type, r.resource_name.clone())).collect();
    let decided = match ask!(cx, AlterConfigs(rest)) {
        Ok(response) => response.responses,
        Err(error) => asked.iter().map(|(kind, name)| refused(*kind, name, &error)).collect(),
    };
    let mut decided = decided.into_iter();
    let responses = answers.into_iter().filter_map(|answer| answer.or_else(|| decided.next())).collect();
    AlterConfigsResponse::default().with_responses(responses)
}

fn refused(kind: i8, name: &StrBytes, error: &ApiError) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse::default()
        .with_resource_type(kind)
        .with_resource_name(name.clone())
        .with_error_code(error.code.code())
        .with_error_message(error.wire_message())
}
