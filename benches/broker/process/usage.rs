//! What a process has used, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Length of a tick of the times in `/proc/PID/stat`: 1/100 s on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub resident_kb: u64,
    /// Without pages of mapped files, which the system may take back.
    pub anonymous_kb: u64,
    /// The most that was resident since [`reset_peak`].
    pub peak_kb: u64,
}

/// CPU time of all threads, also of those that have ended.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th fields after it.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|f| f.parse::<u32>().ok()).context("/proc/PID/stat is not as known");
    Ok(TICK * (ticks()? + ticks()?))
}

/// CPU time of the calling thread, to the nanosecond.
pub fn own_thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

pub fn memory(pid: u32) -> Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    Ok(Memory { resident_kb: field("VmRSS:"), anonymous_kb: field("RssAnon:"), peak_kb: field("VmHWM:") })
}

/// Lets the peak begin anew. Where the system forbids it the peak is that of the whole life.
pub fn reset_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

pub fn open_files(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd")).context("the process is gone")?.count())
}
