//! DescribeCluster (60), versions 0-2: the cluster's id, its brokers, and what the client may do with it. A listener of
//! the controller tells of controllers instead, to who may ALTER the cluster. Who asks for what is told elsewhere is refused.

use bytes::Bytes;

use crate::model::ErrorCode;
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::describe_cluster_response::DescribeClusterBroker;
use crate::wire::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse, StrBytes};

use super::{Context, Outcome, answer};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;
/// How the protocol writes "not asked".
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer(cx, body, respond)
}

fn respond(cx: &Context, request: DescribeClusterRequest) -> DescribeClusterResponse {
    let mut response = DescribeClusterResponse::default();
    response.cluster_authorized_operations = OPERATIONS_NOT_ASKED;
    response.controller_id = BrokerId(-1);
    let own = if cx.peer.at_controller { CONTROLLERS } else { BROKERS };
    response.endpoint_type = own;
    let allowed = match cx.peer.at_controller {
        true => cx.needs_on_cluster(Operation::Alter),
        false => Ok(()),
    };
    // Before version 1 there is no such field, and so no other type.
    let (code, why) = match request.endpoint_type {
        _ if allowed.is_err() => (ErrorCode::ClusterAuthorizationFailed, allowed.err().and_then(|e| e.message)),
        asked if asked == own => (ErrorCode::None, None),
        asked @ (BROKERS | CONTROLLERS) => {
            let (own, asked) = (type_name(own), type_name(asked));
            let why =
                format!("The request was sent to an endpoint of type {own}, but we wanted an endpoint of type {asked}");
            (ErrorCode::MismatchedEndpointType, Some(why))
        }
        other => (ErrorCode::UnsupportedEndpointType, Some(format!("Unsupported endpoint type {other}"))),
    };
    if code != ErrorCode::None {
        response.error_code = code.code();
        response.error_message = why.map(StrBytes::from_string);
        return response;
    }
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations =
            match cx.allows(Operation::Describe, ResourceType::Cluster, CLUSTER_NAME) {
                true => cx.operations_on(ResourceType::Cluster, CLUSTER_NAME),
                false => 0,
            };
    }
    let (host, port) = if cx.peer.at_controller { registered(cx) } else { None }
        .unwrap_or_else(|| cx.broker.advertised(&cx.peer.listener, cx.peer.local));
    let node = BrokerId(cx.broker.node_id().0);
    response.cluster_id = StrBytes::from_string(cx.broker.cluster_id().to_owned());
    response.controller_id = node;
    response.brokers = vec![
        DescribeClusterBroker::default()
            .with_broker_id(node)
            .with_host(StrBytes::from_string(host))
            .with_port(i32::from(port))
            .with_rack(cx.broker.rack().map(StrBytes::from_string)),
    ];
    response
}

/// Where the controller says in the metadata that it is.
fn registered(cx: &Context) -> Option<(String, u16)> {
    let image = cx.broker.image();
    let controller = image.cluster.controllers.get(&cx.broker.node_id().0)?;
    let endpoint =
        controller.endpoints.iter().find(|endpoint| endpoint.name.eq_ignore_ascii_case(&cx.peer.listener))?;
    Some((endpoint.host.clone(), endpoint.port))
}

fn type_name(endpoint_type: i8) -> &'static str {
    if endpoint_type == CONTROLLERS { "CONTROLLER" } else { "BROKER" }
}
