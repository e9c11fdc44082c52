//! From settings to a running broker: directories, metadata, partitions, and the watch that keeps them in step.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::dynamic::{Layers, Level};
use crate::config::listeners::Listener;
use crate::config::{BrokerConfig, Overrides};
use crate::controller::metadata::{
    Activation, ConfigKind, ConfigResource, MetadataImage, Settings as MetadataSettings, TopicImage, initial_features,
};
use crate::controller::records::{Endpoint, MetadataRecord};
use crate::disk::{Disk, Together};
use crate::log::DirError;
use crate::log::dir::read_identity;
use crate::records::{Voter, VoterEndpoint};
use crate::security::{Acl, Authorizer, Operation, PatternType, ResourceType};

use super::Broker;
use super::broker::Parts;
use super::config_rules::Rules;
use super::log_dirs::{LogDirs, LogDirsError};
use super::metadata_log::{self, Formatting, MetadataLogError, Office};
use super::scram_keys::derive_scram_keys;

/// Why the broker does not start. Nothing has been harmed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    LogDirs(#[from] LogDirsError),
    #[error(transparent)]
    Metadata(#[from] MetadataLogError),
    #[error("{dir} cannot be read: {source}")]
    Io { dir: PathBuf, source: io::Error },
}

impl From<DirError> for StartError {
    fn from(e: DirError) -> Self {
        StartError::LogDirs(e.into())
    }
}

/// Starts everything but the listeners.
pub fn start(config: BrokerConfig, clock: Arc<dyn Clock>, disk: Arc<dyn Disk>) -> Result<Arc<Broker>, StartError> {
    start_in(config, clock, disk, Office::Durable)
}

/// The same, saying whether a new node may be used before what it begins with is durable.
pub fn start_in(
    config: BrokerConfig,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    office: Office,
) -> Result<Arc<Broker>, StartError> {
    let mut together = Together::new(disk.clone());
    let log_dirs = LogDirs::open(&config, &disk, random, &mut together)?;
    let layers = Arc::new(ArcSwap::from_pointee(Layers::new(config.clone())));
    let metadata_dir = config.metadata_dir.clone();
    let at = |source| StartError::Io { dir: metadata_dir.clone(), source };
    together.make_dir(&config.metadata_dir).map_err(at)?;
    let opening = metadata_log::Opening {
        disk: disk.clone(),
        log_dir: config.metadata_dir.clone(),
        settings: metadata_settings(&config, &layers, &log_dirs, voter(&config, &log_dirs, &*disk)),
        snapshot_after_bytes: u64::try_from(config.metadata_log.bytes_between_snapshots_max).unwrap_or(u64::MAX),
    };
    let loaded = opening.load()?;
    if loaded.lacks_beginning() {
        let records = initial_features().into_iter().map(MetadataRecord::from).collect();
        let formatting = Formatting { records, voter: None, now_ms: clock.now_ms() };
        metadata_log::format(&mut together, &config.metadata_dir, &formatting).map_err(at)?;
    }
    let removed = loaded.removed_topics();
    // The mark of a clean stop must be gone for good before anything changes beside it.
    let was_clean = log_dirs.dirs.iter().any(|dir| dir.was_clean);
    let office = if was_clean { Office::Durable } else { office };
    let metadata = Arc::new(loaded.start(clock.clone(), activation(&config, &log_dirs), together, office)?);
    let broker = Broker::new(Parts { layers, clock, disk, log_dirs, metadata: metadata.clone() });
    let image = metadata.image();
    broker.adopt_configs(&image);
    broker.adopt_security(&image);
    broker.quotas().adopt(&image);
    let left = broker.find_partitions(&image, &removed)?;
    broker.open_partitions(&image, left);
    broker.publish(image);
    let loser = Arc::downgrade(&broker);
    metadata.on_loss(Box::new(move |why| {
        if let Some(broker) = loser.upgrade() {
            broker.metadata_lost(why);
        }
    }));
    let follower = Arc::downgrade(&broker);
    metadata.watch(Box::new(move |before, now| {
        if let Some(broker) = follower.upgrade() {
            broker.metadata_changed(before, now);
        }
    }));
    broker.correct_directories();
    Ok(broker)
}

fn random() -> u128 {
    let mut bytes = [0; 16];
    // Without entropy ids would repeat; the system always has some once it is up.
    getrandom::fill(&mut bytes).expect("the system has no source of entropy");
    u128::from_be_bytes(bytes)
}

fn metadata_settings(
    config: &BrokerConfig,
    layers: &Arc<ArcSwap<Layers>>,
    log_dirs: &LogDirs,
    voter: Option<Voter>,
) -> MetadataSettings {
    MetadataSettings {
        node_id: config.node_id.0,
        default_partitions: config.new_topics.partitions,
        default_replication_factor: i16::try_from(config.new_topics.replication_factor).unwrap_or(i16::MAX),
        delete_topics: config.new_topics.may_be_deleted,
        min_insync_replicas: config.topic(&Overrides::new()).min_insync_replicas,
        voter,
        rules: Arc::new(Rules {
            layers: layers.clone(),
            log_dirs: log_dirs.dirs.iter().map(|dir| (dir.dir.path().to_path_buf(), dir.id.0)).collect(),
        }),
        derive_scram_keys,
    }
}

