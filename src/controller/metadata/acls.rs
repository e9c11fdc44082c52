//! CreateAcls and DeleteAcls.

use std::collections::BTreeSet;

use super::event::{ApiError, IdSource};
use super::image::AclImage;
use super::machine::MetadataMachine;
use crate::controller::records::{MetadataRecord, RemoveAccessControlEntry};
use crate::model::ErrorCode;
use crate::wire::messages::create_acls_request::AclCreation;
use crate::wire::messages::create_acls_response::AclCreationResult;
use crate::wire::messages::delete_acls_request::DeleteAclsFilter;
use crate::wire::messages::delete_acls_response::{DeleteAclsFilterResult, DeleteAclsMatchingAcl};
use crate::wire::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse, DescribeAclsRequest, StrBytes,
};

/// Kafka's numbers, as far as decisions hang on them.
const UNKNOWN: i8 = 0;
const ANY: i8 = 1;
const MATCH: i8 = 2;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const CLUSTER: i8 = 4;
const LAST_RESOURCE_TYPE: i8 = 7;
const LAST_PATTERN_TYPE: i8 = 4;
const LAST_OPERATION: i8 = 15;
const DENY: i8 = 2;
const ALLOW: i8 = 3;
/// The one name that a cluster resource has.
const CLUSTER_NAME: &str = "kafka-cluster";
/// Stands for every name.
const WILDCARD: &str = "*";

/// Which entries are meant. `None` is any.
#[derive(Clone, Debug)]
pub struct AclFilter {
    pub resource_type: i8,
    pub name: Option<String>,
    pub pattern_type: i8,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: i8,
    pub permission_type: i8,
}

impl AclFilter {
    pub fn matches(&self, acl: &AclImage) -> bool {
        let number = |wanted: i8, present: i8| wanted == ANY || wanted == present;
        let text = |wanted: &Option<String>, present: &str| wanted.as_deref().is_none_or(|wanted| wanted == present);
        number(self.resource_type, acl.resource_type)
            && self.pattern_matches(acl)
            && text(&self.principal, &acl.principal)
            && text(&self.host, &acl.host)
            && number(self.operation, acl.operation)
            && number(self.permission_type, acl.permission_type)
    }

    fn pattern_matches(&self, acl: &AclImage) -> bool {
        if !matches!(self.pattern_type, ANY | MATCH) && self.pattern_type != acl.pattern_type {
            return false;
        }
        let Some(name) = &self.name else { return true };
        match (self.pattern_type, acl.pattern_type) {
            (MATCH, PREFIXED) => name.starts_with(&acl.resource_name),
            (MATCH, _) => *name == acl.resource_name || acl.resource_name == WILDCARD,
            _ => *name == acl.resource_name,
        }
    }

    /// It says 0 somewhere, which stands for what the sender itself did not know.
    pub fn names_unknown(&self) -> bool {
        [self.resource_type, self.pattern_type, self.operation, self.permission_type].contains(&UNKNOWN)
    }

    /// Refuses numbers that mean nothing.
    pub fn check(&self) -> Result<(), ApiError> {
        let known = |number: i8, last: i8| (ANY..=last).contains(&number);
        if !known(self.resource_type, LAST_RESOURCE_TYPE) || !known(self.pattern_type, LAST_PATTERN_TYPE) {
            return Err(invalid("Unknown patternFilter."));
        }
        if !known(self.operation, LAST_OPERATION) || !known(self.permission_type, ALLOW) {
            return Err(invalid("Unknown entryFilter."));
        }
        Ok(())
    }
}

fn text(text: &Option<StrBytes>) -> Option<String> {
    text.as_ref().map(|text| text.to_string())
}

impl From<&DeleteAclsFilter> for AclFilter {
    fn from(filter: &DeleteAclsFilter) -> Self {
        AclFilter {
            resource_type: filter.resource_type_filter,
            name: text(&filter.resource_name_filter),
            pattern_type: filter.pattern_type_filter,
            principal: text(&filter.principal_filter),
            host: text(&filter.host_filter),
            operation: filter.operation,
            permission_type: filter.permission_type,
        }
    }
}

impl From<&DescribeAclsRequest> for AclFilter {
    fn from(request: &DescribeAclsRequest) -> Self {
        AclFilter {
            resource_type: request.resource_type_filter,
            name: text(&request.resource_name_filter),
            pattern_type: request.pattern_type_filter,
            principal: text(&request.principal_filter),
            host: text(&request.host_filter),
            operation: request.operation,
            permission_type: request.permission_type,
        }
    }
}

