//! How a record changes the image: the only code that does.

use std::sync::Arc;

use super::{
    AclImage, BrokerImage, ClusterImage, ConfigKind, ConfigResource, METADATA_VERSION, MetadataImage, NewestTopic,
    QuotaEntity, ScramImage, ScramMechanism,
};
use crate::controller::records::*;
use crate::model::{TopicId, TopicName};

/// A record that does not fit what the log said before it: the log is damaged, or written by something newer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    #[error("topic {0} or its id {1} exists already")]
    TopicExists(TopicName, TopicId),
    #[error("there is no topic of id {0}")]
    NoTopic(TopicId),
    #[error("there is no partition {1} of the topic of id {0}")]
    NoPartition(TopicId, i32),
    #[error("broker {0} is not registered")]
    NoBroker(i32),
    #[error("config of the unknown resource type {0}")]
    ConfigKind(i8),
    #[error("credential of the unknown SCRAM mechanism {0}")]
    ScramMechanism(i8),
    #[error(
        "metadata.version {0} is outside of {METADATA_VERSION_MIN} to {METADATA_VERSION_LATEST}, which this broker can work at"
    )]
    MetadataVersion(i16),
    #[error("a {0} record where no transaction allows it")]
    Transaction(&'static str),
}

impl ClusterImage {
    fn broker(&mut self, id: i32) -> Result<&mut BrokerImage, ApplyError> {
        self.brokers.get_mut(&id).ok_or(ApplyError::NoBroker(id))
    }
}

