//! What the metadata machine needs to know of configs: which values are good, and what holds where nothing is set.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::event::ApiError;
use super::image::{ConfigKind, ConfigResource, MetadataImage};

/// Where a config's value comes from, by Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigSource {
    DynamicTopic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    DynamicBrokerLogger = 6,
    DynamicClientMetrics = 7,
    DynamicGroup = 8,
}

/// A config with the value that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveConfig {
    pub name: String,
    /// `None` where nothing is set, and for what must not be shown.
    pub value: Option<String>,
    pub source: ConfigSource,
    pub read_only: bool,
    pub sensitive: bool,
}

/// The table of configs, as far as the machine asks it.
pub trait ConfigRules: Send + Sync {
    /// Checks all values of a resource as they would be after a change; `before` is what they are now.
    fn validate(
        &self,
        resource: &ConfigResource,
        values: &BTreeMap<String, String>,
        before: &BTreeMap<String, String>,
    ) -> Result<(), ApiError>;
    /// The key's values are lists, which can be appended to.
    fn is_list(&self, kind: ConfigKind, key: &str) -> bool;
    /// What holds where nothing is set for a resource of this kind.
    fn default_value(&self, kind: ConfigKind, key: &str) -> Option<String>;
    /// This node's log directories that take no new partitions.
    fn cordoned(&self) -> Vec<Uuid> {
        Vec::new()
    }
    /// Every config of a topic with these of its own, in order of names.
    fn topic_configs(&self, image: &MetadataImage, own: &BTreeMap<String, String>) -> Vec<EffectiveConfig>;
}