impl MetadataMachine {
    /// Answers every entry by itself; one that is there already is a success.
    pub(super) fn create_acls(
        &self,
        request: CreateAclsRequest,
        ids: &mut IdSource,
        records: &mut Vec<MetadataRecord>,
    ) -> CreateAclsResponse {
        let mut made: Vec<AclImage> = Vec::new();
        let mut results = Vec::new();
        for creation in &request.creations {
            let mut result = AclCreationResult::default().with_error_message(Some(StrBytes::default()));
            match check_creation(creation) {
                Err(error) => {
                    result.error_code = error.code.code();
                    result.error_message = error.wire_message();
                }
                Ok(()) => {
                    let acl = AclImage {
                        id: ids.next_id(),
                        resource_type: creation.resource_type,
                        resource_name: creation.resource_name.to_string(),
                        pattern_type: creation.resource_pattern_type,
                        principal: creation.principal.to_string(),
                        host: creation.host.to_string(),
                        operation: creation.operation,
                        permission_type: creation.permission_type,
                    };
                    let known = |other: &AclImage| other.same_rule(&acl);
                    if !made.iter().any(known) && !self.image.acls.values().any(|other| known(other)) {
                        records.push(acl.to_record().into());
                        made.push(acl);
                    }
                }
            }
            results.push(result);
        }
        CreateAclsResponse::default().with_results(results)
    }

    pub(super) fn delete_acls(
        &self,
        request: DeleteAclsRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> DeleteAclsResponse {
        let mut removed = BTreeSet::new();
        let mut results = Vec::new();
        for filter in request.filters.iter().map(AclFilter::from) {
            let mut result = DeleteAclsFilterResult::default().with_error_message(None);
            match filter.check() {
                Err(error) => {
                    result.error_code = error.code.code();
                    result.error_message = error.wire_message();
                }
                Ok(()) => {
                    for acl in self.image.acls.values().filter(|acl| filter.matches(acl)) {
                        result.matching_acls.push(wire_acl(acl));
                        if removed.insert(acl.id) {
                            records.push(RemoveAccessControlEntry { id: acl.id }.into());
                        }
                    }
                }
            }
            results.push(result);
        }
        DeleteAclsResponse::default().with_filter_results(results)
    }
}

fn wire_acl(acl: &AclImage) -> DeleteAclsMatchingAcl {
    let text = |text: &str| StrBytes::from_string(text.to_owned());
    DeleteAclsMatchingAcl::default()
        .with_error_message(None)
        .with_resource_type(acl.resource_type)
        .with_resource_name(text(&acl.resource_name))
        .with_pattern_type(acl.pattern_type)
        .with_principal(text(&acl.principal))
        .with_host(text(&acl.host))
        .with_operation(acl.operation)
        .with_permission_type(acl.permission_type)
}

fn check_creation(acl: &AclCreation) -> Result<(), ApiError> {
    if acl.resource_type == CLUSTER && &*acl.resource_name != CLUSTER_NAME {
        return Err(invalid(format!("The only valid name for the CLUSTER resource is {CLUSTER_NAME}")));
    }
    if acl.resource_name.is_empty() {
        return Err(invalid("Invalid empty resource name"));
    }
    if !(ANY + 1..=LAST_RESOURCE_TYPE).contains(&acl.resource_type) {
        return Err(invalid(format!("Invalid resourceType {}", acl.resource_type)));
    }
    if !matches!(acl.resource_pattern_type, LITERAL | PREFIXED) {
        return Err(invalid(format!("Invalid patternType {}", acl.resource_pattern_type)));
    }
    if !(ANY + 1..=LAST_OPERATION).contains(&acl.operation) {
        return Err(invalid(format!("Invalid operation {}", acl.operation)));
    }
    if !matches!(acl.permission_type, DENY | ALLOW) {
        return Err(invalid(format!("Invalid permissionType {}", acl.permission_type)));
    }
    if !acl.principal.contains(':') {
        return Err(invalid(format!(
            "Could not parse principal from `{}` (no colon is present separating the principal type from the \
             principal name)",
            acl.principal
        )));
    }
    Ok(())
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, why)
}
