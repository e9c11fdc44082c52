//! Settings that change while the broker runs: static ones below the cluster's default below this node's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::broker::BrokerConfig;
use crate::config::schema::{self, Update};
use crate::config::settings::{Problem, Settings};
use crate::config::topic::Overrides;
use crate::config::value::{self, ValueError};

mod limits;

/// One moment of the broker's settings. Immutable: a change makes the next one.
#[derive(Clone, Debug)]
pub struct Layers {
    pub statics: Settings,
    /// Of the broker resource without a name.
    pub cluster_default: Overrides,
    /// Of the broker resource named by this node's id.
    pub node: Overrides,
    /// What holds with all of them.
    pub config: Arc<BrokerConfig>,
}

/// Which broker resource a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    ClusterDefault,
    Node,
}

impl Layers {
    /// Static settings alone.
    pub fn new(config: BrokerConfig) -> Layers {
        Layers {
            statics: config.settings.clone(),
            cluster_default: Overrides::new(),
            node: Overrides::new(),
            config: Arc::new(config),
        }
    }

    /// The next moment, with one level's settings replaced as a whole. What does not fit any more (a file that
    /// changed under a stored setting) is left out and told.
    pub fn with(&self, level: Level, settings: Overrides) -> (Layers, Vec<Problem>) {
        let mut next = self.clone();
        match level {
            Level::ClusterDefault => next.cluster_default = settings,
            Level::Node => next.node = settings,
        }
        let overlaid = next.statics.overlaid(pairs(&next.cluster_default).chain(pairs(&next.node)));
        match BrokerConfig::read(overlaid).0 {
            Ok(config) => {
                next.config = Arc::new(keep_static(config, &self.config));
                (next, Vec::new())
            }
            Err(mistakes) => (next, mistakes),
        }
    }

    /// Checks a level's whole set of settings as it would be after a change, with Kafka's messages.
    pub fn check(&self, level: Level, settings: &Overrides) -> Result<(), ValueError> {
        refuse_all(settings, "Cannot update these configs dynamically", |name| {
            schema::BROKER.get(name).is_some_and(|key| key.update == Update::ReadOnly)
        })?;
        let listener_only =
            "These security configs can be dynamically updated only per-listener using the listener prefix";
        refuse_all(settings, listener_only, |name| RELOADED_PER_LISTENER.contains(&name))?;
        for (name, text) in settings {
            if let Some(key) = schema::broker_key(name) {
                value::parse(key, text)?;
            }
        }
        limits::check_throttles(settings)?;
        if level == Level::ClusterDefault {
            let what = "Cannot update these configs at default cluster level, broker id must be specified";
            refuse_all(settings, what, |name| update_of(name) == Some(Update::PerBroker))?;
        }
        self.check_cordoned(settings)?;
        limits::check_connections(settings)?;
        limits::check_steps(&self.config, settings)?;
        self.check_together(level, settings)
    }

