//! One partition's log: the facade that `broker` drives from behind the partition's lock. Reading goes through
//! [`LogReader`] and needs no lock.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::config::LogConfig;
use super::epochs::{self, Epochs};
use super::error::{AppendError, OpenError};
use super::flush::{Dirty, SyncWork, Upkeep};
use super::handles::Handles;
use super::names::{self, FileKind, Stage};
use super::producers::{EndTxn, ProducerEntry, Producers, VerificationGuard, snapshot};
use super::segment::{Place, Segment};
use super::view::{Ends, LogReader, Shared, SharedState, View};
use crate::disk::{Open, fault};
use crate::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicId, TopicPartition};

/// What a log is and where it lives.
#[derive(Clone)]
pub struct LogEnv {
    pub handles: Arc<Handles>,
    pub dir: PathBuf,
    pub topic_partition: TopicPartition,
    pub topic_id: TopicId,
    pub config: Arc<LogConfig>,
    /// Spreads the rolling by time of partitions that were created together.
    pub jitter_seed: u64,
}

/// What the checkpoints and the way the broker stopped say about a log.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The last stop was clean: files are as they were closed and nothing is scanned.
    pub clean: bool,
    /// Everything below is on stable storage and sound. After a clean stop this is the log's end.
    pub recovery_point: Offset,
    pub log_start: Offset,
    pub high_watermark: Offset,
    /// Compaction has been over everything below. Segments that begin there may end before the next begins.
    pub cleaned_to: Offset,
    pub now_ms: i64,
}

impl Opening {
    /// Of a partition that is new.
    pub fn fresh(now_ms: i64) -> Self {
        let none = Offset(0);
        Opening { clean: true, recovery_point: none, log_start: none, high_watermark: none, cleaned_to: none, now_ms }
    }
}

/// One partition's log and its writer's state.
pub struct PartitionLog {
    pub(super) topic_partition: TopicPartition,
    pub(super) topic_id: TopicId,
    pub(super) config: Arc<LogConfig>,
    pub(super) place: Arc<Place>,
    pub(super) reader: LogReader,
    /// Set until the log is loaded.
    pub(super) opening: Option<Opening>,
    pub(super) producers: Producers,
    pub(super) epochs: Epochs,
    /// Offsets of the producer snapshots on the disk.
    pub(super) snapshots: BTreeSet<Offset>,
    pub(super) dirty: Dirty,
    /// Everything below is durable.
    pub(super) synced: Offset,
    /// The directory and the first segment are new, and their names may not survive a crash.
    pub(super) names_at_risk: bool,
    /// As [`PartitionLog::recovery_point`] reports it; never goes back.
    pub(super) recovery_point: Offset,
    pub(super) active_created_ms: i64,
    pub(super) active_first_ms: Option<i64>,
    pub(super) roll_jitter_ms: i64,
    pub(super) reserved_bytes: u64,
    jitter: u64,
    /// Why nothing is appended any more.
    pub(super) failed: Option<String>,
}

impl PartitionLog {
    /// Knows of a log. Nothing on the disk is touched before the log is used, unless the last stop was not clean:
    /// then it is loaded, and what the stop left behind is put in order.
    pub fn open(env: LogEnv, opening: Opening) -> Result<PartitionLog, OpenError> {
        let end = opening.recovery_point.max(opening.log_start);
        let high_watermark = opening.high_watermark.clamp(opening.log_start, end);
        let view = View { segments: Arc::default(), ends: Ends::at(opening.log_start, end, high_watermark, 0) };
        let mut log = PartitionLog {
            topic_partition: env.topic_partition,
            topic_id: env.topic_id,
            config: env.config,
            place: Place::new(env.handles, env.dir),
            reader: LogReader(Arc::new(Shared(Mutex::new(SharedState { view, loaded: false })))),
            opening: Some(opening),
            producers: Producers::default(),
            epochs: Epochs::default(),
            snapshots: BTreeSet::new(),
            dirty: Dirty::default(),
            synced: opening.recovery_point,
            names_at_risk: false,
            recovery_point: opening.recovery_point,
            active_created_ms: opening.now_ms,
            active_first_ms: None,
            roll_jitter_ms: 0,
            reserved_bytes: 0,
            jitter: env.jitter_seed,
            failed: None,
        };
        if !opening.clean {
            log.ensure_loaded()?;
        }
        Ok(log)
    }

