//! Consuming from the page cache, and producing and consuming at once.

use std::time::Instant;

use anyhow::Result;

use super::meter::{Meter, Moved};
use super::produce::Produce;
use super::{Load, Stage};
use crate::load::frames::{self, FetchLimits, Shape};
use crate::load::readers::{Both, Readers};
use crate::load::window::{Length, Window};
use crate::load::{Connection, pump};
use crate::machine;
use crate::report::Sample;

/// What a consumer asks for at once, as clients do by default.
pub const FETCH_BYTES: i32 = 1 << 20;
/// A partition holds so much; consumers begin again at its end. It stays in the page cache.
pub const STORED_SHARE: u64 = 4;

pub struct Fetch {
    pub shape: Shape,
    /// Each reads a partition of its own.
    pub consumers: usize,
    pub fetch_bytes: i32,
}

impl Fetch {
    pub const fn new(shape: Shape, consumers: usize) -> Fetch {
        Fetch { shape, consumers, fetch_bytes: FETCH_BYTES }
    }
}

impl Load for Fetch {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(self.consumers as i32)?;
        let mut connections = Connection::open_many(on.address(), self.consumers)?;
        let producer = Produce { shape: self.shape, connections: self.consumers, window: 5, acks: 1 };
        let stored = producer.length(&on.scale, STORED_SHARE);
        let (stored, _) = producer.send(&mut connections, &topic, stored)?;
        let limits = FetchLimits::new(self.fetch_bytes, 0);
        let mut read = |bytes: u64, time| {
            let until = Instant::now() + time;
            let mut readers = Readers::new(topic.id, self.consumers, topic.partitions, limits, bytes, until);
            pump::run(&mut connections, &mut readers).map(|()| readers)
        };
        read(stored.bytes, on.scale.time / 5)?;
        let meter = Meter::start(on.broker)?;
        let readers = read(on.scale.bytes * 2, on.scale.time)?;
        let records = readers.bytes * stored.ops / stored.bytes.max(1);
        meter.stop(Moved { ops: records, requests: readers.fetches, bytes: readers.bytes })
    }
}

/// So many producers, each with a partition, and so many consumers that follow them.
pub struct ProduceAndFetch {
    pub shape: Shape,
    pub pairs: usize,
}

impl ProduceAndFetch {
    fn both(&self, connections: &mut [Connection], topic: &crate::load::setup::Topic, length: Length) -> Result<Moved> {
        let batch = frames::batch(self.shape, None);
        let lanes = (0..self.pairs as i32)
            .map(|p| Ok((frames::produce(topic, p..p + 1, &batch, -1)?, 5)))
            .collect::<Result<_>>()?;
        let limits = FetchLimits::new(FETCH_BYTES, 100);
        let until = Instant::now() + length.time * 4;
        let mut traffic = Both {
            producers: Window::new(lanes, length, frames::check_produced)?,
            producer_count: self.pairs,
            readers: Readers::new(topic.id, self.pairs, topic.partitions, limits, u64::MAX, until),
            bytes_per_request: batch.bytes.len() as u64,
        };
        pump::run(connections, &mut traffic)?;
        let requests = traffic.producers.answered;
        Ok(Moved { ops: requests * batch.records, requests, bytes: requests * batch.bytes.len() as u64 })
    }
}

impl Load for ProduceAndFetch {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let producer = Produce { shape: self.shape, connections: self.pairs, window: 5, acks: -1 };
        machine::warm_memory(on.scratch, on.scale.bytes)?;
        let topic = on.topic(self.pairs as i32)?;
        let mut connections = Connection::open_many(on.address(), self.pairs * 2)?;
        self.both(&mut connections, &topic, producer.length(&on.scale, 5))?;
        let topic = on.topic(self.pairs as i32)?;
        let meter = Meter::start(on.broker)?;
        let moved = self.both(&mut connections, &topic, producer.length(&on.scale, 1))?;
        meter.stop(moved)
    }
}
