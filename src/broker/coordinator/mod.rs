//! Runs state machines: one [`Shard`] for each partition of a coordinator's internal topic.
//!
//! A shard is a task. It takes what has gathered in its queue, asks the machine about each event, applies the records at
//! once, and appends what a whole round has produced as few batches; the answers wait, in order, until those are
//! durable, while the next round goes on. The partition's log has no other writer. At its start, and when an append has
//! failed, a shard builds its machine from the log.

mod load;
mod shard;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::RwLock;
use tokio::runtime::Handle;

use super::Broker;
use super::partition::Partition;
use crate::controller::machine::Producer;
use crate::controller::machine::{Logged, Machine, TxnMarker};
use crate::log::EndTxn;
use crate::model::ErrorCode;
use crate::model::java_hash::partition_for;

pub use shard::{Asking, Shard};

/// What the partition's producer state must allow before the machine hears of an event. The machine cannot know it, and
/// once it has decided nothing may be refused any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Records in this producer's transaction will be appended.
    Transaction(Producer),
    /// This marker will be.
    Marker(TxnMarker),
}

/// What a coordinator adds to its machine.
pub trait Host: Send + Sync + 'static {
    type Machine: Machine<Record: Logged + Send, Event: Send, Reply: Send, Action: Send> + Send;

    /// The internal topic that keeps its records.
    fn topic(&self) -> &'static str;
    /// A machine that knows nothing yet.
    fn machine(&self) -> Self::Machine;
    fn needs(&self, event: &EventOf<Self>) -> Needs;
    /// Does what the machine wants done; what it asked for is durable. Must not block.
    fn act(&self, action: ActionOf<Self>);
}

pub type EventOf<H> = <<H as Host>::Machine as Machine>::Event;
pub type ReplyOf<H> = <<H as Host>::Machine as Machine>::Reply;
pub type ActionOf<H> = <<H as Host>::Machine as Machine>::Action;
pub type RecordOf<H> = <<H as Host>::Machine as Machine>::Record;

impl From<&TxnMarker> for EndTxn {
    fn from(marker: &TxnMarker) -> Self {
        EndTxn {
            producer_id: marker.producer.id,
            producer_epoch: marker.producer.epoch,
            commit: marker.commit,
            coordinator_epoch: marker.coordinator_epoch,
            transaction_version: marker.transaction_version,
        }
    }
}

/// Whether the shard runs on what is now the partition of this index.
fn is_of<H: Host>(shard: &Shard<H>, index: i32, partitions: &[Option<Arc<Partition>>]) -> bool {
    let here = usize::try_from(index).ok().and_then(|index| partitions.get(index)?.as_ref());
    here.is_some_and(|partition| Arc::ptr_eq(partition, shard.partition()))
}

fn in_step<H: Host>(shards: &BTreeMap<i32, Arc<Shard<H>>>, partitions: &[Option<Arc<Partition>>]) -> bool {
    shards.len() >= partitions.len() && shards.iter().all(|(index, shard)| is_of(shard, *index, partitions))
}

/// All shards of one internal topic.
pub struct Coordinator<H: Host> {
    host: Arc<H>,
    broker: Weak<Broker>,
    shards: RwLock<BTreeMap<i32, Arc<Shard<H>>>>,
    /// Where the shards run. Metadata changes are told from a thread outside of it.
    runtime: OnceLock<Handle>,
}

impl<H: Host> Coordinator<H> {
    pub fn new(host: Arc<H>, broker: Weak<Broker>) -> Self {
        Coordinator { host, broker, shards: RwLock::default(), runtime: OnceLock::new() }
    }

    /// Starts the shards of all partitions that are there and have none, and ends those of partitions that are gone: the
    /// topic may have been deleted, and made anew. Cheap when nothing is to be done.
    pub fn start(&self) {
        let Some(broker) = self.broker.upgrade() else { return };
        if let Ok(here) = Handle::try_current() {
            let _ = self.runtime.set(here);
        }
        let Some(runtime) = self.runtime.get() else { return };
        let partitions = || broker.partitions().topic(self.host.topic()).map(|t| t.partitions).unwrap_or_default();
        if in_step(&self.shards.read(), &partitions()) {
            return;
        }
        let _inside = runtime.enter();
        let mut shards = self.shards.write();
        // Looked at once more: whoever held the lock may have started shards of partitions that are newer.
        let partitions = partitions();
        // A shard's task ends with the way to it.
        shards.retain(|index, shard| is_of(shard, *index, &partitions));
        for (index, partition) in partitions.iter().enumerate() {
            if let Some(partition) = partition {
                let start = || Shard::start(self.host.clone(), self.broker.clone(), partition.clone());
                shards.entry(index as i32).or_insert_with(start);
            }
        }
    }

    /// The shard of a group or a transactional id. Without the topic there is no coordinator yet.
    pub fn shard_of(&self, key: &str) -> Result<Arc<Shard<H>>, ErrorCode> {
        self.shard(self.partition_of(key).ok_or(ErrorCode::CoordinatorNotAvailable)?)
    }

    pub fn shard(&self, partition: i32) -> Result<Arc<Shard<H>>, ErrorCode> {
        if let Some(shard) = self.shards.read().get(&partition) {
            return Ok(shard.clone());
        }
        self.start();
        self.shards.read().get(&partition).cloned().ok_or(ErrorCode::NotCoordinator)
    }

    /// Where the internal topic keeps a key; `None` while there is no such topic.
    pub fn partition_of(&self, key: &str) -> Option<i32> {
        let broker = self.broker.upgrade()?;
        let count = broker.partitions().count(self.host.topic())?;
        Some(partition_for(key, i32::try_from(count).ok()?))
    }

    pub fn shards(&self) -> Vec<Arc<Shard<H>>> {
        self.start();
        self.shards.read().values().cloned().collect()
    }

    /// Tells every shard; nobody waits for it.
    pub fn tell_all(&self, event: impl Fn() -> EventOf<H>) {
        for shard in self.shards.read().values() {
            shard.tell(event());
        }
    }

    pub fn host(&self) -> &Arc<H> {
        &self.host
    }
}

/// The partition's producer state refuses what it must, in the words of an answer.
fn admit(partition: &Arc<Partition>, needs: Needs, guard: Guard) -> Result<(), ErrorCode> {
    let mut log = partition.log();
    log.ensure_loaded().map_err(|_| ErrorCode::NotCoordinator)?;
    let allowed = match needs {
        Needs::Nothing => return Ok(()),
        Needs::Transaction(producer) => log.check_transactional(producer.id, producer.epoch, guard),
        Needs::Marker(marker) => log.check_marker(&EndTxn::from(&marker)),
    };
    allowed.map_err(|e| write::code_of(&e))
}

/// Proof that the transaction's coordinator was asked.
pub type Guard = Option<crate::log::VerificationGuard>;