    /// A log that is not on the disk yet. Its directory and first segment are made at once, and are part of the first
    /// [`PartitionLog::take_unsynced`].
    pub fn create(env: LogEnv, now_ms: i64) -> Result<PartitionLog, OpenError> {
        let mut log = PartitionLog::open(env, Opening::fresh(now_ms))?;
        match log.make_files()? {
            true => log.begin(now_ms)?,
            // Something is there already, and is looked at as after any stop.
            false => log.ensure_loaded()?,
        }
        Ok(log)
    }

    /// The same, loaded only when it is used: of many that are made at once most are not for long.
    pub fn create_for_later(env: LogEnv, now_ms: i64) -> Result<PartitionLog, OpenError> {
        let mut log = PartitionLog::open(env, Opening::fresh(now_ms))?;
        if !log.make_files()? {
            log.ensure_loaded()?;
        }
        Ok(log)
    }

    /// Loads the log if that has not been done. Every method that needs it calls it; readers, who cannot, are told
    /// [`super::ReadError::NotLoaded`].
    pub fn ensure_loaded(&mut self) -> Result<(), OpenError> {
        match self.opening {
            None => Ok(()),
            Some(opening) => self.load(opening),
        }
    }

    pub fn is_loaded(&self) -> bool {
        self.opening.is_none()
    }

    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    pub fn config(&self) -> &Arc<LogConfig> {
        &self.config
    }

    /// New settings, obeyed from now on.
    pub fn set_config(&mut self, config: Arc<LogConfig>) {
        self.config = config;
    }

    pub fn dir(&self) -> PathBuf {
        self.place.dir().to_path_buf()
    }

    /// For reading beside the writer.
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    pub fn ends(&self) -> Ends {
        self.reader.ends()
    }

    pub fn log_start(&self) -> Offset {
        self.ends().log_start
    }

    pub fn log_end(&self) -> Offset {
        self.ends().log_end
    }

    /// Where each leader epoch begins.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// Moves the high watermark forward; a smaller offset or one beyond the log's end changes nothing more than that
    /// end allows. True when it moved.
    pub fn advance_high_watermark(&mut self, to: Offset) -> bool {
        let moved = self.update_ends(|ends| {
            let to = to.min(ends.log_end);
            let moved = to > ends.high_watermark;
            ends.high_watermark = ends.high_watermark.max(to);
            moved
        });
        if moved {
            self.producers.replicated_to(self.ends().high_watermark);
            self.refresh_unstable();
        }
        moved
    }

    // Producers.

    /// Producers that are known here.
    pub fn producers(&self) -> impl ExactSizeIterator<Item = (&ProducerId, &ProducerEntry)> {
        self.producers.iter()
    }

    /// Forgets silent producers, as `producer.id.expiration.ms` asks.
    pub fn expire_producers(&mut self, now_ms: i64) {
        self.producers.expire(now_ms, self.config.producer_id_expiration_ms);
    }

    /// Is a transaction of this producer open here?
    pub fn has_open_txn(&self, id: ProducerId, epoch: ProducerEpoch) -> bool {
        self.producers.has_open_txn(id, epoch)
    }

    /// Since when the oldest open transaction here has been silent.
    pub fn oldest_open_txn_ms(&self) -> Option<i64> {
        self.producers.oldest_open_txn_ms()
    }

    /// Whether a coordinator could append a batch of this producer's transaction now.
    pub fn check_transactional(
        &self,
        id: ProducerId,
        epoch: ProducerEpoch,
        guard: Option<VerificationGuard>,
    ) -> Result<(), AppendError> {
        self.producers.check_transactional(id, epoch, guard, self.config.verify_transactions)
    }

    /// Whether the transaction's end may be written.
    pub fn check_marker(&self, end: &EndTxn) -> Result<(), AppendError> {
        self.producers.check_marker(end)
    }

