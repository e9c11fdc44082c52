//! Giving freed memory back to the system.
//!
//! The allocator keeps what was freed for whoever asks next, which after a burst may be nobody for a long time. Who
//! frees much says so here, and housekeeping returns it once in a while. So it does with the program's own code, most of
//! which only a start needs.

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
        return_code();
    }
}

/// Lets go of the pages of the program's code and constants: 64 KiB around whatever a start ran through are resident by
/// then. What is used again is found in the page cache.
#[cfg(target_os = "linux")]
pub fn return_code() {
    use rustix::mm::{Advice, madvise};

    unsafe extern "C" {
        /// Where the linker put the program's first byte.
        static __executable_start: u8;
        /// The end of its code; what is written to lies behind.
        static etext: u8;
    }
    // The largest page of any machine; what it cuts off is little.
    const PAGE_BYTES_MAX: usize = 64 << 10;
    let from = (&raw const __executable_start).addr().next_multiple_of(PAGE_BYTES_MAX);
    let end = (&raw const etext).addr() / PAGE_BYTES_MAX * PAGE_BYTES_MAX;
    let Some(bytes) = end.checked_sub(from) else { return };
    // SAFETY: the range is mapped from the program's file and nothing ever writes to it, so that a dropped page is read
    // again as it was.
    let _ = unsafe { madvise(std::ptr::without_provenance_mut(from), bytes, Advice::LinuxDontNeed) };
}

/// Elsewhere the system looks after it.
#[cfg(not(target_os = "linux"))]
pub fn return_code() {}

/// Bounds what each of the allocator's arenas keeps at its end when all of it is free, which [`return_freed`] cannot
/// return. By itself the allocator lets both sizes grow to twice the largest piece that was ever freed: after a few
/// requests of 8 MB each network thread would keep tens of MB for good. Called before there are other threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn bound_what_is_kept() {
    use std::ffi::c_int;

    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;
    /// Large enough that requests of 1 MiB, the usual limit, are served from memory that is there.
    const KEPT_BYTES_MAX: c_int = 3 << 20;
    /// A larger piece comes from the system and goes back to it.
    const PIECE_BYTES_MAX: c_int = 4 << 20;

    unsafe extern "C" {
        fn mallopt(what: c_int, value: c_int) -> c_int;
    }
    // SAFETY: settings of the allocator, made while nobody else uses it.
    unsafe {
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES_MAX);
        mallopt(M_MMAP_THRESHOLD, PIECE_BYTES_MAX);
    }
}

/// Other allocators have bounds of their own.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn bound_what_is_kept() {}

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
