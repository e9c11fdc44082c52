//! Work that goes on beside requests: upkeep behind the recovery point, checkpoints, retention, and the removal of what
//! is out of use. One thread of its own, never a network worker; compaction has more of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::disk::fault;
use crate::log::checkpoint::{self, Offsets};
use crate::log::{GivenUp, Why};
use crate::memory;
use crate::model::TopicPartition;

use super::Broker;
use super::cleaner::CleanerThreads;
use super::durability::GroupCommit;
use super::log_dirs::BrokerDir;
use super::partition::Partition;

/// A checkpoint is written beside the old one and takes its place: two writers at once would mix their bytes.
pub(super) static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Directories whose checkpoints could not be written.
pub struct Unwritten(Vec<Arc<GroupCommit>>);

impl Unwritten {
    pub fn is_of(&self, dir: &BrokerDir) -> bool {
        self.0.iter().any(|commit| Arc::ptr_eq(commit, &dir.commit))
    }

    /// Whether the partition lies in one of them.
    pub fn holds(&self, partition: &Partition) -> bool {
        self.0.iter().any(|commit| Arc::ptr_eq(commit, &partition.commit()))
    }
}

/// How often it looks whether something is due.
const TICK: Duration = Duration::from_millis(500);

/// How often freed memory goes back to the system. A buffer that is needed again costs page faults, so not too often.
const MEMORY_EVERY_MS: i64 = 3000;

/// How often partitions are tried again for which there was no room.
const MISSING_EVERY_MS: i64 = 5000;

/// The running housekeeping. Dropping it stops it.
pub struct Housekeeping {
    stop: mpsc::Sender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// When each kind of work is due next, on the monotonic clock.
struct Due {
    memory_ms: i64,
    missing_ms: i64,
    checkpoints_ms: i64,
    retention_ms: i64,
    producers_ms: i64,
    flush_ms: i64,
}

impl Housekeeping {
    pub fn start(broker: &Arc<Broker>) -> std::io::Result<Housekeeping> {
        let (stop, stopped) = mpsc::channel();
        let keeps = Arc::downgrade(broker);
        let now_ms = broker.clock().monotonic_ms();
        let first_ms = now_ms + broker.config().logs.initial_task_delay_ms;
        // Only what works on files waits for the start to calm down.
        let producers_ms = now_ms + broker.producer_check_interval_ms();
        let mut due = Due {
            memory_ms: now_ms,
            missing_ms: now_ms,
            checkpoints_ms: first_ms,
            retention_ms: first_ms,
            producers_ms,
            flush_ms: first_ms,
        };
        broker.load_cleaner_checkpoints();
        let mut cleaners = CleanerThreads::new(broker);
        // The start is over.
        memory::note_freed();
        let thread = std::thread::Builder::new().name("housekeeping".into()).spawn(move || {
            let mut is_first = true;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                match keeps.upgrade() {
                    Some(broker) => broker.keep_house(&mut due, &mut cleaners),
                    None => return,
                }
                if std::mem::take(&mut is_first) {
                    // Much of what a first round runs through is not needed again either.
                    memory::note_freed();
                }
            }
        })?;
        Ok(Housekeeping { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Ends it after the piece of work at hand.
    pub fn stop(&self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            error!("Housekeeping has died");
        }
    }
}

impl Drop for Housekeeping {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Broker {
    fn keep_house(&self, due: &mut Due, cleaners: &mut CleanerThreads) {
        let now_ms = self.clock().monotonic_ms();
        let logs = self.config().logs.clone();
        if now_ms >= due.memory_ms {
            due.memory_ms = now_ms + MEMORY_EVERY_MS;
            memory::return_freed();
        }
        cleaners.resize(if logs.cleaner_enabled { logs.cleaner_threads } else { 0 });
        if self.take_chores() {
            due.retention_ms = now_ms;
            cleaners.nudge();
        }
        self.graveyard().sweep(&**self.disk(), now_ms);
        for dir in &self.log_dirs().dirs {
            dir.commit.room().look();
        }
        if now_ms >= due.missing_ms {
            due.missing_ms = now_ms + MISSING_EVERY_MS;
            self.make_missing_partitions();
        }
        if now_ms >= due.flush_ms {
            due.flush_ms = now_ms.saturating_add(logs.flush_scheduler_interval_ms.max(1));
            self.flush_what_is_due();
        }
        if now_ms >= due.retention_ms {
            due.retention_ms = now_ms + logs.retention_check_interval_ms.max(1);
            self.retain();
        }
        if now_ms >= due.checkpoints_ms {
            due.checkpoints_ms = now_ms + logs.recovery_checkpoint_interval_ms.max(1);
            self.upkeep();
            self.write_checkpoints();
        }
        if now_ms >= due.producers_ms {
            due.producers_ms = now_ms + self.producer_check_interval_ms();
            let wall_ms = self.clock().now_ms();
            for partition in self.partitions().all() {
                partition.log().expire_producers(wall_ms);
            }
        }
    }

