//! Time, injected: wall-clock milliseconds for what is written down, monotonic ones for deadlines.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The only way any module learns the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch, as Kafka writes timestamps. May jump.
    fn now_ms(&self) -> i64;
    /// Milliseconds since some fixed moment. Never goes back; deadlines are counted on it.
    fn monotonic_ms(&self) -> i64;
    /// The same, for what is too short for milliseconds.
    fn monotonic_ns(&self) -> i64 {
        self.monotonic_ms() * 1_000_000
    }
}

/// The operating system's clocks.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub fn new() -> Self {
        SystemClock { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_millis() as i64,
            // A machine whose clock stands before 1970 still gets an ordered, honest negative time.
            Err(before) => -(before.duration().as_millis() as i64),
        }
    }

    fn monotonic_ms(&self) -> i64 {
        self.started.elapsed().as_millis() as i64
    }

    fn monotonic_ns(&self) -> i64 {
        self.started.elapsed().as_nanos() as i64
    }
}

/// A clock that moves only when a test moves it; wall and monotonic time advance together.
pub struct ManualClock {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicI64,
}

impl ManualClock {
    pub fn at(wall_ms: i64) -> Self {
        ManualClock { wall_ms: AtomicI64::new(wall_ms), monotonic_ms: AtomicI64::new(0) }
    }

    pub fn advance(&self, by_ms: i64) {
        self.wall_ms.fetch_add(by_ms, Ordering::SeqCst);
        self.monotonic_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> i64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }
}
