//! Giving freed memory back to the system.
//!
//! The allocator keeps what was freed for whoever asks next, which after a burst may be nobody for a long time. Who
//! frees much says so here, and housekeeping returns it once in a while.

use std::sync::atomic::{AtomicBool, Ordering};

static FREED: AtomicBool = AtomicBool::new(false);

/// Something large was freed, or many small things.
pub fn note_freed() {
    FREED.store(true, Ordering::Relaxed);
}

/// Returns what is free, if anything was freed since the last time.
pub fn return_freed() {
    if FREED.swap(false, Ordering::Relaxed) {
        trim();
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    use std::ffi::c_int;

    unsafe extern "C" {
        fn malloc_trim(pad: usize) -> c_int;
    }
    // SAFETY: a call of the allocator that owns all memory here; it takes its own locks and touches free memory only.
    unsafe {
        malloc_trim(0);
    }
}

/// Other allocators return memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