    fn producer_check_interval_ms(&self) -> i64 {
        i64::from(self.config().transactions.producer_id_expiration_check_interval_ms.max(1))
    }

    /// Makes what lies behind the recovery point fit for a quick start.
    fn upkeep(&self) {
        for partition in self.partitions().all() {
            if partition.is_offline() {
                continue;
            }
            if partition.ends().log_end > partition.durable() {
                // Acknowledged from the page cache: what is not on the disk after this long would have to be read back.
                partition.request_sync();
            }
            self.upkeep_of(&partition);
        }
    }

    pub(super) fn upkeep_of(&self, partition: &Partition) {
        let Some(work) = partition.log().take_upkeep() else { return };
        match work.run(&**self.disk()) {
            Ok(()) => partition.log().upkept(&work),
            // Deleted or shortened in the meantime, or no room for it: the next round looks again.
            Err(e) if e.kind() == io::ErrorKind::NotFound || fault::is_passing(&e) => partition.log().not_upkept(work),
            Err(_) if partition.is_gone() => {}
            Err(e) => partition.commit().take_offline(&e),
        }
    }

    /// Syncs what has waited for `flush.ms`.
    fn flush_what_is_due(&self) {
        let wall_ms = self.clock().now_ms();
        for partition in self.partitions().all() {
            let waited_ms = partition.unflushed_since_ms().map(|since_ms| wall_ms.saturating_sub(since_ms));
            if waited_ms.is_some_and(|waited_ms| waited_ms >= partition.settings().flush_ms) {
                partition.request_sync();
            }
        }
    }

    /// Forgets what `retention.ms` and `retention.bytes` say. Files go only after the log starts are written down.
    pub fn retain(&self) {
        let wall_ms = self.clock().now_ms();
        let mut report = RetentionReport::default();
        let mut shortened = Vec::new();
        for partition in self.partitions().all() {
            if partition.is_offline() || partition.is_gone() {
                continue;
            }
            if !partition.settings().cleanup_delete {
                shortened.extend((partition.ends().log_start.0 > 0).then_some(partition));
                continue;
            }
            let given_up = partition.log().apply_retention(wall_ms);
            match given_up {
                Ok(given_up) => {
                    if !given_up.is_empty() {
                        report.note(partition.name(), &given_up);
                    }
                    // Also those that an earlier pass had to leave, for want of upkeep.
                    if partition.ends().log_start.0 > 0 {
                        shortened.push(partition);
                    }
                }
                Err(e) => error!("Cannot apply retention to {}: {e}", partition.name()),
            }
        }
        report.lines().iter().for_each(|line| info!("{line}"));
        if !shortened.is_empty() {
            let unwritten = self.write_checkpoints();
            let (late, safe): (Vec<_>, Vec<_>) = shortened.into_iter().partition(|p| unwritten.holds(p));
            self.bury(&safe);
            self.bury_without_checkpoint(&late);
        }
    }

    /// A disk without room even for a checkpoint gets room by retention all the same, only more slowly.
    fn bury_without_checkpoint(&self, partitions: &[Arc<Partition>]) {
        for partition in partitions.iter().filter(|partition| !partition.is_offline()) {
            let delay_ms = partition.settings().file_delete_delay_ms;
            loop {
                let (dead, dir) = {
                    let mut log = partition.log();
                    (log.drop_first_dead_segments(1), log.dir())
                };
                match dead {
                    Ok(dead) if dead.is_empty() => break,
                    Ok(dead) => self.graveyard().files(self.clock().monotonic_ms() + delay_ms, dead),
                    Err(e) => {
                        error!("Cannot remove old segments of {}: {e}", partition.name());
                        break;
                    }
                }
                if let Err(e) = self.disk().sync_dir(&dir) {
                    partition.commit().take_offline(&e);
                    break;
                }
            }
        }
    }

    /// Takes segments before the log's start out of use. Their log starts are in the checkpoint by now.
    pub fn bury(&self, partitions: &[Arc<Partition>]) {
        for partition in partitions {
            // Not with the next checkpoint: a log that grows quickly would fill the disk meanwhile.
            let must_wait = partition.log().dead_wait_for_upkeep();
            if must_wait {
                self.upkeep_of(partition);
            }
            let dead = partition.log().drop_dead_segments();
            match dead {
                Ok(dead) => {
                    let delay_ms = partition.settings().file_delete_delay_ms;
                    self.graveyard().files(self.clock().monotonic_ms() + delay_ms, dead);
                    partition.request_sync();
                }
                Err(e) => error!("Cannot remove old segments of {}: {e}", partition.name()),
            }
        }
    }

    /// Writes the recovery points, log starts and high watermarks of every directory. Tells where that failed.
    pub fn write_checkpoints(&self) -> Unwritten {
        let _alone = ONE_AT_A_TIME.lock();
        let failed = self.log_dirs().dirs.iter().filter(|dir| !self.checkpoint_dir(dir));
        Unwritten(failed.map(|dir| dir.commit.clone()).collect())
    }

