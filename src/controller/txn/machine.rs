//! One partition of `__transaction_state` as a state machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::event::{Decision, MarkerOrder, Request, TransactionalId, TxnAction, TxnConfig, TxnEvent, TxnReply};
use super::init::{self, Context};
use super::state::{TxnMetadata, TxnState, TxnVersion};
use super::waiting::{Waiting, WaitingRoom};
use super::{describe, end, partitions, records, timeouts};
use crate::controller::machine::{Effects, LogRecord, Machine, Now, Producer, Ticket};
use crate::model::{ErrorCode, ProducerEpoch};

/// Longest transactional id: what a string of the protocol can hold.
const TRANSACTIONAL_ID_BYTES_MAX: usize = i16::MAX as usize;
/// Ids forgotten in one go, so that their tombstones fit one batch.
const EXPIRED_PER_ROUND_MAX: usize = 1000;

/// A transactional id in memory.
#[derive(Debug)]
struct Entry {
    metadata: TxnMetadata,
    /// Soft: see [`Context::last_epoch`].
    last_epoch: ProducerEpoch,
}

/// The coordinator of the transactional ids of one partition.
#[derive(Debug)]
pub struct TxnMachine {
    config: TxnConfig,
    version: TxnVersion,
    entries: BTreeMap<TransactionalId, Entry>,
    open_transactions: usize,
    unreadable_records: u64,
    waiting: WaitingRoom,
    next_abort_scan_ms: i64,
    next_expiry_scan_ms: i64,
}

impl TxnMachine {
    pub fn new(config: TxnConfig, version: TxnVersion) -> Self {
        TxnMachine {
            config,
            version,
            entries: BTreeMap::new(),
            open_transactions: 0,
            unreadable_records: 0,
            waiting: WaitingRoom::default(),
            next_abort_scan_ms: 0,
            next_expiry_scan_ms: 0,
        }
    }

    /// The hard state, in order of id.
    pub fn transactions(&self) -> impl Iterator<Item = (&TransactionalId, &TxnMetadata)> {
        self.entries.iter().map(|(id, entry)| (id, &entry.metadata))
    }

    /// Records of the log that could not be read and were passed over.
    pub fn unreadable_records(&self) -> u64 {
        self.unreadable_records
    }

    fn decide(&self, now: Now, known: Option<&TxnMetadata>, last_epoch: ProducerEpoch, request: &Request) -> Decision {
        let cx = Context { config: &self.config, server: self.version, now_ms: now.wall_ms, known, last_epoch };
        match request {
            Request::Init { timeout_ms, expected, fresh } => init::decide(cx, *timeout_ms, *expected, *fresh),
            Request::Add { producer, partitions, client } => partitions::decide_add(cx, *producer, partitions, *client),
            Request::Verify { producer, partitions } => partitions::decide_verify(cx, *producer, partitions),
            Request::End { producer, commit, client, fresh } => end::decide(cx, *producer, *commit, *client, *fresh),
            Request::FenceTimedOut { producer, fresh } => timeouts::decide_fence(cx, *producer, *fresh),
        }
    }

    /// Decides one request. `ahead` is the metadata that records of this same call lead to, when there are any.
    fn serve(&mut self, now: Now, asked: Waiting, ahead: &mut Option<TxnMetadata>, effects: &mut Effects<Self>) {
        let entry = self.entries.get(&asked.transactional_id);
        let last_epoch = entry.map_or(ProducerEpoch::NONE, |entry| entry.last_epoch);
        let known = ahead.as_ref().or(entry.map(|entry| &entry.metadata));
        match self.decide(now, known, last_epoch, &asked.request) {
            Decision::Reply(reply) => effects.reply(asked.ticket, reply),
            Decision::Become { metadata, last_epoch, reply } => {
                effects.reply(asked.ticket, reply);
                if let Some(entry) = self.entries.get_mut(&asked.transactional_id) {
                    entry.last_epoch = last_epoch;
                }
                *ahead = Some(self.persist(now, &asked.transactional_id, metadata, effects));
            }
            Decision::Busy => self.wait(now, asked, effects),
        }
    }

