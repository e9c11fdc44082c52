//! The broker as one value: what every handler can reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::BrokerConfig;
use crate::config::broker::AcksAll;
use crate::controller::metadata::{METADATA_VERSION, MetadataImage};
use crate::disk::Disk;
use crate::model::{NodeId, Offset};
use crate::security::Authorizer;

use super::acks::AckGroup;
use super::features::Finalized;
use super::fetch_sessions::FetchSessions;
use super::limits::Limits;
use super::partition::Partition;
use super::partitions::Partitions;
use super::transactions::Transactions;

/// Shared by all connections.
pub struct Broker {
    config: ArcSwap<BrokerConfig>,
    cluster_id: String,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    limits: ArcSwap<Limits>,
    features: ArcSwap<Finalized>,
    image: ArcSwap<MetadataImage>,
    authorizer: ArcSwap<Authorizer>,
    partitions: Partitions,
    transactions: Transactions,
    fetch_sessions: FetchSessions,
    /// `ottla.acks.all` in one glance, for the hot path.
    page_cache_acks: AtomicBool,
    topic_maker: OnceLock<TopicMaker>,
}

/// Creates topics that clients asked for, behind their backs.
type TopicMaker = Box<dyn Fn(Vec<String>) + Send + Sync>;

/// What a broker is made of.
pub struct Parts {
    pub config: BrokerConfig,
    pub cluster_id: String,
    pub clock: Arc<dyn Clock>,
    pub disk: Arc<dyn Disk>,
}

impl Broker {
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { config, cluster_id, clock, disk } = parts;
        Arc::new_cyclic(|broker| Broker {
            transactions: Transactions::new(broker.clone()),
            cluster_id,
            clock,
            disk,
            limits: ArcSwap::from_pointee(Limits::from_config(&config)),
            features: ArcSwap::default(),
            image: ArcSwap::default(),
            authorizer: ArcSwap::from_pointee(Authorizer::disabled()),
            partitions: Partitions::default(),
            fetch_sessions: FetchSessions::new(config.fetching.session_slots),
            page_cache_acks: AtomicBool::new(config.durability.acks_all == AcksAll::PageCache),
            config: ArcSwap::from_pointee(config),
            topic_maker: OnceLock::new(),
        })
    }

    pub fn config(&self) -> Arc<BrokerConfig> {
        self.config.load_full()
    }

    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    pub fn node_id(&self) -> NodeId {
        self.config.load().node_id
    }

    pub fn rack(&self) -> Option<String> {
        self.config.load().rack.clone()
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
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

    /// Whether the partition exists and its log cannot be written.
    pub fn is_offline(&self, topic: &str, index: i32) -> bool {
        self.partition(topic, index).is_none_or(|partition| partition.is_offline())
    }

    /// Where clients of a listener find this broker: the advertised address, or the one they reached.
    pub fn advertised(&self, listener: &str, reached: SocketAddr) -> (String, u16) {
        let config = self.config.load();
        let found = config.listeners.served.iter().find(|l| l.name.eq_ignore_ascii_case(listener));
        match found.and_then(|l| l.advertised.as_ref()) {
            Some(endpoint) => (endpoint.host.clone(), endpoint.port),
            None if reached.ip().is_loopback() => ("localhost".into(), reached.port()),
            None => (unmapped(reached.ip()).to_string(), reached.port()),
        }
    }

    pub fn auto_creates_topics(&self) -> bool {
        self.config.load().new_topics.auto_create
    }

    /// Says who creates topics that clients ask for; once, at start.
    pub fn set_topic_maker(&self, make: impl Fn(Vec<String>) + Send + Sync + 'static) {
        let _ = self.topic_maker.set(Box::new(make));
    }

    /// Has missing topics created; nobody waits for it.
    pub fn create_behind(&self, topics: Vec<String>) {
        if let Some(make) = self.topic_maker.get() {
            make(topics);
        }
    }

    pub fn fetch_max_bytes(&self) -> i32 {
        self.config.load().fetching.max_bytes
    }

    /// Whether acks=all is answered from the page cache.
    pub fn acks_from_page_cache(&self) -> bool {
        self.page_cache_acks.load(Ordering::Relaxed)
    }

    /// Has the group told when the partition is durable up to `end`.
    pub fn await_durable(&self, partition: &Arc<Partition>, end: Offset, slot: usize, group: &Arc<AckGroup>) {
        partition.when_durable(end, slot, group);
    }

    /// Entropy for ids and seeds: machines get it with their events.
    pub fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // No entropy source: the clock still keeps ids of one run apart.
            bytes[..8].copy_from_slice(&self.clock.now_ms().to_be_bytes());
            bytes[8..].copy_from_slice(&self.clock.monotonic_ms().to_be_bytes());
        }
        u128::from_be_bytes(bytes)
    }

    pub fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random().to_be_bytes()).into_uuid()
    }

    /// New metadata is durable and in force.
    pub fn publish(&self, image: Arc<MetadataImage>) {
        let mut levels: Vec<(String, i16)> =
            image.features.finalized.iter().map(|(name, level)| (name.clone(), *level)).collect();
        if let Some(level) = image.features.metadata_version {
            levels.push((METADATA_VERSION.to_string(), level));
        }
        levels.sort();
        let epoch = (image.next_offset - 1).max(0);
        if self.features.load().levels != levels || self.features.load().epoch == 0 {
            self.features.store(Arc::new(Finalized { epoch, levels }));
        }
        self.image.store(image);
    }

    /// Settings that were changed while running.
    pub fn set_config(&self, config: BrokerConfig) {
        self.page_cache_acks.store(config.durability.acks_all == AcksAll::PageCache, Ordering::Relaxed);
        self.limits.store(Arc::new(Limits::from_config(&config)));
        self.config.store(Arc::new(config));
    }

    pub fn set_authorizer(&self, authorizer: Authorizer) {
        self.authorizer.store(Arc::new(authorizer));
    }
}

/// An IPv4 client of a dual-stack socket is told an IPv4 address.
fn unmapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        v4 => v4,
    }
}
