//! A clean stop: everything on disk as the next start, here or under Apache Kafka, wants to find it.

use tracing::{error, info};

use super::Broker;

impl Broker {
    /// Stops the controller, closes every log, writes the checkpoints and the marks of a clean stop. Requests must have
    /// ended. A directory in which something failed gets no mark: its next start looks closely.
    pub fn stop(&self) {
        self.metadata().stop();
        for dir in &self.log_dirs().dirs {
            dir.commit.stop();
        }
        let mut all_closed = true;
        for partition in self.partitions().all() {
            if partition.is_offline() {
                all_closed = false;
                continue;
            }
            if let Err(e) = partition.close(&**self.disk()) {
                error!("Cannot close {}: {e}", partition.name());
                all_closed = false;
            }
        }
        self.write_checkpoints();
        for dir in self.log_dirs().dirs.iter().filter(|dir| all_closed && !dir.commit.is_offline()) {
            let epoch = self.broker_epoch();
            if let Err(e) = dir.dir.leave_clean_mark(epoch) {
                error!("Cannot mark {} as cleanly stopped: {e}", dir.dir.path().display());
            }
        }
        info!("Stopped; every log is on disk");
    }

    /// The epoch of this node's registration.
    pub fn broker_epoch(&self) -> i64 {
        self.image().cluster.brokers.get(&self.node_id().0).map_or(-1, |broker| broker.epoch)
    }
}
