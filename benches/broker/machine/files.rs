//! Appending to a file: into the page cache, and with a sync after every append.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

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

/// Waits until what was written is on the device, so that its way there disturbs nothing that is measured next.
pub fn settle() -> Result<()> {
    const LITTLE_KB: u64 = 4096;
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(60);
    let begin = Instant::now();
    loop {
        rustix::fs::sync();
        let memory = fs::read_to_string("/proc/meminfo")?;
        let kilobytes = |name: &str| -> u64 {
            let line = memory.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        if kilobytes("Dirty:") + kilobytes("Writeback:") < LITTLE_KB {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            bail!("the machine does not come to rest: something writes all the time");
        }
        std::thread::sleep(LOOK_EVERY);
    }
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
