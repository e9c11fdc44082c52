//! One partition as the broker holds it: its log, who waits for it, and what is durable. How it is read stands in
//! `reading.rs`.
//!
//! Appending takes the log's lock; reading does not. With `ottla.acks.all=fsync` the high watermark is the durable
//! offset, so that no consumer reads what a crash may take back; with `page-cache` it is the log's end.

mod reading;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};
use tracing::error;

use crate::config::TopicSettings;
use crate::disk::fault;
use crate::log::{
    AppendBatch, AppendCtx, AppendError, Appended, EndTxn, Ends, LogReader, Origin, PartitionLog, SyncWork, Upkeep,
    VerificationGuard,
};
use crate::model::{ErrorCode, LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::records::ValidBatch;

use super::acks::{AckGroup, AckQueue};
use super::durability::{GroupCommit, Purpose, Syncable};
use super::log_dirs::BrokerDir;
use super::purgatory::WaiterList;

pub use reading::Located;

/// More than a transaction's marker takes.
const MARKER_BYTES: u64 = 128;

/// Shared by everyone who reads or writes the partition.
pub struct Partition {
    name: TopicPartition,
    topic_id: TopicId,
    leader_epoch: AtomicI32,
    settings: ArcSwap<TopicSettings>,
    log: Mutex<PartitionLog>,
    reader: LogReader,
    commit: ArcSwap<GroupCommit>,
    /// Everything below is on stable storage.
    durable: AtomicI64,
    queued: AtomicBool,
    acks: AckQueue,
    fetch_waiters: WaiterList,
    /// Bytes appended and not yet shown to those who wait for bytes.
    unseen_bytes: AtomicU64,
    /// Bytes that the sync under way will show.
    syncing_bytes: AtomicU64,
    /// Records appended since the last sync, for `flush.messages`.
    unflushed_records: AtomicI64,
    /// Everything below is not acknowledged before it is durable, as `flush.messages` has it.
    flush_to: AtomicI64,
    /// Since when, on the wall clock, something is not durable; 0 when everything is. For `flush.ms`.
    unflushed_since_ms: AtomicI64,
    offline: AtomicBool,
    gone: AtomicBool,
    /// Everything below was acknowledged, be it from the page cache.
    acknowledged: AtomicI64,
}

impl Partition {
    pub fn new(
        log: PartitionLog,
        leader_epoch: LeaderEpoch,
        settings: Arc<TopicSettings>,
        commit: Arc<GroupCommit>,
    ) -> Arc<Self> {
        Arc::new(Partition {
            name: log.topic_partition().clone(),
            topic_id: log.topic_id(),
            leader_epoch: AtomicI32::new(leader_epoch.0),
            settings: ArcSwap::new(settings),
            reader: log.reader(),
            // The high watermark of a log that was acknowledged from the page cache may be beyond what is on the disk.
            durable: AtomicI64::new(log.ends().high_watermark.min(log.synced_to()).0),
            log: Mutex::new(log),
            commit: ArcSwap::new(commit),
            queued: AtomicBool::new(false),
            acks: AckQueue::default(),
            fetch_waiters: WaiterList::default(),
            unseen_bytes: AtomicU64::new(0),
            syncing_bytes: AtomicU64::new(0),
            unflushed_records: AtomicI64::new(0),
            flush_to: AtomicI64::new(0),
            unflushed_since_ms: AtomicI64::new(0),
            offline: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            acknowledged: AtomicI64::new(0),
        })
    }

    pub fn name(&self) -> &TopicPartition {
        &self.name
    }

    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    pub fn leader_epoch(&self) -> LeaderEpoch {
        LeaderEpoch(self.leader_epoch.load(Ordering::Acquire))
    }

    pub fn set_leader_epoch(&self, epoch: LeaderEpoch) {
        self.leader_epoch.store(epoch.0, Ordering::Release);
    }

    pub fn settings(&self) -> arc_swap::Guard<Arc<TopicSettings>> {
        self.settings.load()
    }

    /// New topic settings, in force from now on.
    pub fn set_settings(&self, settings: Arc<TopicSettings>, log: Arc<crate::log::LogConfig>) {
        self.settings.store(settings);
        self.log.lock().set_config(log);
    }

    /// The log, for work that needs its writer: housekeeping, deletion, coordinators' loading.
    pub fn log(&self) -> MutexGuard<'_, PartitionLog> {
        self.log.lock()
    }

    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    pub fn ends(&self) -> Ends {
        self.reader.ends()
    }

    /// Of the directory that it is in.
    pub fn commit(&self) -> Arc<GroupCommit> {
        self.commit.load_full()
    }

    pub fn is_in(&self, dir: &BrokerDir) -> bool {
        Arc::ptr_eq(&self.commit.load(), &dir.commit)
    }

    /// The log has moved to another directory. Called with the log's lock held.
    pub(super) fn moved_to(&self, dir: &BrokerDir) {
        self.commit.store(dir.commit.clone());
    }

    /// It cannot be written, and what it shows may be wrong: its directory is lost, or its own files are damaged.
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Acquire) || self.commit.load().is_offline()
    }

    pub fn fetch_waiters(&self) -> &WaiterList {
        &self.fetch_waiters
    }

    /// Everything below is on stable storage.
    pub fn durable(&self) -> Offset {
        Offset(self.durable.load(Ordering::Acquire))
    }

    /// Whether a client's idea of the leader epoch is ours; -1 is no idea.
    pub fn check_leader_epoch(&self, asked: LeaderEpoch) -> Result<(), ErrorCode> {
        let current = self.leader_epoch();
        match asked {
            _ if self.is_offline() => Err(ErrorCode::KafkaStorageError),
            LeaderEpoch::NONE => Ok(()),
            asked if asked < current => Err(ErrorCode::FencedLeaderEpoch),
            asked if asked > current => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Appends one batch to the page cache. Who needs it durable asks [`Partition::when_durable`] next.
    pub fn append(
        self: &Arc<Self>,
        batch: &ValidBatch,
        guard: Option<VerificationGuard>,
        origin: Origin,
        now_ms: i64,
        page_cache_is_enough: bool,
    ) -> Result<Appended, AppendError> {
        let batch = AppendBatch { header: &batch.header, payload: &batch.payload, guard };
        let mut results = self.append_all(&[batch], origin, now_ms, page_cache_is_enough);
        results.pop().unwrap_or(Err(AppendError::Invalid("no batch")))
    }

    /// Appends batches in order, each with a result of its own, with one write where that is possible.
    pub fn append_all(
        self: &Arc<Self>,
        batches: &[AppendBatch<'_>],
        origin: Origin,
        now_ms: i64,
        page_cache_is_enough: bool,
    ) -> Vec<Result<Appended, AppendError>> {
        let ctx = AppendCtx { leader_epoch: self.leader_epoch(), origin, now_ms };
        let bytes = batches.iter().map(|batch| batch.header.size_bytes() as u64).sum();
        if self.admit(bytes, origin).is_err() {
            return batches.iter().map(|_| Err(AppendError::NoRoom)).collect();
        }
        let mut log = self.log.lock();
        let results = log.append_all(batches, &ctx);
        let (mut bytes, mut records) = (0, 0);
        for (batch, result) in batches.iter().zip(&results) {
            if result.as_ref().is_ok_and(|appended| !appended.duplicate) {
                bytes += batch.header.size_bytes() as u64;
                records += i64::from(batch.header.record_count);
            }
        }
        if bytes > 0 {
            self.count(bytes, records, log.log_end(), now_ms);
            self.after_append(&mut log, page_cache_is_enough);
        }
        drop(log);
        // A failure is told without the lock: who takes the directory offline goes through all its partitions, and this
        // may be one of them.
        results.iter().filter_map(|result| result.as_ref().err()).for_each(|e| self.append_failed(e));
        if results.iter().any(Result::is_ok) {
            self.show_or_sync(page_cache_is_enough);
        }
        results
    }

    /// Ends a producer's transaction here with a marker.
    pub fn append_marker(
        self: &Arc<Self>,
        end: &EndTxn,
        now_ms: i64,
        page_cache_is_enough: bool,
    ) -> Result<Appended, AppendError> {
        let ctx = AppendCtx { leader_epoch: self.leader_epoch(), origin: Origin::Coordinator, now_ms };
        self.admit(MARKER_BYTES, Origin::Coordinator)?;
        let mut log = self.log.lock();
        let appended = match log.append_marker(end, &ctx) {
            Ok(appended) => appended,
            Err(e) => {
                drop(log);
                self.append_failed(&e);
                return Err(e);
            }
        };
        self.count(1, 1, log.log_end(), now_ms);
        self.after_append(&mut log, page_cache_is_enough);
        drop(log);
        self.show_or_sync(page_cache_is_enough);
        Ok(appended)
    }

    /// A full disk refuses what is to be appended while it can still be refused whole.
    fn admit(&self, bytes: u64, origin: Origin) -> Result<(), AppendError> {
        let purpose = match origin {
            Origin::Client => Purpose::Clients,
            Origin::Coordinator => Purpose::OwnRecords,
        };
        if self.commit.load().room().admits(bytes, purpose) { Ok(()) } else { Err(AppendError::NoRoom) }
    }

    /// Called under the log's lock.
    fn count(&self, bytes: u64, records: i64, end: Offset, now_ms: i64) {
        self.unseen_bytes.fetch_add(bytes, Ordering::AcqRel);
        let _ = self.unflushed_since_ms.compare_exchange(0, now_ms.max(1), Ordering::AcqRel, Ordering::Relaxed);
        let unflushed = self.unflushed_records.fetch_add(records, Ordering::AcqRel) + records;
        if unflushed >= self.settings.load().flush_messages {
            self.flush_to.fetch_max(end.0, Ordering::AcqRel);
        }
    }

    /// What an append could not do tells whether the disk is lost, or the partition alone.
    fn append_failed(&self, e: &AppendError) {
        match e {
            AppendError::Io(e) if !fault::is_passing(e) && !self.is_gone() => self.commit().take_offline(e),
            AppendError::Failed(why) if !self.is_gone() => self.go_offline(why),
            _ => {}
        }
    }

    fn go_offline(&self, why: &str) {
        self.commit.load().note_failure();
        if !self.offline.swap(true, Ordering::AcqRel) {
            error!(
                "Partition {} is offline: {why}. Stop the broker and look at it with: ottla storage check {}",
                self.name,
                self.commit().dir().display()
            );
        }
        self.acks.fail(ErrorCode::KafkaStorageError);
        self.fetch_waiters.disturbed();
    }

    fn after_append(&self, log: &mut PartitionLog, page_cache_is_enough: bool) {
        if page_cache_is_enough {
            let end = log.log_end();
            log.advance_high_watermark(end);
        }
    }

    fn show_or_sync(self: &Arc<Self>, page_cache_is_enough: bool) {
        if page_cache_is_enough {
            let bytes = self.unseen_bytes.swap(0, Ordering::AcqRel);
            self.fetch_waiters.grown(bytes as i64);
        }
        if !page_cache_is_enough || Offset(self.flush_to.load(Ordering::Acquire)) > self.durable() {
            self.request_sync();
        }
    }

    /// After opening: what a crash left is synced before anyone reads it, or shown at once where that is enough.
    pub fn settle(self: &Arc<Self>, page_cache_is_enough: bool) {
        let mut log = self.log.lock();
        if !log.is_loaded() {
            return;
        }
        let synced = log.synced_to();
        self.durable.fetch_max(synced.0, Ordering::AcqRel);
        // Also what the checkpoint did not know to be shown.
        let shown = if page_cache_is_enough { log.log_end() } else { synced };
        log.advance_high_watermark(shown);
        drop(log);
        if !page_cache_is_enough {
            self.request_sync();
        }
    }

    /// Takes the partition out of service and its directory aside, which is left for removal at the returned path.
    pub fn close_for_deletion(&self, unique: uuid::Uuid) -> io::Result<std::path::PathBuf> {
        // First, so that a sync under way knows why it finds files no more.
        self.gone.store(true, Ordering::Release);
        let aside = self.log.lock().set_aside(crate::log::names::DirState::Delete, unique);
        self.acks.fail(ErrorCode::UnknownTopicOrPartition);
        self.fetch_waiters.disturbed();
        aside
    }

    /// Completes the log's files for a clean stop. The commit thread must have ended. What is returned is to be done,
    /// then [`Partition::closed`] makes the stop a clean one; `None`: there is nothing to do.
    pub fn close(&self) -> io::Result<Option<(SyncWork, Upkeep)>> {
        self.log.lock().close()
    }

    /// What closing needs has been done.
    pub fn closed(&self, (work, upkeep): &(SyncWork, Upkeep)) {
        let mut log = self.log.lock();
        log.synced(work.up_to);
        log.upkept(upkeep);
        let end = log.log_end();
        log.advance_high_watermark(end);
    }

    /// Its topic was deleted.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether what ends at `end` is acknowledged only once it is durable, though its producer does not ask for it.
    pub fn flushes_before_ack(&self, end: Offset) -> bool {
        Offset(self.flush_to.load(Ordering::Acquire)) >= end && self.durable() < end
    }

    /// Since when, on the wall clock, something is not durable.
    pub fn unflushed_since_ms(&self) -> Option<i64> {
        Some(self.unflushed_since_ms.load(Ordering::Acquire)).filter(|since_ms| *since_ms > 0)
    }

    /// Has everything appended so far synced in the next commit round.
    pub fn request_sync(self: &Arc<Self>) {
        let thing: Arc<dyn Syncable> = self.clone();
        self.commit.load().request(&thing);
    }

    /// Has the group told when everything below `end` is durable.
    pub fn when_durable(self: &Arc<Self>, end: Offset, slot: usize, group: &Arc<AckGroup>) {
        self.acks.wait(end, || self.durable(), slot, group);
        if self.is_gone() {
            self.acks.fail(ErrorCode::UnknownTopicOrPartition);
        } else if self.is_offline() {
            self.acks.fail(ErrorCode::KafkaStorageError);
        } else if self.durable() < end {
            self.request_sync();
        }
    }
}

impl Syncable for Partition {
    fn queued(&self) -> &AtomicBool {
        &self.queued
    }

    fn collect(&self) -> SyncWork {
        let mut log = self.log.lock();
        if self.is_gone() {
            return SyncWork::default();
        }
        let bytes = self.unseen_bytes.swap(0, Ordering::AcqRel);
        self.syncing_bytes.fetch_add(bytes, Ordering::AcqRel);
        self.unflushed_records.store(0, Ordering::Release);
        self.unflushed_since_ms.store(0, Ordering::Release);
        let up_to = log.log_end();
        log.take_unsynced().unwrap_or_else(|| SyncWork { up_to, ..SyncWork::default() })
    }

    fn synced(&self, work: &SyncWork) {
        {
            let mut log = self.log.lock();
            log.synced(work.up_to);
            log.advance_high_watermark(work.up_to);
        }
        self.durable.fetch_max(work.up_to.0, Ordering::AcqRel);
        self.acks.release(work.up_to);
        let bytes = self.syncing_bytes.swap(0, Ordering::AcqRel);
        self.fetch_waiters.grown(bytes as i64);
    }

    fn failed(&self) {
        self.commit.load().note_failure();
        if !self.offline.swap(true, Ordering::AcqRel) && !self.is_gone() {
            error!("Partition {} is offline with its log directory", self.name);
            self.log.lock().fail("its log directory is offline");
        }
        self.acks.fail(ErrorCode::KafkaStorageError);
        self.fetch_waiters.disturbed();
    }

    fn is_gone(&self) -> bool {
        Partition::is_gone(self)
    }

    fn has_left(&self, dir: &Path) -> bool {
        self.log.lock().dir() != dir
    }
}