    /// A guard for the first append of a transaction; see [`Producers::begin_verification`].
    pub fn begin_verification(
        &mut self,
        id: ProducerId,
        epoch: ProducerEpoch,
        sequence: i32,
        supports_epoch_bump: bool,
        now_ms: i64,
    ) -> Result<Option<VerificationGuard>, AppendError> {
        self.ensure_loaded().map_err(into_append_error)?;
        self.producers.begin_verification(id, epoch, sequence, supports_epoch_bump, now_ms)
    }

    // Durability.

    /// Everything below is durable.
    pub fn synced_to(&self) -> Offset {
        self.synced
    }

    /// What is to be synced for everything appended so far; `None` when nothing is. The caller syncs without holding
    /// the log's lock, then calls [`PartitionLog::synced`]. A sync that fails is never tried again: call
    /// [`PartitionLog::fail`].
    pub fn take_unsynced(&mut self) -> Option<SyncWork> {
        let end = self.log_end();
        self.dirty.take_sync(end)
    }

    /// The work is done: everything below `up_to` is durable.
    pub fn synced(&mut self, up_to: Offset) {
        self.names_at_risk = false;
        self.synced = self.synced.max(up_to);
    }

    /// What keeps the recovery point back; `None` when nothing does.
    pub fn take_upkeep(&mut self) -> Option<Upkeep> {
        let text = self.dirty.epochs.then(|| (self.place.path(epochs::FILE_NAME), self.epochs.to_text()));
        let up_to = self.active().map_or(self.synced, |active| active.base());
        self.dirty.take_upkeep(self.dir(), text, up_to)
    }

    /// The upkeep is done.
    pub fn upkept(&mut self, upkeep: &Upkeep) {
        if upkeep.dir != self.dir() {
            // The log has moved, and nothing of it needs upkeep where it is now.
            return;
        }
        self.dirty.upkeep_is_done();
        self.recovery_point = self.recovery_point.max(upkeep.up_to.min(self.synced));
    }

    /// The upkeep could not be done now and is to be taken again. Not after a failed sync.
    pub fn not_upkept(&mut self, upkeep: Upkeep) {
        if upkeep.dir != self.dir() {
            return;
        }
        self.dirty.give_back(upkeep);
    }

    /// Up to where the next start need not scan, fit for the recovery point checkpoint.
    pub fn recovery_point(&mut self) -> Offset {
        if self.is_loaded() {
            // The segment that holds the recovery point is scanned whole and its indexes are rebuilt, so the active one
            // needs only its bytes. It must then be the one that holds the point, even if it ends right there.
            let end = self.log_end();
            let inside = match self.active() {
                Some(active) if active.base() < end => end.plus(-1),
                _ => end,
            };
            let free = match self.dirty.upkeep_from() {
                Some(base) => base.min(self.synced),
                None if self.dirty.epochs_at_risk() => self.recovery_point,
                None => self.synced.min(inside),
            };
            self.recovery_point = self.recovery_point.max(free);
        }
        self.recovery_point
    }