    /// Sees to it that the checkpoints say nothing of a partition that is about to be made: what they know is of a
    /// namesake that was deleted. False when they could not be written.
    pub(super) fn forget_namesake(&self, dir: &Arc<BrokerDir>, name: &TopicPartition) -> bool {
        let _alone = ONE_AT_A_TIME.lock();
        let known = dir.checkpointed.lock().contains(name);
        !known || self.checkpoint_dir(dir)
    }

    pub(super) fn checkpoint_dir(&self, dir: &Arc<BrokerDir>) -> bool {
        if dir.commit.is_offline() || !dir.opened.load(Ordering::Acquire) {
            return false;
        }
        match self.write_checkpoints_of(dir) {
            Ok(()) => true,
            Err(e) if fault::is_passing(&e) => {
                warn!("Cannot write the checkpoints of {} now: {e}", dir.dir.path().display());
                false
            }
            Err(e) => {
                dir.commit.take_offline(&e);
                false
            }
        }
    }

    fn write_checkpoints_of(&self, dir: &Arc<BrokerDir>) -> std::io::Result<()> {
        let (mut recovery, mut starts, mut watermarks) = (Offsets::new(), Offsets::new(), Offsets::new());
        for partition in self.partitions().all() {
            if !partition.is_in(dir) || partition.is_gone() {
                continue;
            }
            let ends = partition.ends();
            let name = partition.name().clone();
            recovery.insert(name.clone(), partition.log().recovery_point());
            if ends.log_start.0 > 0 {
                starts.insert(name.clone(), ends.log_start);
            }
            watermarks.insert(name, ends.high_watermark);
        }
        for (name, opening) in dir.unopened.lock().iter() {
            recovery.insert(name.clone(), opening.recovery_point);
            starts.insert(name.clone(), opening.log_start);
            watermarks.insert(name.clone(), opening.high_watermark);
        }
        dir.checkpointed.lock().extend(recovery.keys().cloned());
        dir.dir.set_checkpoint(checkpoint::LOG_START, &starts)?;
        dir.dir.set_checkpoint(checkpoint::RECOVERY_POINT, &recovery)?;
        dir.dir.set_checkpoint(checkpoint::HIGH_WATERMARK, &watermarks)?;
        *dir.checkpointed.lock() = recovery.into_keys().collect();
        Ok(())
    }
}

/// What one pass of retention has given up: a line for each of the first logs, one for all others.
#[derive(Default)]
struct RetentionReport {
    lines: Vec<String>,
    other_logs: usize,
    other_segments: usize,
    other_bytes: u64,
}

impl RetentionReport {
    const LOGS_TOLD_MAX: usize = 20;

    fn note(&mut self, name: &TopicPartition, given_up: &[GivenUp]) {
        let (segments, bytes) = (given_up.len(), given_up.iter().map(|g| g.size_bytes).sum::<u64>());
        if self.lines.len() >= Self::LOGS_TOLD_MAX {
            self.other_logs += 1;
            self.other_segments += segments;
            self.other_bytes += bytes;
            return;
        }
        let aged = given_up.iter().filter(|g| g.why == Why::Time).count();
        let why = match (aged, segments - aged) {
            (_, 0) => "by retention.ms".to_string(),
            (0, _) => "by retention.bytes".to_string(),
            (aged, large) => format!("{aged} by retention.ms, {large} by retention.bytes"),
        };
        let up_to = given_up.last().map_or(0, |g| g.end.0);
        self.lines.push(format!("Deleted {segments} segments of {name} ({bytes} bytes) up to offset {up_to}: {why}"));
    }

    fn lines(mut self) -> Vec<String> {
        let Self { other_logs, other_segments, other_bytes, .. } = self;
        if other_logs > 0 {
            self.lines.push(format!(
                "Deleted {other_segments} segments of {other_logs} other logs ({other_bytes} bytes) by retention"
            ));
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Offset;

    #[test]
    fn retention_says_what_went_and_why_without_a_flood() {
        let gone = |why, end| GivenUp { base: Offset(0), end: Offset(end), size_bytes: 100, why };
        let mut report = RetentionReport::default();
        let name = TopicPartition::new("t", 0);
        report.note(&name, &[gone(Why::Time, 5), gone(Why::Size, 9)]);
        for _ in 0..1000 {
            report.note(&name, &[gone(Why::Time, 5)]);
        }
        let lines = report.lines();
        let first = "Deleted 2 segments of t-0 (200 bytes) up to offset 9: 1 by retention.ms, 1 by retention.bytes";
        assert_eq!(lines.first().map(String::as_str), Some(first));
        assert_eq!(lines.len(), 21);
        let last = "Deleted 981 segments of 981 other logs (98100 bytes) by retention";
        assert_eq!(lines.last().map(String::as_str), Some(last));
    }
}
