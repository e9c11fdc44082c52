//! What the transaction machines need around them, and the doing of what they order.

use std::sync::{Arc, Weak};

use crate::controller::metadata::MetadataImage;
use crate::controller::txn::{
    MarkerOrder, Request, TransactionalId, TxnAction, TxnConfig, TxnEvent, TxnMachine, TxnVersion,
};
use crate::log::EndTxn;
use crate::model::java_hash::partition_for;

use super::ids::ProducerIdSource;
use super::markers;
use crate::broker::Broker;
use crate::broker::coordinator::{Host, Needs};

/// The log of the transaction coordinator.
pub const TRANSACTION_STATE: &str = "__transaction_state";
/// The feature whose level says how transactions end and how they are written down.
const TRANSACTION_VERSION: &str = "transaction.version";

/// The home of the transaction machines.
pub struct TxnHost {
    broker: Weak<Broker>,
    pub(super) producer_ids: Arc<ProducerIdSource>,
}

impl TxnHost {
    pub fn new(broker: Weak<Broker>) -> Self {
        TxnHost { producer_ids: Arc::new(ProducerIdSource::new(broker.clone())), broker }
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
        TxnMachine::new(config, version(&broker.image()))
    }

    fn needs(&self, _event: &TxnEvent) -> Needs {
        Needs::Nothing
    }

    fn act(&self, action: TxnAction) {
        let Some(broker) = self.broker.upgrade() else { return };
        let producer_ids = self.producer_ids.clone();
        tokio::spawn(async move {
            let (id, event) = match action {
                TxnAction::WriteMarkers(order) => {
                    write(&broker, &order).await;
                    let id = order.transactional_id.clone();
                    (
                        id,
                        TxnEvent::MarkersWritten { transactional_id: order.transactional_id, producer: order.producer },
                    )
                }
                TxnAction::FenceWithFreshId { transactional_id, producer } => {
                    // Without an id the next scan for timed-out transactions orders it again.
                    let Ok(fresh) = producer_ids.next().await else { return };
                    let request = Request::FenceTimedOut { producer, fresh: Some(fresh) };
                    (transactional_id.clone(), TxnEvent::Request(transactional_id, request))
                }
            };
            tell(&broker, &id, event).await;
        });
    }
}

/// Writes what was ordered with the epoch of the coordinator that ordered it.
async fn write(broker: &Arc<Broker>, order: &MarkerOrder) {
    let coordinator = state_partition(broker, &order.transactional_id);
    let epoch = coordinator.and_then(|index| broker.partition(TRANSACTION_STATE, index));
    let end = EndTxn {
        producer_id: order.producer.id,
        producer_epoch: order.producer.epoch,
        commit: order.commit,
        coordinator_epoch: epoch.map_or(0, |partition| partition.leader_epoch().0),
        transaction_version: order.version.0,
    };
    markers::write_all(broker, &end, order).await;
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

/// The level of `transaction.version` in force.
pub fn version(image: &MetadataImage) -> TxnVersion {
    TxnVersion(image.features.finalized.get(TRANSACTION_VERSION).copied().unwrap_or(0))
}
