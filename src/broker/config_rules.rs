//! The table of settings as the metadata machine asks for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::config::dynamic::{Layers, Level};
use crate::config::value::ValueError;
use crate::config::{classes, client_metrics, describe, group, schema, topic};
use crate::controller::metadata::{
    ApiError, ConfigKind, ConfigResource, ConfigRules, ConfigSource, EffectiveConfig, MetadataImage,
};
use crate::model::ErrorCode;

/// Judges changes by the broker's present settings.
pub struct Rules {
    pub layers: Arc<ArcSwap<Layers>>,
    /// The log directories as the settings name them, with their ids.
    pub log_dirs: Vec<(PathBuf, Uuid)>,
}

impl ConfigRules for Rules {
    fn validate(
        &self,
        resource: &ConfigResource,
        values: &BTreeMap<String, String>,
        before: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let layers = self.layers.load();
        let broker = &layers.config.values;
        match resource.kind {
            ConfigKind::Topic => refuse(ErrorCode::InvalidConfig, topic::validate(broker, values)),
            ConfigKind::Group => refuse(ErrorCode::InvalidConfig, group::validate(broker, values)),
            ConfigKind::Broker => {
                let level = if resource.name.is_empty() { Level::ClusterDefault } else { Level::Node };
                let checked = layers.check(level, values).and_then(|()| classes::check_changed(values, before));
                refuse(ErrorCode::InvalidRequest, checked)
            }
            ConfigKind::ClientMetrics => client_metrics::validate(&resource.name, values).map_err(|e| match e {
                client_metrics::Refused::InvalidRequest(why) => ApiError::new(ErrorCode::InvalidRequest, why),
                client_metrics::Refused::InvalidConfig(why) => ApiError::new(ErrorCode::InvalidConfig, why),
            }),
            // Levels are not kept in the metadata.
            ConfigKind::BrokerLogger => Ok(()),
        }
    }

    fn is_list(&self, kind: ConfigKind, key: &str) -> bool {
        let key = match kind {
            ConfigKind::Topic => schema::TOPIC.get(key),
            // A key with a listener's prefix is none that Kafka edits as a list.
            ConfigKind::Broker => schema::BROKER.get(key),
            ConfigKind::Group => schema::GROUP.get(key),
            ConfigKind::ClientMetrics | ConfigKind::BrokerLogger => None,
        };
        key.is_some_and(|key| key.kind == schema::Kind::List)
    }

    fn default_value(&self, kind: ConfigKind, key: &str) -> Option<String> {
        let layers = self.layers.load();
        let described = match kind {
            ConfigKind::Topic => describe::topic(&layers, &BTreeMap::new()),
            ConfigKind::Group => describe::group(&layers, &BTreeMap::new()),
            ConfigKind::ClientMetrics => describe::client_metrics(&BTreeMap::new()),
            ConfigKind::Broker => {
                return schema::broker_key(key).and_then(|key| key.default).map(str::to_string);
            }
            ConfigKind::BrokerLogger => return None,
        };
        described.into_iter().find(|d| d.name == key).and_then(|d| d.value)
    }

    fn cordoned(&self) -> Vec<Uuid> {
        let config = self.layers.load().config.clone();
        let cordoned = self.log_dirs.iter().filter(|(path, _)| config.is_cordoned(path));
        cordoned.map(|(_, id)| *id).collect()
    }

    fn topic_configs(&self, _image: &MetadataImage, own: &BTreeMap<String, String>) -> Vec<EffectiveConfig> {
        let described = describe::topic(&self.layers.load(), own);
        described
            .into_iter()
            .map(|d| EffectiveConfig {
                name: d.name,
                value: d.value,
                source: source(d.source),
                read_only: d.read_only,
                sensitive: d.sensitive,
            })
            .collect()
    }
}

fn refuse(code: ErrorCode, checked: Result<(), ValueError>) -> Result<(), ApiError> {
    checked.map_err(|e| ApiError::new(code, e.0))
}

fn source(source: describe::Source) -> ConfigSource {
    match source {
        describe::Source::Topic => ConfigSource::DynamicTopic,
        describe::Source::DynamicBroker => ConfigSource::DynamicBroker,
        describe::Source::DynamicClusterDefault => ConfigSource::DynamicDefaultBroker,
        describe::Source::StaticBroker => ConfigSource::StaticBroker,
        describe::Source::Default => ConfigSource::Default,
        describe::Source::BrokerLogger => ConfigSource::DynamicBrokerLogger,
        describe::Source::ClientMetrics => ConfigSource::DynamicClientMetrics,
        describe::Source::Group => ConfigSource::DynamicGroup,
    }
}
