//! What machine this is, in general terms, and whether it is fit for measuring.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Result;

/// For the reader of the results.
pub fn machine() -> Vec<(&'static str, String)> {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kb: u64 = memory.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    vec![
        ("cpu", model.map_or("unknown".into(), |(_, name)| name.trim().to_string())),
        ("cores", cores.to_string()),
        ("memory", format!("{} GB", memory_kb >> 20)),
        ("kernel", read("/proc/sys/kernel/osrelease")),
        ("congestion control", read("/proc/sys/net/ipv4/tcp_congestion_control")),
    ]
}

/// Load of the machine over the last minute, per core.
pub fn load_per_core() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
    load / std::thread::available_parallelism().map_or(1, |n| n.get()) as f64
}

pub fn free_bytes(dir: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(dir)?;
    Ok(stat.f_bavail * stat.f_frsize)
}

/// Read-ahead of the device under a directory, if the system tells it.
pub fn read_ahead_kb(dir: &Path) -> Option<u64> {
    let device = fs::metadata(dir).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let path = format!("/sys/dev/block/{major}:{minor}/queue/read_ahead_kb");
    // A partition has no queue of its own, its disk has.
    let text = fs::read_to_string(&path)
        .or_else(|_| fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/../queue/read_ahead_kb")));
    text.ok()?.trim().parse().ok()
}

/// The date in UTC, as the system says it.
pub fn date() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    output.map_or(String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_string())
}
