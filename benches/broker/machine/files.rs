//! Appending to a file: into the page cache, and with a sync after every append.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::Moved;
use crate::process::usage::own_thread_cpu;

const APPEND_BYTES: usize = 64 << 10;

/// Appends of 64 KiB into the page cache, on memory that is warm.
pub fn append(dir: &Path, bytes: u64) -> Result<Moved> {
    warm_memory(dir, bytes)?;
    append_with(dir, APPEND_BYTES, bytes, false)
}

/// Appends of `step` bytes, each on stable storage before the next.
pub fn synced(dir: &Path, step: usize, bytes: u64) -> Result<Moved> {
    append_with(dir, step, bytes, true)
}

/// Writes a file and removes it: the system has then given its pages real memory, which the first to touch it would
/// otherwise pay for.
pub fn warm_memory(dir: &Path, bytes: u64) -> Result<()> {
    append_with(dir, 1 << 20, bytes, false).map(|_| ())
}

fn append_with(dir: &Path, step: usize, bytes: u64, sync: bool) -> Result<Moved> {
    let path = dir.join("limit.bin");
    let mut file = File::create(&path)?;
    let block = vec![0x5a_u8; step];
    let steps = (bytes / step as u64).max(1);
    let (begin, cpu) = (Instant::now(), own_thread_cpu());
    for _ in 0..steps {
        file.write_all(&block)?;
        if sync {
            file.sync_data()?;
        }
    }
    let moved =
        Moved { bytes: steps * step as u64, steps, took: begin.elapsed(), cpu: own_thread_cpu().saturating_sub(cpu) };
    drop(file);
    fs::remove_file(path)?;
    Ok(moved)
}
