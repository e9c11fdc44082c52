//! Room for open files before they are needed.
//!
//! A process's table of descriptors doubles whenever it is full. In one with several threads the kernel then waits until
//! no processor can be looking at the old table, some ten milliseconds, and so does whoever opened the file or accepted
//! the connection. While there is a single thread it waits for nobody.

use std::io;

use rustix::process::{Resource, getrlimit};

/// 32 KB of the kernel's memory; what goes beyond pays for it when it comes.
const PLACES: u64 = 4096;

/// Grows the table. Called before there are other threads. Where it cannot be done it grows later, as it always has.
pub fn make_room() {
    let places = getrlimit(Resource::Nofile).current.map_or(PLACES, |limit| limit.min(PLACES));
    let last = places.saturating_sub(1).try_into().unwrap_or_default();
    // The table stays as large when the highest of them is closed again, which is at once.
    let _ = rustix::io::fcntl_dupfd_cloexec(io::stderr(), last);
}
