//! Bursts: one request with a record for each of many partitions, the next when all are acknowledged.

use anyhow::Result;

use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::load::frames::{self, Shape};
use crate::load::window::{Length, Window};
use crate::load::{Connection, pump};
use crate::report::Sample;

pub struct Burst {
    pub partitions: i32,
}

impl Load for Burst {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(self.partitions)?;
        let batch = frames::batch(Shape::single(1000), None);
        let frame = frames::produce(&topic, 0..self.partitions, &batch, -1)?;
        let mut connections = Connection::open_many(on.address(), 1)?;
        let mut send = |length| {
            let mut window = Window::new(vec![(frame.clone(), 1)], length, frames::check_all_produced)?;
            pump::run(&mut connections, &mut window).map(|()| window)
        };
        send(Length { requests: 20, time: on.scale.time })?;
        let meter = Meter::start(on.broker)?;
        let window = send(Length { requests: 2000, time: on.scale.time })?;
        let requests = window.answered;
        let ops = requests * self.partitions as u64;
        let mut sample = meter.stop(Moved { ops, requests, bytes: ops * batch.bytes.len() as u64 })?;
        sample.set("burst_p50_us", window.latency.us_at(50.0));
        sample.set("burst_p99_us", window.latency.us_at(99.0));
        Ok(sample)
    }
}
