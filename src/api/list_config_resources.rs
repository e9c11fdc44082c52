//! ListConfigResources (74), versions 0-1: which resources have configs, or could have. Version 0 lists client metrics
//! subscriptions only. A client needs DESCRIBE_CONFIGS on the cluster.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::controller::metadata::{ConfigKind, MetadataImage};
use crate::model::ErrorCode;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::messages::list_config_resources_response::ConfigResource;
use crate::wire::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse, StrBytes};

use super::{Context, Outcome, answer};

/// In the order in which they are listed.
const KINDS: &[ConfigKind] =
    &[ConfigKind::Group, ConfigKind::ClientMetrics, ConfigKind::BrokerLogger, ConfigKind::Broker, ConfigKind::Topic];

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse {
    let response = ListConfigResourcesResponse::default();
    if let Err(error) = cx.needs_on_cluster(Operation::DescribeConfigs) {
        return response.with_error_code(error.code.code());
    }
    let known: &[ConfigKind] = if cx.version() == 0 { &[ConfigKind::ClientMetrics] } else { KINDS };
    let mut asked = BTreeSet::new();
    for number in &request.resource_types {
        match ConfigKind::try_from(*number) {
            Ok(kind) if known.contains(&kind) => asked.insert(kind),
            _ => return response.with_error_code(ErrorCode::UnsupportedVersion.code()),
        };
    }
    let wanted = known.iter().filter(|kind| asked.is_empty() || asked.contains(kind));
    let image = cx.broker.image();
    let found = wanted.flat_map(|kind| {
        names(&image, *kind).into_iter().map(|name| {
            ConfigResource::default().with_resource_name(StrBytes::from_string(name)).with_resource_type(kind.number())
        })
    });
    response.with_config_resources(found.collect())
}

fn names(image: &MetadataImage, kind: ConfigKind) -> Vec<String> {
    match kind {
        ConfigKind::Topic => image.topics.iter().map(|topic| topic.name.to_string()).collect(),
        ConfigKind::Broker | ConfigKind::BrokerLogger => {
            image.cluster.brokers.values().filter(|b| !b.fenced).map(|broker| broker.id.to_string()).collect()
        }
        ConfigKind::Group | ConfigKind::ClientMetrics => {
            image.configs.iter().filter(|(resource, _)| resource.kind == kind).map(|(r, _)| r.name.clone()).collect()
        }
    }
}
