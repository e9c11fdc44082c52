//! Both ways of altering configs: key by key, and all at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::invalid;
use crate::controller::metadata::event::ApiError;
use crate::controller::metadata::features::MIN_INSYNC_REPLICAS;
use crate::controller::metadata::image::{ConfigKind, ConfigResource, ELIGIBLE_LEADER_REPLICAS};
use crate::controller::metadata::machine::MetadataMachine;
use crate::controller::records::{ClearElr, ConfigRecord, MetadataRecord};
use crate::model::ErrorCode;
use crate::wire::messages::alter_configs_request::AlterConfigsResource as Replacement;
use crate::wire::messages::alter_configs_response::AlterConfigsResourceResponse as ReplacementResult;
use crate::wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use crate::wire::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use crate::wire::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
    StrBytes,
};

/// Keys with their new values, in the order of the request; `None` removes a key.
pub(super) type Change = Vec<(String, Option<String>)>;

/// What an incremental change does with a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Set,
    Delete,
    Append,
    Subtract,
}

impl Operation {
    fn from_number(number: i8) -> Option<Operation> {
        match number {
            0 => Some(Operation::Set),
            1 => Some(Operation::Delete),
            2 => Some(Operation::Append),
            3 => Some(Operation::Subtract),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Operation::Set => "SET",
            Operation::Delete => "DELETE",
            Operation::Append => "APPEND",
            Operation::Subtract => "SUBTRACT",
        }
    }
}

/// Code and message of an answer.
fn told(done: Result<(), ApiError>) -> (i16, Option<StrBytes>) {
    done.err().map_or((ErrorCode::None.code(), None), |error| (error.code.code(), error.wire_message()))
}

