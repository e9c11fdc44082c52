//! The cleaner's threads, as many as the settings of the moment ask for.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::error;

use super::pace::Stop;
use super::work::Next;
use crate::broker::Broker;

/// Until a sync that a log waits for is done.
const SETTLING: Duration = Duration::from_millis(200);

/// Running threads. Dropping them stops them.
pub struct CleanerThreads {
    broker: Weak<Broker>,
    running: Vec<(Arc<Stop>, JoinHandle<()>)>,
}

impl CleanerThreads {
    pub fn new(broker: &Arc<Broker>) -> CleanerThreads {
        CleanerThreads { broker: Arc::downgrade(broker), running: Vec::new() }
    }

    /// Starts or ends threads until there are as many as wanted.
    pub fn resize(&mut self, wanted: usize) {
        while self.running.len() > wanted {
            self.end(self.running.len() - 1);
        }
        while self.running.len() < wanted {
            let (stop, broker) = (Arc::new(Stop::default()), self.broker.clone());
            let stops = stop.clone();
            let name = format!("log-cleaner-{}", self.running.len());
            match std::thread::Builder::new().name(name).spawn(move || run(&broker, &stops)) {
                Ok(thread) => self.running.push((stop, thread)),
                Err(e) => return error!("Cannot start a thread for the log cleaner: {e}"),
            }
        }
    }

    /// Has them look for work now.
    pub fn nudge(&self) {
        self.running.iter().for_each(|(stop, _)| stop.nudge());
    }

    fn end(&mut self, from: usize) {
        let ended = self.running.split_off(from);
        ended.iter().for_each(|(stop, _)| stop.ask());
        for (_, thread) in ended {
            if thread.join().is_err() {
                error!("A thread of the log cleaner has died");
            }
        }
    }
}

impl Drop for CleanerThreads {
    fn drop(&mut self) {
        self.end(0);
    }
}

fn run(broker: &Weak<Broker>, stop: &Arc<Stop>) {
    while !stop.is_asked() {
        let Some(broker) = broker.upgrade() else { return };
        let wait = match broker.clean_next(stop) {
            Next::Cleaned => continue,
            Next::Settling => SETTLING,
            Next::Nothing => {
                Duration::from_millis(u64::try_from(broker.config().logs.cleaner_backoff_ms).unwrap_or(0).max(1))
            }
        };
        drop(broker);
        stop.wait(wait);
    }
}
