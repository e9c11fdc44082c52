//! Holding the cleaner back to a rate, and ending it in the middle of a log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::broker::Broker;
use crate::broker::partition::Partition;
use crate::log::cleaner::{Interrupted, Pace};

/// Waits shorter than this add up first.
const LEAST_WAIT_MS: f64 = 20.0;
/// How far the cleaner may fall behind its rate before that is forgotten: no burst after a pause.
const CREDIT_MS: f64 = 100.0;

/// Set once, when a thread is to end; whoever waits is woken.
#[derive(Default)]
pub struct Stop {
    asked: AtomicBool,
    nudged: Mutex<bool>,
    wake: Condvar,
}

impl Stop {
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.nudge();
    }

    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Ends a wait for work.
    pub fn nudge(&self) {
        *self.nudged.lock() = true;
        self.wake.notify_all();
    }

    /// Waits for work: until the time is over or somebody knows of some.
    pub fn wait(&self, time: Duration) {
        let mut nudged = self.nudged.lock();
        if !*nudged && !self.is_asked() {
            self.wake.wait_for(&mut nudged, time);
        }
        *nudged = false;
    }

    /// Waits in the middle of work: only an end cuts it short.
    fn hold(&self, time: Duration) {
        let mut nudged = self.nudged.lock();
        if !self.is_asked() {
            self.wake.wait_for(&mut nudged, time);
        }
    }
}

/// One rate for all threads.
#[derive(Default)]
pub struct Throttle {
    /// On the monotonic clock: all bytes so far are paid for by then.
    paid_ms: Mutex<f64>,
}

impl Throttle {
    /// How long whoever spends these bytes has to wait before going on.
    pub fn wait_ms(&self, bytes: u64, bytes_per_second: f64, now_ms: i64) -> f64 {
        let now_ms = now_ms as f64;
        let mut paid_ms = self.paid_ms.lock();
        if bytes_per_second > 0.0 && bytes_per_second.is_finite() {
            *paid_ms = paid_ms.max(now_ms - CREDIT_MS) + bytes as f64 * 1000.0 / bytes_per_second;
        }
        let wait_ms = *paid_ms - now_ms;
        if wait_ms < LEAST_WAIT_MS { 0.0 } else { wait_ms }
    }
}

/// The pace of one thread over one log.
pub struct BrokerPace<'a> {
    pub broker: &'a Broker,
    pub partition: &'a Partition,
    pub stop: &'a Arc<Stop>,
}

impl Pace for BrokerPace<'_> {
    fn spend(&mut self, bytes: u64) -> Result<(), Interrupted> {
        const LONGEST_MS: f64 = 60_000.0;
        let rate = self.broker.config().logs.cleaner_io_bytes_per_second_max;
        let throttle = &self.broker.cleaner().throttle;
        let wait_ms = throttle.wait_ms(bytes, rate, self.broker.clock().monotonic_ms());
        if wait_ms > 0.0 {
            self.stop.hold(Duration::from_millis(wait_ms.min(LONGEST_MS) as u64));
        }
        let unwanted = self.partition.is_gone() || self.partition.is_offline();
        if unwanted || self.stop.is_asked() || !self.partition.settings().cleanup_compact {
            return Err(Interrupted);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spread_over_time_and_pauses_earn_no_burst() {
        let throttle = Throttle::default();
        let rate = 1_000_000.0;
        assert_eq!(throttle.wait_ms(100_000, rate, 1_000_000), 0.0, "a pause earns a tenth of a second");
        assert_eq!(throttle.wait_ms(100_000, rate, 1_000_000), 100.0);
        assert_eq!(throttle.wait_ms(0, rate, 1_000_100), 0.0);
        assert_eq!(throttle.wait_ms(500_000, rate, 9_000_000), 400.0);
        assert_eq!(throttle.wait_ms(1 << 40, f64::MAX, 9_000_400), 0.0);
    }
}
