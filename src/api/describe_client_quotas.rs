//! DescribeClientQuotas (48), versions 0-1. A client needs DESCRIBE_CONFIGS on the cluster.

use bytes::Bytes;

use crate::controller::metadata::{ApiError, QuotaEntity};
use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::describe_client_quotas_request::ComponentData;
use crate::wire::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use crate::wire::messages::{DescribeClientQuotasRequest, DescribeClientQuotasResponse, StrBytes};

use super::{Context, Outcome, answer};

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

/// What an entity's part of one kind must be.
enum Wanted<'a> {
    Name(&'a str),
    Default,
    Anything,
}

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: DescribeClientQuotasRequest) -> DescribeClientQuotasResponse {
    let response = DescribeClientQuotasResponse::default().with_error_message(Some(StrBytes::default()));
    let wanted = match cx.needs_on_cluster(Operation::DescribeConfigs).and_then(|()| filter(&request.components)) {
        Ok(wanted) => wanted,
        Err(error) => {
            return response
                .with_error_code(error.code.code())
                .with_error_message(error.wire_message())
                .with_entries(None);
        }
    };
    let image = cx.broker.image();
    let matching = image.quotas.iter().filter(|(entity, _)| matches(entity, &wanted, request.strict));
    let entry = |(entity, limits): (&QuotaEntity, &std::sync::Arc<std::collections::BTreeMap<String, f64>>)| {
        let text = |text: &String| StrBytes::from_string(text.clone());
        let part = |(kind, name): &(String, Option<String>)| {
            EntityData::default().with_entity_type(text(kind)).with_entity_name(name.as_ref().map(text))
        };
        let value = |(key, value): (&String, &f64)| ValueData::default().with_key(text(key)).with_value(*value);
        EntryData::default()
            .with_entity(entity.parts().iter().map(part).collect())
            .with_values(limits.iter().map(value).collect())
    };
    response.with_entries(Some(matching.map(entry).collect()))
}

fn filter(components: &[ComponentData]) -> Result<Vec<(&str, Wanted<'_>)>, ApiError> {
    let invalid = |why: String| Err(ApiError::new(ErrorCode::InvalidRequest, why));
    let mut wanted: Vec<(&str, Wanted<'_>)> = Vec::new();
    for component in components {
        let kind: &str = &component.entity_type;
        if kind.is_empty() {
            return invalid("Invalid empty entity type.".into());
        }
        if wanted.iter().any(|(other, _)| *other == kind) {
            return invalid(format!("Entity type {kind} cannot appear more than once in the filter."));
        }
        if !matches!(kind, "user" | "client-id" | "ip") {
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, format!("Unsupported entity type {kind}")));
        }
        let part = match (component.match_type, component._match.as_deref()) {
            (EXACT, Some(name)) => Wanted::Name(name),
            (EXACT, None) => {
                return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.".into());
            }
            (DEFAULT, None) => Wanted::Default,
            (SPECIFIED, None) => Wanted::Anything,
            (DEFAULT | SPECIFIED, Some(_)) => {
                return invalid("Request specified a match type that takes no name, and a match string.".into());
            }
            (other, _) => return invalid(format!("Unknown match type {other}")),
        };
        wanted.push((kind, part));
    }
    if wanted.len() > 1 && wanted.iter().any(|(kind, _)| *kind == "ip") {
        return invalid(
            "Invalid entity filter component combination. IP filter component should not be used with user or \
             clientId filter component."
                .into(),
        );
    }
    Ok(wanted)
}

fn matches(entity: &QuotaEntity, wanted: &[(&str, Wanted<'_>)], strict: bool) -> bool {
    (!strict || entity.parts().len() == wanted.len())
        && wanted.iter().all(|(kind, wanted)| match (entity.part(kind), wanted) {
            (None, _) => false,
            (Some(_), Wanted::Anything) => true,
            (Some(name), Wanted::Name(wanted)) => name == Some(wanted),
            (Some(name), Wanted::Default) => name.is_none(),
        })
}
