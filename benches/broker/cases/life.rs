//! Starting: empty, and with partitions that hold a record each, after a clean stop or `kill -9`; and what such a broker
//! holds while it is idle.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Life, Scale, fresh_name};
use crate::load::frames::{self, Shape};
use crate::load::setup::{self, Topic};
use crate::process::broker::Home;
use crate::process::settings::Durability;
use crate::process::{Broker, Product, usage};
use crate::report::Sample;

const TOPIC_PARTITIONS: i32 = 1000;
/// What a broker does right after its start is not idleness.
const SETTLE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Clean,
    Killed,
}

pub struct StartUp {
    pub partitions: i32,
    pub after: Stop,
}

impl Life for StartUp {
    fn run(&self, product: &Product, dir: &Path, _scale: &Scale) -> Result<Sample> {
        let home = Home::new(product, dir.join(product.name()), Durability::PageCache)?;
        let mut sample = Sample::default();
        let mut broker = home.start()?;
        let mut topics = Vec::new();
        if self.partitions > 0 {
            std::thread::sleep(SETTLE);
            let before = usage::memory(broker.pid())?;
            topics = fill(&broker, self.partitions)?;
            std::thread::sleep(SETTLE);
            let after = usage::memory(broker.pid())?;
            let grown_kb = after.resident_kb.saturating_sub(before.resident_kb) as f64;
            sample.set("kb_per_partition", grown_kb / f64::from(self.partitions));
            sample.set("open_files_filled", usage::open_files(broker.pid())? as f64);
            match self.after {
                Stop::Clean => sample.set("stop_ms", broker.stop()?.as_secs_f64() * 1e3),
                Stop::Killed => broker.kill()?,
            }
            broker = home.start()?;
        }
        let first_answer = broker.started_in;
        let ready = first_answer + until_served(&broker, &topics)?;
        sample.set("first_answer_ms", first_answer.as_secs_f64() * 1e3);
        sample.set("ready_ms", ready.as_secs_f64() * 1e3);
        std::thread::sleep(SETTLE);
        let memory = usage::memory(broker.pid())?;
        sample.set("resident_mb", memory.resident_kb as f64 / 1024.0);
        sample.set("anonymous_mb", memory.anonymous_kb as f64 / 1024.0);
        sample.set("peak_mb", memory.peak_kb as f64 / 1024.0);
        sample.set("open_files", usage::open_files(broker.pid())? as f64);
        broker.stop()?;
        home.remove();
        Ok(sample)
    }
}

/// Topics with so many partitions in all, a record in each.
fn fill(broker: &Broker, partitions: i32) -> Result<Vec<Topic>> {
    let batch = frames::batch(Shape::single(100), None);
    let mut connection = broker.connect()?;
    let mut topics = Vec::new();
    let mut left = partitions;
    while left > 0 {
        let count = left.min(TOPIC_PARTITIONS);
        left -= count;
        let topic = setup::create_topic(broker.address, &fresh_name("start"), count, &[])?;
        let answer = connection.ask(frames::produce(&topic, 0..count, &batch, -1)?)?;
        frames::check_all_produced(&answer)?;
        topics.push(topic);
    }
    Ok(topics)
}

/// How long after the first answer clients can work with every partition.
fn until_served(broker: &Broker, topics: &[Topic]) -> Result<Duration> {
    let begin = Instant::now();
    let mut connection = broker.connect()?;
    for topic in topics {
        while !setup::is_served(&mut connection, topic)? {
            if begin.elapsed() > PATIENCE {
                bail!("topic {} is not served {} s after the start", topic.name, PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    Ok(begin.elapsed())
}
