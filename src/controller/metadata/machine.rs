//! The metadata machine: decides with the image in hand, and applies records to it.

use std::sync::Arc;

use super::event::{Event, QuorumChange, Reply, Request};
use super::image::{ApplyError, MetadataImage, NewestTopic};
use super::rules::ConfigRules;
use super::scram::DeriveScramKeys;
use super::topics;
use crate::controller::machine::{Effects, Machine, Now, Ticket};
use crate::controller::records::MetadataRecord;
use crate::records::Voter;

/// What the machine takes from the broker's own configuration.
#[derive(Clone)]
pub struct Settings {
    pub node_id: i32,
    /// `num.partitions`
    pub default_partitions: i32,
    /// `default.replication.factor`
    pub default_replication_factor: i16,
    /// `delete.topic.enable`
    pub delete_topics: bool,
    /// `min.insync.replicas`
    pub min_insync_replicas: i32,
    /// This node as the quorum's own records name it; `None` where it has no listener for controllers.
    pub voter: Option<Voter>,
    pub rules: Arc<dyn ConfigRules>,
    pub derive_scram_keys: DeriveScramKeys,
}

/// See the module's page.
pub struct MetadataMachine {
    pub(super) settings: Settings,
    pub(super) image: MetadataImage,
    /// The image as it was before the transaction that the log has open.
    before_transaction: Option<Box<MetadataImage>>,
    /// The first record that did not fit.
    fault: Option<ApplyError>,
}

impl MetadataMachine {
    pub fn new(settings: Settings) -> Self {
        MetadataMachine { settings, image: MetadataImage::default(), before_transaction: None, fault: None }
    }

    /// What all records so far make. Inside a transaction it is not to be shown to anyone.
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// The log has a transaction open.
    pub fn in_transaction(&self) -> bool {
        self.before_transaction.is_some()
    }

    /// The first record that did not fit what came before it.
    pub fn fault(&self) -> Option<&ApplyError> {
        self.fault.as_ref()
    }

    /// The log's next record lands at this offset: said at start, after a snapshot and after every control record.
    pub fn move_to(&mut self, offset: i64) {
        self.image.next_offset = offset;
    }

    /// What the log's control records say of the quorum's own format.
    pub fn set_kraft_version(&mut self, kraft_version: i16) {
        Arc::make_mut(&mut self.image.features).kraft_version = kraft_version;
    }

    /// Takes back everything since an image that was published: what came after could not be persisted.
    pub fn restore(&mut self, image: &MetadataImage) {
        self.image = image.clone();
        self.before_transaction = None;
    }

    fn apply_record(&mut self, record: &MetadataRecord) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::BeginTransaction(_) => {
                if self.before_transaction.is_some() {
                    return Err(ApplyError::Transaction("BeginTransaction"));
                }
                self.before_transaction = Some(Box::new(self.image.clone()));
            }
            MetadataRecord::EndTransaction(_) => {
                self.before_transaction.take().ok_or(ApplyError::Transaction("EndTransaction"))?;
            }
            MetadataRecord::AbortTransaction(_) => {
                let before = self.before_transaction.take().ok_or(ApplyError::Transaction("AbortTransaction"))?;
                let next_offset = self.image.next_offset;
                self.image = *before;
                self.image.next_offset = next_offset;
            }
            other => self.image.apply(other)?,
        }
        Ok(())
    }
}

impl Machine for MetadataMachine {
    type Event = Event;
    type Reply = Reply;
    type Record = MetadataRecord;
    type Action = QuorumChange;

    fn handle(&mut self, _now: Now, ticket: Ticket, mut event: Event, effects: &mut Effects<Self>) {
        let (caller, ids) = (&*event.caller, &mut event.ids);
        let Effects { records, actions, .. } = effects;
        let reply = match event.request {
            Request::CreateTopics(r) => Reply::CreateTopics(
                topics::Creation { machine: self, caller, ids, plain_configs: None }.run(r, records),
            ),
            Request::DeleteTopics(r) => Reply::DeleteTopics(topics::delete(self, caller, r, records)),
            Request::CreatePartitions(r) => {
                Reply::CreatePartitions(topics::create_partitions(self, caller, r, records))
            }
            Request::IncrementalAlterConfigs(r) => {
                Reply::IncrementalAlterConfigs(self.incremental_alter_configs(r, records))
            }
            Request::AlterConfigs(r) => Reply::AlterConfigs(self.alter_configs(r, records)),
            Request::CreateAcls(r) => Reply::CreateAcls(self.create_acls(r, ids, records)),
            Request::DeleteAcls(r) => Reply::DeleteAcls(self.delete_acls(r, records)),
            Request::AlterClientQuotas(r) => Reply::AlterClientQuotas(self.alter_client_quotas(r, records)),
            Request::AlterUserScramCredentials(r) => Reply::AlterUserScramCredentials(self.alter_scram(r, records)),
            Request::UpdateFeatures(r, version) => {
                Reply::UpdateFeatures(self.update_features(r, version, records, actions))
            }
            Request::ElectLeaders(r) => Reply::ElectLeaders(self.elect_leaders(r, records)),
            Request::AlterPartitionReassignments(r) => Reply::AlterPartitionReassignments(self.reassign(r, records)),
            Request::UnregisterBroker(r) => Reply::UnregisterBroker(self.unregister_broker(r, records)),
            Request::AllocateProducerIds => Reply::ProducerIds(self.allocate_producer_ids(records)),
            Request::AssignDirectory { topic_id, partition, directory } => {
                self.assign_directory(topic_id, partition, directory, records);
                Reply::DirectoryAssigned
            }
            Request::Activate(activation) => Reply::Activated { broker_epoch: self.activate(*activation, records) },
        };
        effects.reply(ticket, reply);
    }

    fn apply(&mut self, _now: Now, record: &MetadataRecord) {
        if let Err(fault) = self.apply_record(record) {
            self.fault.get_or_insert(fault);
        }
        self.image.next_offset += 1;
    }

    fn on_timeout(&mut self, _now: Now, _effects: &mut Effects<Self>) {}

    fn next_deadline(&self) -> Option<i64> {
        None
    }

    fn on_loaded(&mut self, _now: Now, effects: &mut Effects<Self>) {
        self.image.newest_topic = NewestTopic(self.image.next_offset);
        if self.in_transaction() {
            // Whoever wrote it was cut off in the middle.
            let reason = Some("Aborting an incomplete transaction".to_owned());
            effects.record(crate::controller::records::AbortTransaction { reason }.into());
        }
    }
}
