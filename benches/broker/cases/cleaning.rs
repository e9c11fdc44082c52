//! What compaction costs those who produce meanwhile: latencies of the acknowledgement at a fixed rate, first with
//! nothing else going on, then while the log of another topic is cleaned.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::load::frames::{self, Shape};
use crate::load::paced::Paced;
use crate::load::setup::{self, Topic};
use crate::load::window::{Length, Window};
use crate::load::{Connection, pump};
use crate::report::Sample;

const RECORD_BYTES: usize = 1000;
const BATCH_BYTES: usize = 64 << 10;
/// Batches with different keys, so that few records stay.
const BATCHES: u64 = 64;
const SEGMENT_BYTES: u64 = 64 << 20;
const PER_SECOND: u64 = 1000;
const PRODUCERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
/// Brokers look for work only so often, unless this is set.
const BACKOFF: (&str, &str) = ("log.cleaner.backoff.ms", "100");
const CLEAN_NOW: (&str, &str) = ("min.cleanable.dirty.ratio", "0.0");
const NOT_YET: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "1.0"), ("segment.bytes", "67108864")];

pub struct WhileCleaning;

impl Load for WhileCleaning {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let quiet = on.topic(1)?;
        let keyed = on.topic_with(1, NOT_YET)?;
        let dirty_bytes = on.scale.bytes.clamp(8 * SEGMENT_BYTES, 32 * SEGMENT_BYTES);
        fill(on, &keyed, dirty_bytes)?;
        let idle_p99_us = acks_p99_us(on, &quiet, on.scale.time * 2)?;
        let meter = Meter::start(on.broker)?;
        setup::alter_config(on.address(), setup::Resource::Broker, BACKOFF)?;
        setup::alter_config(on.address(), setup::Resource::Topic(&keyed), CLEAN_NOW)?;
        let address = on.address();
        let cleaning = std::thread::spawn(move || until_clean(address, &keyed, dirty_bytes));
        let p99_us = acks_p99_us(on, &quiet, on.scale.time * 2)?;
        let Ok(cleaned_in) = cleaning.join() else { bail!("the thread that watches the cleaner died") };
        let mut sample = meter.stop(Moved { ops: 1, requests: 1, bytes: dirty_bytes })?;
        sample.set("idle_ack_p99_us", idle_p99_us);
        sample.set("ack_p99_us", p99_us);
        sample.set("times_idle", p99_us / idle_p99_us);
        sample.set("cleaned_in_ms", cleaned_in?.as_secs_f64() * 1e3);
        Ok(sample)
    }
}

fn fill(on: &Stage<'_>, topic: &Topic, bytes: u64) -> Result<()> {
    let batches: Vec<_> = (0..BATCHES).map(|n| frames::keyed(Shape::new(RECORD_BYTES, BATCH_BYTES), n)).collect();
    let mut connection = Connection::open_many(on.address(), BATCHES as usize)?;
    let lanes = batches.iter().map(|batch| Ok((frames::produce(topic, 0..1, batch, 1)?, 1))).collect::<Result<_>>()?;
    let requests = bytes / BATCH_BYTES as u64;
    let mut window = Window::new(lanes, Length { requests, time: PATIENCE }, frames::check_produced)?;
    pump::run(&mut connection, &mut window)
}

fn acks_p99_us(on: &Stage<'_>, topic: &Topic, time: Duration) -> Result<f64> {
    let batch = frames::batch(Shape::single(RECORD_BYTES), None);
    let frame = frames::produce(topic, 0..1, &batch, -1)?;
    let mut connections = Connection::open_many(on.address(), PRODUCERS)?;
    let mut paced = Paced::new(frame, PRODUCERS, PER_SECOND, time, None)?;
    pump::run(&mut connections, &mut paced)?;
    Ok(paced.ack.us_at(99.0))
}

/// From the first sign of the cleaner's work until little but what stays and the active segment is left.
fn until_clean(address: std::net::SocketAddr, topic: &Topic, dirty_bytes: u64) -> Result<Duration> {
    let begin = Instant::now();
    let mut connection = Connection::open(address)?;
    while setup::size_bytes(&mut connection, topic)? > dirty_bytes / 4 {
        if begin.elapsed() > PATIENCE {
            bail!("topic {} is not cleaned after {} s", topic.name, PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(begin.elapsed())
}
