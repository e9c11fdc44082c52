//! What work behind the scenes costs those who produce meanwhile: latencies of the acknowledgement at a fixed rate, while
//! the log of another topic is compacted or removed, and in turns with that for as long with nothing else going on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::load::fill::Fill;
use crate::load::frames::{self, Shape};
use crate::load::latency::Latency;
use crate::load::paced::Paced;
use crate::load::setup::{self, Topic};
use crate::load::{Connection, pump};
use crate::machine::{self, Stolen};
use crate::report::Sample;

const RECORD_BYTES: usize = 1000;
const BATCH_BYTES: usize = 64 << 10;
const SEGMENT_BYTES: u64 = 64 << 20;
const PER_SECOND: u64 = 1000;
const PRODUCERS: usize = 4;
const FILLERS: usize = 16;
/// Pairs of a time with the work and one without, whose latencies are taken together.
const PAIRS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(60);
/// Producers get warm before anything is counted.
const WARM_UP: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The work is over when the log has not changed for so long.
const STILL: Duration = Duration::from_millis(1000);
/// Files of deleted topics are gone by then.
const REMOVED: Duration = Duration::from_millis(2500);
/// Brokers look for work only so often, unless this is set.
const BACKOFF: (&str, &str) = ("log.cleaner.backoff.ms", "100");
const CLEAN_NOW: (&str, &str) = ("min.cleanable.dirty.ratio", "0.0");
const NOT_YET: &[(&str, &str)] =
    &[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "1.0"), ("segment.bytes", "67108864")];

/// What goes on beside producing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// A log is compacted of which half stays.
    Compaction,
    /// A topic is deleted, in segments of the default size.
    Removal,
}

impl Load for Beside {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let stolen = Stolen::watch();
        let broker = on.address();
        let produced = on.topic(1)?;
        setup::alter_config(broker, setup::Resource::Broker, BACKOFF)?;
        let bytes = on.scale.bytes.clamp(4 * SEGMENT_BYTES, 8 * SEGMENT_BYTES);
        let (mut idle, mut beside) = (Latency::new()?, Latency::new()?);
        let (mut length, mut took) = (on.scale.time, Duration::ZERO);
        let mut sample = Sample::default();
        for pair in 0..PAIRS {
            let configs = if *self == Beside::Compaction { NOT_YET } else { &[] };
            let topic = setup::create_topic(broker, &super::fresh_name("beside"), 1, configs)?;
            fill(broker, &topic, bytes)?;
            if pair % 2 == 1 {
                machine::settle()?;
                idle.add(&acks(broker, (&produced, &stolen), || pause(broker, &topic, length))?.0)?;
            }
            machine::settle()?;
            let meter = Meter::start(on.broker)?;
            let (acks_beside, (began, ended)) = acks(broker, (&produced, &stolen), || self.work(broker, &topic))?;
            sample = meter.stop(Moved { ops: 1, requests: 1, bytes })?;
            beside.add(&acks_beside)?;
            length = ended - began;
            took += length;
            if *self == Beside::Compaction {
                setup::delete_topic(broker, &topic)?;
                std::thread::sleep(REMOVED);
            }
            if pair % 2 == 0 {
                machine::settle()?;
                idle.add(&acks(broker, (&produced, &stolen), || pause(broker, &topic, length))?.0)?;
            }
        }
        for (latency, names) in [
            (&idle, ["idle_ack_p50_us", "idle_ack_p99_us", "idle_ack_p99_9_us", "idle_acks"]),
            (&beside, ["ack_p50_us", "ack_p99_us", "ack_p99_9_us", "acks"]),
        ] {
            let [p50, p99, p99_9, count] = names;
            sample.set(p50, latency.us_at(50.0));
            sample.set(p99, latency.us_at(99.0));
            sample.set(p99_9, latency.us_at(99.9));
            sample.set(count, latency.count() as f64);
        }
        sample.set("times_idle", beside.us_at(99.0) / idle.us_at(99.0));
        sample.set("took_ms", took.as_secs_f64() * 1e3 / PAIRS as f64);
        Ok(sample)
    }
}

/// Half of the records stay when the log is compacted.
fn fill(broker: SocketAddr, topic: &Topic, bytes: u64) -> Result<()> {
    let mut connections = Connection::open_many(broker, FILLERS)?;
    let mut fill = Fill::new(topic.clone(), Shape::new(RECORD_BYTES, BATCH_BYTES), FILLERS, bytes / BATCH_BYTES as u64);
    pump::run(&mut connections, &mut fill)
}

/// From when to when.
type Span = (Instant, Instant);

/// Produces at the rate while something is done, and tells of the requests that were due between its begin and its end.
fn acks(
    broker: SocketAddr,
    (topic, stolen): (&Topic, &Stolen),
    what: impl FnOnce() -> Result<Span> + Send,
) -> Result<(Latency, Span)> {
    let batch = frames::batch(Shape::single(RECORD_BYTES), None);
    let frame = frames::produce(topic, 0..1, &batch, -1)?;
    let mut connections = Connection::open_many(broker, PRODUCERS)?;
    let over = Arc::new(AtomicBool::new(false));
    let mut paced = Paced::new(frame, PRODUCERS, PER_SECOND, PATIENCE * 2, None)?.until(over.clone());
    let span = std::thread::scope(|scope| {
        let watch = scope.spawn(move || {
            std::thread::sleep(WARM_UP);
            let span = what();
            over.store(true, Ordering::Relaxed);
            span
        });
        let ran = pump::run(&mut connections, &mut paced);
        let Ok(span) = watch.join() else { bail!("the thread that watches the work died") };
        ran.and(span)
    })?;
    Ok((paced.acks_due(span.0..span.1, |time| !stolen.hits(time))?, span))
}

/// Only looks at the log as often as during the work.
fn pause(broker: SocketAddr, topic: &Topic, length: Duration) -> Result<Span> {
    let mut connection = Connection::open(broker)?;
    let began = Instant::now();
    while began.elapsed() < length {
        std::thread::sleep(LOOK_EVERY);
        setup::size_bytes(&mut connection, topic)?;
    }
    Ok((began, began + length))
}

impl Beside {
    /// Has the work done and waits until it is.
    fn work(&self, broker: SocketAddr, topic: &Topic) -> Result<Span> {
        match self {
            Beside::Compaction => compact(broker, topic),
            Beside::Removal => {
                let began = Instant::now();
                setup::delete_topic(broker, topic)?;
                std::thread::sleep(REMOVED);
                Ok((began, Instant::now()))
            }
        }
    }
}

fn compact(broker: SocketAddr, topic: &Topic) -> Result<Span> {
    let mut connection = Connection::open(broker)?;
    let full = setup::size_bytes(&mut connection, topic)?;
    setup::alter_config(broker, setup::Resource::Topic(topic), CLEAN_NOW)?;
    let began = Instant::now();
    let (mut size, mut changed) = (full, began);
    while size == full || changed.elapsed() < STILL {
        if changed.elapsed() > PATIENCE {
            bail!("topic {} is not cleaned after {} s", topic.name, PATIENCE.as_secs());
        }
        std::thread::sleep(LOOK_EVERY);
        let now = setup::size_bytes(&mut connection, topic)?;
        if now != size {
            (size, changed) = (now, Instant::now());
        }
    }
    if size > full * 3 / 4 {
        bail!("topic {} is cleaned and still has {size} bytes of {full}", topic.name);
    }
    Ok((began, changed))
}
