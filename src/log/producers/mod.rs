//! The producers of a partition: what tells a retry from a gap, and where open transactions begin.
//!
//! An append is planned against the table, the bytes are written, and only then the plan is applied; a plan that was
//! applied for a write that then failed can be taken back.

pub mod check;
pub mod entry;
pub mod snapshot;

use std::collections::{BTreeMap, HashMap};

use crate::log::error::AppendError;
use crate::model::{Offset, ProducerEpoch, ProducerId};
use crate::records::BatchHeader;

pub use entry::{ProducerEntry, RememberedBatch};

/// A transaction whose marker was written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTxn {
    pub producer_id: ProducerId,
    pub first_offset: Offset,
    /// Where the marker is.
    pub last_offset: Offset,
    pub aborted: bool,
}

/// The end of a transaction, as its coordinator sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxn {
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub commit: bool,
    pub coordinator_epoch: i32,
    /// 0 and 1: the marker carries the epoch of the records; 2: an epoch above it.
    pub transaction_version: i16,
}

/// Proof that the coordinator knows of a transaction here; made before it is asked, given back with the append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VerificationGuard(u64);

#[derive(Clone, Copy, Debug)]
struct Verification {
    guard: VerificationGuard,
    since_ms: i64,
    lowest_sequence: i32,
    epoch: ProducerEpoch,
    supports_epoch_bump: bool,
}

/// What an append will change.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    producer_id: ProducerId,
    updated: ProducerEntry,
    /// The batch begins a transaction at this offset.
    started: Option<Offset>,
    pub completed: Option<CompletedTxn>,
    transactional: bool,
}

/// What an applied plan changed.
#[derive(Debug)]
pub struct Undo {
    producer_id: ProducerId,
    before: Option<ProducerEntry>,
    started: Option<Offset>,
    completed: Option<CompletedTxn>,
}

/// All producers of one partition.
#[derive(Debug, Default)]
pub struct Producers {
    entries: HashMap<ProducerId, ProducerEntry>,
    /// Open transactions by first offset.
    ongoing: BTreeMap<Offset, ProducerId>,
    /// Ended transactions whose marker the high watermark has not passed: first offset to marker.
    unreplicated: BTreeMap<Offset, Offset>,
    verifications: HashMap<ProducerId, Verification>,
    guards_given: u64,
}

impl Producers {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn get(&self, id: ProducerId) -> Option<&ProducerEntry> {
        self.entries.get(&id)
    }