/// This node as the metadata quorum's records name it: by the id of the metadata's directory and the listeners for
/// controllers.
fn voter(config: &BrokerConfig, log_dirs: &LogDirs, disk: &dyn Disk) -> Option<Voter> {
    let of_metadata_alone = || read_identity(disk, &config.metadata_dir).ok()??.directory_id;
    let shared = log_dirs.by_path(&config.metadata_dir).map(|dir| dir.id);
    let directory_id = shared.or_else(of_metadata_alone)?.0;
    let endpoints = config.listeners.controller.iter().map(|listener| {
        let Endpoint { name, host, port, .. } = endpoint(listener);
        VoterEndpoint { name, host, port }
    });
    let endpoints: Vec<VoterEndpoint> = endpoints.collect();
    let voter = Voter { id: config.node_id, directory_id, endpoints, kraft_version_min: 0, kraft_version_max: 1 };
    (!voter.endpoints.is_empty()).then_some(voter)
}

/// What others are told of a listener.
fn endpoint(l: &Listener) -> Endpoint {
    let (host, port) = match &l.advertised {
        Some(told) => (told.host.clone(), told.port),
        None if l.host.is_empty() => ("localhost".to_string(), l.port),
        None => (l.host.clone(), l.port),
    };
    Endpoint { name: l.name.clone(), host, port, security_protocol: l.protocol.id() }
}

fn activation(config: &BrokerConfig, log_dirs: &LogDirs) -> Activation {
    Activation {
        bootstrap: initial_features().into_iter().map(MetadataRecord::from).collect(),
        incarnation_id: uuid::Builder::from_random_bytes(random().to_be_bytes()).into_uuid(),
        endpoints: config.listeners.served.iter().map(endpoint).collect(),
        controller_endpoints: config.listeners.controller.iter().map(endpoint).collect(),
        rack: config.rack.clone(),
        log_dirs: log_dirs.dirs.iter().map(|dir| dir.id.0).collect(),
    }
}

impl Broker {
    /// A directory that lost the metadata log is lost as a whole, like one that lost a partition's sync.
    fn metadata_lost(&self, why: &io::Error) {
        if let Some(dir) = self.log_dirs().by_path(&self.config().metadata_dir) {
            dir.commit.take_offline(why);
        }
    }

    /// New metadata is durable: follow it, then show it.
    fn metadata_changed(&self, before: &MetadataImage, now: &Arc<MetadataImage>) {
        if now.configs != before.configs && self.adopt_configs(now) {
            self.refresh_settings(now);
        }
        if now.acls != before.acls {
            self.adopt_security(now);
        }
        if now.quotas != before.quotas {
            self.quotas().adopt(now);
        }
        self.follow(before, now);
        self.publish(now.clone());
        let is_gone = |topic: &&Arc<TopicImage>| now.topics.by_id(topic.id).is_none();
        let deleted: Vec<_> = before.topics.iter().filter(is_gone).map(|t| (t.name.clone(), t.id)).collect();
        self.groups().topics_deleted(&deleted);
    }

    /// Lays the dynamic broker settings over the static ones. True when something changed.
    fn adopt_configs(&self, image: &MetadataImage) -> bool {
        let of = |resource| image.configs.of(&resource).map(|own| (**own).clone()).unwrap_or_default();
        let layers = self.layers();
        let everyone = of(ConfigResource::cluster_default());
        let own = of(ConfigResource::new(ConfigKind::Broker, self.node_id().to_string()));
        if layers.cluster_default == everyone && layers.node == own {
            return false;
        }
        let (next, problems) = layers.with(Level::ClusterDefault, everyone);
        let (next, more) = match next.node == own {
            true => (next, Vec::new()),
            false => next.with(Level::Node, own),
        };
        for problem in problems.iter().chain(&more) {
            warn!("A stored setting does not fit and is left out: {problem}");
        }
        self.set_layers(next);
        true
    }

    fn adopt_security(&self, image: &MetadataImage) {
        let settings = self.config().authorization.clone();
        if !settings.enabled {
            return self.set_authorizer(Authorizer::disabled());
        }
        let acls = image.acls.values().filter_map(|acl| {
            Some(Acl {
                resource_type: ResourceType::from_code(acl.resource_type)?,
                pattern_type: if acl.pattern_type == 4 { PatternType::Prefixed } else { PatternType::Literal },
                name: acl.resource_name.clone(),
                principal: acl.principal.clone(),
                host: acl.host.clone(),
                operation: Operation::from_code(acl.operation)?,
                allows: acl.permission_type == 3,
            })
        });
        let super_users = settings.super_users.into_iter().collect();
        self.set_authorizer(Authorizer::new(super_users, settings.allow_everyone_if_no_acl_found, acls));
    }
}

/// Says what was opened.
pub fn report(broker: &Broker) {
    let clean = broker.log_dirs().dirs.iter().all(|dir| dir.was_clean);
    let how = match (clean, broker.log_dirs().handles.recovered_bytes.get()) {
        (true, _) => "after a clean stop".to_string(),
        (false, 0) => "new, or after an unclean stop that left nothing to read back".to_string(),
        (false, bytes) => format!("after an unclean stop; {bytes} bytes were read back"),
    };
    let dirs = broker.log_dirs().dirs.len();
    info!("Opened {} partitions in {dirs} log directories ({how})", broker.partitions().len());
}