    fn wait(&mut self, now: Now, asked: Waiting, effects: &mut Effects<Self>) {
        let refused = if asked.until_ms > now.monotonic_ms { self.waiting.admit(asked).err() } else { Some(asked) };
        if let Some(asked) = refused {
            effects.reply(asked.ticket, asked.request.refused(ErrorCode::ConcurrentTransactions));
        }
    }

    /// Puts the new state into the log; a decision is followed by its markers, or at once by its completion when there
    /// are none to write. Gives back what the state will be.
    fn persist(
        &self,
        now: Now,
        id: &TransactionalId,
        metadata: TxnMetadata,
        effects: &mut Effects<Self>,
    ) -> TxnMetadata {
        effects.record(records::encode(id, Some(&metadata), self.version));
        if !metadata.state.is_deciding() {
            return metadata;
        }
        if let Some(completed) = metadata.completed(now.wall_ms).filter(|_| metadata.partitions.is_empty()) {
            effects.record(records::encode(id, Some(&completed), self.version));
            return completed;
        }
        effects.actions.push(TxnAction::WriteMarkers(self.order(id, &metadata)));
        metadata
    }

    fn order(&self, id: &TransactionalId, metadata: &TxnMetadata) -> MarkerOrder {
        MarkerOrder {
            transactional_id: id.clone(),
            producer: metadata.producer,
            commit: metadata.state == TxnState::PrepareCommit,
            partitions: metadata.partitions.iter().cloned().collect(),
            version: metadata.client_version,
        }
    }

    /// Completes the transaction and lets those in that waited for it. A report about an older decision is stale.
    fn markers_written(&mut self, now: Now, id: &str, producer: Producer, effects: &mut Effects<Self>) {
        let Some((id, entry)) = self.entries.get_key_value(id) else { return };
        if entry.metadata.producer != producer {
            return;
        }
        let Some(completed) = entry.metadata.completed(now.wall_ms) else { return };
        let id = id.clone();
        effects.record(records::encode(&id, Some(&completed), self.version));
        let mut ahead = Some(completed);
        for waiting in self.waiting.release(&id) {
            self.serve(now, waiting, &mut ahead, effects);
        }
    }

    fn abort_timed_out(&mut self, now: Now, effects: &mut Effects<Self>) {
        let timed_out: Vec<(TransactionalId, Producer)> = self
            .transactions()
            .filter(|(_, metadata)| timeouts::is_timed_out(metadata, now.wall_ms))
            .map(|(id, metadata)| (id.clone(), metadata.producer))
            .collect();
        for (id, producer) in timed_out {
            let request = Request::FenceTimedOut { producer, fresh: None };
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            let (known, last_epoch) = (entry.metadata.clone(), entry.last_epoch);
            match self.decide(now, Some(&known), last_epoch, &request) {
                Decision::Become { metadata, last_epoch, .. } => {
                    if let Some(entry) = self.entries.get_mut(&id) {
                        entry.last_epoch = last_epoch;
                    }
                    self.persist(now, &id, metadata, effects);
                }
                Decision::Reply(TxnReply::NeedsProducerId) => {
                    effects.actions.push(TxnAction::FenceWithFreshId { transactional_id: id, producer });
                }
                _ => {}
            }
        }
    }

    /// Whether all that had expired were forgotten.
    fn forget_expired(&mut self, now: Now, effects: &mut Effects<Self>) -> bool {
        let mut expired = self
            .transactions()
            .filter(|(_, metadata)| timeouts::is_expired(metadata, &self.config, now.wall_ms))
            .map(|(id, _)| records::encode(id, None, self.version))
            .peekable();
        effects.records.extend(expired.by_ref().take(EXPIRED_PER_ROUND_MAX));
        expired.peek().is_none()
    }
}

impl Machine for TxnMachine {
    type Event = TxnEvent;
    type Reply = TxnReply;
    type Record = LogRecord;
    type Action = TxnAction;

