//! Settings as DescribeConfigs tells them: value, where it comes from, and every other place that has a say.

use crate::config::dynamic::Layers;
use crate::config::group::GroupValues;
use crate::config::schema::{self, Index, Key, Update};
use crate::config::topic::{Overrides, TopicValues};
use crate::config::value;

/// Where a value comes from, by Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Source {
    Topic = 1,
    DynamicBroker = 2,
    DynamicClusterDefault = 3,
    StaticBroker = 4,
    Default = 5,
    BrokerLogger = 6,
    ClientMetrics = 7,
    Group = 8,
}

/// One place that has a value for a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: String,
    /// `None` for secrets.
    pub value: Option<String>,
    pub source: Source,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub name: String,
    /// `None` for secrets and for what nobody set.
    pub value: Option<String>,
    pub source: Source,
    pub read_only: bool,
    pub sensitive: bool,
    /// The strongest first.
    pub synonyms: Vec<Synonym>,
    /// Kafka's number of the type; 0 where it is unknown.
    pub type_code: i8,
    pub documentation: Option<&'static str>,
}

/// All settings of this node.
pub fn broker(layers: &Layers) -> Vec<Described> {
    let set = layers.config.settings.iter().map(|(name, _)| name);
    let declared = schema::BROKER.values().filter(|key| !key.internal && !key.name.starts_with("ottla."));
    let mut names: Vec<&str> = declared.map(|key| key.name).chain(set).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(|name| broker_entry(layers, name)).collect()
}

/// Settings of the cluster's default.
pub fn cluster_default(layers: &Layers) -> Vec<Described> {
    let only_default = |name: &String| {
        let mut entry = broker_entry(layers, name);
        let text = layers.cluster_default.get(name);
        entry.synonyms.retain(|synonym| synonym.source == Source::DynamicClusterDefault);
        entry.source = entry.synonyms.first().map_or(Source::Default, |synonym| synonym.source);
        entry.value = text.filter(|_| !entry.sensitive).cloned();
        entry
    };
    layers.cluster_default.keys().map(only_default).collect()
}

/// Rates that only exist while the broker runs: no file can set them.
pub(super) const THROTTLES: &[&str] = &[
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
];

fn broker_entry(layers: &Layers, name: &str) -> Described {
    let declared = schema::BROKER.get(name);
    let typed = declared.or_else(|| schema::broker_key(name).filter(|key| schema::BROKER.contains_key(key.name)));
    // A value of unknown type may be a secret.
    let is_throttle = THROTTLES.contains(&name);
    let sensitive = typed.is_none_or(Key::is_sensitive) && !is_throttle;
    let value = match declared {
        Some(key) => layers.config.values.get(key.name).text(),
        None => layers.config.settings.text(name).map(str::to_string),
    };
    let synonyms = broker_synonyms(layers, name, sensitive);
    Described {
        name: name.to_string(),
        value: value.filter(|_| !sensitive),
        source: synonyms.first().map_or(Source::Default, |synonym| synonym.source),
        read_only: declared.is_none_or(|key| key.update == Update::ReadOnly) && !is_throttle,
        sensitive,
        synonyms,
        type_code: if is_throttle { schema::Kind::Long.code() } else { typed.map_or(0, |key| key.kind.code()) },
        documentation: declared.map(|key| key.doc),
    }
}

/// Every place that has a value for a broker setting, the strongest first. Kafka drops what stands before the asked
/// name itself (finer units, listeners' own values), and so all of it where the name has no value anywhere.
fn broker_synonyms(layers: &Layers, name: &str, sensitive: bool) -> Vec<Synonym> {
    let names = schema::broker_synonyms(name);
    let mut found = Vec::new();
    let mut add = |name: &str, value: Option<&str>, source: Source| {
        if let Some(value) = value {
            let value = (!sensitive).then(|| value.to_string());
            found.push(Synonym { name: name.to_string(), value, source });
        }
    };
    for name in &names {
        add(name, layers.node.get(*name).map(String::as_str), Source::DynamicBroker);
    }
    for name in &names {
        add(name, layers.cluster_default.get(*name).map(String::as_str), Source::DynamicClusterDefault);
    }
    for name in &names {
        add(name, layers.statics.text(name), Source::StaticBroker);
    }
    for name in &names {
        add(name, schema::BROKER.get(name).and_then(|key| key.default), Source::Default);
    }
    found.into_iter().skip_while(|synonym| synonym.name != name).collect()
}

/// All settings of a topic with these of its own.
pub fn topic(layers: &Layers, own: &Overrides) -> Vec<Described> {
    let values = TopicValues::resolve(&layers.config.values, own);
    let shown = |key: &&Key| !key.internal || own.contains_key(key.name);
    schema::TOPIC
        .values()
        .filter(shown)
        .map(|key| inherited(layers, key, values.get(key.name).text(), own, Source::Topic))
        .chain(unknown(own, &schema::TOPIC))
        .collect()
}

/// All settings of a group with these of its own.
pub fn group(layers: &Layers, own: &Overrides) -> Vec<Described> {
    let values = GroupValues::resolve(&layers.config.values, own);
    schema::GROUP
        .values()
        .map(|key| {
            let text = own.get(key.name).cloned().or_else(|| values.get(key.name).text());
            let mut entry = inherited(layers, key, text, own, Source::Group);
            if key.like.is_empty()
                && let Some(default) = key.default
            {
                let (name, value) = (key.name.to_string(), Some(default.to_string()));
                entry.synonyms.push(Synonym { name, value, source: Source::Default });
            }
            entry
        })
        .collect()
}

/// All settings of a client metrics subscription with these of its own.
pub fn client_metrics(own: &Overrides) -> Vec<Described> {
    schema::CLIENT_METRICS
        .values()
        .map(|key| {
            let value = match own.get(key.name) {
                Some(text) => value::parse(key, text).unwrap_or_else(|_| value::default(key)),
                None => value::default(key),
            };
            entry(key, value.text(), own, Source::ClientMetrics, Vec::new())
        })
        .collect()
}

fn inherited(layers: &Layers, key: &Key, value: Option<String>, own: &Overrides, source: Source) -> Described {
    let below = key.like.first().map_or(Vec::new(), |(name, _)| broker_synonyms(layers, name, key.is_sensitive()));
    entry(key, value, own, source, below)
}

fn entry(key: &Key, value: Option<String>, own: &Overrides, source: Source, below: Vec<Synonym>) -> Described {
    let mut synonyms = below;
    if own.contains_key(key.name) {
        synonyms.insert(0, Synonym { name: key.name.to_string(), value: value.clone(), source });
    }
    Described {
        name: key.name.to_string(),
        value,
        source: synonyms.first().map_or(Source::Default, |synonym| synonym.source),
        read_only: false,
        sensitive: false,
        synonyms,
        type_code: key.kind.code(),
        documentation: Some(key.doc),
    }
}

/// Stored settings that no key declares, such as those of another version: their values may be secrets.
fn unknown<'a>(own: &'a Overrides, index: &'a Index) -> impl Iterator<Item = Described> + 'a {
    own.keys().filter(|name| !index.contains_key(name.as_str())).map(|name| Described {
        name: name.clone(),
        value: None,
        source: Source::Topic,
        read_only: false,
        sensitive: true,
        synonyms: vec![Synonym { name: name.clone(), value: None, source: Source::Topic }],
        type_code: 0,
        documentation: None,
    })
}

#[cfg(test)]
mod tests;
