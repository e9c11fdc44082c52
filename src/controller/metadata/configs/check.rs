//! Whether a resource may be configured at all, and whether its values are good.

use std::collections::BTreeMap;

use super::alter::Change;
use crate::controller::metadata::event::ApiError;
use crate::controller::metadata::features::MIN_INSYNC_REPLICAS;
use crate::controller::metadata::image::{ConfigKind, ConfigResource, ELIGIBLE_LEADER_REPLICAS};
use crate::controller::metadata::machine::MetadataMachine;
use crate::controller::metadata::topics::validate_topic_name;
use crate::model::ErrorCode;

/// Longest value that Kafka takes.
const VALUE_BYTES_MAX: usize = i16::MAX as usize;

impl MetadataMachine {
    /// Checks a resource's name, the change, and the values as they would be after it.
    pub(super) fn check_change(&self, resource: &ConfigResource, change: &Change) -> Result<(), ApiError> {
        let before = self.image.configs.of(resource).map(|values| (**values).clone()).unwrap_or_default();
        let mut after: BTreeMap<String, String> = before.clone();
        for (key, value) in change {
            match value {
                None => {
                    after.remove(key);
                }
                Some(value) if value.len() > VALUE_BYTES_MAX => {
                    let why = format!(
                        "The configuration value cannot be added because it exceeds the maximum value size of \
                         {VALUE_BYTES_MAX} bytes."
                    );
                    return Err(ApiError::new(ErrorCode::InvalidConfig, why));
                }
                Some(value) => {
                    after.insert(key.clone(), value.clone());
                }
            }
        }
        match resource.kind {
            ConfigKind::Topic if resource.name.is_empty() => {
                return Err(invalid("Default topic resources are not allowed."));
            }
            ConfigKind::Topic => validate_topic_name(&resource.name)?,
            ConfigKind::Group if resource.name.is_empty() => {
                return Err(invalid("Default group resources are not allowed."));
            }
            ConfigKind::ClientMetrics if resource.name.is_empty() => {
                return Err(invalid("Subscription name can't be empty"));
            }
            _ => {}
        }
        self.settings.rules.validate(resource, &after, &before)?;
        self.check_min_insync_replicas(resource, change)?;
        if resource.kind == ConfigKind::Topic && self.image.topics.by_name(&resource.name).is_none() {
            let why = format!("The topic '{}' does not exist.", resource.name);
            return Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, why));
        }
        Ok(())
    }

    /// While eligible leader replicas are tracked, the smallest in-sync set is the cluster's business.
    fn check_min_insync_replicas(&self, resource: &ConfigResource, change: &Change) -> Result<(), ApiError> {
        let tracked = self.image.features.level(ELIGIBLE_LEADER_REPLICAS) > 0;
        let Some((_, value)) = change.iter().find(|(key, _)| tracked && key == MIN_INSYNC_REPLICAS) else {
            return Ok(());
        };
        if resource.kind != ConfigKind::Broker {
            return Ok(());
        }
        let why = match (resource.name.is_empty(), value) {
            (false, _) => "Broker-level min.insync.replicas cannot be altered while ELR is enabled.",
            (true, None) => "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
            (true, Some(_)) => return Ok(()),
        };
        Err(ApiError::new(ErrorCode::InvalidConfig, why))
    }
}

pub(super) fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, why)
}
