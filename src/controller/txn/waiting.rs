//! Requests that wait until the markers of the transaction before are written. Soft state: a crash forgets them, and
//! their clients ask again.

use std::collections::VecDeque;

use super::event::{Request, TransactionalId};
use crate::controller::machine::Ticket;

/// Requests that may wait for one transactional id; its one honest client sends few at a time.
pub const WAITING_PER_ID_MAX: usize = 8;

#[derive(Clone, Debug)]
pub struct Waiting {
    pub transactional_id: TransactionalId,
    pub ticket: Ticket,
    pub request: Request,
    pub until_ms: i64,
}

/// In order of arrival, which is the order of deadlines too: everyone waits equally long.
#[derive(Debug, Default)]
pub struct WaitingRoom {
    queue: VecDeque<Waiting>,
}

impl WaitingRoom {
    /// Takes the request in; gives it back when too many wait for that id.
    pub fn admit(&mut self, waiting: Waiting) -> Result<(), Waiting> {
        let same = self.queue.iter().filter(|w| w.transactional_id == waiting.transactional_id).count();
        if same >= WAITING_PER_ID_MAX {
            return Err(waiting);
        }
        let at = self.queue.partition_point(|w| w.until_ms <= waiting.until_ms);
        self.queue.insert(at, waiting);
        Ok(())
    }

    /// Everyone who waits for this id, in order.
    pub fn release(&mut self, transactional_id: &str) -> Vec<Waiting> {
        if self.queue.iter().all(|w| &*w.transactional_id != transactional_id) {
            return Vec::new();
        }
        let (released, kept) = self.queue.drain(..).partition(|w| &*w.transactional_id == transactional_id);
        self.queue = kept;
        Vec::from(released)
    }

    /// Everyone who has waited long enough.
    pub fn expire(&mut self, monotonic_ms: i64) -> Vec<Waiting> {
        let count = self.queue.partition_point(|w| w.until_ms <= monotonic_ms);
        self.queue.drain(..count).collect()
    }

    pub fn next_deadline(&self) -> Option<i64> {
        self.queue.front().map(|w| w.until_ms)
    }
}
