//! Waiting until appended bytes are durable: one small future for a request, however many partitions it wrote.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use parking_lot::Mutex;

use crate::model::{ErrorCode, Offset};

/// Shared by all the partitions that one request wrote.
pub struct AckGroup {
    state: Mutex<State>,
}

struct State {
    /// Slots that have not reported.
    missing: Vec<usize>,
    /// Partitions of the request, by its own numbering, whose bytes could not be made durable.
    failed: Vec<(usize, ErrorCode)>,
    waker: Option<Waker>,
}

impl AckGroup {
    pub fn new() -> Arc<Self> {
        Arc::new(AckGroup { state: Mutex::new(State { missing: Vec::new(), failed: Vec::new(), waker: None }) })
    }

    /// Whether nothing is waited for.
    pub fn is_complete(&self) -> bool {
        self.state.lock().missing.is_empty()
    }

    /// What failed, once everything has reported; `None` before.
    pub fn outcome(&self) -> Option<Vec<(usize, ErrorCode)>> {
        let mut state = self.state.lock();
        state.missing.is_empty().then(|| std::mem::take(&mut state.failed))
    }

    /// Stops waiting: what has not reported fails with this code. What had failed before keeps its own.
    pub fn give_up(&self, code: ErrorCode) -> Vec<(usize, ErrorCode)> {
        let mut state = self.state.lock();
        let mut failed = std::mem::take(&mut state.failed);
        failed.extend(state.missing.drain(..).map(|slot| (slot, code)));
        failed
    }

    fn expect(&self, slot: usize) {
        self.state.lock().missing.push(slot);
    }

    fn done(&self, slot: usize, error: Option<ErrorCode>) {
        let mut state = self.state.lock();
        let Some(at) = state.missing.iter().position(|s| *s == slot) else { return };
        state.missing.swap_remove(at);
        if let Some(code) = error {
            state.failed.push((slot, code));
        }
        if state.missing.is_empty()
            && let Some(waker) = state.waker.take()
        {
            drop(state);
            waker.wake();
        }
    }
}

/// Resolves to the failed slots when every partition of the group has reported.
pub struct AllDurable(pub Arc<AckGroup>);

impl Future for AllDurable {
    type Output = Vec<(usize, ErrorCode)>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state.lock();
        if state.missing.is_empty() {
            return Poll::Ready(std::mem::take(&mut state.failed));
        }
        state.waker = Some(task.waker().clone());
        Poll::Pending
    }
}

impl AllDurable {
    /// The same for a thread that may block.
    pub fn wait(mut self) -> Vec<(usize, ErrorCode)> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        loop {
            match Pin::new(&mut self).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(failed) => return failed,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

/// Those who wait for one partition's durable offset, in order of offset.
#[derive(Default)]
pub struct AckQueue {
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    /// Durable once everything below this offset is.
    end: Offset,
    slot: usize,
    group: Arc<AckGroup>,
}

impl AckQueue {
    /// Registers a wait for everything below `end`. `durable` is read under the queue's lock, so that a sync which
    /// finishes at this moment is never missed.
    pub fn wait(&self, end: Offset, durable: impl Fn() -> Offset, slot: usize, group: &Arc<AckGroup>) {
        let mut waiting = self.waiting.lock();
        if durable() >= end {
            return;
        }
        group.expect(slot);
        waiting.push(Waiting { end, slot, group: group.clone() });
    }

    /// Everything below `durable` is on stable storage.
    pub fn release(&self, durable: Offset) {
        let mut waiting = self.waiting.lock();
        if waiting.is_empty() {
            return;
        }
        let ready: Vec<Waiting> = waiting.extract_if(.., |w| w.end <= durable).collect();
        drop(waiting);
        for w in ready {
            w.group.done(w.slot, None);
        }
    }

    /// Nothing more will become durable here.
    pub fn fail(&self, code: ErrorCode) {
        let failed = std::mem::take(&mut *self.waiting.lock());
        for w in failed {
            w.group.done(w.slot, Some(code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(group: &Arc<AckGroup>) -> Poll<Vec<(usize, ErrorCode)>> {
        let mut future = AllDurable(group.clone());
        Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_group_is_done_when_its_last_partition_is() {
        let (a, b) = (AckQueue::default(), AckQueue::default());
        let group = AckGroup::new();
        a.wait(Offset(10), || Offset(0), 0, &group);
        b.wait(Offset(5), || Offset(0), 1, &group);
        a.release(Offset(10));
        assert!(poll(&group).is_pending());
        b.release(Offset(4));
        assert!(poll(&group).is_pending());
        b.release(Offset(7));
        assert_eq!(poll(&group), Poll::Ready(vec![]));
    }

    #[test]
    fn what_is_durable_already_is_not_waited_for() {
        let queue = AckQueue::default();
        let group = AckGroup::new();
        queue.wait(Offset(3), || Offset(3), 0, &group);
        assert_eq!(poll(&group), Poll::Ready(vec![]));
    }

    #[test]
    fn giving_up_fails_what_has_not_reported_and_late_reports_change_nothing() {
        let (a, b) = (AckQueue::default(), AckQueue::default());
        let group = AckGroup::new();
        a.wait(Offset(1), || Offset(0), 0, &group);
        b.wait(Offset(1), || Offset(0), 1, &group);
        a.release(Offset(1));
        assert_eq!(group.give_up(ErrorCode::RequestTimedOut), [(1, ErrorCode::RequestTimedOut)]);
        b.release(Offset(1));
        assert!(group.is_complete());
    }

    #[test]
    fn who_asks_late_learns_of_the_failure_all_the_same() {
        let queue = AckQueue::default();
        let group = AckGroup::new();
        queue.wait(Offset(3), || Offset(0), 7, &group);
        assert_eq!(group.outcome(), None);
        queue.fail(ErrorCode::KafkaStorageError);
        assert_eq!(group.outcome(), Some(vec![(7, ErrorCode::KafkaStorageError)]));
    }

    #[test]
    fn a_failed_partition_names_its_slot() {
        let queue = AckQueue::default();
        let group = AckGroup::new();
        queue.wait(Offset(3), || Offset(0), 7, &group);
        queue.fail(ErrorCode::KafkaStorageError);
        assert_eq!(poll(&group), Poll::Ready(vec![(7, ErrorCode::KafkaStorageError)]));
    }
}
