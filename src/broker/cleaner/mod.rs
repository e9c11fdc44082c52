//! Who compacts what, and when: threads of their own, one log each at a time, the dirtiest first.
//!
//! | file | idea |
//! | --- | --- |
//! | `mod.rs` | what all threads share: what is clean, what is being cleaned, what cannot be |
//! | `work.rs` | choosing a log and cleaning it |
//! | `pace.rs` | `log.cleaner.io.max.bytes.per.second`, and stopping in the middle |
//! | `threads.rs` | as many threads as `log.cleaner.threads` says |
//! | `report.rs` | what is told of it |

mod pace;
mod report;
mod threads;
mod work;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{error, warn};

use crate::disk::fault;
use crate::log::checkpoint::{self, Offsets};
use crate::model::{Offset, TopicId, TopicPartition};

use super::Broker;
use super::log_dirs::BrokerDir;
use super::partition::Partition;
use pace::Throttle;
use report::Reports;

pub use threads::CleanerThreads;

/// What the cleaner's threads share.
pub struct Cleaner {
    state: Mutex<State>,
    throttle: Throttle,
    reports: Reports,
    /// So that two checkpoints of one directory are not written at once.
    writing: Mutex<()>,
    secret: (u64, u64),
}

#[derive(Default)]
struct State {
    /// Up to where each log is clean, as the checkpoints say.
    cleaned_to: Offsets,
    in_progress: HashSet<TopicPartition>,
    /// Logs with bytes that make no sense. They are left alone until the topic goes or the broker is started again.
    uncleanable: HashMap<TopicPartition, TopicId>,
}

impl Cleaner {
    /// `random` keys the hash of record keys.
    pub fn new(random: u128) -> Cleaner {
        Cleaner {
            state: Mutex::default(),
            throttle: Throttle::default(),
            reports: Reports::default(),
            writing: Mutex::default(),
            secret: (random as u64, (random >> 64) as u64),
        }
    }

    /// Partitions that are not cleaned any more.
    pub fn uncleanable(&self) -> Vec<TopicPartition> {
        self.state.lock().uncleanable.keys().cloned().collect()
    }

    /// Up to where a log has been cleaned.
    pub fn cleaned_to(&self, name: &TopicPartition) -> Option<Offset> {
        self.state.lock().cleaned_to.get(name).copied()
    }

    /// Takes the log for one thread. False: another has it, or nobody may.
    fn take(&self, partition: &Partition) -> bool {
        let mut state = self.state.lock();
        state.uncleanable.get(partition.name()) != Some(&partition.topic_id())
            && state.in_progress.insert(partition.name().clone())
    }

    /// Keeps the threads off a log that is about to change its place. False: one of them has it.
    pub(super) fn reserve(&self, partition: &Partition) -> bool {
        self.state.lock().in_progress.insert(partition.name().clone())
    }

    pub(super) fn release(&self, partition: &Partition) {
        self.give_back(partition);
    }

    fn give_back(&self, partition: &Partition) {
        self.state.lock().in_progress.remove(partition.name());
    }

    fn is_free(&self, partition: &Partition) -> bool {
        let state = self.state.lock();
        !state.in_progress.contains(partition.name())
            && state.uncleanable.get(partition.name()) != Some(&partition.topic_id())
    }

    fn mark_uncleanable(&self, partition: &Partition, why: &dyn std::fmt::Display) {
        let before = self.state.lock().uncleanable.insert(partition.name().clone(), partition.topic_id());
        if before != Some(partition.topic_id()) {
            error!(
                "{} cannot be compacted and grows from now on: {why}. Nothing of it was changed; after the cause is \
                 gone, restart to have it compacted again",
                partition.name()
            );
        }
    }
}

impl Broker {
    /// Reads how far the logs had been cleaned. A checkpoint that cannot be used costs one pass over everything.
    pub fn load_cleaner_checkpoints(&self) {
        for dir in &self.log_dirs().dirs {
            match dir.dir.checkpoint(checkpoint::CLEANER) {
                Ok((offsets, wrong)) => {
                    if let Some(what) = wrong {
                        let path = dir.dir.path().display();
                        warn!("{path}/{} cannot be used ({what}); logs are compacted anew", checkpoint::CLEANER);
                    }
                    self.cleaner().state.lock().cleaned_to.extend(offsets);
                }
                Err(e) => dir.commit.take_offline(&e),
            }
        }
    }

    fn set_cleaned_to(&self, partition: &Partition, offset: Offset) {
        {
            let mut state = self.cleaner().state.lock();
            // Asked with the lock held: a topic that goes is marked first and forgotten then.
            if partition.is_gone() {
                return;
            }
            state.cleaned_to.insert(partition.name().clone(), offset);
        }
        let holds = |dir: &&Arc<BrokerDir>| partition.is_in(dir);
        if let Some(dir) = self.log_dirs().dirs.iter().find(holds) {
            self.write_cleaner_checkpoint(dir);
        }
    }

    pub(super) fn write_cleaner_checkpoint(&self, dir: &Arc<BrokerDir>) {
        if dir.commit.is_offline() {
            return;
        }
        let _writing = self.cleaner().writing.lock();
        let known = self.cleaner().state.lock().cleaned_to.clone();
        let unopened = dir.unopened.lock();
        let is_here = |name: &TopicPartition| match self.partition(&name.topic, name.partition.0) {
            Some(partition) if partition.is_in(dir) => true,
            _ => unopened.contains_key(name),
        };
        let here: Offsets = known.into_iter().filter(|(name, _)| is_here(name)).collect();
        match dir.dir.set_checkpoint(checkpoint::CLEANER, &here) {
            Ok(()) => {}
            Err(e) if fault::is_passing(&e) => {
                warn!("Cannot write {}/{} now: {e}", dir.dir.path().display(), checkpoint::CLEANER)
            }
            Err(e) => dir.commit.take_offline(&e),
        }
    }

    /// A topic went: what is known of its logs must not be taken for another's of the same name.
    pub fn forget_cleaned(&self, gone: &[Arc<Partition>]) {
        let mut dirs: Vec<&Arc<BrokerDir>> = Vec::new();
        {
            let mut state = self.cleaner().state.lock();
            for partition in gone {
                state.uncleanable.remove(partition.name());
                if state.cleaned_to.remove(partition.name()).is_some() {
                    let holds = |dir: &&Arc<BrokerDir>| partition.is_in(dir);
                    dirs.extend(self.log_dirs().dirs.iter().find(holds));
                }
            }
        }
        self.cleaner().reports.forget(gone.iter().map(|p| p.name()));
        dirs.dedup_by(|a, b| Arc::ptr_eq(a, b));
        dirs.into_iter().for_each(|dir| self.write_cleaner_checkpoint(dir));
    }
}
