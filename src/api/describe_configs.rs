//! DescribeConfigs (32), versions 1-4: settings with their sources, of topics, this broker, the cluster's default, broker
//! loggers, groups and client metrics subscriptions. A client needs DESCRIBE_CONFIGS on the topic or group, else on the
//! cluster. Loggers are Ottla's own components, not Kafka's classes.

use bytes::Bytes;

use crate::config::describe::{self, Described, Source};
use crate::controller::metadata::{ApiError, ConfigKind, ConfigResource, validate_topic_name};
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::describe_configs_request::DescribeConfigsResource;
use crate::wire::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use crate::wire::messages::{DescribeConfigsRequest, DescribeConfigsResponse, StrBytes};

use super::{Context, Outcome, answer};

/// The type of a value that Kafka knows nothing of.
const UNKNOWN: i8 = 0;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let malformed = request.resources.iter().any(|resource| ConfigKind::try_from(resource.resource_type).is_err());
    let one = |resource: &DescribeConfigsResource| {
        let described = match malformed {
            // One resource of an unknown type spoils the request, as in Kafka.
            true => Err(invalid("a resource is of no known type")),
            false => describe_resource(cx, resource),
        };
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match described {
            Ok(configs) => {
                let wanted = configs.into_iter().filter(|config| is_asked_for(resource, &config.name));
                let configs = wanted.map(|config| wire_config(config, &request)).collect();
                // A success says "" and not null, as Kafka's does.
                result.with_error_message(Some(StrBytes::default())).with_configs(configs)
            }
            Err(error) => result
                .with_error_code(error.code.code())
                .with_error_message(Some(error.wire_message().unwrap_or_default())),
        }
    };
    DescribeConfigsResponse::default().with_results(request.resources.iter().map(one).collect())
}

/// No list and an empty list mean every key.
fn is_asked_for(resource: &DescribeConfigsResource, key: &str) -> bool {
    match &resource.configuration_keys {
        Some(keys) if !keys.is_empty() => keys.iter().any(|asked| &**asked == key),
        _ => true,
    }
}

fn describe_resource(cx: &Context, resource: &DescribeConfigsResource) -> Result<Vec<Described>, ApiError> {
    let name: &str = &resource.resource_name;
    let kind = ConfigKind::try_from(resource.resource_type).map_err(|e| invalid(e.to_string()))?;
    check_rights(cx, kind, name)?;
    let layers = cx.broker.layers();
    let image = cx.broker.image();
    let own = |kind| {
        let stored = image.configs.of(&ConfigResource::new(kind, name));
        stored.map(|values| (**values).clone()).unwrap_or_default()
    };
    match kind {
        ConfigKind::Topic => {
            validate_topic_name(name)?;
            match image.topics.by_name(name) {
                Some(_) => Ok(describe::topic(&layers, &own(kind))),
                None => Err(ApiError::bare(ErrorCode::UnknownTopicOrPartition)),
            }
        }
        ConfigKind::Broker if name.is_empty() => Ok(describe::cluster_default(&layers)),
        ConfigKind::Broker => {
            check_node(cx, name, " or empty string,")?;
            Ok(describe::broker(&layers))
        }
        ConfigKind::BrokerLogger if name.is_empty() => Err(invalid("Broker id must not be empty")),
        ConfigKind::BrokerLogger => {
            check_node(cx, name, "")?;
            Ok(loggers(cx))
        }
        ConfigKind::ClientMetrics if name.is_empty() => {
            Err(invalid("Client metrics subscription name must not be empty"))
        }
        ConfigKind::ClientMetrics => Ok(describe::client_metrics(&own(kind))),
        ConfigKind::Group if name.is_empty() => Err(invalid("Group name must not be empty")),
        ConfigKind::Group => Ok(describe::group(&layers, &own(kind))),
    }
}

fn check_rights(cx: &Context, kind: ConfigKind, name: &str) -> Result<(), ApiError> {
    let (resource, code) = match kind {
        ConfigKind::Topic => (ResourceType::Topic, ErrorCode::TopicAuthorizationFailed),
        ConfigKind::Group => (ResourceType::Group, ErrorCode::GroupAuthorizationFailed),
        _ => return cx.needs_on_cluster(Operation::DescribeConfigs),
    };
    match cx.allows(Operation::DescribeConfigs, resource, name) {
        true => Ok(()),
        false => Err(ApiError::usual(code)),
    }
}

fn check_node(cx: &Context, name: &str, or_else: &str) -> Result<(), ApiError> {
    let node = cx.broker.node_id().0;
    match name.parse::<i32>() {
        Ok(id) if id == node => Ok(()),
        Ok(id) => Err(invalid(format!("Unexpected broker id, expected {node}{or_else} but received {id}"))),
        Err(_) => Err(invalid(format!("Broker id must be an integer, but it is: {name}"))),
    }
}

fn loggers(cx: &Context) -> Vec<Described> {
    let levels = cx.broker.log_levels().map(|levels| levels.all()).unwrap_or_default();
    let logger = |(name, level): (String, String)| Described {
        name,
        value: Some(level),
        source: Source::BrokerLogger,
        read_only: false,
        sensitive: false,
        synonyms: Vec::new(),
        type_code: UNKNOWN,
        documentation: None,
    };
    levels.into_iter().map(logger).collect()
}

fn wire_config(config: Described, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let synonym = |synonym: describe::Synonym| {
        DescribeConfigsSynonym::default()
            .with_name(StrBytes::from_string(synonym.name))
            .with_value(synonym.value.map(StrBytes::from_string))
            .with_source(synonym.source as i8)
    };
    let synonyms = if request.include_synonyms { config.synonyms } else { Vec::new() };
    let documentation = match config.source {
        // Kafka knows nothing of them, and says so in an empty text.
        Source::BrokerLogger => Some(""),
        _ => config.documentation.filter(|_| request.include_documentation),
    };
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_string(config.name))
        .with_value(config.value.map(StrBytes::from_string))
        .with_read_only(config.read_only)
        .with_config_source(config.source as i8)
        .with_is_sensitive(config.sensitive)
        .with_synonyms(synonyms.into_iter().map(synonym).collect())
        .with_config_type(config.type_code)
        .with_documentation(documentation.map(StrBytes::from_static_str))
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, why)
}