impl MetadataMachine {
    pub(crate) fn incremental_alter_configs(
        &self,
        request: IncrementalAlterConfigsRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> IncrementalAlterConfigsResponse {
        let counts = counted(request.resources.iter().map(|r| (r.resource_type, &*r.resource_name)));
        let mut responses = Vec::new();
        for resource in &request.resources {
            let (code, message) = told(
                once(&counts, resource.resource_type, &resource.resource_name)
                    .and_then(|()| self.incremental_change(resource))
                    .and_then(|change| self.make(change, request.validate_only, records)),
            );
            responses.push(
                AlterConfigsResourceResponse::default()
                    .with_resource_type(resource.resource_type)
                    .with_resource_name(resource.resource_name.clone())
                    .with_error_code(code)
                    .with_error_message(message),
            );
        }
        IncrementalAlterConfigsResponse::default().with_responses(responses)
    }

    pub(crate) fn alter_configs(
        &self,
        request: AlterConfigsRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> AlterConfigsResponse {
        let counts = counted(request.resources.iter().map(|r| (r.resource_type, &*r.resource_name)));
        let mut responses = Vec::new();
        for resource in &request.resources {
            let (code, message) = told(
                once(&counts, resource.resource_type, &resource.resource_name)
                    .and_then(|()| self.replacement(resource))
                    .and_then(|change| self.make(change, request.validate_only, records)),
            );
            responses.push(
                ReplacementResult::default()
                    .with_resource_type(resource.resource_type)
                    .with_resource_name(resource.resource_name.clone())
                    .with_error_code(code)
                    .with_error_message(message),
            );
        }
        AlterConfigsResponse::default().with_responses(responses)
    }

    /// Makes one resource's change, unless it is only tried.
    fn make(
        &self,
        (target, change): (ConfigResource, Change),
        validate_only: bool,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<(), ApiError> {
        let made = self.config_records(&target, change)?;
        if !validate_only {
            records.extend(made);
        }
        Ok(())
    }

    fn incremental_change(&self, request: &AlterConfigsResource) -> Result<(ConfigResource, Change), ApiError> {
        check_keys(request.configs.iter().map(|config| &*config.name))?;
        let has_no_value = |config: &&AlterableConfig| {
            Operation::from_number(config.config_operation) != Some(Operation::Delete) && config.value.is_none()
        };
        check_nulls(request.configs.iter().filter(has_no_value).map(|config| &*config.name))?;
        let resource = self.resource(request.resource_type, &request.resource_name)?;
        let present = self.image.configs.of(&resource);
        let mut change = Change::new();
        for config in &request.configs {
            let operation = Operation::from_number(config.config_operation)
                .ok_or_else(|| unknown_operation(&resource, config.config_operation))?;
            let old = present.and_then(|values| values.get(&*config.name)).map(String::as_str);
            let value = match operation {
                Operation::Set => config.value.as_ref().map(|value| value.to_string()),
                Operation::Delete => None,
                Operation::Append | Operation::Subtract => Some(self.edited_list(&resource, config, operation, old)?),
            };
            // A broker may have to load a file again of which only the name is configured.
            if value.as_deref() != old || resource.kind == ConfigKind::Broker {
                change.push((config.name.to_string(), value));
            }
        }
        Ok((resource, change))
    }

    fn edited_list(
        &self,
        resource: &ConfigResource,
        config: &AlterableConfig,
        operation: Operation,
        old: Option<&str>,
    ) -> Result<String, ApiError> {
        let rules = &self.settings.rules;
        if !rules.is_list(resource.kind, &config.name) {
            let why = format!("Can't {} to key {} because its type is not LIST.", operation.name(), config.name);
            return Err(ApiError::new(ErrorCode::InvalidConfig, why));
        }
        let old = match old {
            Some(old) => old.to_owned(),
            None => rules.default_value(resource.kind, &config.name).unwrap_or_default(),
        };
        let mut parts: Vec<&str> = old.split(',').filter(|part| !part.is_empty()).collect();
        for part in items(config.value.as_deref().unwrap_or_default()) {
            match operation {
                Operation::Append if parts.contains(&part) => {}
                Operation::Append => parts.push(part),
                _ => {
                    if let Some(at) = parts.iter().position(|present| *present == part) {
                        parts.remove(at);
                    }
                }
            }
        }
        Ok(parts.join(","))
    }

    fn replacement(&self, request: &Replacement) -> Result<(ConfigResource, Change), ApiError> {
        check_keys(request.configs.iter().map(|config| &*config.name))?;
        check_nulls(request.configs.iter().filter(|config| config.value.is_none()).map(|config| &*config.name))?;
        let resource = self.resource(request.resource_type, &request.resource_name)?;
        let empty = BTreeMap::new();
        let present = self.image.configs.of(&resource).map_or(&empty, |values| &**values);
        let mut change = Change::new();
        for config in &request.configs {
            let value = config.value.as_ref().map(|value| value.to_string());
            if value.as_ref() != present.get(&*config.name) || resource.kind == ConfigKind::Broker {
                change.push((config.name.to_string(), value));
            }
        }
        let kept: BTreeSet<&str> = request.configs.iter().map(|config| &*config.name).collect();
        change.extend(present.keys().filter(|key| !kept.contains(key.as_str())).map(|key| (key.clone(), None)));
        Ok((resource, change))
    }

    /// The resource that a request names, if it is one that the metadata log keeps configs of.
    fn resource(&self, number: i8, name: &str) -> Result<ConfigResource, ApiError> {
        let kind = match ConfigKind::try_from(number) {
            Ok(kind) if kind != ConfigKind::BrokerLogger => kind,
            _ => return Err(invalid(format!("Unknown resource type {number}"))),
        };
        if kind == ConfigKind::Broker && !name.is_empty() {
            let node = self.settings.node_id;
            match name.parse::<i32>() {
                Ok(id) if id == node => {}
                Ok(_) => return Err(invalid(format!("Unexpected broker id, expected {node}, but received {name}"))),
                Err(_) => return Err(invalid(format!("Node id must be an integer, but it is: {name}"))),
            }
        }
        Ok(ConfigResource::new(kind, name))
    }

    /// The records of a change that has passed every check.
    fn config_records(&self, resource: &ConfigResource, change: Change) -> Result<Vec<MetadataRecord>, ApiError> {
        self.check_change(resource, &change)?;
        let min_insync = self.image.features.level(ELIGIBLE_LEADER_REPLICAS) > 0
            && change.iter().any(|(key, _)| key == MIN_INSYNC_REPLICAS);
        let record = |(name, value): (String, Option<String>)| -> MetadataRecord {
            let (resource_type, resource_name) = (resource.kind.number(), resource.name.clone());
            ConfigRecord { resource_type, resource_name, name, value }.into()
        };
        let mut records: Vec<MetadataRecord> = change.into_iter().map(record).collect();
        if min_insync {
            // What was eligible under the old minimum need not be under the new one.
            let topic_name = match resource.kind {
                ConfigKind::Topic => resource.name.clone(),
                _ => String::new(),
            };
            records.push(ClearElr { topic_name }.into());
        }
        Ok(records)
    }
}

/// The items of a list; commas at its end are none.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let trimmed = text.trim_end_matches(',');
    let nothing_but_commas = trimmed.is_empty() && !text.is_empty();
    trimmed.split(',').filter(move |_| !nothing_but_commas)
}

fn counted<'a>(resources: impl Iterator<Item = (i8, &'a str)>) -> HashMap<(i8, &'a str), usize> {
    let mut counts = HashMap::new();
    for resource in resources {
        *counts.entry(resource).or_default() += 1;
    }
    counts
}

fn once(counts: &HashMap<(i8, &str), usize>, number: i8, name: &str) -> Result<(), ApiError> {
    match counts.get(&(number, name)) {
        Some(count) if *count > 1 => Err(invalid("Each resource must appear at most once.")),
        _ => Ok(()),
    }
}

fn check_keys<'a>(mut keys: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    match keys.all(|key| seen.insert(key)) {
        true => Ok(()),
        false => Err(invalid("Error due to duplicate config keys")),
    }
}

fn check_nulls<'a>(keys: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    let nulls: Vec<&str> = keys.collect();
    match nulls.is_empty() {
        true => Ok(()),
        false => Err(invalid(format!("Null value not supported for : {}", nulls.join(", ")))),
    }
}

/// Kafka refuses these for brokers; for other resources it stumbles over them.
fn unknown_operation(resource: &ConfigResource, number: i8) -> ApiError {
    match resource.kind {
        ConfigKind::Broker => invalid(format!("Unknown operations type {number}")),
        _ => ApiError::bare(ErrorCode::UnknownServerError),
    }
}
