//! The node takes office: it registers itself and leads every partition it holds.

use uuid::Uuid;

use super::directories::with_directory;
use super::features::{MIN_INSYNC_REPLICAS, supported_features};
use super::image::{ConfigKind, ELIGIBLE_LEADER_REPLICAS, NO_LEADER, PartitionImage};
use super::machine::MetadataMachine;
use crate::controller::records::*;
use crate::model::TopicId;

/// What the node says of itself at start.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Records that an empty log begins with: the features' levels and whatever else was given when the directory
    /// was formatted.
    pub bootstrap: Vec<MetadataRecord>,
    pub incarnation_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub controller_endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    pub log_dirs: Vec<Uuid>,
}

impl MetadataMachine {
    /// Fills an empty log, registers the node and makes it leader. Returns the epoch of the registration.
    pub(super) fn activate(&self, activation: Activation, records: &mut Vec<MetadataRecord>) -> i64 {
        let node = self.settings.node_id;
        if self.image.features.metadata_version.is_none() {
            self.bootstrap(&activation.bootstrap, records);
        }
        records.push(
            RegisterController {
                controller_id: node,
                incarnation_id: activation.incarnation_id,
                zk_migration_ready: false,
                endpoints: activation.controller_endpoints,
                features: supported_features(),
            }
            .into(),
        );
        let broker_epoch = self.image.next_offset + records.len() as i64;
        records.push(
            RegisterBroker {
                broker_id: node,
                is_migrating_zk_broker: false,
                incarnation_id: activation.incarnation_id,
                broker_epoch,
                endpoints: activation.endpoints,
                features: supported_features(),
                rack: activation.rack,
                fenced: false,
                in_controlled_shutdown: false,
                log_dirs: activation.log_dirs.clone(),
                cordoned_log_dirs: Some(Vec::new()),
            }
            .into(),
        );
        for broker in self.image.cluster.brokers.values().filter(|broker| broker.id != node && !broker.fenced) {
            // Nobody else can be alive in a cluster of one.
            let change = BrokerRegistrationChange {
                broker_id: broker.id,
                broker_epoch: broker.epoch,
                fenced: Some(true),
                ..Default::default()
            };
            records.push(change.into());
        }
        for topic in self.image.topics.iter() {
            for partition in topic.partitions() {
                records.extend(take_over(topic.id, partition, node, &activation.log_dirs).map(MetadataRecord::from));
            }
        }
        broker_epoch
    }

    fn bootstrap(&self, bootstrap: &[MetadataRecord], records: &mut Vec<MetadataRecord>) {
        records.push(BeginTransaction { name: Some("Bootstrap records".into()) }.into());
        records.extend_from_slice(bootstrap);
        let tracks_replicas = bootstrap.iter().any(|record| {
            matches!(record, MetadataRecord::FeatureLevel(f) if f.name == ELIGIBLE_LEADER_REPLICAS && f.level > 0)
        });
        if tracks_replicas {
            records.push(
                ConfigRecord {
                    resource_type: ConfigKind::Broker.number(),
                    resource_name: String::new(),
                    name: MIN_INSYNC_REPLICAS.into(),
                    value: Some(self.settings.min_insync_replicas.to_string()),
                }
                .into(),
            );
        }
        records.push(EndTransaction {}.into());
    }
}

/// The change that makes this node leader of a partition it holds, in a directory it has. `None` when nothing is to
/// be done, or when the node's copy is not known to be whole.
fn take_over(topic_id: TopicId, partition: &PartitionImage, node: i32, log_dirs: &[Uuid]) -> Option<PartitionChange> {
    let position = partition.replicas.iter().position(|replica| *replica == node)?;
    let mut change = PartitionChange { partition: partition.index, topic_id, ..Default::default() };
    if partition.leader != node {
        let eligible = partition.isr.contains(&node)
            || partition.eligible_leader_replicas().contains(&node)
            || partition.last_known_elr().contains(&node)
            || partition.replicas.len() == 1;
        if !eligible {
            return (partition.leader != NO_LEADER).then_some(PartitionChange { leader: Some(NO_LEADER), ..change });
        }
        change.leader = Some(node);
        change.isr = Some(vec![node]).filter(|isr| **isr != *partition.isr);
        change.eligible_leader_replicas = emptied(partition.eligible_leader_replicas());
        change.last_known_elr = emptied(partition.last_known_elr());
    }
    if partition.is_recovering() {
        // Recovery asks what other replicas hold; there is none to ask.
        change.leader_recovery_state = Some(0);
    }
    if let [only] = log_dirs
        && partition.directories.get(position) != Some(only)
    {
        change.directories = Some(with_directory(partition, position, *only));
    }
    let unchanged = PartitionChange { partition: partition.index, topic_id, ..Default::default() };
    (change != unchanged).then_some(change)
}

fn emptied(list: &[i32]) -> Option<Vec<i32>> {
    (!list.is_empty()).then(Vec::new)
}