    /// Only directories that are there can be cordoned.
    fn check_cordoned(&self, settings: &Overrides) -> Result<(), ValueError> {
        const KEY: &str = "cordoned.log.dirs";
        let Some(text) = settings.get(KEY) else { return Ok(()) };
        let dirs = value::items(text);
        if dirs.iter().any(|dir| dir == "*") {
            return match dirs.len() {
                1 => Ok(()),
                _ => Err(ValueError(format!(
                    "requirement failed: When {KEY} is set to *, it must not contain other values"
                ))),
            };
        }
        let known = |dir: &str| self.config.log_dirs.iter().any(|known| known == std::path::Path::new(dir));
        let unknown: Vec<String> = dirs.into_iter().filter(|dir| !known(dir)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(ValueError(format!(
            "requirement failed: All entries in {KEY} must be present in log.dirs or log.dir. Missing entries : {}",
            unknown.join(", ")
        )))
    }

    /// What only shows when all settings stand together.
    fn check_together(&self, level: Level, settings: &Overrides) -> Result<(), ValueError> {
        let (next, problems) = self.with(level, settings.clone());
        match problems.first() {
            Some(problem) => Err(ValueError(format!("Invalid dynamic configuration: {problem}"))),
            None => limits::check_local_retention(&next.config),
        }
    }
}

/// Security settings that can be exchanged for a single listener only. Kafka takes the other ones and does nothing.
const RELOADED_PER_LISTENER: &[&str] = &[
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.key.password",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.certificates",
];

fn pairs(overrides: &Overrides) -> impl Iterator<Item = (&str, &str)> {
    overrides.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// The base key's way of change, also for keys below a listener prefix.
fn update_of(name: &str) -> Option<Update> {
    schema::broker_key(name).map(|key| key.update)
}

fn refuse_all(settings: &Overrides, what: &str, bad: impl Fn(&str) -> bool) -> Result<(), ValueError> {
    let names: Vec<&str> = settings.keys().map(String::as_str).filter(|name| bad(name)).collect();
    match names.is_empty() {
        true => Ok(()),
        false => Err(ValueError(format!("{what}: [{}]", names.join(", ")))),
    }
}

/// What a running broker cannot exchange stays as it was at the start.
fn keep_static(mut config: BrokerConfig, running: &BrokerConfig) -> BrokerConfig {
    config.cluster_id.clone_from(&running.cluster_id);
    config.log_dirs.clone_from(&running.log_dirs);
    config.metadata_dir.clone_from(&running.metadata_dir);
    config
}

/// Settings as a map of text.
pub fn overrides<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Overrides {
    pairs.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect::<BTreeMap<_, _>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(file: &str) -> Layers {
        let mut settings = Settings::new();
        settings.add_file("f", file.as_bytes());
        Layers::new(BrokerConfig::read(settings).0.unwrap())
    }

    fn refused(level: Level, pairs: &[(&str, &str)]) -> String {
        layers("").check(level, &overrides(pairs.iter().copied())).unwrap_err().0
    }

    #[test]
    fn the_node_stands_over_the_cluster_and_the_cluster_over_the_file() {
        let retention = |layers: &Layers| layers.config.topic(&Overrides::new()).retention_ms;
        let layers = layers("log.retention.ms=1\n");
        let (cluster, _) = layers.with(Level::ClusterDefault, overrides([("log.retention.ms", "2")]));
        let (both, _) = cluster.with(Level::Node, overrides([("log.retention.ms", "3")]));
        let (node_gone, _) = both.with(Level::Node, Overrides::new());
        assert_eq!([&layers, &cluster, &both, &node_gone].map(retention), [1, 2, 3, 2]);
    }

    #[test]
    fn only_directories_that_are_there_can_be_cordoned() {
        let layers = layers("log.dirs=/a,/b\n");
        let check = |dirs: &str| layers.check(Level::Node, &overrides([("cordoned.log.dirs", dirs)])).map_err(|e| e.0);
        for good in ["", "/a", "/a,/b", "*"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert!(check("/a,/c").unwrap_err().ends_with("Missing entries : /c"));
        assert!(check("/a,*").unwrap_err().contains("must not contain other values"));
        let (with, _) = layers.with(Level::Node, overrides([("cordoned.log.dirs", "/b")]));
        let is_cordoned = |dir: &str| with.config.is_cordoned(std::path::Path::new(dir));
        assert_eq!(["/a", "/b"].map(is_cordoned), [false, true]);
    }

    #[test]
    fn refusals_are_in_kafkas_words() {
        use Level::{ClusterDefault, Node};
        assert_eq!(
            refused(Node, &[("num.partitions", "3"), ("broker.id", "3")]),
            "Cannot update these configs dynamically: [broker.id, num.partitions]"
        );
        assert_eq!(
            refused(Node, &[("log.cleaner.backoff.ms", "x")]),
            "Invalid value x for configuration log.cleaner.backoff.ms: Not a number of type LONG"
        );
        assert_eq!(
            refused(Node, &[("num.io.threads", "1000")]),
            "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update validation \
             failed for num.io.threads=1000, value should not be greater than double the current value 8 for \
             configuration Invalid dynamic configuration"
        );
        assert_eq!(
            refused(ClusterDefault, &[("listeners", "PLAINTEXT://:9092")]),
            "Cannot update these configs at default cluster level, broker id must be specified: [listeners]"
        );
        assert!(refused(Node, &[("ssl.keystore.location", "/x")]).contains("per-listener"));
        for (key, value, why) in [
            ("log.cleaner.threads", "3", "Log cleaner threads cannot be increased to more than double"),
            ("remote.log.reader.threads", "1", "value should be at least half the current value 10"),
            ("log.cleaner.threads", "0", "value should be at least 1"),
            ("leader.replication.throttled.rate", "x", "Not a number of type LONG"),
            ("max.connections", "0", "Invalid max.connections 0"),
            ("log.local.retention.ms", "-1", "Value must not be -1 as log.retention.ms value is set as 604800000."),
            ("log.local.retention.ms", "604800001", "Value must not be more than log.retention.ms"),
            ("log.retention.ms", "0", "must be at least 1"),
        ] {
            assert!(refused(Node, &[(key, value)]).contains(why), "{key}={value}");
        }
    }

    #[test]
    fn unknown_keys_and_keys_of_listeners_are_taken() {
        let layers = layers("");
        for pair in [
            ("no.such.key", "3"),
            ("listener.name.a.ssl.keystore.location", "/x"),
            ("ssl.cipher.suites", "x"),
            ("log.retention.ms", "-2"),
            ("max.connections.per.ip.overrides", ","),
        ] {
            assert_eq!(layers.check(Level::Node, &overrides([pair])), Ok(()), "{pair:?}");
        }
    }

    #[test]
    fn what_contradicts_a_static_setting_is_refused() {
        let layers = layers("log.cleaner.max.compaction.lag.ms=10\n");
        let error = layers.check(Level::Node, &overrides([("log.cleaner.min.compaction.lag.ms", "20")])).unwrap_err();
        assert!(error.0.contains("log.cleaner.max.compaction.lag.ms"), "{error}");
    }
}
