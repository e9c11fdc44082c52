//! Configs that were set while running, by the resource they belong to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::controller::metadata::shared_map::SharedMap;

/// What a config belongs to, by Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum ConfigKind {
    Topic = 2,
    Broker = 4,
    BrokerLogger = 8,
    ClientMetrics = 16,
    Group = 32,
}

/// The number names no kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown resource type {0}")]
pub struct UnknownKind(pub i8);

impl TryFrom<i8> for ConfigKind {
    type Error = UnknownKind;

    fn try_from(number: i8) -> Result<Self, UnknownKind> {
        Ok(match number {
            2 => ConfigKind::Topic,
            4 => ConfigKind::Broker,
            8 => ConfigKind::BrokerLogger,
            16 => ConfigKind::ClientMetrics,
            32 => ConfigKind::Group,
            other => return Err(UnknownKind(other)),
        })
    }
}

impl ConfigKind {
    pub fn number(self) -> i8 {
        self as i8
    }

    /// As Kafka's messages write it.
    pub fn name(self) -> &'static str {
        match self {
            ConfigKind::Topic => "TOPIC",
            ConfigKind::Broker => "BROKER",
            ConfigKind::BrokerLogger => "BROKER_LOGGER",
            ConfigKind::ClientMetrics => "CLIENT_METRICS",
            ConfigKind::Group => "GROUP",
        }
    }
}

/// A topic, a broker (an empty name is the default of all), a group, a client metrics subscription.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    pub kind: ConfigKind,
    pub name: String,
}

impl ConfigResource {
    pub fn new(kind: ConfigKind, name: impl Into<String>) -> Self {
        ConfigResource { kind, name: name.into() }
    }

    pub fn topic(name: impl Into<String>) -> Self {
        Self::new(ConfigKind::Topic, name)
    }

    /// The settings of every broker that has none of its own.
    pub fn cluster_default() -> Self {
        Self::new(ConfigKind::Broker, "")
    }
}

impl fmt::Display for ConfigResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigResource(type={}, name='{}')", self.kind.name(), self.name)
    }
}

/// Values by key, of each resource that has some.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConfigsImage {
    resources: SharedMap<ConfigResource, Arc<BTreeMap<String, String>>>,
}

impl ConfigsImage {
    /// What was set for a resource; `None` when nothing was.
    pub fn of(&self, resource: &ConfigResource) -> Option<&Arc<BTreeMap<String, String>>> {
        self.resources.get(resource)
    }

    pub fn topic(&self, name: &str) -> Option<&Arc<BTreeMap<String, String>>> {
        self.of(&ConfigResource::topic(name))
    }

    pub fn value(&self, resource: &ConfigResource, key: &str) -> Option<&str> {
        self.of(resource)?.get(key).map(String::as_str)
    }

    /// In order of kinds and names.
    pub fn iter(&self) -> impl Iterator<Item = (&ConfigResource, &Arc<BTreeMap<String, String>>)> {
        self.resources.iter()
    }

    pub(super) fn set(&mut self, resource: ConfigResource, key: &str, value: Option<&str>) {
        match value {
            Some(value) => match self.resources.get_mut(&resource) {
                Some(values) => {
                    Arc::make_mut(values).insert(key.to_owned(), value.to_owned());
                }
                None => {
                    let values = BTreeMap::from([(key.to_owned(), value.to_owned())]);
                    self.resources.insert(resource, Arc::new(values));
                }
            },
            None => {
                let Some(values) = self.resources.get_mut(&resource) else { return };
                let values = Arc::make_mut(values);
                values.remove(key);
                if values.is_empty() {
                    self.resources.remove(&resource);
                }
            }
        }
    }

    pub(super) fn remove_all(&mut self, resource: &ConfigResource) {
        self.resources.remove(resource);
    }
}
