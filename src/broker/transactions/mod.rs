//! Transactions around their machine: clients' requests go to the right partition of `__transaction_state` with the
//! producer ids they need, and what the machines order is done: markers are written.

pub mod enlist;
mod host;
mod ids;
mod markers;

pub use host::{TRANSACTION_STATE, TxnHost};

use std::sync::atomic::{AtomicI16, Ordering};
use std::sync::{Arc, Weak};

use crate::controller::machine::Producer;
use crate::controller::metadata::MetadataImage;
use crate::controller::txn::{
    ListFilter, Request, TransactionalId, TxnDescription, TxnEvent, TxnListing, TxnReply, TxnVersion,
};
use crate::log::EndTxn;
use crate::model::java_hash::partition_for;
use crate::model::{ErrorCode, ProducerId, TopicPartition};

use super::Broker;
use super::coordinator::Coordinator;
use super::groups::OFFSETS_TOPIC;

/// What clients ask about transactions. One for the broker.
pub struct Transactions {
    coordinator: Coordinator<TxnHost>,
    /// The level of `transaction.version` that the machines know.
    told_version: AtomicI16,
}

impl Transactions {
    pub fn new(broker: Weak<Broker>) -> Self {
        let coordinator = Coordinator::new(Arc::new(TxnHost::new(broker.clone())), broker);
        Transactions { coordinator, told_version: AtomicI16::new(-1) }
    }

    /// Where a transactional id is kept; `None` while there is no transaction log.
    pub fn partition_of(&self, id: &str) -> Option<i32> {
        self.coordinator.partition_of(id)
    }

    /// A producer id for a producer without transactions.
    pub async fn fresh_producer_id(&self) -> Result<ProducerId, ErrorCode> {
        self.coordinator.host().producer_ids.next().await
    }

    pub async fn init(&self, id: &str, timeout_ms: i32, expected: Option<Producer>) -> Result<Producer, ErrorCode> {
        let request = |fresh| Request::Init { timeout_ms, expected, fresh };
        match self.ask_with_id(id, request).await? {
            TxnReply::Initialised(result) => result,
            other => Err(unfit(&other)),
        }
    }

    /// With transaction version 2, answers the identity for the next transaction.
    pub async fn end(
        &self,
        id: &str,
        producer: Producer,
        commit: bool,
        client: TxnVersion,
    ) -> Result<Option<Producer>, ErrorCode> {
        let request = |fresh| Request::End { producer, commit, client, fresh };
        match self.ask_with_id(id, request).await? {
            TxnReply::Ended(result) => result,
            other => Err(unfit(&other)),
        }
    }

    pub async fn add(
        &self,
        id: &str,
        producer: Producer,
        partitions: Vec<TopicPartition>,
        client: TxnVersion,
    ) -> Result<(), ErrorCode> {
        match self.ask(id, Request::Add { producer, partitions, client }).await? {
            TxnReply::Added(result) => result,
            other => Err(unfit(&other)),
        }
    }

    /// Which of the partitions are in the producer's open transaction.
    pub async fn verify(
        &self,
        id: &str,
        producer: Producer,
        partitions: Vec<TopicPartition>,
    ) -> Result<Vec<(TopicPartition, ErrorCode)>, ErrorCode> {
        match self.ask(id, Request::Verify { producer, partitions }).await? {
            TxnReply::Verified(result) => result,
            other => Err(unfit(&other)),
        }
    }

    pub async fn describe(&self, id: &str) -> Result<TxnDescription, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        match self.coordinator.shard_of(id)?.ask(TxnEvent::Describe(id.into())).await? {
            TxnReply::Described(result) => result,
            other => Err(unfit(&other)),
        }
    }

    /// The transactions of every partition that pass the filter.
    pub async fn list(&self, filter: ListFilter) -> Result<Vec<TxnListing>, ErrorCode> {
        let mut all = Vec::new();
        for shard in self.coordinator.shards() {
            match shard.ask(TxnEvent::List(filter.clone())).await? {
                TxnReply::Listed(listed) => all.extend(listed?),
                other => return Err(unfit(&other)),
            }
        }
        Ok(all)
    }

    /// Ends transactions where an administrator says so, past their coordinator: one attempt, an error code for each
    /// partition.
    pub async fn write_markers(
        &self,
        broker: &Arc<Broker>,
        end: &EndTxn,
        partitions: &[TopicPartition],
    ) -> Vec<ErrorCode> {
        markers::write(broker, end, partitions).await
    }

    /// New metadata is in force. Machines of new partitions are started, at the broker's start those of all: they go on
    /// with what a stop interrupted. All are told the level of `transaction.version`.
    pub fn metadata_changed(&self, image: &MetadataImage) {
        self.coordinator.start();
        let version = host::version(image);
        if self.told_version.swap(version.0, Ordering::AcqRel) == version.0 {
            return;
        }
        self.coordinator.tell_all(|| TxnEvent::VersionChanged(version));
    }

    async fn ask(&self, id: &str, request: Request) -> Result<TxnReply, ErrorCode> {
        if id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        self.coordinator.shard_of(id)?.ask(TxnEvent::Request(TransactionalId::from(id), request)).await
    }

    /// Asks, and asks again with a fresh producer id if the machine needs one.
    async fn ask_with_id(
        &self,
        id: &str,
        request: impl Fn(Option<ProducerId>) -> Request,
    ) -> Result<TxnReply, ErrorCode> {
        match self.ask(id, request(None)).await? {
            TxnReply::NeedsProducerId => {
                let fresh = self.fresh_producer_id().await?;
                self.ask(id, request(Some(fresh))).await
            }
            reply => Ok(reply),
        }
    }
}

/// Where a group keeps its offsets: the partition that joins a transaction with them.
pub fn offsets_partition(broker: &Broker, group_id: &str) -> TopicPartition {
    let topic = broker.partitions().topic(OFFSETS_TOPIC);
    let count = topic.and_then(|topic| i32::try_from(topic.partitions.len()).ok());
    let count = count.unwrap_or_else(|| broker.config().groups.offsets_topic_partitions);
    TopicPartition::new(OFFSETS_TOPIC, partition_for(group_id, count))
}

/// A reply of the wrong kind: a fault of ours.
fn unfit(reply: &TxnReply) -> ErrorCode {
    tracing::error!("The transaction machine gave an answer to another question: {reply:?}");
    ErrorCode::UnknownServerError
}
