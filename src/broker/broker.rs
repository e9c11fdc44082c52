//! The broker as one value: what every handler can reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::config::broker::AcksAll;
use crate::config::dynamic::Layers;
use crate::config::log_levels::LogLevels;
use crate::controller::metadata::{MetadataImage, Request};
use crate::disk::Disk;
use crate::model::{ErrorCode, NodeId, Offset, TopicId};
use crate::security::Authorizer;
use crate::wire::messages::CreateTopicsRequest;

use super::acks::{AckGroup, AllDurable};
use super::cleaner::Cleaner;
use super::features::Finalized;
use super::fetch_sessions::FetchSessions;
use super::groups::GroupCoordinator;
use super::internal_topics;
use super::limits::Limits;
use super::log_dirs::LogDirs;
use super::metadata_log::Metadata;
use super::moving::Moves;
use super::partition::Partition;
use super::partitions::Partitions;
use super::prepared::PreparedMetadata;
use super::quotas::Quotas;
use super::topology::Graveyard;
use super::transactions::Transactions;

/// Shared by all connections.
pub struct Broker {
    layers: Arc<ArcSwap<Layers>>,
    cluster_id: String,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    log_dirs: LogDirs,
    graveyard: Graveyard,
    /// Partitions of known topics that could not be made yet.
    unmade: Mutex<Vec<(TopicId, i32)>>,
    cleaner: Cleaner,
    moves: Moves,
    /// Settings changed that retention or compaction obeys: look at once.
    chores_due: AtomicBool,
    limits: ArcSwap<Limits>,
    features: ArcSwap<Finalized>,
    image: ArcSwap<MetadataImage>,
    authorizer: ArcSwap<Authorizer>,
    partitions: Partitions,
    prepared_metadata: PreparedMetadata,
    transactions: Transactions,
    fetch_sessions: FetchSessions,
    /// `ottla.acks.all` in one glance, for the hot path.
    page_cache_acks: AtomicBool,
    metadata: Arc<Metadata>,
    log_levels: OnceLock<LogLevels>,
    groups: GroupCoordinator,
    quotas: Quotas,
}

/// What a broker is made of.
pub struct Parts {
    pub layers: Arc<ArcSwap<Layers>>,
    pub clock: Arc<dyn Clock>,
    pub disk: Arc<dyn Disk>,
    pub log_dirs: LogDirs,
    pub metadata: Arc<Metadata>,
}

