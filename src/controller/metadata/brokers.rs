//! UnregisterBroker, and producer id blocks for this node.

use super::event::ApiError;
use super::machine::MetadataMachine;
use crate::controller::records::{MetadataRecord, ProducerIds, UnregisterBroker};
use crate::model::{ErrorCode, ProducerId};
use crate::wire::messages::{UnregisterBrokerRequest, UnregisterBrokerResponse};

/// Ids in one block.
pub const PRODUCER_ID_BLOCK: i64 = 1000;

impl MetadataMachine {
    pub(super) fn unregister_broker(
        &self,
        request: UnregisterBrokerRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> UnregisterBrokerResponse {
        let id = request.broker_id.0;
        let refusal = match self.image.cluster.brokers.get(&id) {
            None => {
                let why = format!("Broker ID {id} is not currently registered");
                ApiError::new(ErrorCode::BrokerIdNotRegistered, why)
            }
            // Without its only broker the cluster would lead nothing until the next start.
            Some(_) if id == self.settings.node_id => {
                let why = format!("Broker {id} is the only one of this cluster and cannot be unregistered");
                ApiError::new(ErrorCode::InvalidRequest, why)
            }
            Some(broker) => {
                records.push(UnregisterBroker { broker_id: id, broker_epoch: broker.epoch }.into());
                return UnregisterBrokerResponse::default().with_error_message(None);
            }
        };
        UnregisterBrokerResponse::default()
            .with_error_code(refusal.code.code())
            .with_error_message(refusal.wire_message())
    }

    /// The next block; its first id.
    pub(super) fn allocate_producer_ids(&self, records: &mut Vec<MetadataRecord>) -> Result<ProducerId, ApiError> {
        let first = self.image.next_producer_id;
        let next_producer_id = first
            .checked_add(PRODUCER_ID_BLOCK)
            .ok_or_else(|| ApiError::new(ErrorCode::UnknownServerError, "All producer ids are used up"))?;
        let node = self.settings.node_id;
        let broker_epoch = self.image.cluster.brokers.get(&node).map_or(-1, |broker| broker.epoch);
        records.push(ProducerIds { broker_id: node, broker_epoch, next_producer_id }.into());
        Ok(ProducerId(first))
    }
}
