//! DescribeAcls (29), versions 1-3. A client needs DESCRIBE on the cluster. A filter that says 0,
//! "unknown", closes the connection, as in Kafka.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::controller::metadata::AclFilter;
use crate::security::Operation;
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use crate::wire::messages::{DescribeAclsRequest, DescribeAclsResponse, StrBytes};

use super::{Context, Outcome, encode};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request: DescribeAclsRequest = codec::decode(cx.version(), body)?;
    let filter = AclFilter::from(&request);
    if filter.names_unknown() {
        return Ok(Outcome::Close("DescribeAcls with a filter that names the unknown".into()));
    }
    encode(&cx, &respond(&cx, filter))
}

fn respond(cx: &Context, filter: AclFilter) -> DescribeAclsResponse {
    let allowed = cx.needs_on_cluster(Operation::Describe).and_then(|()| cx.needs_authorizer());
    // Numbers that mean nothing match nothing.
    if let Err(error) = allowed {
        return DescribeAclsResponse::default()
            .with_error_code(error.code.code())
            .with_error_message(error.wire_message());
    }
    let image = cx.broker.image();
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    let mut resources: BTreeMap<(i8, &str, i8), Vec<AclDescription>> = BTreeMap::new();
    for acl in image.acls.values().filter(|acl| filter.matches(acl)) {
        let resource = (acl.resource_type, acl.resource_name.as_str(), acl.pattern_type);
        resources.entry(resource).or_default().push(
            AclDescription::default()
                .with_principal(text(&acl.principal))
                .with_host(text(&acl.host))
                .with_operation(acl.operation)
                .with_permission_type(acl.permission_type),
        );
    }
    let resource = |((kind, name, pattern), acls)| {
        DescribeAclsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_pattern_type(pattern)
            .with_acls(acls)
    };
    // A success says "" and not null, as Kafka's does.
    DescribeAclsResponse::default()
        .with_error_message(Some(StrBytes::default()))
        .with_resources(resources.into_iter().map(resource).collect())
}