    /// In no particular order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ProducerId, &ProducerEntry)> {
        self.entries.iter()
    }

    pub fn clear(&mut self) {
        *self = Producers { guards_given: self.guards_given, ..Producers::default() };
    }

    /// Takes over the content of a snapshot.
    pub fn load(&mut self, producers: Vec<(ProducerId, ProducerEntry)>) {
        for (id, entry) in producers {
            if let Some(first) = entry.txn_first_offset {
                self.ongoing.insert(first, id);
            }
            self.entries.insert(id, entry);
        }
    }

    /// Forgets producers that were silent for the expiration time. One with an open transaction is never forgotten.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.entries
            .retain(|_, e| e.txn_first_offset.is_some() || now_ms.saturating_sub(e.last_timestamp_ms) < expiration_ms);
        self.verifications.retain(|_, v| now_ms.saturating_sub(v.since_ms) < expiration_ms);
    }

    pub fn has_open_txn(&self, id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.entries.get(&id).is_some_and(|e| e.txn_first_offset.is_some() && e.epoch == epoch)
    }

    /// First offset that belongs to a transaction not yet decided, or decided beyond the high watermark.
    pub fn first_unstable(&self) -> Option<Offset> {
        let undecided = self.first_undecided();
        let unreplicated = self.unreplicated.keys().next().copied();
        undecided.into_iter().chain(unreplicated).min()
    }

    /// First offset of the oldest open transaction. Compaction stops before it.
    pub fn first_undecided(&self) -> Option<Offset> {
        self.ongoing.keys().next().copied()
    }

    /// Since when the oldest open transaction has been silent.
    pub fn oldest_open_txn_ms(&self) -> Option<i64> {
        let id = self.ongoing.values().next()?;
        self.entries.get(id).map(|e| e.last_timestamp_ms)
    }

    /// The high watermark has passed everything below `offset`.
    pub fn replicated_to(&mut self, offset: Offset) {
        self.unreplicated.retain(|_, marker| *marker >= offset);
    }

    /// The last stable offset as it will be when this transaction is over.
    pub fn stable_after(&self, completed: &CompletedTxn) -> Offset {
        let next = self.ongoing.iter().find(|(_, id)| **id != completed.producer_id);
        next.map_or(completed.last_offset.plus(1), |(first, _)| *first)
    }

    /// A guard for the first append of a transaction, to be taken before the coordinator is asked. `None` when the
    /// transaction is known to be open here already. A producer that is known to be over is refused at once.
    pub fn begin_verification(
        &mut self,
        id: ProducerId,
        epoch: ProducerEpoch,
        sequence: i32,
        supports_epoch_bump: bool,
        now_ms: i64,
    ) -> Result<Option<VerificationGuard>, AppendError> {
        if let Some(entry) = self.entries.get(&id) {
            check::check_epoch(id, entry, epoch)?;
        }
        if self.has_open_txn(id, epoch) {
            return Ok(None);
        }
        let given = &mut self.guards_given;
        let v = self.verifications.entry(id).or_insert_with(|| {
            *given += 1;
            Verification {
                guard: VerificationGuard(*given),
                since_ms: now_ms,
                lowest_sequence: sequence,
                epoch,
                supports_epoch_bump,
            }
        });
        // A batch that failed to be verified must come before its followers, or they would make it a gap for ever.
        if epoch == v.epoch {
            v.lowest_sequence = v.lowest_sequence.min(sequence);
        } else if epoch > v.epoch {
            v.epoch = epoch;
            v.lowest_sequence = sequence;
        }
        Ok(Some(v.guard))
    }

    /// Puts a plan into effect.
    pub fn apply(&mut self, plan: &Plan) -> Undo {
        let before = self.entries.insert(plan.producer_id, plan.updated);
        if let Some(first) = plan.started {
            self.ongoing.insert(first, plan.producer_id);
        }
        if let Some(done) = plan.completed {
            self.ongoing.remove(&done.first_offset);
            self.unreplicated.insert(done.first_offset, done.last_offset);
        }
        if plan.transactional {
            self.verifications.remove(&plan.producer_id);
        }
        Undo { producer_id: plan.producer_id, before, started: plan.started, completed: plan.completed }
    }

    /// Takes an applied plan back; the last applied one first.
    pub fn undo(&mut self, undo: Undo) {
        match undo.before {
            Some(entry) => self.entries.insert(undo.producer_id, entry),
            None => self.entries.remove(&undo.producer_id),
        };
        if let Some(first) = undo.started {
            self.ongoing.remove(&first);
        }
        if let Some(done) = undo.completed {
            self.unreplicated.remove(&done.first_offset);
            self.ongoing.insert(done.first_offset, done.producer_id);
        }
    }

    /// What a batch that is already in the log means: nothing is refused. `end` is the decision of a control batch.
    pub fn replay(&mut self, header: &BatchHeader, end: Option<&EndTxn>) -> Option<CompletedTxn> {
        if !header.has_producer_id() || (header.is_control() && end.is_none()) {
            return None;
        }
        let plan = self.plan_unchecked(header, end);
        self.apply(&plan);
        plan.completed
    }

    fn plan_unchecked(&self, header: &BatchHeader, end: Option<&EndTxn>) -> Plan {
        let id = header.producer_id;
        let mut updated = self.entries.get(&id).copied().unwrap_or_default();
        let mut started = None;
        let mut completed = None;
        match end {
            Some(end) => {
                completed = updated.txn_first_offset.map(|first_offset| CompletedTxn {
                    producer_id: id,
                    first_offset,
                    last_offset: header.base_offset,
                    aborted: !end.commit,
                });
                updated.set_epoch(header.producer_epoch);
                updated.coordinator_epoch = end.coordinator_epoch;
                updated.txn_first_offset = None;
                updated.last_timestamp_ms = header.max_timestamp;
            }
            None => {
                let batch = RememberedBatch {
                    last_sequence: header.last_sequence(),
                    last_offset: header.last_offset(),
                    offset_delta: header.last_offset_delta,
                    timestamp_ms: header.max_timestamp,
                };
                updated.add_batch(header.producer_epoch, batch);
                if header.is_transactional() && updated.txn_first_offset.is_none() {
                    updated.txn_first_offset = Some(header.base_offset);
                    started = Some(header.base_offset);
                }
            }
        }
        Plan { producer_id: id, updated, started, completed, transactional: header.is_transactional() }
    }
}

#[cfg(test)]
mod tests;
