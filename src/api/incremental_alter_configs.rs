//! IncrementalAlterConfigs (44), versions 0-1: sets, removes, extends and shortens single configs of topics, brokers,
//! groups and client metrics subscriptions. A client needs ALTER_CONFIGS on the topic or group, else on the cluster.
//! Broker loggers are changed in memory only, as in Kafka.

use bytes::Bytes;

use crate::controller::metadata::{ApiError, ConfigKind};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::incremental_alter_configs_request::AlterConfigsResource;
use crate::wire::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use crate::wire::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, StrBytes};

use super::asking::ask;
use super::{Context, Outcome, answer_later, broker_loggers};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, respond)
}

async fn respond(cx: Context, request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let mut answers: Vec<Option<AlterConfigsResourceResponse>> = Vec::new();
    let mut rest = request.clone();
    rest.resources.clear();
    for resource in &request.resources {
        let twice = request.resources.iter().filter(|other| same(other, resource)).count() > 1;
        let logger = resource.resource_type == ConfigKind::BrokerLogger.number() && !twice;
        let checked = check_rights(&cx, resource.resource_type, &resource.resource_name);
        if logger {
            let altered = checked.and_then(|()| broker_loggers::alter(&cx, resource, request.validate_only));
            let error = altered.err().unwrap_or_else(|| ApiError::bare(ErrorCode::None));
            answers.push(Some(refused(resource.resource_type, &resource.resource_name, &error)));
            continue;
        }
        match checked {
            Err(error) => answers.push(Some(refused(resource.resource_type, &resource.resource_name, &error))),
            Ok(()) => {
                answers.push(None);
                rest.resources.push(resource.clone());
            }
        }
    }
    let asked: Vec<_> = rest.resources.iter().map(|r| (r.resource_type, r.resource_name.clone())).collect();
    let decided = match ask!(cx, IncrementalAlterConfigs(rest)) {
        Ok(response) => response.responses,
        Err(error) => asked.iter().map(|(kind, name)| refused(*kind, name, &error)).collect(),
    };
    let mut decided = decided.into_iter();
    let responses = answers.into_iter().filter_map(|answer| answer.or_else(|| decided.next())).collect();
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

fn same(one: &AlterConfigsResource, other: &AlterConfigsResource) -> bool {
    one.resource_type == other.resource_type && one.resource_name == other.resource_name
}

fn refused(kind: i8, name: &StrBytes, error: &ApiError) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse::default()
        .with_resource_type(kind)
        .with_resource_name(name.clone())
        .with_error_code(error.code.code())
        .with_error_message(error.wire_message())
}

/// Whether the client may change configs of this resource. What is no resource is judged later.
pub(super) fn check_rights(cx: &Context, kind: i8, name: &str) -> Result<(), ApiError> {
    let (resource, code) = match ConfigKind::try_from(kind) {
        Ok(ConfigKind::Topic) => (ResourceType::Topic, ErrorCode::TopicAuthorizationFailed),
        Ok(ConfigKind::Group) => (ResourceType::Group, ErrorCode::GroupAuthorizationFailed),
        Ok(_) => return cx.needs_on_cluster(Operation::AlterConfigs),
        Err(_) => return Ok(()),
    };
    match cx.allows(Operation::AlterConfigs, resource, name) {
        true => Ok(()),
        false => Err(ApiError::usual(code)),
    }
}
