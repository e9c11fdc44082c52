//! Counts what a test asks of the allocator, so that an allocation sized by a hostile count is seen, not survived.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Watching;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static WATCHING: Watching = Watching;

// SAFETY: every call goes on to the system allocator unchanged; the note beside it touches only a thread's own cell,
// which needs no allocation and may be gone when the thread ends.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

/// Runs this and tells the largest single allocation it made on this thread.
pub fn largest_in<T>(run: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.with(|largest| largest.set(0));
    let result = run();
    (result, LARGEST.with(Cell::get))
}

#[test]
fn a_large_allocation_is_seen() {
    assert!(largest_in(|| Vec::<u8>::with_capacity(1 << 20)).1 >= 1 << 20);
    assert!(largest_in(|| Vec::<u8>::with_capacity(10)).1 < 1 << 10);
}