impl MetadataImage {
    /// Applies one record. Transaction marks are the machine's business.
    pub fn apply(&mut self, record: &MetadataRecord) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::Topic(r) => {
                if !self.topics.add(r.name.clone(), r.topic_id) {
                    return Err(ApplyError::TopicExists(r.name.clone(), r.topic_id));
                }
                self.newest_topic = NewestTopic(self.next_offset + 1);
            }
            MetadataRecord::Partition(r) => {
                if !self.topics.put_partition(r) {
                    return Err(ApplyError::NoTopic(r.topic_id));
                }
            }
            MetadataRecord::PartitionChange(r) => self
                .topics
                .partition_mut(r.topic_id, r.partition)
                .ok_or(ApplyError::NoPartition(r.topic_id, r.partition))?
                .change(r),
            MetadataRecord::RemoveTopic(r) => {
                let topic = self.topics.remove(r.topic_id).ok_or(ApplyError::NoTopic(r.topic_id))?;
                // A topic of the same name later starts without them.
                self.configs.remove_all(&ConfigResource::topic(&*topic.name));
            }
            MetadataRecord::ClearElr(r) => self.clear_elr(&r.topic_name),
            MetadataRecord::Config(r) => {
                let kind =
                    ConfigKind::try_from(r.resource_type).map_err(|_| ApplyError::ConfigKind(r.resource_type))?;
                self.configs.set(ConfigResource::new(kind, &r.resource_name), &r.name, r.value.as_deref());
            }
            MetadataRecord::FeatureLevel(r) => self.set_feature(r)?,
            MetadataRecord::ProducerIds(r) => self.next_producer_id = r.next_producer_id,
            MetadataRecord::RegisterBroker(_)
            | MetadataRecord::UnregisterBroker(_)
            | MetadataRecord::FenceBroker(_)
            | MetadataRecord::UnfenceBroker(_)
            | MetadataRecord::BrokerRegistrationChange(_)
            | MetadataRecord::RegisterController(_) => self.apply_cluster(record)?,
            MetadataRecord::ClientQuota(_)
            | MetadataRecord::AccessControlEntry(_)
            | MetadataRecord::RemoveAccessControlEntry(_)
            | MetadataRecord::UserScramCredential(_)
            | MetadataRecord::RemoveUserScramCredential(_)
            | MetadataRecord::DelegationToken(_)
            | MetadataRecord::RemoveDelegationToken(_) => self.apply_security(record)?,
            MetadataRecord::NoOp(_)
            | MetadataRecord::ZkMigrationState(_)
            | MetadataRecord::BeginTransaction(_)
            | MetadataRecord::EndTransaction(_)
            | MetadataRecord::AbortTransaction(_) => {}
        }
        Ok(())
    }

    fn set_feature(&mut self, record: &FeatureLevel) -> Result<(), ApplyError> {
        let features = Arc::make_mut(&mut self.features);
        if record.name == METADATA_VERSION {
            if !(METADATA_VERSION_MIN..=METADATA_VERSION_LATEST).contains(&record.level) {
                return Err(ApplyError::MetadataVersion(record.level));
            }
            features.metadata_version = Some(record.level);
        } else if record.level == 0 {
            features.finalized.remove(&record.name);
        } else {
            features.finalized.insert(record.name.clone(), record.level);
        }
        Ok(())
    }

    fn clear_elr(&mut self, topic_name: &str) {
        let affected: Vec<(TopicId, i32)> = self
            .topics
            .iter()
            .filter(|topic| topic_name.is_empty() || *topic.name == *topic_name)
            .flat_map(|topic| topic.partitions().iter().map(|partition| (topic.id, partition)))
            .filter(|(_, p)| !p.eligible_leader_replicas().is_empty() || !p.last_known_elr().is_empty())
            .map(|(id, p)| (id, p.index))
            .collect();
        for (id, index) in affected {
            if let Some(partition) = self.topics.partition_mut(id, index) {
                partition.clear_eligible_replicas();
            }
        }
    }

    fn apply_cluster(&mut self, record: &MetadataRecord) -> Result<(), ApplyError> {
        let cluster = Arc::make_mut(&mut self.cluster);
        match record {
            MetadataRecord::RegisterBroker(r) => {
                cluster.brokers.insert(r.broker_id, BrokerImage::from_record(r));
            }
            MetadataRecord::UnregisterBroker(r) => {
                cluster.brokers.remove(&r.broker_id).ok_or(ApplyError::NoBroker(r.broker_id))?;
            }
            MetadataRecord::FenceBroker(r) => cluster.broker(r.id)?.fenced = true,
            MetadataRecord::UnfenceBroker(r) => cluster.broker(r.id)?.fenced = false,
            MetadataRecord::BrokerRegistrationChange(r) => {
                let broker = cluster.broker(r.broker_id)?;
                broker.fenced = r.fenced.unwrap_or(broker.fenced);
                broker.in_controlled_shutdown |= r.in_controlled_shutdown;
                if !r.log_dirs.is_empty() {
                    broker.log_dirs.clone_from(&r.log_dirs);
                }
                if r.cordoned_log_dirs.is_some() {
                    broker.cordoned_log_dirs.clone_from(&r.cordoned_log_dirs);
                }
            }
            MetadataRecord::RegisterController(r) => {
                cluster.controllers.insert(r.controller_id, r.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_security(&mut self, record: &MetadataRecord) -> Result<(), ApplyError> {
        let mechanism = |number: i8| ScramMechanism::from_number(number).ok_or(ApplyError::ScramMechanism(number));
        match record {
            MetadataRecord::ClientQuota(r) => self.set_quota(r),
            MetadataRecord::AccessControlEntry(r) => {
                self.acls.insert(r.id, Arc::new(AclImage::from_record(r)));
            }
            MetadataRecord::RemoveAccessControlEntry(r) => {
                self.acls.remove(&r.id);
            }
            MetadataRecord::UserScramCredential(r) => {
                let key = (r.name.clone(), mechanism(r.mechanism)?);
                self.scram.insert(key, Arc::new(ScramImage::from_record(r)));
            }
            MetadataRecord::RemoveUserScramCredential(r) => {
                self.scram.remove(&(r.name.clone(), mechanism(r.mechanism)?));
            }
            MetadataRecord::DelegationToken(r) => {
                self.tokens.insert(r.token_id.clone(), Arc::new(r.clone()));
            }
            MetadataRecord::RemoveDelegationToken(r) => {
                self.tokens.remove(&r.token_id);
            }
            _ => {}
        }
        Ok(())
    }

    fn set_quota(&mut self, record: &ClientQuotaRecord) {
        let entity = QuotaEntity::from_record(&record.entity);
        let mut limits = self.quotas.get(&entity).map(|limits| (**limits).clone()).unwrap_or_default();
        if record.remove {
            limits.remove(&record.key);
        } else {
            limits.insert(record.key.clone(), record.value);
        }
        if limits.is_empty() {
            self.quotas.remove(&entity);
        } else {
            self.quotas.insert(entity, Arc::new(limits));
        }
    }
}