impl Broker {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { layers, clock, disk, log_dirs, metadata } = parts;
        let config = layers.load().config.clone();
        Arc::new_cyclic(|broker| Broker {
            transactions: Transactions::new(broker.clone()),
            cluster_id: log_dirs.cluster_id.clone(),
            log_dirs,
            graveyard: Graveyard::default(),
            unmade: Mutex::default(),
            moves: Moves::default(),
            cleaner: Cleaner::new(entropy(&*clock)),
            chores_due: AtomicBool::new(false),
            groups: GroupCoordinator::new(broker.clone()),
            clock,
            disk,
            limits: ArcSwap::from_pointee(Limits::from_config(&config)),
            features: ArcSwap::default(),
            image: ArcSwap::default(),
            authorizer: ArcSwap::from_pointee(Authorizer::disabled()),
            partitions: Partitions::default(),
            prepared_metadata: PreparedMetadata::default(),
            fetch_sessions: FetchSessions::new(config.fetching.session_slots),
            page_cache_acks: AtomicBool::new(config.durability.acks_all == AcksAll::PageCache),
            layers,
            metadata,
            log_levels: OnceLock::new(),
            quotas: Quotas::new(&config),
        })
    }

    /// The settings of this moment.
    pub fn config(&self) -> Arc<BrokerConfig> {
        self.layers.load().config.clone()
    }

    /// The same with where each of them comes from.
    pub fn layers(&self) -> Arc<Layers> {
        self.layers.load_full()
    }

    /// The controller: asks it for changes.
    pub fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// Hands over the levels that the process logs by, so that they can be changed while it runs; once, at start.
    pub fn set_log_levels(&self, levels: LogLevels) {
        let _ = self.log_levels.set(levels);
    }

    /// `None` where nothing is logged.
    pub fn log_levels(&self) -> Option<&LogLevels> {
        self.log_levels.get()
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn node_id(&self) -> NodeId {
        self.layers.load().config.node_id
    }

    pub fn rack(&self) -> Option<String> {
        self.layers.load().config.rack.clone()
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    pub fn log_dirs(&self) -> &LogDirs {
        &self.log_dirs
    }

    /// Files out of use, on their way out.
    pub fn graveyard(&self) -> &Graveyard {
        &self.graveyard
    }

    /// Partitions on their way to other directories.
    pub fn moves(&self) -> &Moves {
        &self.moves
    }

    pub(super) fn unmade(&self) -> &Mutex<Vec<(TopicId, i32)>> {
        &self.unmade
    }

    /// What is known of compaction.
    pub fn cleaner(&self) -> &Cleaner {
        &self.cleaner
    }

    /// Has housekeeping look at every log soon, since settings that it obeys have changed.
    pub fn ask_for_chores(&self) {
        self.chores_due.store(true, Ordering::Release);
    }

    /// Whether that was asked for; once.
    pub fn take_chores(&self) -> bool {
        self.chores_due.swap(false, Ordering::AcqRel)
    }

    pub fn limits(&self) -> Arc<Limits> {
        self.limits.load_full()
    }

    /// The finalized features, as ApiVersions tells them.
    pub fn features(&self) -> Arc<Finalized> {
        self.features.load_full()
    }

    /// The metadata of this moment.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    pub fn authorizer(&self) -> arc_swap::Guard<Arc<Authorizer>> {
        self.authorizer.load()
    }

    pub fn fetch_sessions(&self) -> &FetchSessions {
        &self.fetch_sessions
    }

    pub fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    pub fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    pub fn partition(&self, topic: &str, index: i32) -> Option<Arc<Partition>> {
        self.partitions.get(topic, index)
    }

    /// The same, with what is said of one that is not to be had: it is not served, or there is no such partition.
    pub fn served_partition(&self, topic: &str, index: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.partition(topic, index).ok_or_else(|| {
            let known = self.image.load().topics.by_name(topic).is_some_and(|topic| topic.partition(index).is_some());
            if known { ErrorCode::KafkaStorageError } else { ErrorCode::UnknownTopicOrPartition }
        })
    }

    /// Whether the partition exists and its log cannot be written.
    pub fn is_offline(&self, topic: &str, index: i32) -> bool {
        self.partition(topic, index).is_none_or(|partition| partition.is_offline())
    }

    /// Whether every partition serves, as far as is known: where this is true none of them need be asked.
    pub fn all_online(&self) -> bool {
        !self.partitions.lacked_some() && !self.log_dirs.dirs.iter().any(|dir| dir.commit.has_had_failures())
    }

    /// Answers that show all metadata.
    pub fn prepared_metadata(&self) -> &PreparedMetadata {
        &self.prepared_metadata
    }

    /// Where clients of a listener find this broker: the advertised address, or the one they reached.
    pub fn advertised(&self, listener: &str, reached: SocketAddr) -> (String, u16) {
        let layers = self.layers.load();
        let found = layers.config.listeners.bound().find(|l| l.name.eq_ignore_ascii_case(listener));
        match found.and_then(|l| l.advertised.as_ref()) {
            Some(endpoint) => (endpoint.host.clone(), endpoint.port),
            None if reached.ip().is_loopback() => ("localhost".into(), reached.port()),
            None => (unmapped(reached.ip()).to_string(), reached.port()),
        }
    }

    pub fn auto_creates_topics(&self) -> bool {
        self.layers.load().config.new_topics.auto_create
    }

    /// Has missing topics created with the defaults; nobody waits for it.
    pub fn create_behind(self: &Arc<Self>, topics: Vec<String>) {
        let broker = self.clone();
        tokio::spawn(async move { broker.create_missing(topics).await });
    }

    /// The same, until the controller has decided.
    pub async fn create_missing(&self, topics: Vec<String>) {
        let config = self.config();
        let topics = topics.into_iter().map(|name| internal_topics::creatable(&name, &config)).collect();
        let request = CreateTopicsRequest::default().with_topics(topics);
        // Who asks again finds the topic, or is told why not when it creates it in so many words.
        let _ = self.metadata.ask(Request::CreateTopics(request)).await;
    }

    pub fn fetch_max_bytes(&self) -> i32 {
        self.layers.load().config.fetching.max_bytes
    }

    pub fn groups(&self) -> &GroupCoordinator {
        &self.groups
    }

    /// What clients may use, and what they have used.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Whether acks=all is answered from the page cache.
    pub fn acks_from_page_cache(&self) -> bool {
        self.page_cache_acks.load(Ordering::Relaxed)
    }

    /// Has the group told when the partition is durable up to `end`.
    pub fn await_durable(&self, partition: &Arc<Partition>, end: Offset, slot: usize, group: &Arc<AckGroup>) {
        partition.when_durable(end, slot, group);
    }

    /// Who was told by acks=1 that a record is written can read it, as in Kafka: this waits for the sync that is on its
    /// way to it. `None` when there is nothing to wait for, which is nearly always.
    pub fn until_acknowledged_is_shown<'a>(
        &self,
        partitions: impl Iterator<Item = &'a Arc<Partition>>,
    ) -> Option<AllDurable> {
        let mut group = None;
        for (slot, partition) in partitions.enumerate() {
            if let Some(end) = partition.acknowledged_beyond_watermark() {
                let group = group.get_or_insert_with(AckGroup::new);
                partition.when_durable(end, slot, group);
            }
        }
        // A failed sync is told by the partition's own answer.
        group.filter(|group| !group.is_complete()).map(AllDurable)
    }

    /// Entropy for ids and seeds: machines get it with their events.
    pub fn random(&self) -> u128 {
        entropy(&*self.clock)
    }

    pub fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random().to_be_bytes()).into_uuid()
    }

    /// New metadata is durable and in force.
    pub fn publish(&self, image: Arc<MetadataImage>) {
        let levels = image.features.levels();
        let epoch = (image.next_offset - 1).max(0);
        if self.features.load().levels != levels || self.features.load().epoch == 0 {
            self.features.store(Arc::new(Finalized { epoch, levels }));
        }
        self.image.store(image.clone());
        self.prepared_metadata.clear();
        self.transactions.metadata_changed(&image);
        self.groups.metadata_changed(image);
    }

    /// Settings that were changed while running.
    pub fn set_layers(&self, layers: Layers) {
        self.page_cache_acks.store(layers.config.durability.acks_all == AcksAll::PageCache, Ordering::Relaxed);
        self.limits.store(Arc::new(Limits::from_config(&layers.config)));
        for dir in &self.log_dirs.dirs {
            dir.commit.room().set_reserve(layers.config.durability.disk_reserve_bytes);
        }
        self.layers.store(Arc::new(layers));
    }

    pub fn set_authorizer(&self, authorizer: Authorizer) {
        self.authorizer.store(Arc::new(authorizer));
    }
}

fn entropy(clock: &dyn Clock) -> u128 {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // No entropy source: the clock still keeps ids of one run apart.
        bytes[..8].copy_from_slice(&clock.now_ms().to_be_bytes());
        bytes[8..].copy_from_slice(&clock.monotonic_ms().to_be_bytes());
    }
    u128::from_be_bytes(bytes)
}

/// An IPv4 client of a dual-stack socket is told an IPv4 address.
fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        v4 => v4,
    }
}
