//! The broker's settings, typed: what every other module reads.

use std::path::PathBuf;

use crate::config::checks;
use crate::config::listeners::{self, Listeners};
pub use crate::config::sections::{
    AcksAll, ConsumerGroups, Durability, Fetching, Groups, Logs, MetadataLog, Migration, Network, NewTopics, Quotas,
    Transactions,
};
use crate::config::settings::{Problem, Settings};
use crate::config::topic::{Overrides, TopicSettings};
use crate::config::values::{Findings, Values};
use crate::model::NodeId;

/// Who may do what, as far as the file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorization {
    /// Whether ACLs are kept and checked at all.
    pub enabled: bool,
    /// Principals such as `User:admin`.
    pub super_users: Vec<String>,
    pub allow_everyone_if_no_acl_found: bool,
}

/// Everything that the broker is told at its start, with dynamic settings laid over it while it runs.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    pub node_id: NodeId,
    pub rack: Option<String>,
    /// The id for a data directory that has none yet.
    pub cluster_id: Option<String>,
    pub log_dirs: Vec<PathBuf>,
    /// Where `__cluster_metadata-0` lies.
    pub metadata_dir: PathBuf,
    pub listeners: Listeners,
    /// Addresses with a bound of their own on connections.
    pub connections_per_ip_overrides: Vec<(String, i32)>,
    pub network: Network,
    pub fetching: Fetching,
    pub new_topics: NewTopics,
    pub logs: Logs,
    pub groups: Groups,
    pub consumer_groups: ConsumerGroups,
    pub transactions: Transactions,
    pub quotas: Quotas,
    pub metadata_log: MetadataLog,
    pub authorization: Authorization,
    pub durability: Durability,
    /// Every declared key, typed.
    pub values: Values,
    /// What was set, as text, with its places.
    pub settings: Settings,
}

impl BrokerConfig {
    /// Whether a log directory takes no new partitions (`cordoned.log.dirs`).
    pub fn is_cordoned(&self, log_dir: &std::path::Path) -> bool {
        let cordoned = self.values.list("cordoned.log.dirs");
        cordoned.iter().any(|dir| dir == "*" || std::path::Path::new(dir) == log_dir)
    }

    /// Reads settings. All mistakes are told at once; warnings come with success too.
    pub fn read(settings: Settings) -> (Result<BrokerConfig, Vec<Problem>>, Vec<Problem>) {
        let mut settings = settings;
        let mut findings = Findings::default();
        settings.imply("process.roles", "broker,controller");
        let node_id = checks::node_id(&mut settings, &mut findings);
        let values = Values::read(&settings, &mut findings);
        checks::across_keys(&settings, &values, &mut findings);
        let listeners = listeners::read(&settings, &values, &mut findings);
        let connections_per_ip_overrides = checks::connections_per_ip(&settings, &values, &mut findings);
        let log_dirs = log_dirs(&values);
        if log_dirs.is_empty() {
            findings.mistake(&settings, "log.dirs", "no directory for data", "name at least one directory");
        }
        let Findings { mistakes, warnings } = findings;
        if !mistakes.is_empty() {
            return (Err(mistakes), warnings);
        }
        let first_dir = log_dirs.first().cloned().unwrap_or_default();
        let config = BrokerConfig {
            node_id: NodeId(node_id),
            rack: values.text("broker.rack").map(str::to_string),
            cluster_id: None,
            metadata_dir: values.text("metadata.log.dir").map_or(first_dir, PathBuf::from),
            log_dirs,
            listeners,
            connections_per_ip_overrides,
            network: Network::read(&values),
            fetching: Fetching::read(&values),
            new_topics: NewTopics::read(&values),
            logs: Logs::read(&values),
            groups: Groups::read(&values),
            consumer_groups: ConsumerGroups::read(&values),
            transactions: Transactions::read(&values),
            quotas: Quotas::read(&values),
            metadata_log: MetadataLog::read(&values),
            authorization: authorization(&settings, &values),
            durability: Durability::read(&values),
            values,
            settings,
        };
        (Ok(config), warnings)
    }

    /// The effective settings of a topic with these overrides.
    pub fn topic(&self, overrides: &Overrides) -> TopicSettings {
        TopicSettings::resolve(&self.values, overrides)
    }
}

fn log_dirs(values: &Values) -> Vec<PathBuf> {
    let dirs = match values.list("log.dirs") {
        [] => values.list("log.dir"),
        dirs => dirs,
    };
    dirs.iter().map(PathBuf::from).collect()
}

fn authorization(settings: &Settings, values: &Values) -> Authorization {
    let text = |key| settings.text(key).unwrap_or("").trim();
    Authorization {
        enabled: values.text("authorizer.class.name").is_some(),
        super_users: text("super.users")
            .split(';')
            .map(str::trim)
            .filter(|user| !user.is_empty())
            .map(str::to_string)
            .collect(),
        allow_everyone_if_no_acl_found: text("allow.everyone.if.no.acl.found").eq_ignore_ascii_case("true"),
    }
}

#[cfg(test)]
mod tests;
