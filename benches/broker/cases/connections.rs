//! What connections cost in memory, and what is left of a burst once it is over.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::{Life, Scale};
use crate::load::frames::{self, Shape};
use crate::load::setup;
use crate::load::window::{Length, Window};
use crate::load::{Connection, pump};
use crate::process::broker::Home;
use crate::process::settings::Durability;
use crate::process::{Broker, Product, usage};
use crate::report::Sample;

const SETTLE: Duration = Duration::from_secs(2);
/// A broker that gives memory back in the background has so much time for it.
pub const CALM: Duration = Duration::from_secs(8);
const LARGE_BYTES: usize = 8 << 20;

/// Connections that have asked once and then say nothing.
pub struct Idle {
    pub connections: usize,
}

impl Life for Idle {
    fn run(&self, product: &Product, dir: &Path, _scale: &Scale) -> Result<Sample> {
        let home = Home::new(product, dir.join(product.name()), Durability::PageCache)?;
        let broker = home.start()?;
        std::thread::sleep(SETTLE);
        let idle_kb = resident_kb(&broker)?;
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            let mut connection = broker.connect()?;
            setup::has_leaders(&mut connection, "no-such-topic", 1)?;
            connections.push(connection);
        }
        std::thread::sleep(SETTLE);
        let held_kb = resident_kb(&broker)?;
        drop(connections);
        std::thread::sleep(CALM);
        let mut sample = Sample::default();
        sample.set("kb_per_connection", (held_kb - idle_kb) / self.connections as f64);
        sample.set("idle_mb", idle_kb / 1024.0);
        sample.set("resident_mb", held_kb / 1024.0);
        sample.set("closed_mb", resident_kb(&broker)? / 1024.0);
        broker.stop()?;
        home.remove();
        Ok(sample)
    }
}

/// Large requests over many connections at once, then silence.
pub struct AfterBurst {
    pub large_requests: u64,
    pub connections: usize,
}

impl Life for AfterBurst {
    fn run(&self, product: &Product, dir: &Path, scale: &Scale) -> Result<Sample> {
        let home = Home::new(product, dir.join(product.name()), Durability::PageCache)?;
        let broker = home.start()?;
        std::thread::sleep(SETTLE);
        let idle_kb = resident_kb(&broker)?;
        let topic = setup::create_topic(broker.address, "burst", 1, &[("max.message.bytes", "16777216")])?;
        for (shape, connections, requests) in [
            (Shape::new(1000, LARGE_BYTES), 16, self.large_requests),
            (Shape::new(1000, 64 << 10), self.connections, self.connections as u64),
        ] {
            let frame = frames::produce(&topic, 0..1, &frames::batch(shape, None), 1)?;
            let mut sockets = Connection::open_many(broker.address, connections)?;
            let length = Length { requests, time: scale.time * 10 };
            let mut window = Window::new(vec![(frame, 2); connections], length, frames::check_produced)?;
            pump::run(&mut sockets, &mut window)?;
        }
        let peak_kb = usage::memory(broker.pid())?.peak_kb;
        std::thread::sleep(CALM);
        let after_kb = resident_kb(&broker)?;
        let mut sample = Sample::default();
        sample.set("times_idle", after_kb / idle_kb);
        sample.set("idle_mb", idle_kb / 1024.0);
        sample.set("peak_mb", peak_kb as f64 / 1024.0);
        sample.set("resident_mb", after_kb / 1024.0);
        broker.stop()?;
        home.remove();
        Ok(sample)
    }
}

fn resident_kb(broker: &Broker) -> Result<f64> {
    Ok(usage::memory(broker.pid())?.resident_kb as f64)
}
