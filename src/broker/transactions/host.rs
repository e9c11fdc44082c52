//! What the transaction machines need around them, and the doing of what they order.

use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use crate::controller::machine::TxnMarker;
use crate::controller::txn::{
    MarkerOrder, Request, TransactionalId, TxnAction, TxnConfig, TxnEvent, TxnMachine, TxnVersion,
};
use crate::log::EndTxn;
use crate::model::java_hash::partition_for;
use crate::model::{ErrorCode, ProducerId};

use super::ids::ProducerIdSource;
use super::markers;
use crate::broker::Broker;
use crate::broker::coordinator::{Host, Needs};

/// The log of the transaction coordinator.
pub const TRANSACTION_STATE: &str = "__transaction_state";
/// The feature whose level says how transactions end and how they are written down.
const TRANSACTION_VERSION: &str = "transaction.version";

type Coming<T> = Pin<Box<dyn Future<Output = Result<T, ErrorCode>> + Send>>;
/// Gives the first id of a new block of producer ids.
pub type ProducerIdBlocks = Box<dyn Fn() -> Coming<ProducerId> + Send + Sync>;
/// Has the group coordinator of a partition of `__consumer_offsets` end a transaction there.
pub type OffsetsEnder = Box<dyn Fn(i32, TxnMarker) -> Coming<()> + Send + Sync>;

/// The other coordinators, as far as transactions reach into them.
pub struct Surroundings {
    pub producer_id_blocks: ProducerIdBlocks,
    pub end_offsets: OffsetsEnder,
}

/// The home of the transaction machines.
pub struct TxnHost {
    broker: Weak<Broker>,
    producer_ids: Arc<ProducerIdSource>,
    surroundings: Arc<OnceLock<Surroundings>>,
}

impl TxnHost {
    pub fn new(broker: Weak<Broker>) -> Self {
        TxnHost { broker, producer_ids: Arc::default(), surroundings: Arc::default() }
    }

    pub(super) fn surround(&self, surroundings: Surroundings) {
        // A second call finds them set already; they do not change while the broker runs.
        let _ = self.surroundings.set(surroundings);
    }

    pub(super) async fn fresh_producer_id(&self) -> Result<ProducerId, ErrorCode> {
        self.producer_ids.next(&self.surroundings).await
    }
}

impl TxnHost {
    /// Has the group coordinator end a transaction in one of its partitions.
    pub(super) fn end_offsets(&self, partition: i32, marker: TxnMarker) -> Coming<()> {
        end_offsets(&self.surroundings, partition, marker)
    }
}

fn end_offsets(surroundings: &OnceLock<Surroundings>, partition: i32, marker: TxnMarker) -> Coming<()> {
    match surroundings.get() {
        Some(surroundings) => (surroundings.end_offsets)(partition, marker),
        None => Box::pin(std::future::ready(Err(ErrorCode::CoordinatorNotAvailable))),
    }
}

impl Host for TxnHost {
    type Machine = TxnMachine;

    fn topic(&self) -> &'static str {
        TRANSACTION_STATE
    }

    fn machine(&self) -> TxnMachine {
        let Some(broker) = self.broker.upgrade() else {
            return TxnMachine::new(TxnConfig::default(), TxnVersion::V0);
        };
        let settings = &broker.config().transactions;
        let config = TxnConfig {
            max_timeout_ms: settings.timeout_max_ms,
            abort_interval_ms: settings.abort_timed_out_interval_ms,
            expiration_ms: settings.id_expiration_ms.into(),
            expiry_interval_ms: settings.remove_expired_interval_ms,
            ..TxnConfig::default()
        };
        TxnMachine::new(config, version(&broker))
    }

    fn needs(&self, _event: &TxnEvent) -> Needs {
        Needs::Nothing
    }

    fn act(&self, action: TxnAction) {
        let Some(broker) = self.broker.upgrade() else { return };
        let (ids, surroundings) = (self.producer_ids.clone(), self.surroundings.clone());
        tokio::spawn(async move {
            let (id, event) = match action {
                TxnAction::WriteMarkers(order) => {
                    write(&broker, &surroundings, &order).await;
                    let id = order.transactional_id.clone();
                    (
                        id,
                        TxnEvent::MarkersWritten { transactional_id: order.transactional_id, producer: order.producer },
                    )
                }
                TxnAction::FenceWithFreshId { transactional_id, producer } => {
                    // Without an id the next scan for timed-out transactions orders it again.
                    let Ok(fresh) = ids.next(&surroundings).await else { return };
                    let request = Request::FenceTimedOut { producer, fresh: Some(fresh) };
                    (transactional_id.clone(), TxnEvent::Request(transactional_id, request))
                }
            };
            tell(&broker, &id, event).await;
        });
    }
}

/// Writes what was ordered with the epoch of the coordinator that ordered it.
async fn write(broker: &Arc<Broker>, surroundings: &OnceLock<Surroundings>, order: &MarkerOrder) {
    let coordinator = state_partition(broker, &order.transactional_id);
    let epoch = coordinator.and_then(|index| broker.partition(TRANSACTION_STATE, index));
    let end = EndTxn {
        producer_id: order.producer.id,
        producer_epoch: order.producer.epoch,
        commit: order.commit,
        coordinator_epoch: epoch.map_or(0, |partition| partition.leader_epoch().0),
        transaction_version: order.version.0,
    };
    let end_offsets = |partition, marker| end_offsets(surroundings, partition, marker);
    markers::write_all(broker, &end, order, &end_offsets).await;
}

/// When this fails the machine is gone; the one that takes its log over gives its orders anew.
async fn tell(broker: &Arc<Broker>, id: &TransactionalId, event: TxnEvent) {
    if let Ok(shard) = broker.transactions().coordinator.shard_of(id)
        && let Err(e) = shard.ask(event).await
    {
        tracing::warn!("The coordinator of transactional id {id} cannot be told of its markers: {e}");
    }
}

fn state_partition(broker: &Broker, id: &str) -> Option<i32> {
    let count = broker.partitions().topic(TRANSACTION_STATE)?.partitions.len();
    Some(partition_for(id, i32::try_from(count).ok()?))
}

fn version(broker: &Broker) -> TxnVersion {
    TxnVersion(broker.image().features.finalized.get(TRANSACTION_VERSION).copied().unwrap_or(0))
}
