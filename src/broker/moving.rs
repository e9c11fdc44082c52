//! Partitions on their way from one log directory to another. One at a time is copied beside its use; the last step
//! holds its writer for as long as a few small syncs take.
//!
//! A crash leaves the partition in the one directory or in the other: what is copied has a name of its own until it is
//! complete. Where a crash in the last step leaves both, they are alike, and the metadata says which is kept.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tracing::{error, info, warn};

use super::Broker;
use super::durability::Purpose;
use super::housekeeping::ONE_AT_A_TIME;
use super::log_dirs::BrokerDir;
use super::partition::Partition;
use crate::controller::metadata::Request;
use crate::disk::fault;
use crate::log::names::{self, DirState};
use crate::log::{Copying, OpenError, Opening};
use crate::model::{ErrorCode, Offset};

/// What may be left to copy in the last step.
const LAST_STEP_BYTES: u64 = 1 << 20;
/// A log that is written faster than it is copied is stopped for the rest after so many rounds.
const ROUNDS_MAX: usize = 20;
/// Pause before asking again whether the cleaner has done with a log.
const CLEANER_PAUSE: Duration = Duration::from_millis(20);
const RATE_KEY: &str = "replica.alter.log.dirs.io.max.bytes.per.second";

/// One partition's way to another directory.
pub struct Move {
    pub partition: Arc<Partition>,
    pub to: Arc<BrokerDir>,
    cancelled: AtomicBool,
    copied_bytes: AtomicU64,
    copied_to: AtomicI64,
}

impl Move {
    pub fn copied_bytes(&self) -> u64 {
        self.copied_bytes.load(Ordering::Acquire)
    }

    /// Records that the copy does not have yet.
    pub fn lag(&self) -> i64 {
        (self.partition.ends().log_end.0 - self.copied_to.load(Ordering::Acquire)).max(0)
    }

    fn is_of(&self, partition: &Arc<Partition>) -> bool {
        Arc::ptr_eq(&self.partition, partition)
    }

    fn must_end(&self) -> bool {
        self.cancelled.load(Ordering::Acquire) || self.partition.is_gone()
    }
}

/// All moves that were asked for and are not done.
#[derive(Default)]
pub struct Moves {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The first is under way while there is a thread.
    queue: VecDeque<Arc<Move>>,
    thread: Option<JoinHandle<()>>,
    is_running: bool,
    stopping: bool,
}

/// Why a partition stays where it is.
#[derive(Debug, thiserror::Error)]
enum Stays {
    #[error("it was called off")]
    Cancelled,
    #[error("there is no room in the other directory")]
    NoRoom,
    #[error("the checkpoints of the other directory cannot be written")]
    NoCheckpoint,
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Moves {
    pub fn all(&self) -> Vec<Arc<Move>> {
        self.state.lock().queue.iter().cloned().collect()
    }

    fn next(&self) -> Option<Arc<Move>> {
        let mut state = self.state.lock();
        let next = state.queue.front().filter(|_| !state.stopping).cloned();
        state.is_running &= next.is_some();
        next
    }

    fn done(&self, done: &Arc<Move>) {
        self.state.lock().queue.retain(|other| !Arc::ptr_eq(other, done));
    }

    fn cancel(&self, partition: &Arc<Partition>) {
        for other in self.state.lock().queue.iter().filter(|other| other.is_of(partition)) {
            other.cancelled.store(true, Ordering::Release);
        }
    }
}

impl Broker {
    /// Has a partition moved, or left where it is if that is the directory; a move elsewhere is called off.
    pub fn place(self: &Arc<Self>, partition: &Arc<Partition>, to: &Arc<BrokerDir>) -> Result<(), ErrorCode> {
        if self.ask_to_move(partition, to)? {
            self.start_moving();
        }
        Ok(())
    }

