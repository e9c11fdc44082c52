//! Producer ids out of the blocks that the metadata log gives to this node.

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::host::Surroundings;
use crate::controller::metadata::PRODUCER_ID_BLOCK;
use crate::controller::txn::ProducerIds;
use crate::model::{ErrorCode, ProducerId};

/// The block in hand, and those who wait for the next.
#[derive(Default)]
pub struct ProducerIdSource {
    ids: Mutex<ProducerIds>,
    block_came: Notify,
}

impl ProducerIdSource {
    /// Waits for a block when there is none.
    pub async fn next(self: &Arc<Self>, around: &Arc<OnceLock<Surroundings>>) -> Result<ProducerId, ErrorCode> {
        loop {
            let mut came = std::pin::pin!(self.block_came.notified());
            // Registered before the claim, so that a block which comes in between is not missed.
            came.as_mut().enable();
            let claim = self.ids.lock().claim();
            match (claim.id, claim.ask_for_block) {
                (Some(id), false) => return Ok(id),
                (Some(id), true) => {
                    let (source, around) = (self.clone(), around.clone());
                    // Asked for early: who finds the block empty asks again.
                    tokio::spawn(async move { source.fetch(&around).await });
                    return Ok(id);
                }
                (None, true) => self.fetch(around).await?,
                (None, false) => came.await,
            }
        }
    }

    async fn fetch(&self, around: &OnceLock<Surroundings>) -> Result<(), ErrorCode> {
        let block = match around.get() {
            Some(around) => (around.producer_id_blocks)().await,
            None => Err(ErrorCode::CoordinatorLoadInProgress),
        };
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
}
