//! A closed loop: every connection keeps so many copies of its prepared frame in flight, as fast as the broker answers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;

use super::latency::Latency;
use super::pump::Traffic;

/// How long a load goes on: it ends with whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    pub requests: u64,
    pub time: Duration,
}

/// What one connection sends.
struct Lane {
    frame: Bytes,
    window: usize,
    /// When the requests in flight were sent.
    sent: VecDeque<Instant>,
}

pub struct Window {
    lanes: Vec<Lane>,
    left: u64,
    until: Instant,
    check: fn(&Bytes) -> Result<()>,
    pub answered: u64,
    pub latency: Latency,
}

impl Window {
    /// One (frame, window) a connection; `check` looks at every answer.
    pub fn new(lanes: Vec<(Bytes, usize)>, length: Length, check: fn(&Bytes) -> Result<()>) -> Result<Window> {
        let lanes = lanes.into_iter().map(|(frame, window)| Lane { frame, window, sent: VecDeque::new() }).collect();
        let until = Instant::now() + length.time;
        Ok(Window { lanes, left: length.requests, until, check, answered: 0, latency: Latency::new()? })
    }
}

impl Traffic for Window {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if now >= self.until {
            self.left = 0;
        }
        let Some(lane) = self.lanes.get_mut(connection) else { return Ok(None) };
        if self.left == 0 || lane.sent.len() >= lane.window {
            return Ok(None);
        }
        self.left -= 1;
        lane.sent.push_back(now);
        Ok(Some(lane.frame.clone()))
    }

    fn answer(&mut self, connection: usize, frame: Bytes, now: Instant) -> Result<()> {
        (self.check)(&frame)?;
        self.answered += 1;
        if let Some(sent) = self.lanes.get_mut(connection).and_then(|lane| lane.sent.pop_front()) {
            self.latency.record(now.saturating_duration_since(sent));
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.lanes.iter().all(|lane| lane.sent.is_empty())
    }
}