    /// The same, without beginning. True when there is something to do.
    pub fn ask_to_move(&self, partition: &Arc<Partition>, to: &Arc<BrokerDir>) -> Result<bool, ErrorCode> {
        if partition.is_offline() || to.commit.is_offline() {
            return Err(ErrorCode::KafkaStorageError);
        }
        if partition.is_in(to) {
            self.moves().cancel(partition);
            return Ok(false);
        }
        let is_under_way = |other: &Arc<Move>| {
            other.is_of(partition) && Arc::ptr_eq(&other.to, to) && !other.cancelled.load(Ordering::Acquire)
        };
        if self.moves().state.lock().queue.iter().any(is_under_way) {
            return Ok(false);
        }
        self.moves().cancel(partition);
        let (partition, to) = (partition.clone(), to.clone());
        let (cancelled, copied_bytes, copied_to) = Default::default();
        self.moves().state.lock().queue.push_back(Arc::new(Move { partition, to, cancelled, copied_bytes, copied_to }));
        Ok(true)
    }

    fn start_moving(self: &Arc<Self>) {
        let mut state = self.moves().state.lock();
        if state.is_running || state.stopping {
            return;
        }
        let broker = self.clone();
        match std::thread::Builder::new().name("mover".into()).spawn(move || broker.work_off_moves()) {
            Ok(thread) => {
                state.is_running = true;
                state.thread = Some(thread);
            }
            Err(e) => warn!("Partitions are moved later: {e}"),
        }
    }

    /// Carries out everything asked for on the caller's thread.
    pub fn work_off_moves(&self) {
        while let Some(next) = self.moves().next() {
            let name = next.partition.name().clone();
            match self.carry_out(&next) {
                Ok(()) => info!("Moved {name} to {}", next.to.dir.path().display()),
                Err(Stays::Cancelled) => {}
                Err(why) => warn!("{name} is not moved to {}: {why}", next.to.dir.path().display()),
            }
            self.moves().done(&next);
        }
    }

    /// Ends what is under way; the partition stays where it was.
    pub(super) fn stop_moving(&self) {
        let thread = {
            let mut state = self.moves().state.lock();
            state.stopping = true;
            state.queue.iter().for_each(|other| other.cancelled.store(true, Ordering::Release));
            state.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            error!("Moving partitions has died");
        }
    }

    fn carry_out(&self, wanted: &Move) -> Result<(), Stays> {
        let root = wanted.to.dir.path();
        let copy = root.join(names::partition_dir_as(wanted.partition.name(), DirState::Future, self.random_uuid()));
        let mut copying = match Copying::begin(self.disk().clone(), copy) {
            Ok(copying) => copying,
            Err(e) => return Err(self.lost_on_the_way(wanted, e)),
        };
        let done = self.copy(wanted, &mut copying).and_then(|()| self.switch(wanted, &mut copying));
        if done.is_err() {
            wanted.to.unopened.lock().remove(wanted.partition.name());
            let _ = self.disk().remove_dir_all(copying.dir());
        }
        done
    }

    /// Copies until little is missing.
    fn copy(&self, wanted: &Move, copying: &mut Copying) -> Result<(), Stays> {
        let partition = &wanted.partition;
        for _ in 0..ROUNDS_MAX {
            let (segments, end) = {
                let mut log = partition.log();
                (log.segments_to_copy()?, log.log_end())
            };
            let bytes = segments.iter().map(|segment| segment.size_bytes()).sum::<u64>();
            if !wanted.to.commit.room().admits(bytes.saturating_sub(wanted.copied_bytes()), Purpose::Clients) {
                return Err(Stays::NoRoom);
            }
            let mut go_on = |bytes| {
                wanted.copied_bytes.fetch_add(bytes, Ordering::AcqRel);
                self.keep_to_the_rate(bytes);
                !wanted.must_end()
            };
            match copying.follow(&segments, &mut go_on) {
                _ if wanted.must_end() => return Err(Stays::Cancelled),
                Ok(copied) => {
                    wanted.copied_to.store(end.0, Ordering::Release);
                    if copied <= LAST_STEP_BYTES {
                        break;
                    }
                }
                // Compaction or retention took a file meanwhile.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(self.lost_on_the_way(wanted, e)),
            }
        }
        Ok(())
    }

    fn keep_to_the_rate(&self, bytes: u64) {
        let layers = self.layers();
        let text = layers.node.get(RATE_KEY).or_else(|| layers.cluster_default.get(RATE_KEY));
        let Some(rate) = text.and_then(|text| text.trim().parse::<u64>().ok()).filter(|rate| *rate > 0) else { return };
        std::thread::sleep(Duration::from_secs(1).mul_f64((bytes as f64 / rate as f64).min(10.0)));
    }

