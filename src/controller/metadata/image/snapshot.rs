//! The image as the shortest run of records that makes it again: what a snapshot file holds.

use super::{METADATA_VERSION, MetadataImage};
use crate::controller::records::*;

impl MetadataImage {
    /// Gives every record in the order in which they must be applied. A level must come before anything written at it.
    pub fn for_each_record(&self, mut visit: impl FnMut(MetadataRecord)) {
        self.features_and_cluster(&mut visit);
        for topic in self.topics.iter() {
            visit(TopicRecord { name: topic.name.clone(), topic_id: topic.id }.into());
            for partition in topic.partitions() {
                visit(partition.to_record(topic.id).into());
            }
        }
        for (resource, values) in self.configs.iter() {
            for (name, value) in values.iter() {
                visit(
                    ConfigRecord {
                        resource_type: resource.kind.number(),
                        resource_name: resource.name.clone(),
                        name: name.clone(),
                        value: Some(value.clone()),
                    }
                    .into(),
                );
            }
        }
        for (entity, limits) in self.quotas.iter() {
            for (key, value) in limits.iter() {
                let (entity, key) = (entity.to_record(), key.clone());
                visit(ClientQuotaRecord { entity, key, value: *value, remove: false }.into());
            }
        }
        if self.next_producer_id > 0 {
            // Whose block was the last does not matter any more.
            let next_producer_id = self.next_producer_id;
            visit(ProducerIds { broker_id: -1, broker_epoch: -1, next_producer_id }.into());
        }
        for acl in self.acls.values() {
            visit(acl.to_record().into());
        }
        for ((user, mechanism), credential) in self.scram.iter() {
            visit(credential.to_record(user, *mechanism).into());
        }
        for token in self.tokens.values() {
            visit((**token).clone().into());
        }
    }

    fn features_and_cluster(&self, visit: &mut impl FnMut(MetadataRecord)) {
        visit(FeatureLevel { name: METADATA_VERSION.into(), level: self.metadata_version() }.into());
        for (name, level) in &self.features.finalized {
            visit(FeatureLevel { name: name.clone(), level: *level }.into());
        }
        for broker in self.cluster.brokers.values() {
            visit(broker.to_record().into());
        }
        for controller in self.cluster.controllers.values() {
            visit(controller.clone().into());
        }
    }
}
