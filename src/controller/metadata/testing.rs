//! A driver for tests: applies what the machine decides at once and keeps the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::controller::machine::{Effects, Machine, Now, Ticket};
use crate::controller::records::*;
use crate::model::ErrorCode;

pub const NODE: i32 = 1;
pub const DIRECTORY: Uuid = Uuid::from_u128(0xd1);

/// Knows three topic keys: a number, a list, and one that must not be shown.
pub struct SmallTable;

impl ConfigRules for SmallTable {
    fn validate(
        &self,
        _resource: &ConfigResource,
        values: &BTreeMap<String, String>,
        _before: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        for (key, value) in values {
            let good = match key.as_str() {
                "retention.ms" => value.parse::<i64>().is_ok(),
                "cleanup.policy" => value.split(',').all(|v| matches!(v, "compact" | "delete")),
                "secret" | "min.insync.replicas" => true,
                _ => return Err(ApiError::new(ErrorCode::InvalidConfig, format!("Unknown topic config name: {key}"))),
            };
            if !good {
                return Err(ApiError::new(ErrorCode::InvalidConfig, format!("Invalid value {value} for {key}")));
            }
        }
        Ok(())
    }

    fn is_list(&self, _kind: ConfigKind, key: &str) -> bool {
        key == "cleanup.policy"
    }

    fn default_value(&self, _kind: ConfigKind, key: &str) -> Option<String> {
        (key == "cleanup.policy").then(|| "delete".to_owned())
    }

    fn topic_configs(&self, _image: &MetadataImage, own: &BTreeMap<String, String>) -> Vec<EffectiveConfig> {
        ["cleanup.policy", "retention.ms", "secret"]
            .into_iter()
            .map(|name| EffectiveConfig {
                name: name.to_owned(),
                value: own.get(name).cloned().or_else(|| self.default_value(ConfigKind::Topic, name)),
                source: if own.contains_key(name) { ConfigSource::DynamicTopic } else { ConfigSource::Default },
                read_only: false,
                sensitive: name == "secret",
            })
            .collect()
    }
}

pub fn settings() -> Settings {
    Settings {
        node_id: NODE,
        default_partitions: 1,
        default_replication_factor: 1,
        delete_topics: true,
        min_insync_replicas: 1,
        voter: None,
        derive_scram_keys: |mechanism, password| {
            let key = |name: &str| [mechanism.name().as_bytes(), name.as_bytes(), password].concat().into();
            (!password.is_empty()).then(|| ScramKeys { stored_key: key("stored"), server_key: key("server") })
        },
        rules: Arc::new(SmallTable),
    }
}

pub struct Driver {
    pub machine: MetadataMachine,
    pub log: Vec<MetadataRecord>,
    pub now: Now,
    /// What the quorum was to write about itself.
    pub quorum: Vec<QuorumChange>,
    seed: u128,
}

impl Driver {
    /// A machine with one registered, unfenced broker.
    pub fn new() -> Self {
        let mut driver = Self::empty();
        driver.persist(vec![
            RegisterBroker {
                broker_id: NODE,
                is_migrating_zk_broker: false,
                incarnation_id: Uuid::from_u128(1),
                broker_epoch: 0,
                endpoints: vec![],
                features: vec![],
                rack: None,
                fenced: false,
                in_controlled_shutdown: false,
                log_dirs: vec![DIRECTORY],
                cordoned_log_dirs: None,
            }
            .into(),
        ]);
        driver
    }

    pub fn empty() -> Self {
        let now = Now { wall_ms: 1_000_000, monotonic_ms: 0 };
        Driver { machine: MetadataMachine::new(settings()), log: Vec::new(), now, quorum: Vec::new(), seed: 1 }
    }

    pub fn image(&self) -> &MetadataImage {
        self.machine.image()
    }

    pub fn persist(&mut self, records: Vec<MetadataRecord>) {
        for record in &records {
            // Through the bytes, so that what is persisted is what was meant.
            let read = MetadataRecord::decode(&record.encode(METADATA_VERSION_LATEST)).unwrap();
            self.machine.apply(self.now, &read);
            assert_eq!(self.machine.fault(), None, "{record:?}");
        }
        self.log.extend(records);
    }

    pub fn ask(&mut self, request: Request) -> Reply {
        self.ask_as(Arc::new(Everyone), request)
    }

    pub fn ask_as(&mut self, caller: Arc<dyn Caller>, request: Request) -> Reply {
        self.seed += 1;
        let mut effects = Effects::new();
        let event = Event { caller, ids: IdSource::new(self.seed), request };
        self.machine.handle(self.now, Ticket(7), event, &mut effects);
        self.persist(effects.records);
        self.quorum.extend(effects.actions);
        let (ticket, reply) = effects.replies.pop().expect("an answer at once");
        assert_eq!(ticket, Ticket(7));
        reply
    }
}
