//! Producer ids out of the blocks that the metadata log gives to this node.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::controller::metadata::{PRODUCER_ID_BLOCK, Reply, Request};
use crate::controller::txn::ProducerIds;
use crate::model::{ErrorCode, ProducerId};

/// The block in hand, and those who wait for the next.
pub struct ProducerIdSource {
    broker: Weak<Broker>,
    ids: Mutex<ProducerIds>,
    block_came: Notify,
}

impl ProducerIdSource {
    pub fn new(broker: Weak<Broker>) -> Self {
        ProducerIdSource { broker, ids: Mutex::default(), block_came: Notify::new() }
    }

    /// Waits for a block when there is none.
    pub async fn next(self: &Arc<Self>) -> Result<ProducerId, ErrorCode> {
        loop {
            let mut came = std::pin::pin!(self.block_came.notified());
            // Registered before the claim, so that a block which comes in between is not missed.
            came.as_mut().enable();
            let claim = self.ids.lock().claim();
            match (claim.id, claim.ask_for_block) {
                (Some(id), false) => return Ok(id),
                (Some(id), true) => {
                    let source = self.clone();
                    // Asked for early: who finds the block empty asks again.
                    tokio::spawn(async move { source.fetch().await });
                    return Ok(id);
                }
                (None, true) => self.fetch().await?,
                (None, false) => came.await,
            }
        }
    }

    async fn fetch(&self) -> Result<(), ErrorCode> {
        let block = self.ask_for_block().await;
        let result = {
            let mut ids = self.ids.lock();
            match block {
                Ok(first) if ids.block_arrived(first, PRODUCER_ID_BLOCK) => Ok(()),
                Ok(_) => Err(ErrorCode::UnknownServerError),
                Err(e) => {
                    ids.block_failed();
                    Err(e)
                }
            }
        };
        self.block_came.notify_waiters();
        result
    }

    async fn ask_for_block(&self) -> Result<ProducerId, ErrorCode> {
        let broker = self.broker.upgrade().ok_or(ErrorCode::CoordinatorNotAvailable)?;
        match broker.metadata().ask(Request::AllocateProducerIds).await {
            Ok(Reply::ProducerIds(block)) => block.map_err(|e| e.code),
            Ok(_) => Err(ErrorCode::UnknownServerError),
            // Clients know to wait for a coordinator that loads.
            Err(_) => Err(ErrorCode::CoordinatorLoadInProgress),
        }
    }
}
