//! Choosing the dirtiest log, and cleaning it.

use std::io;
use std::sync::Arc;

use tracing::warn;

use super::pace::{BrokerPace, Stop};
use crate::broker::Broker;
use crate::broker::partition::Partition;
use crate::disk::fault;
use crate::log::cleaner::{CleanError, Home, Limits, LogToClean, Pass, Survey};
use crate::log::{OpenError, PartitionLog};

/// What came of looking for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Cleaned,
    /// A log will be cleanable when what was appended to it is on stable storage.
    Settling,
    Nothing,
}

/// A log that should be cleaned.
struct Candidate {
    partition: Arc<Partition>,
    log: LogToClean,
    survey: Survey,
}

impl Home for Partition {
    fn with_log<T>(&self, f: impl FnOnce(&mut PartitionLog) -> T) -> T {
        f(&mut self.log())
    }
}

impl Broker {
    /// Cleans log after log on the caller's thread, until none is dirty enough or those that are wait for a sync.
    pub fn clean_what_is_due(&self) {
        let stop = Arc::new(Stop::default());
        while self.clean_next(&stop) == Next::Cleaned {}
    }

    /// Cleans the dirtiest log that is dirty enough.
    pub(super) fn clean_next(&self, stop: &Arc<Stop>) -> Next {
        let (found, settling) = self.dirtiest();
        let nothing = if settling { Next::Settling } else { Next::Nothing };
        let Some(candidate) = found else { return nothing };
        if !self.cleaner().take(&candidate.partition) {
            return Next::Settling;
        }
        // It may have moved to another directory since it was looked at.
        let done = candidate.log.is_at(&candidate.partition.log().dir()) && self.clean(&candidate, stop);
        self.cleaner().give_back(&candidate.partition);
        if done { Next::Cleaned } else { Next::Nothing }
    }

    /// Also tells whether some log only waits for its sync.
    fn dirtiest(&self) -> (Option<Candidate>, bool) {
        let mut best: Option<Candidate> = None;
        let mut settling = false;
        for partition in self.partitions().all() {
            let dead = partition.is_offline() || partition.is_gone();
            if dead || !partition.settings().cleanup_compact || !self.cleaner().is_free(&partition) {
                continue;
            }
            let (log, survey) = match self.look_at(&partition) {
                Ok(found) => found,
                Err(_) if partition.is_gone() => continue,
                Err(e) => {
                    self.cleaner().mark_uncleanable(&partition, &e);
                    continue;
                }
            };
            settling |= survey.held_back;
            if survey.is_due(log.config()) && best.as_ref().is_none_or(|b| survey.ratio() > b.survey.ratio()) {
                best = Some(Candidate { partition, log, survey });
            }
        }
        (best, settling)
    }

    fn look_at(&self, partition: &Arc<Partition>) -> io::Result<(LogToClean, Survey)> {
        let (log, survey) = self.survey(partition)?;
        if !survey.held_back {
            return Ok((log, survey));
        }
        // Segments are replaced only where the next start will not scan: their indexes and the producers at their ends
        // are completed now, and the sync is asked for.
        self.upkeep_of(partition);
        partition.request_sync();
        self.survey(partition)
    }

    fn survey(&self, partition: &Arc<Partition>) -> io::Result<(LogToClean, Survey)> {
        let log = partition.log().to_clean().map_err(|e| match e {
            OpenError::Io(e) => e,
            other => io::Error::other(other.to_string()),
        })?;
        let survey = log.survey(self.cleaner().cleaned_to(partition.name()), self.clock().now_ms())?;
        if survey.checkpoint_invalid {
            self.set_cleaned_to(partition, survey.first_dirty);
        }
        Ok((log, survey))
    }

    fn clean(&self, candidate: &Candidate, stop: &Arc<Stop>) -> bool {
        let Candidate { partition, log, survey } = candidate;
        let logs = self.config().logs.clone();
        let threads = logs.cleaner_threads.max(1);
        let limits = Limits {
            map_bytes: logs.cleaner_dedupe_buffer_bytes / threads,
            map_load_factor: logs.cleaner_buffer_load_factor,
            io_buffer_bytes: logs.cleaner_io_buffer_bytes / threads / 2,
        };
        let now_ms = self.clock().now_ms();
        let started_ms = self.clock().monotonic_ms();
        // What is rewritten must lie below the recovery point also for the next start, which then knows that a gap in
        // the offsets is no hole.
        if self.write_checkpoints().holds(partition) {
            return false;
        }
        let pass = Pass { survey, limits: &limits, secret: self.cleaner().secret, now_ms };
        let mut pace = BrokerPace { broker: self, partition, stop };
        let cleaned = log.clean(&pass, &**partition, &mut pace, |dead| {
            let delay_ms = partition.settings().file_delete_delay_ms;
            self.graveyard().files(self.clock().monotonic_ms() + delay_ms, dead);
        });
        match cleaned {
            Ok(cleaned) => {
                self.set_cleaned_to(partition, cleaned.up_to);
                let ended_ms = self.clock().monotonic_ms();
                self.cleaner().reports.tell(partition.name(), &cleaned, ended_ms - started_ms, ended_ms);
                true
            }
            Err(e) => {
                self.could_not_clean(partition, e);
                false
            }
        }
    }

    fn could_not_clean(&self, partition: &Arc<Partition>, e: CleanError) {
        match e {
            CleanError::Interrupted => {}
            _ if partition.is_gone() || partition.is_offline() => {}
            // Files that retention removed meanwhile, or a disk that has no room now.
            CleanError::Io(e) if e.kind() == io::ErrorKind::NotFound || fault::is_passing(&e) => {
                warn!("{} is compacted later: {e}", partition.name());
            }
            CleanError::Io(e) if matches!(e.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => {
                self.cleaner().mark_uncleanable(partition, &e);
            }
            CleanError::Io(e) => partition.commit().take_offline(&e),
            e @ CleanError::Damaged { .. } => self.cleaner().mark_uncleanable(partition, &e),
        }
    }
}
