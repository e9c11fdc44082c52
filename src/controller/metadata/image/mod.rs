//! All metadata of one moment, immutable once published. A copy costs a dozen reference counts.

mod apply;
mod cluster;
mod configs;
mod security;
mod snapshot;
#[cfg(test)]
mod tests;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use apply::ApplyError;
pub use cluster::{BrokerImage, ClusterImage};
pub use configs::{ConfigKind, ConfigResource, ConfigsImage, UnknownKind};
pub use security::{AclImage, QuotaEntity, ScramImage, ScramMechanism};
pub use topics::{NO_LEADER, PartitionImage, TopicImage, TopicsImage};
use uuid::Uuid;

use super::shared_map::SharedMap;
use crate::controller::records::{DelegationTokenRecord, METADATA_VERSION_LATEST};
use crate::controller::topics::TopicsView;
use crate::model::{TopicId, TopicName};

/// The feature whose level is the format of the metadata log itself.
pub const METADATA_VERSION: &str = "metadata.version";
/// The feature whose level is the format of the quorum's own records; it is kept in the log's control records.
pub const KRAFT_VERSION: &str = "kraft.version";
/// The feature that keeps track of replicas which may lead though they left the in-sync set.
pub const ELIGIBLE_LEADER_REPLICAS: &str = "eligible.leader.replicas.version";

/// The levels that the cluster has agreed on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeaturesImage {
    pub metadata_version: Option<i16>,
    /// 0 with voters from the settings, 1 with voters that the log names. No metadata record tells it.
    pub kraft_version: i16,
    /// Level by feature, without those two; a level of 0 is not listed.
    pub finalized: BTreeMap<String, i16>,
}

impl FeaturesImage {
    /// The level of a feature, 0 when it is off.
    pub fn level(&self, feature: &str) -> i16 {
        match feature {
            METADATA_VERSION => self.metadata_version.unwrap_or(0),
            KRAFT_VERSION => self.kraft_version,
            _ => self.finalized.get(feature).copied().unwrap_or(0),
        }
    }

    /// Every feature above level 0, in order of names.
    pub fn levels(&self) -> Vec<(String, i16)> {
        let mut levels: Vec<(String, i16)> = self.finalized.clone().into_iter().collect();
        let own = [METADATA_VERSION, KRAFT_VERSION].map(|name| (name.to_string(), self.level(name)));
        levels.extend(own.into_iter().filter(|(_, level)| *level > 0));
        levels.sort();
        levels
    }
}

/// The `next_offset` that the newest topic brought, or the log's end when it was loaded. Says when topics are worth a new
/// look; no part of what the metadata says, and so not compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewestTopic(pub i64);

impl PartialEq for NewestTopic {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// See the module's page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataImage {
    /// Offset that the next record of the metadata log gets; grows with every change.
    pub next_offset: i64,
    pub features: Arc<FeaturesImage>,
    pub cluster: Arc<ClusterImage>,
    pub topics: TopicsImage,
    pub newest_topic: NewestTopic,
    pub configs: ConfigsImage,
    /// Limits by key, of each entity that has some.
    pub quotas: SharedMap<QuotaEntity, Arc<BTreeMap<String, f64>>>,
    /// First producer id that no block has taken yet.
    pub next_producer_id: i64,
    pub acls: SharedMap<Uuid, Arc<AclImage>>,
    /// By user, then mechanism.
    pub scram: SharedMap<(String, ScramMechanism), Arc<ScramImage>>,
    pub tokens: SharedMap<String, Arc<DelegationTokenRecord>>,
}

impl MetadataImage {
    /// The level at which records are written.
    pub fn metadata_version(&self) -> i16 {
        self.features.metadata_version.unwrap_or(METADATA_VERSION_LATEST)
    }
}

impl TopicsView for MetadataImage {
    fn version(&self) -> i64 {
        self.next_offset
    }

    fn newest_topic(&self) -> i64 {
        self.newest_topic.0
    }

    fn by_name(&self, name: &str) -> Option<(TopicId, i32)> {
        self.topics.by_name(name).map(|topic| (topic.id, topic.partition_count()))
    }

    fn by_id(&self, id: TopicId) -> Option<(TopicName, i32)> {
        self.topics.by_id(id).map(|topic| (topic.name.clone(), topic.partition_count()))
    }

    fn for_each(&self, visit: &mut dyn FnMut(&TopicName, TopicId, i32)) {
        for topic in self.topics.iter() {
            visit(&topic.name, topic.id, topic.partition_count());
        }
    }
}
