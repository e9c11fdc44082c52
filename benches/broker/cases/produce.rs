//! Producing as fast as it is acknowledged.

use anyhow::Result;

use super::meter::{Meter, Moved};
use super::{Load, Scale, Stage};
use crate::load::frames::{self, Shape};
use crate::load::readers::Readers;
use crate::load::setup::Topic;
use crate::load::window::{Length, Window};
use crate::load::{Connection, pump};
use crate::machine;
use crate::process::Broker;
use crate::report::Sample;

/// A share of the load runs before the measurement, on the same topic.
const WARM_SHARE: u64 = 5;

pub struct Produce {
    pub shape: Shape,
    /// Each with a partition of its own.
    pub connections: usize,
    pub window: usize,
    pub acks: i16,
}

impl Produce {
    /// Sends up to `bytes`; returns what was acknowledged and the latencies.
    pub fn send(&self, connections: &mut [Connection], topic: &Topic, length: Length) -> Result<(Moved, Window)> {
        let batch = frames::batch(self.shape, None);
        let lanes = (0..connections.len() as i32)
            .map(|lane| {
                let partition = lane % topic.partitions;
                Ok((frames::produce(topic, partition..partition + 1, &batch, self.acks)?, self.window))
            })
            .collect::<Result<_>>()?;
        let mut window = Window::new(lanes, length, frames::check_produced)?;
        pump::run(connections, &mut window)?;
        let requests = window.answered;
        let moved = Moved { ops: requests * batch.records, requests, bytes: requests * batch.bytes.len() as u64 };
        Ok((moved, window))
    }

    pub fn length(&self, scale: &Scale, share: u64) -> Length {
        let batch_bytes = self.shape.record_bytes.max(self.shape.batch_bytes) as u64;
        Length { requests: (scale.bytes / batch_bytes / share).max(10), time: scale.time / share as u32 }
    }
}

impl Load for Produce {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(self.connections as i32)?;
        let mut connections = Connection::open_many(on.address(), self.connections)?;
        machine::warm_memory(on.scratch, on.scale.bytes)?;
        self.send(&mut connections, &topic, self.length(&on.scale, WARM_SHARE))?;
        let meter = Meter::start(on.broker)?;
        let (moved, window) = self.send(&mut connections, &topic, self.length(&on.scale, 1))?;
        let mut sample = meter.stop(moved)?;
        sample.set("ack_p50_us", window.latency.us_at(50.0));
        sample.set("ack_p99_us", window.latency.us_at(99.0));
        Ok(sample)
    }
}

/// Lets a broker see gigabytes of every kind of load before anything is measured: a JVM needs it.
pub fn warm_up(broker: &Broker, scale: Scale, scratch: &std::path::Path) -> Result<()> {
    let mut stage = Stage::new(broker, scale, scratch);
    let share = Scale { bytes: scale.warm_up_bytes / 4, time: scale.time * 4, ..scale };
    for shape in [Shape::new(1000, 64 << 10), Shape::new(100, 16 << 10), Shape::single(100), Shape::new(1000, 1 << 20)]
    {
        let load = Produce { shape, connections: 4, window: 8, acks: -1 };
        let topic = stage.topic(4)?;
        let mut connections = Connection::open_many(broker.address, 4)?;
        let length = load.length(&share, 1);
        let (moved, _) = load.send(&mut connections, &topic, length)?;
        let limits = frames::FetchLimits::new(1 << 20, 0);
        let until = std::time::Instant::now() + share.time;
        let mut readers = Readers::new(topic.id, 4, 4, limits, moved.bytes, until);
        pump::run(&mut connections, &mut readers)?;
    }
    Ok(())
}
