//! A clean stop: everything on disk as the next start, here or under Apache Kafka, wants to find it.

use std::sync::Arc;

use tracing::{error, info};

use crate::log::run_all;

use super::Broker;
use super::log_dirs::BrokerDir;

impl Broker {
    /// Stops the controller, closes every log, writes the checkpoints and the marks of a clean stop. Requests must have
    /// ended. A directory in which something failed gets no mark: its next start looks closely.
    pub fn stop(&self) {
        self.stop_moving();
        self.metadata().stop();
        for dir in &self.log_dirs().dirs {
            dir.commit.stop();
        }
        let all_closed = self.close_partitions();
        let unwritten = self.write_checkpoints();
        // A partition that was found damaged must be found so again.
        let is_sound = |dir: &&Arc<BrokerDir>| !unwritten.is_of(dir) && dir.unopened.lock().is_empty();
        for dir in self.log_dirs().dirs.iter().filter(|dir| all_closed && is_sound(dir)) {
            let epoch = self.broker_epoch();
            if let Err(e) = dir.dir.leave_clean_mark(epoch) {
                error!("Cannot mark {} as cleanly stopped: {e}", dir.dir.path().display());
            }
        }
        info!("Stopped; every log is on disk");
    }

    /// True when every log is on disk as it should be.
    fn close_partitions(&self) -> bool {
        let mut all_closed = true;
        for dir in &self.log_dirs().dirs {
            let (mut partitions, mut works) = (Vec::new(), Vec::new());
            for partition in self.partitions().all() {
                if !partition.is_in(dir) {
                    continue;
                }
                if partition.is_offline() {
                    all_closed = false;
                    continue;
                }
                match partition.close() {
                    Ok(None) => {}
                    Ok(Some(work)) => {
                        partitions.push(partition);
                        works.push(work);
                    }
                    Err(e) => {
                        error!("Cannot close {}: {e}", partition.name());
                        all_closed = false;
                    }
                }
            }
            match run_all(&works, &**self.disk(), dir.dir.path()) {
                Ok(()) => partitions.iter().zip(&works).for_each(|(partition, work)| partition.closed(work)),
                Err(e) => {
                    error!("Cannot close the logs in {}: {e}", dir.dir.path().display());
                    all_closed = false;
                }
            }
        }
        all_closed
    }

    /// The epoch of this node's registration.
    pub fn broker_epoch(&self) -> i64 {
        self.image().cluster.brokers.get(&self.node_id().0).map_or(-1, |broker| broker.epoch)
    }
}
