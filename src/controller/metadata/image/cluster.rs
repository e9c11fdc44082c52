//! Brokers and controllers that have made themselves known.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::controller::records::{Endpoint, FeatureRange, RegisterBroker, RegisterController};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterImage {
    pub brokers: BTreeMap<i32, BrokerImage>,
    pub controllers: BTreeMap<i32, RegisterController>,
}

/// One broker's registration with its changes.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerImage {
    pub id: i32,
    /// The offset of its registration; a message of an older life of the broker carries an older one.
    pub epoch: i64,
    pub incarnation_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub features: Vec<FeatureRange>,
    pub rack: Option<String>,
    /// A fenced broker is registered but leads nothing.
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl BrokerImage {
    pub(super) fn from_record(record: &RegisterBroker) -> Self {
        BrokerImage {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: record.endpoints.clone(),
            features: record.features.clone(),
            rack: record.rack.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs.clone(),
            cordoned_log_dirs: record.cordoned_log_dirs.clone(),
        }
    }

    pub fn to_record(&self) -> RegisterBroker {
        RegisterBroker {
            broker_id: self.id,
            is_migrating_zk_broker: false,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            endpoints: self.endpoints.clone(),
            features: self.features.clone(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.log_dirs.clone(),
            cordoned_log_dirs: self.cordoned_log_dirs.clone(),
        }
    }

    /// It may lead partitions and take new replicas.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}
