//! Times at which the machine did not have its processors: on a shared host others take them for milliseconds, which no
//! broker can help. A thread on each processor, before which nothing else in this system goes, asks to be woken every
//! millisecond; when that comes late, the time since the last is taken as stolen.

use std::ffi::c_int;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_setaffinity};

const EVERY: Duration = Duration::from_millis(1);
const LATE: Duration = Duration::from_micros(300);
/// What was held up may need so long to be over it.
const AFTER: Duration = Duration::from_micros(200);

/// Watches while it lives.
pub struct Stolen {
    over: Arc<AtomicBool>,
    processors: Vec<(Spans, JoinHandle<()>)>,
}

type Spans = Arc<Mutex<Vec<Range<Instant>>>>;

impl Stolen {
    pub fn watch() -> Stolen {
        let over = Arc::new(AtomicBool::new(false));
        let count = std::thread::available_parallelism().map_or(1, |n| n.get());
        let watched = |processor| {
            let (over, spans) = (over.clone(), Spans::default());
            let found = spans.clone();
            (spans, std::thread::spawn(move || watch(processor, &over, &found)))
        };
        let processors = (0..count).map(watched).collect();
        Stolen { over, processors }
    }

    /// Whether something was stolen in this time.
    pub fn hits(&self, time: Range<Instant>) -> bool {
        self.processors.iter().any(|(spans, _)| {
            let spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
            let next = spans.partition_point(|span| span.end + AFTER <= time.start);
            spans.get(next).is_some_and(|span| span.start < time.end)
        })
    }
}

impl Drop for Stolen {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for (_, thread) in self.processors.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Finds nothing where it may not go before others: what it saw then might be their doing.
fn watch(processor: usize, over: &AtomicBool, found: &Spans) {
    let mut set = CpuSet::new();
    set.set(processor);
    if sched_setaffinity(None, &set).is_err() || !go_first() {
        return println!(
            "no real-time priority on processor {processor}: what its host takes is counted as the broker's"
        );
    }
    let mut last = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let due = last + EVERY;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        if now > due + LATE {
            found.lock().unwrap_or_else(PoisonError::into_inner).push(last..now);
        }
        last = now;
    }
}

/// Real-time priority, if this process may have it.
fn go_first() -> bool {
    const FIFO: c_int = 1;
    const PRIORITY: c_int = 50;
    unsafe extern "C" {
        fn sched_setscheduler(pid: c_int, policy: c_int, priority: *const c_int) -> c_int;
    }
    // SAFETY: the third argument points to a `sched_param`, which is one `int`, and the call only reads it.
    unsafe { sched_setscheduler(0, FIFO, &PRIORITY) == 0 }
}
