//! Broker loggers as resources of IncrementalAlterConfigs: the level of each of the broker's components, until the next
//! start.

use std::collections::BTreeSet;

use crate::config::log_levels::{LEVEL_NAMES, ROOT};
use crate::controller::metadata::ApiError;
use crate::model::ErrorCode;
use crate::wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};

use super::Context;

const SET: i8 = 0;
const DELETE: i8 = 1;
/// The components that log, each with all below it.
const COMPONENTS: &[&str] =
    &["admin", "api", "broker", "cli", "config", "controller", "disk", "log", "records", "security", "server", "wire"];

/// Checks all changes of a resource, then makes them.
pub(super) fn alter(cx: &Context, resource: &AlterConfigsResource, validate_only: bool) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    if !resource.configs.iter().all(|config| seen.insert(&*config.name)) {
        return Err(invalid("Error due to duplicate config keys"));
    }
    let node = cx.broker.node_id().0;
    match resource.resource_name.parse::<i32>() {
        Ok(id) if id == node => {}
        Ok(id) => return Err(invalid(format!("Unexpected node id. Expected {node}, but received {id}"))),
        Err(_) => {
            return Err(invalid(format!("Node id must be an integer, but it is: {}", &*resource.resource_name)));
        }
    }
    resource.configs.iter().try_for_each(check)?;
    let Some(levels) = cx.broker.log_levels().filter(|_| !validate_only) else { return Ok(()) };
    for config in &resource.configs {
        let level = config.value.as_deref().filter(|_| config.config_operation == SET);
        levels.set(&config.name, level).map_err(|e| ApiError::new(ErrorCode::InvalidConfig, e.to_string()))?;
    }
    Ok(())
}

fn check(config: &AlterableConfig) -> Result<(), ApiError> {
    let name: &str = &config.name;
    let unsound = |why: String| Err(ApiError::new(ErrorCode::InvalidConfig, why));
    if !matches!(config.config_operation, SET | DELETE) {
        return Err(invalid("Only setting and deleting is allowed for the BROKER_LOGGER resource"));
    }
    let component = name.split('.').next().unwrap_or(name);
    if name != ROOT && !COMPONENTS.contains(&component) {
        return unsound(format!("Logger {name} does not exist!"));
    }
    match (config.config_operation, &config.value) {
        (DELETE, _) if name == ROOT => Err(invalid("Removing the log level of the root logger is not allowed")),
        (DELETE, _) => Ok(()),
        (_, None) => Err(invalid(format!("Null value not supported for : {name}"))),
        (_, Some(level)) if LEVEL_NAMES.contains(&&**level) => Ok(()),
        (_, Some(level)) => unsound(format!(
            "Cannot set the log level of {name} to {} as it is not a supported log level. Valid log levels are {}",
            &**level,
            LEVEL_NAMES.join(", ")
        )),
    }
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, why)
}
