//! Fetches that wait for more bytes. Each partition knows its own waiters, so that an append wakes only those who
//! asked for it, and only once they have what they asked for.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// One parked fetch.
pub struct FetchWaiter {
    missing_bytes: AtomicI64,
    wake: Notify,
}

impl FetchWaiter {
    pub fn new(missing_bytes: i64) -> Arc<Self> {
        Arc::new(FetchWaiter { missing_bytes: AtomicI64::new(missing_bytes), wake: Notify::new() })
    }

    /// Until enough bytes came, or something else happened that the fetch must look at.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Waits for this much more. What came in the meantime has left a wake-up behind.
    pub fn rearm(&self, missing_bytes: i64) {
        self.missing_bytes.store(missing_bytes, Ordering::Release);
    }

    fn offer(&self, bytes: i64) {
        if self.missing_bytes.fetch_sub(bytes, Ordering::AcqRel) <= bytes {
            self.wake.notify_one();
        }
    }
}

/// The waiters of one partition.
#[derive(Default)]
pub struct WaiterList {
    waiters: Mutex<Vec<Weak<FetchWaiter>>>,
}

impl WaiterList {
    pub fn add(&self, waiter: &Arc<FetchWaiter>) {
        self.waiters.lock().push(Arc::downgrade(waiter));
    }

    pub fn remove(&self, waiter: &Arc<FetchWaiter>) {
        let mut waiters = self.waiters.lock();
        if let Some(at) = waiters.iter().position(|w| std::ptr::eq(w.as_ptr(), Arc::as_ptr(waiter))) {
            waiters.swap_remove(at);
        }
        if waiters.is_empty() {
            *waiters = Vec::new();
        }
    }

    /// `bytes` more became visible.
    pub fn grown(&self, bytes: i64) {
        for waiter in self.waiters.lock().iter() {
            if let Some(waiter) = waiter.upgrade() {
                waiter.offer(bytes);
            }
        }
    }

    /// The partition went away, was truncated or failed: every waiter looks again.
    pub fn disturbed(&self) {
        self.grown(i64::MAX / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::task::{Context, Waker};

    fn is_woken(waiter: &Arc<FetchWaiter>) -> bool {
        let future = std::pin::pin!(waiter.woken());
        future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_waiter_is_woken_when_its_partitions_together_have_enough() {
        let (a, b) = (WaiterList::default(), WaiterList::default());
        let waiter = FetchWaiter::new(100);
        a.add(&waiter);
        b.add(&waiter);
        a.grown(60);
        assert!(!is_woken(&waiter));
        b.grown(40);
        assert!(is_woken(&waiter));
    }

    #[test]
    fn a_removed_waiter_hears_nothing() {
        let list = WaiterList::default();
        let waiter = FetchWaiter::new(1);
        list.add(&waiter);
        list.remove(&waiter);
        list.grown(10);
        assert!(!is_woken(&waiter));
    }

    #[test]
    fn a_disturbance_wakes_everyone() {
        let list = WaiterList::default();
        let waiter = FetchWaiter::new(1 << 40);
        list.add(&waiter);
        list.disturbed();
        assert!(is_woken(&waiter));
    }
}