    /// Nothing is appended any more: a sync failed, or the directory is lost. Reads go on.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failed.get_or_insert(why.into());
    }

    /// Completes the log's files for a clean stop. The work returned, once done, makes the stop a clean one: sync it,
    /// then the recovery point is the log's end.
    pub fn close(&mut self) -> io::Result<Option<(SyncWork, Upkeep)>> {
        if !self.is_loaded() {
            return Ok(None);
        }
        let end = self.log_end();
        if let Some(active) = self.active() {
            active.write_indexes()?;
            if self.reserved_bytes > active.size_bytes() {
                active.log_file()?.truncate(active.size_bytes())?;
                self.reserved_bytes = 0;
            }
            self.dirty.segment(&active);
            self.dirty.sealed(&active);
        }
        self.snapshot_producers(end)?;
        let sync = self.dirty.take_sync(end).unwrap_or_default();
        let text = Some((self.place.path(epochs::FILE_NAME), self.epochs.to_text()));
        let mut upkeep = self.dirty.take_upkeep(self.dir(), text, end).unwrap_or_default();
        upkeep.up_to = end;
        Ok(Some((sync, upkeep)))
    }

    // What the parts of the log share.

    pub(super) fn active(&self) -> Option<Arc<Segment>> {
        self.reader.0.0.lock().view.segments.last().cloned()
    }

    pub(super) fn view(&self) -> View {
        self.reader.0.0.lock().view.clone()
    }

    pub(super) fn update_ends<T>(&self, f: impl FnOnce(&mut Ends) -> T) -> T {
        f(&mut self.reader.0.0.lock().view.ends)
    }

    /// Publishes the first unstable offset as the producers now have it.
    pub(super) fn refresh_unstable(&self) {
        let first = self.producers.first_unstable();
        self.update_ends(|ends| ends.first_unstable = first.map(|o| o.max(ends.log_start)));
    }

    pub(super) fn next_jitter(&mut self) -> i64 {
        let max = self.config.segment_jitter_ms.min(self.config.segment_ms);
        if max <= 0 {
            return 0;
        }
        // splitmix64
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % max as u64) as i64
    }

    /// Writes the producers' state as of `at`, unless that has been done.
    pub(super) fn snapshot_producers(&mut self, at: Offset) -> io::Result<()> {
        if self.snapshots.contains(&at) {
            return Ok(());
        }
        let path = self.place.path(names::file(at, FileKind::Snapshot, Stage::Live));
        let bytes = snapshot::encode(self.producers.iter());
        self.put_snapshot(path, &bytes, at)
    }

    /// Writes the state of other producers, while the log's own are not known yet.
    pub(super) fn write_snapshot(&mut self, producers: &Producers, at: Offset) -> io::Result<()> {
        let path = self.place.path(names::file(at, FileKind::Snapshot, Stage::Live));
        self.put_snapshot(path, &snapshot::encode(producers.iter()), at)
    }

    fn put_snapshot(&mut self, path: PathBuf, bytes: &[u8], at: Offset) -> io::Result<()> {
        let file = self.place.handles().open(&path, Open::Create)?;
        file.truncate(0)?;
        file.write_all_at(&[IoSlice::new(bytes)], 0)?;
        self.snapshots.insert(at);
        self.dirty.snapshot(path);
        Ok(())
    }

    /// Ends the active segment and begins another at the log's end. Nothing happens when the active one is empty.
    pub fn roll(&mut self, now_ms: i64) -> Result<(), AppendError> {
        self.ensure_loaded().map_err(into_append_error)?;
        let view = self.view();
        let Some(active) = view.segments.last() else { return Ok(()) };
        let base = view.ends.log_end;
        if base == active.base() {
            return Ok(());
        }
        if self.names_at_risk {
            // Were the first segment's name lost and the second's not, the log would seem to start there. Happens only
            // to a log that fills a segment before it is synced for the first time.
            let dir = self.dir();
            let disk = self.place.handles().disk();
            dir.parent().map_or(Ok(()), |parent| disk.sync_dir(parent)).map_err(fault::of_sync)?;
            disk.sync_dir(&dir).map_err(fault::of_sync)?;
            self.names_at_risk = false;
        }
        self.snapshot_producers(base)?;
        let begun = Segment::create(self.place.clone(), base, Stage::Live, now_ms);
        let next = begun.and_then(|next| active.seal().map(|()| next)).inspect_err(|_| {
            // The file of a segment that does not begin would later lie in the middle of another.
            let unused = self.place.path(names::file(base, FileKind::Log, Stage::Live));
            let _ = self.place.handles().disk().remove_file(&unused);
        })?;
        let mut segments = view.segments.to_vec();
        segments.push(next);
        self.dirty.segment(active);
        self.dirty.sealed(active);
        self.dirty.dir(self.dir());
        {
            let mut state = self.reader.0.0.lock();
            state.view.segments = Arc::new(segments);
            state.view.ends.set_end(base, 0);
        }
        self.began_segment(now_ms);
        Ok(())
    }

    pub(super) fn began_segment(&mut self, now_ms: i64) {
        self.active_created_ms = now_ms;
        self.active_first_ms = None;
        self.reserved_bytes = 0;
        self.roll_jitter_ms = self.next_jitter();
    }

    /// The greatest leader epoch at or below the one asked for and where it ends.
    pub fn end_of_epoch(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_of(asked, self.log_end())
    }
}

pub(super) fn into_append_error(e: OpenError) -> AppendError {
    match e {
        OpenError::Io(e) => AppendError::Io(e),
        other => AppendError::Failed(other.to_string()),
    }
}
