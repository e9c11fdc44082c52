//! What the machine itself can do, measured in the same run: the limits that no broker can pass.
//!
//! | file | idea |
//! | --- | --- |
//! | `files.rs` | appending to the page cache, and syncing appends |
//! | `network.rs` | sendfile and ping-pong over loopback |
//! | `stolen.rs` | when others on the same host had its processors |
//! | `describe.rs` | what machine this is, how busy, how much room |

pub mod describe;
mod files;
mod network;
mod stolen;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::report::Sample;

pub use files::{settle, warm_memory};
pub use stolen::Stolen;

/// Limits by name, for [`crate::cases::Case::limit`].
pub const APPEND: &str = "append_mb_per_s";
pub const SYNC_LARGE: &str = "sync_4m_mb_per_s";
pub const SYNC_SMALL_US: &str = "sync_64k_us";
pub const SENDFILE_1: &str = "sendfile_1_mb_per_s";
pub const SENDFILE_4: &str = "sendfile_4_mb_per_s";
pub const SENDFILE_CPU: &str = "sendfile_cpu_us_per_mb";
/// A message that is due goes out, wakes its receiver, and comes back: what any broker needs at a fixed rate.
pub const PACED_PING_US: &str = "ping_1000_per_s_p50_us";

/// Measures them all; `bytes` is the size of the files used.
pub fn measure(dir: &Path, bytes: u64) -> Result<Sample> {
    let mut limits = Sample::default();
    let append = files::append(dir, bytes)?;
    limits.set(APPEND, append.mb_per_s());
    limits.set("append_cpu_us_per_mb", append.cpu_us_per_mb());
    let small = files::synced(dir, 64 << 10, bytes / 8)?;
    limits.set(SYNC_SMALL_US, small.us_per_step());
    limits.set("sync_64k_mb_per_s", small.mb_per_s());
    limits.set(SYNC_LARGE, files::synced(dir, 4 << 20, bytes)?.mb_per_s());
    for (name, receivers) in [(SENDFILE_1, 1), (SENDFILE_4, 4)] {
        let sent = network::sendfile(dir, bytes, receivers)?;
        limits.set(name, sent.mb_per_s());
        if receivers == 1 {
            limits.set(SENDFILE_CPU, sent.cpu_us_per_mb());
        }
    }
    let ping = network::ping_pong(100, 4000)?;
    limits.set("ping_p50_us", ping.us_at(50.0));
    limits.set("ping_p99_us", ping.us_at(99.0));
    let paced = network::paced_ping(100, Duration::from_millis(1), 1000)?;
    limits.set(PACED_PING_US, paced.us_at(50.0));
    limits.set("ping_1000_per_s_p99_us", paced.us_at(99.0));
    Ok(limits)
}

/// What a measurement moved and took.
pub struct Moved {
    bytes: u64,
    steps: u64,
    took: Duration,
    cpu: Duration,
}

impl Moved {
    fn mb_per_s(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64()
    }

    fn cpu_us_per_mb(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / (self.bytes as f64 / 1e6)
    }

    fn us_per_step(&self) -> f64 {
        self.took.as_secs_f64() * 1e6 / self.steps as f64
    }
}
