//! Opening all partitions at start: what lies in the log directories, what the checkpoints say of it, and the recovery
//! of what a stop did not leave clean, several logs at a time.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::TopicSettings;
use crate::controller::metadata::{MetadataImage, PartitionImage, TopicImage};
use crate::disk::{Disk, fault, read_small};
use crate::log::checkpoint::{self, Offsets};
use crate::log::names::DirState;
use crate::log::{FoundPartition, LogConfig, Opening, metadata_file};
use crate::metrics::Counter;
use crate::model::{Offset, TopicId, TopicName, TopicPartition};

use super::Broker;
use super::acks::{AckGroup, AllDurable};
use super::log_dirs::BrokerDir;
use super::metadata_log;
use super::start::StartError;
use super::topic_settings::SettingsOf;

/// How often progress is told while logs are recovered.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Where a partition's files were found at start, and what the checkpoints say of them.
pub struct Left {
    pub dir: Arc<BrokerDir>,
    pub opening: Opening,
}

/// Everything found at start, by name.
pub type LeftBehind = HashMap<TopicPartition, Left>;

/// One partition to be opened.
struct Job<'a> {
    topic: &'a TopicImage,
    partition: &'a PartitionImage,
    settings: Arc<TopicSettings>,
    log: Arc<LogConfig>,
    left: Option<Left>,
}

impl Broker {
    /// What lies in the log directories, with what the checkpoints say of it. Deleted partitions go at once, also those
    /// of `removed` topics whose files a stop kept from being set aside.
    pub(super) fn find_partitions(
        &self,
        image: &MetadataImage,
        removed: &[(TopicName, TopicId)],
    ) -> Result<LeftBehind, StartError> {
        let mut left: LeftBehind = HashMap::new();
        for dir in &self.log_dirs().dirs {
            let at = |source| StartError::Io { dir: dir.dir.path().into(), source };
            let mut live = HashSet::new();
            for found in dir.dir.partitions().map_err(at)? {
                match found.state {
                    DirState::Live if found.path.ends_with(metadata_log::FOLDER) => {}
                    DirState::Live if is_of_removed(&**self.disk(), &found, removed).map_err(at)? => {
                        info!("{} still had the files of a deleted topic; they are removed", found.name);
                        self.remove_unopened(&found.name);
                    }
                    DirState::Live => {
                        live.insert(found.name);
                    }
                    DirState::Delete => self.graveyard().dir(0, found.path),
                    DirState::Future => {
                        info!("{} was not complete when the broker stopped; it is removed", found.path.display());
                        self.graveyard().dir(0, found.path);
                    }
                    DirState::Stray => {}
                }
            }
            let checkpoints = Checkpoints::read(dir, &live).map_err(at)?;
            for name in live {
                let opening = checkpoints.opening(&name, dir.was_clean, self.clock().now_ms());
                let found = Left { dir: dir.clone(), opening };
                let kept = match left.remove(&name) {
                    Some(other) => self.keep_one(image, &name, other, found),
                    None => found,
                };
                left.insert(name, kept);
            }
        }
        Ok(left)
    }

    /// A partition in two directories: a crash came when it had just moved. The metadata knows which is current.
    fn keep_one(&self, image: &MetadataImage, name: &TopicPartition, one: Left, other: Left) -> Left {
        let known = image.topics.by_name(&name.topic).and_then(|topic| topic.partition(name.partition.0));
        let is_named = known.is_some_and(|known| known.directories.first() == Some(&other.dir.id.0));
        let (kept, double) = if is_named { (other, one) } else { (one, other) };
        warn!("{name} lies in two log directories; the one in {} is used", kept.dir.dir.path().display());
        self.set_stray_aside(name, &double.dir);
        kept
    }

