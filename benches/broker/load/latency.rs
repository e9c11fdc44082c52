//! Latencies in a histogram from 100 ns to a minute.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;

const MAX_NS: u64 = 60_000_000_000;

pub struct Latency(Histogram<u64>);

impl Latency {
    pub fn new() -> Result<Latency> {
        Ok(Latency(Histogram::new_with_bounds(100, MAX_NS, 3)?))
    }

    pub fn record(&mut self, took: Duration) {
        self.0.saturating_record(took.as_nanos().min(u128::from(MAX_NS)) as u64);
    }

    pub fn add(&mut self, other: &Latency) -> Result<()> {
        Ok(self.0.add(&other.0)?)
    }

    pub fn count(&self) -> u64 {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn us_at(&self, percentile: f64) -> f64 {
        self.0.value_at_percentile(percentile) as f64 / 1000.0
    }
}
