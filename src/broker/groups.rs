//! The group coordinator: group machines on the partitions of `__consumer_offsets`.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Broker;
use super::coordinator::{Coordinator, Host, Needs};
use crate::config::BrokerConfig;
use crate::config::broker::Migration;
use crate::controller::group::GroupMachine;
use crate::controller::group::config::{GroupConfig, GroupOverrides, MigrationPolicy};
use crate::controller::group::events::{Event, Request};
use crate::controller::machine::{Producer, TxnMarker};
use crate::controller::metadata::{ConfigKind, MetadataImage};
use crate::model::{ErrorCode, ProducerEpoch, ProducerId, TopicId, TopicName};

pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// What group machines need of the broker.
pub struct GroupHost {
    broker: Weak<Broker>,
    /// As the machines know it.
    config: Mutex<Arc<GroupConfig>>,
}

impl Host for GroupHost {
    type Machine = GroupMachine;

    fn topic(&self) -> &'static str {
        OFFSETS_TOPIC
    }

    fn machine(&self) -> GroupMachine {
        let image = self.broker.upgrade().map(|broker| broker.image()).unwrap_or_default();
        GroupMachine::new(self.current_config(), image)
    }

    fn needs(&self, event: &Event) -> Needs {
        match event {
            Event::TxnMarker(marker) => Needs::Marker(*marker),
            Event::Call(call) => match &call.request {
                Request::TxnOffsetCommit(request) => Needs::Transaction(Producer {
                    id: ProducerId(request.producer_id.0),
                    epoch: ProducerEpoch(request.producer_epoch),
                }),
                _ => Needs::Nothing,
            },
            _ => Needs::Nothing,
        }
    }

    fn act(&self, action: Infallible) {
        match action {}
    }
}

impl GroupHost {
    fn current_config(&self) -> Arc<GroupConfig> {
        if let Some(broker) = self.broker.upgrade() {
            let now = group_config(&broker.config(), &broker.image());
            let mut config = self.config.lock();
            if **config != now {
                *config = Arc::new(now);
            }
        }
        self.config.lock().clone()
    }
}

/// All groups of the broker.
pub struct GroupCoordinator(Coordinator<GroupHost>);

impl Deref for GroupCoordinator {
    type Target = Coordinator<GroupHost>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl GroupCoordinator {
    pub fn new(broker: Weak<Broker>) -> Self {
        let host = GroupHost { broker: broker.clone(), config: Mutex::default() };
        GroupCoordinator(Coordinator::new(Arc::new(host), broker))
    }

    /// New metadata is in force.
    pub fn metadata_changed(&self, image: Arc<MetadataImage>) {
        self.start();
        self.tell_all(|| Event::MetadataChanged(image.clone()));
        self.config_changed();
    }

    /// Settings may have changed, the broker's or a group's.
    pub fn config_changed(&self) {
        let before = self.host().config.lock().clone();
        let now = self.host().current_config();
        if !Arc::ptr_eq(&before, &now) {
            self.tell_all(|| Event::ConfigChanged(now.clone()));
        }
    }

    /// Topics are gone: so are the offsets in them.
    pub fn topics_deleted(&self, deleted: &[(TopicName, TopicId)]) {
        if !deleted.is_empty() {
            self.tell_all(|| Event::TopicsDeleted(deleted.to_vec()));
        }
    }
}

impl GroupCoordinator {
    /// A transaction that may have committed offsets in this partition has ended.
    pub async fn end_transaction(&self, partition: i32, marker: TxnMarker) -> Result<(), ErrorCode> {
        self.shard(partition)?.ask(Event::TxnMarker(marker)).await.map(|_| ())
    }
}

fn group_config(config: &BrokerConfig, image: &MetadataImage) -> GroupConfig {
    let (groups, consumers) = (&config.groups, &config.consumer_groups);
    let members_max = |most: i32| usize::try_from(most).unwrap_or(usize::MAX);
    let mut overrides = std::collections::BTreeMap::new();
    for (resource, values) in image.configs.iter().filter(|(resource, _)| resource.kind == ConfigKind::Group) {
        let number = |key: &str| values.get(key).and_then(|value| value.trim().parse().ok());
        let own = GroupOverrides {
            consumer_session_timeout_ms: number("consumer.session.timeout.ms"),
            consumer_heartbeat_interval_ms: number("consumer.heartbeat.interval.ms"),
            consumer_assignment_interval_ms: number("consumer.assignment.interval.ms"),
        };
        overrides.insert(Arc::from(resource.name.as_str()), own);
    }
    GroupConfig {
        classic_session_timeout_min_ms: groups.session_timeout_min_ms,
        classic_session_timeout_max_ms: groups.session_timeout_max_ms,
        classic_initial_rebalance_delay_ms: groups.initial_rebalance_delay_ms,
        classic_size_max: members_max(groups.members_max),
        offset_metadata_max: members_max(groups.offset_metadata_max_bytes),
        offsets_retention_ms: groups.offsets_retention_minutes.saturating_mul(60_000),
        offsets_retention_check_interval_ms: groups.offsets_retention_check_interval_ms,
        consumer_session_timeout_ms: consumers.session_timeout_ms,
        consumer_heartbeat_interval_ms: consumers.heartbeat_interval_ms,
        consumer_size_max: members_max(consumers.members_max),
        consumer_assignors: consumers.assignors.clone(),
        consumer_migration_policy: match consumers.migration {
            Migration::Disabled => MigrationPolicy::Disabled,
            Migration::Downgrade => MigrationPolicy::Downgrade,
            Migration::Upgrade => MigrationPolicy::Upgrade,
            Migration::Bidirectional => MigrationPolicy::Bidirectional,
        },
        consumer_assignment_interval_ms: consumers.assignment_interval_ms,
        consumer_regex_refresh_interval_ms: i64::from(consumers.regex_refresh_interval_ms),
        overrides,
        ..GroupConfig::default()
    }
}