    /// The last step, while the cleaner leaves the log alone.
    fn switch(&self, wanted: &Move, copying: &mut Copying) -> Result<(), Stays> {
        while !self.cleaner().reserve(&wanted.partition) {
            if wanted.must_end() {
                return Err(Stays::Cancelled);
            }
            std::thread::sleep(CLEANER_PAUSE);
        }
        let switched = self.switch_reserved(wanted, copying);
        self.cleaner().release(&wanted.partition);
        switched
    }

    fn switch_reserved(&self, wanted: &Move, copying: &mut Copying) -> Result<(), Stays> {
        let (partition, to) = (&wanted.partition, &wanted.to);
        let name = partition.name();
        let from = self.log_dirs().dirs.iter().find(|dir| partition.is_in(dir)).cloned().ok_or(Stays::Cancelled)?;
        self.say_in_checkpoints(wanted);
        self.write_cleaner_checkpoint(to);
        // Both locks, in the order of those who write checkpoints.
        let alone = ONE_AT_A_TIME.lock();
        let mut log = partition.log();
        if wanted.must_end() || partition.is_offline() {
            return Err(Stays::Cancelled);
        }
        // Records that were deleted meanwhile must not come back with the next start.
        self.say_in_checkpoints(wanted);
        if !self.checkpoint_dir(to) {
            return Err(Stays::NoCheckpoint);
        }
        let live = to.dir.path().join(names::partition_dir(name));
        let aside = names::partition_dir_as(name, DirState::Delete, self.random_uuid());
        let left = match log.relocate(copying, &live, &from.dir.path().join(&aside)) {
            Ok(left) => left,
            Err(e) => return Err(self.lost_on_the_way(wanted, e)),
        };
        partition.moved_to(to);
        drop(log);
        self.clear_away(&from, &from.dir.path().join(aside), left);
        to.unopened.lock().remove(name);
        self.checkpoint_dir(to);
        self.checkpoint_dir(&from);
        drop(alone);
        self.write_cleaner_checkpoint(&from);
        self.metadata().tell(Request::AssignDirectory {
            topic_id: partition.topic_id(),
            partition: name.partition.0,
            directory: to.id.0,
        });
        // What waits for a sync has had it.
        partition.request_sync();
        Ok(())
    }

    /// The directory's checkpoints name the partition from their next writing on, before it is there.
    fn say_in_checkpoints(&self, wanted: &Move) {
        let ends = wanted.partition.ends();
        let name = wanted.partition.name();
        let opening = Opening {
            clean: false,
            recovery_point: Offset(0),
            log_start: ends.log_start,
            high_watermark: Offset(0),
            cleaned_to: self.cleaner().cleaned_to(name).unwrap_or(Offset(0)),
            now_ms: self.clock().now_ms(),
        };
        wanted.to.unopened.lock().insert(name.clone(), opening);
    }

    fn clear_away(&self, from: &BrokerDir, aside: &Path, left: io::Result<()>) {
        match left {
            Ok(()) => self.graveyard().dir(self.clock().monotonic_ms(), aside.to_path_buf()),
            Err(e) if fault::is_passing(&e) => warn!("Cannot set {} aside: {e}", aside.display()),
            Err(e) => from.commit.take_offline(&e),
        }
    }

    /// Tells whose disk it was.
    fn lost_on_the_way(&self, wanted: &Move, e: io::Error) -> Stays {
        if fault::is_of_sync(&e) {
            wanted.to.commit.take_offline(&e);
        }
        Stays::Io(e)
    }

    /// Writes down where partitions lie that the metadata looks for elsewhere: a crash came between.
    pub(super) fn correct_directories(&self) {
        if self.log_dirs().dirs.len() < 2 {
            return;
        }
        let image = self.metadata().image();
        for partition in self.partitions().all() {
            let name = partition.name();
            let Some(dir) = self.log_dirs().dirs.iter().find(|dir| partition.is_in(dir)) else { continue };
            let known = image.topics.by_id(partition.topic_id()).and_then(|topic| topic.partition(name.partition.0));
            if known.is_some_and(|known| known.directories.first() != Some(&dir.id.0)) {
                let (topic_id, partition) = (partition.topic_id(), name.partition.0);
                self.metadata().tell(Request::AssignDirectory { topic_id, partition, directory: dir.id.0 });
            }
        }
    }
}
