//! CPU, memory and time around a load.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{Broker, usage};
use crate::report::Sample;

pub struct Meter {
    pid: u32,
    begin: Instant,
    broker_cpu: Duration,
    client_cpu: Duration,
}

/// What the load moved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moved {
    /// Records or, where there are none, whatever the case counts.
    pub ops: u64,
    pub requests: u64,
    pub bytes: u64,
}

impl Meter {
    pub fn start(broker: &Broker) -> Result<Meter> {
        let pid = broker.pid();
        usage::reset_peak(pid);
        Ok(Meter { pid, broker_cpu: usage::cpu(pid)?, client_cpu: usage::own_thread_cpu(), begin: Instant::now() })
    }

    pub fn stop(self, moved: Moved) -> Result<Sample> {
        let took = self.begin.elapsed().as_secs_f64();
        let broker_us = usage::cpu(self.pid)?.saturating_sub(self.broker_cpu).as_secs_f64() * 1e6;
        let client_us = usage::own_thread_cpu().saturating_sub(self.client_cpu).as_secs_f64() * 1e6;
        let memory = usage::memory(self.pid)?;
        let mut sample = Sample::default();
        let ops = moved.ops.max(1) as f64;
        sample.set("seconds", took);
        sample.set("ops", moved.ops as f64);
        sample.set("ops_per_s", moved.ops as f64 / took);
        sample.set("requests_per_s", moved.requests as f64 / took);
        if moved.bytes > 0 {
            let mb = moved.bytes as f64 / 1e6;
            sample.set("mb_per_s", mb / took);
            sample.set("cpu_us_per_mb", broker_us / mb);
        }
        sample.set("cpu_us_per_op", broker_us / ops);
        sample.set("cpu_us_per_request", broker_us / moved.requests.max(1) as f64);
        sample.set("cpu_cores", broker_us / 1e6 / took);
        sample.set("client_cpu_us_per_op", client_us / ops);
        sample.set("resident_mb", memory.resident_kb as f64 / 1024.0);
        sample.set("anonymous_mb", memory.anonymous_kb as f64 / 1024.0);
        sample.set("peak_mb", memory.peak_kb as f64 / 1024.0);
        Ok(sample)
    }
}