    /// Opens every partition that the image knows. Damaged ones stay offline and the rest goes on.
    pub(super) fn open_partitions(&self, image: &MetadataImage, mut left: LeftBehind) {
        let config = self.config();
        let mut jobs = Vec::new();
        let mut settings = SettingsOf::new(config.clone(), image);
        for topic in image.topics.iter() {
            let (settings, log) = settings.topic(&topic.name);
            for partition in topic.partitions() {
                let left = left.remove(&TopicPartition::new(topic.name.clone(), partition.index));
                jobs.push(Job { topic, partition, settings: settings.clone(), log: log.clone(), left });
            }
        }
        for (name, stray) in left {
            self.set_stray_aside(&name, &stray.dir);
        }
        // After a clean stop nothing is read, and threads would only cost.
        let (unclean, quick): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.left.as_ref().is_some_and(|left| !left.opening.clean));
        self.recover(unclean, config.logs.recovery_threads_per_dir.max(1));
        quick.into_iter().for_each(|job| self.open(job));
        for dir in &self.log_dirs().dirs {
            dir.opened.store(true, Ordering::Release);
        }
        self.until_recovered_is_durable();
    }

    /// What was read back is on stable storage, and shown, before the first request: a client must not be told of an
    /// earlier end than it knows.
    fn until_recovered_is_durable(&self) {
        if self.acks_from_page_cache() {
            return;
        }
        let group = AckGroup::new();
        for (slot, partition) in self.partitions().all().iter().enumerate() {
            let end = partition.ends().log_end;
            if partition.durable() < end {
                partition.when_durable(end, slot, &group);
            }
        }
        // One that fails has taken its directory offline, and says so.
        AllDurable(group).wait();
    }

    fn open(&self, job: Job<'_>) {
        let opened = self.open_partition(job.topic, job.partition, &job.settings, &job.log, job.left, true);
        // Nobody looks yet.
        self.partitions().put(job.topic.name.clone(), job.topic.id, vec![opened]);
    }

    /// Opens what has to be read back: this many at a time for each directory, since each may be a disk of its own.
    fn recover(&self, jobs: Vec<Job<'_>>, threads_per_dir: usize) {
        let total = jobs.len();
        if total == 0 {
            return;
        }
        let mut queues: Vec<(Arc<BrokerDir>, Mutex<Vec<Job<'_>>>)> = Vec::new();
        for job in jobs {
            let Some(dir) = job.left.as_ref().map(|left| left.dir.clone()) else { continue };
            match queues.iter_mut().find(|(of, _)| Arc::ptr_eq(of, &dir)) {
                Some((_, queue)) => queue.get_mut().push(job),
                None => queues.push((dir, Mutex::new(vec![job]))),
            }
        }
        let done = AtomicUsize::new(0);
        let (over, all_over) = mpsc::channel();
        std::thread::scope(|scope| {
            for (_, queue) in &queues {
                for _ in 0..threads_per_dir.min(queue.lock().len()) {
                    let over = over.clone();
                    let done = &done;
                    let work = move || {
                        while let Some(job) = take(queue) {
                            self.open(job);
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        drop(over);
                    };
                    if let Err(e) = std::thread::Builder::new().name("recovery".into()).spawn_scoped(scope, work) {
                        warn!("Cannot start another thread for recovery: {e}");
                    }
                }
            }
            drop(over);
            watch(&all_over, &done, total, &self.log_dirs().handles.recovered_bytes, self.clock());
        });
        // What no thread could be had for.
        for (_, queue) in queues {
            queue.into_inner().into_iter().for_each(|job| self.open(job));
        }
    }
}

/// Whether a directory holds what a deleted topic has left.
fn is_of_removed(disk: &dyn Disk, found: &FoundPartition, removed: &[(TopicName, TopicId)]) -> io::Result<bool> {
    if !removed.iter().any(|(name, _)| *name == found.name.topic) {
        return Ok(false);
    }
    let bytes = read_small(disk, &found.path.join(metadata_file::FILE_NAME))?;
    let id = bytes.and_then(|bytes| metadata_file::decode(&bytes).ok());
    Ok(removed.iter().any(|(_, removed)| Some(*removed) == id))
}

/// The lock is not held while the job is done.
fn take<T>(queue: &Mutex<Vec<T>>) -> Option<T> {
    queue.lock().pop()
}

/// Tells once a second how far recovery has come, until it has ended. It is woken for nothing else: logs can be many.
fn watch(all_over: &mpsc::Receiver<Infallible>, done: &AtomicUsize, total: usize, bytes: &Counter, clock: &dyn Clock) {
    let mut seconds = 0;
    let so_far = |seconds| progress(done.load(Ordering::Relaxed), total, bytes.get(), seconds);
    let begun_ms = clock.monotonic_ms();
    loop {
        let passed_ms = clock.monotonic_ms() - begun_ms;
        let due_ms = (seconds + 1) * PROGRESS_EVERY.as_millis() as i64;
        let Err(why) = all_over.recv_timeout(Duration::from_millis((due_ms - passed_ms).max(0) as u64));
        if why == RecvTimeoutError::Disconnected {
            break;
        }
        seconds += 1;
        info!("Recovering after an unclean stop: {}", so_far(seconds));
    }
    if seconds > 0 {
        let passed_s = (clock.monotonic_ms() - begun_ms) / 1000;
        info!("Recovered after an unclean stop: {}", so_far(passed_s));
    }
}

fn progress(done: usize, total: usize, bytes: u64, seconds: i64) -> String {
    format!("{done} of {total} logs, {} MB read back in {seconds} s", bytes / 1_000_000)
}

/// The offsets that a directory's checkpoint files hold.
struct Checkpoints {
    recovery: Offsets,
    start: Offsets,
    high_watermark: Offsets,
    cleaned: Offsets,
}

impl Checkpoints {
    /// Reads them and forgets partitions that are not there: what is said of them would be taken for the truth about a
    /// namesake that is made later.
    fn read(dir: &BrokerDir, live: &HashSet<TopicPartition>) -> io::Result<Checkpoints> {
        let read = |file: &str| -> io::Result<Offsets> {
            let (offsets, wrong) = dir.dir.checkpoint(file)?;
            if let Some(what) = wrong {
                warn!(
                    "{}/{file} cannot be used ({what}); logs are read from their start instead",
                    dir.dir.path().display()
                );
            }
            Ok(offsets)
        };
        // Without the log starts records that were deleted would come back.
        let start = match dir.dir.checkpoint(checkpoint::LOG_START)? {
            (start, None) => start,
            (_, Some(what)) => {
                let file = checkpoint::LOG_START;
                return Err(io::Error::other(format!(
                    "{file} is damaged ({what}); restore it, or remove it to have deleted records back"
                )));
            }
        };
        let mut found = Checkpoints {
            recovery: read(checkpoint::RECOVERY_POINT)?,
            start,
            high_watermark: read(checkpoint::HIGH_WATERMARK)?,
            cleaned: read(checkpoint::CLEANER)?,
        };
        *dir.checkpointed.lock() = found.recovery.keys().chain(found.start.keys()).cloned().collect();
        let files = [
            (checkpoint::LOG_START, &mut found.start),
            (checkpoint::RECOVERY_POINT, &mut found.recovery),
            (checkpoint::HIGH_WATERMARK, &mut found.high_watermark),
            (checkpoint::CLEANER, &mut found.cleaned),
        ];
        let mut full = false;
        for (file, offsets) in files {
            let named = offsets.len();
            offsets.retain(|name, _| live.contains(name));
            if offsets.len() == named || full {
                continue;
            }
            match dir.dir.set_checkpoint(file, offsets) {
                // Tried again before a namesake is made.
                Err(e) if fault::is_passing(&e) => full = true,
                other => other?,
            }
        }
        if !full {
            dir.checkpointed.lock().retain(|name| live.contains(name));
        }
        Ok(found)
    }

    fn opening(&self, name: &TopicPartition, clean: bool, now_ms: i64) -> Opening {
        let of = |offsets: &Offsets| offsets.get(name).copied();
        let recovery_point = of(&self.recovery);
        // A clean stop names every partition; one that it does not name is read as after any other stop.
        let clean = clean && recovery_point.is_some();
        let recovery_point = recovery_point.unwrap_or(Offset(0));
        let high_watermark = of(&self.high_watermark).unwrap_or(Offset(0));
        Opening {
            clean,
            recovery_point,
            log_start: of(&self.start).unwrap_or(Offset(0)),
            high_watermark: if clean { recovery_point } else { high_watermark },
            cleaned_to: of(&self.cleaned).unwrap_or(Offset(0)),
            now_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_moves_within_one_long_log() {
        assert_eq!(progress(0, 2, 1_234_567_890, 3), "0 of 2 logs, 1234 MB read back in 3 s");
    }
}