    fn handle(&mut self, now: Now, ticket: Ticket, event: TxnEvent, effects: &mut Effects<Self>) {
        match event {
            TxnEvent::Request(id, request) => {
                if id.is_empty() || id.len() > TRANSACTIONAL_ID_BYTES_MAX {
                    return effects.reply(ticket, request.refused(ErrorCode::InvalidRequest));
                }
                let until_ms = now.monotonic_ms.saturating_add(self.config.busy_wait_ms);
                self.serve(now, Waiting { transactional_id: id, ticket, request, until_ms }, &mut None, effects);
            }
            TxnEvent::MarkersWritten { transactional_id, producer } => {
                self.markers_written(now, &transactional_id, producer, effects);
                effects.reply(ticket, TxnReply::Done);
            }
            TxnEvent::Describe(id) => {
                let described = match self.entries.get(&id) {
                    _ if id.is_empty() => Err(ErrorCode::InvalidRequest),
                    None => Err(ErrorCode::TransactionalIdNotFound),
                    Some(entry) => Ok(describe::describe(&entry.metadata)),
                };
                effects.reply(ticket, TxnReply::Described(described));
            }
            TxnEvent::List(filter) => {
                let listed = describe::list(self.transactions(), &filter, now.wall_ms);
                effects.reply(ticket, TxnReply::Listed(listed));
            }
            TxnEvent::VersionChanged(version) => {
                self.version = version;
                effects.reply(ticket, TxnReply::Done);
            }
        }
    }

    fn apply(&mut self, _now: Now, record: &LogRecord) {
        let Ok(id) = records::decode_key(&record.key) else {
            self.unreadable_records += 1;
            return;
        };
        let is_open = |entry: &Entry| usize::from(entry.metadata.state == TxnState::Ongoing);
        let Some(value) = &record.value else {
            let forgotten = self.entries.remove(id.as_str());
            self.open_transactions -= forgotten.as_ref().map_or(0, is_open);
            return;
        };
        let Ok(metadata) = records::decode_value(value) else {
            self.unreadable_records += 1;
            return;
        };
        let opened = usize::from(metadata.state == TxnState::Ongoing);
        let closed = match self.entries.get_mut(id.as_str()) {
            Some(entry) => {
                let was_open = is_open(entry);
                entry.metadata = metadata;
                was_open
            }
            None => {
                self.entries.insert(Arc::from(id), Entry { metadata, last_epoch: ProducerEpoch::NONE });
                0
            }
        };
        self.open_transactions = self.open_transactions + opened - closed;
    }

    fn on_timeout(&mut self, now: Now, effects: &mut Effects<Self>) {
        for waiting in self.waiting.expire(now.monotonic_ms) {
            effects.reply(waiting.ticket, waiting.request.refused(ErrorCode::ConcurrentTransactions));
        }
        if self.next_abort_scan_ms <= now.monotonic_ms {
            self.next_abort_scan_ms = now.monotonic_ms.saturating_add(self.config.abort_interval_ms.max(1));
            self.abort_timed_out(now, effects);
        }
        if self.next_expiry_scan_ms <= now.monotonic_ms {
            let all = self.forget_expired(now, effects);
            let pause_ms = if all { self.config.expiry_interval_ms.max(1) } else { 1 };
            self.next_expiry_scan_ms = now.monotonic_ms.saturating_add(pause_ms);
        }
    }

    fn next_deadline(&self) -> Option<i64> {
        let abort_scan = Some(self.next_abort_scan_ms).filter(|_| self.open_transactions > 0);
        let expiry_scan = Some(self.next_expiry_scan_ms).filter(|_| !self.entries.is_empty());
        [self.waiting.next_deadline(), abort_scan, expiry_scan].into_iter().flatten().min()
    }

    fn on_loaded(&mut self, now: Now, effects: &mut Effects<Self>) {
        self.next_abort_scan_ms = now.monotonic_ms.saturating_add(self.config.abort_interval_ms.max(1));
        self.next_expiry_scan_ms = now.monotonic_ms.saturating_add(self.config.expiry_interval_ms.max(1));
        let undone = self.transactions().filter(|(_, metadata)| metadata.state.is_deciding());
        let orders: Vec<MarkerOrder> = undone.map(|(id, metadata)| self.order(id, metadata)).collect();
        for order in orders {
            match order.partitions.is_empty() {
                true => self.markers_written(now, &order.transactional_id, order.producer, effects),
                false => effects.actions.push(TxnAction::WriteMarkers(order)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
