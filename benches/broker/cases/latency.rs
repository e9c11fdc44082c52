//! Latencies at a fixed rate of one-record requests, of the acknowledgement and from end to end.

use anyhow::Result;

use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::load::frames::{self, Shape};
use crate::load::paced::Paced;
use crate::load::{Connection, pump};
use crate::report::Sample;

const RECORD_BYTES: usize = 1000;

pub struct Latencies {
    pub per_second: u64,
    pub producers: usize,
    /// A consumer waits at the end of the log.
    pub consumed: bool,
}

impl Load for Latencies {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(1)?;
        let batch = frames::batch(Shape::single(RECORD_BYTES), None);
        let frame = frames::produce(&topic, 0..1, &batch, -1)?;
        let mut connections = Connection::open_many(on.address(), self.producers + usize::from(self.consumed))?;
        let consumed = self.consumed.then_some(topic.id);
        let meter = Meter::start(on.broker)?;
        // Percentiles far out need many requests, so the time is not cut with the bytes.
        let mut paced = Paced::new(frame, self.producers, self.per_second, on.scale.time * 2, consumed)?;
        pump::run(&mut connections, &mut paced)?;
        let requests = paced.requests();
        let mut sample = meter.stop(Moved { ops: requests, requests, bytes: 0 })?;
        sample.set("ack_p50_us", paced.ack.us_at(50.0));
        sample.set("ack_p99_us", paced.ack.us_at(99.0));
        sample.set("ack_p99_9_us", paced.ack.us_at(99.9));
        sample.set("late_send_p99_us", paced.lateness.us_at(99.0));
        let end_to_end = paced.end_to_end()?;
        if !end_to_end.is_empty() {
            sample.set("e2e_p50_us", end_to_end.us_at(50.0));
            sample.set("e2e_p99_us", end_to_end.us_at(99.0));
            sample.set("e2e_p99_9_us", end_to_end.us_at(99.9));
        }
        Ok(sample)
    }
}
