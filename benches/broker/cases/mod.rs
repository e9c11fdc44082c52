//! What is measured. A case names itself, says what it shows, and loads a broker.
//!
//! | file | idea |
//! | --- | --- |
//! | `meter.rs` | CPU, memory and time around a load |
//! | `list.rs` | all cases |
//! | `produce.rs`, `fetch.rs`, `committed.rs`, `latency.rs`, `burst.rs`, `coordinators.rs` | loads on a running broker |
//! | `membership.rs` | large groups in both protocols: until they settle, their memory, their heartbeats |
//! | `beside.rs` | the latency of producers while a log is compacted or removed |
//! | `life.rs`, `connections.rs` | start-up and memory, each on a broker of its own |
//! | `tools.rs` | producing and fetching by real clients, as a cross-check |

mod beside;
mod burst;
mod committed;
mod connections;
mod coordinators;
mod fetch;
mod latency;
mod life;
mod list;
#[allow(dead_code, reason = "the tests make more clients with it")]
#[path = "../../../tests/clients/making.rs"]
mod making;
mod membership;
mod meter;
mod produce;
mod tools;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;

pub use list::all;
pub use produce::warm_up;

use crate::load::setup::{self, Topic};
use crate::process::settings::Durability;
use crate::process::{Broker, Product};
use crate::report::Sample;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub rounds: usize,
    /// A case ends when so many bytes went through it or the time is over.
    pub bytes: u64,
    pub time: Duration,
    pub warm_up_bytes: u64,
}

/// The figure that a case is judged by.
#[derive(Clone, Copy)]
pub struct Shows {
    pub metric: &'static str,
    pub unit: &'static str,
    pub higher_is_better: bool,
}

/// Another figure: what it is called, the figure, the machine's limit to compare with.
pub type Also = (&'static str, Shows, Option<&'static str>);

pub const fn more(metric: &'static str, unit: &'static str) -> Shows {
    Shows { metric, unit, higher_is_better: true }
}

pub const fn less(metric: &'static str, unit: &'static str) -> Shows {
    Shows { metric, unit, higher_is_better: false }
}

pub struct Case {
    pub name: String,
    pub durability: Durability,
    /// Also part of a quick run.
    pub quick: bool,
    pub shows: Shows,
    /// Other figures of the same runs that get a line of their own.
    pub also: &'static [Also],
    /// The machine's limit to compare with.
    pub limit: Option<&'static str>,
    pub kind: Kind,
}

pub enum Kind {
    /// On the broker that runs for all cases.
    Shared(Box<dyn Load>),
    /// On a broker of its own.
    Alone(Box<dyn Life>),
}

pub trait Load {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample>;
}

pub trait Life {
    fn run(&self, product: &Product, dir: &Path, scale: &Scale) -> Result<Sample>;
}

/// What a load works with.
pub struct Stage<'a> {
    pub broker: &'a Broker,
    pub scale: Scale,
    /// For files of the benchmark's own, on the device that the brokers write to.
    pub scratch: &'a Path,
    topics: Vec<Topic>,
}

impl<'a> Stage<'a> {
    pub fn new(broker: &'a Broker, scale: Scale, scratch: &'a Path) -> Stage<'a> {
        Stage { broker, scale, scratch, topics: Vec::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.broker.address
    }

    /// A topic that is deleted after the case.
    pub fn topic(&mut self, partitions: i32) -> Result<Topic> {
        self.topic_with(partitions, &[])
    }

    /// The same with settings of its own.
    pub fn topic_with(&mut self, partitions: i32, configs: &[(&str, &str)]) -> Result<Topic> {
        let topic = setup::create_topic(self.address(), &fresh_name("topic"), partitions, configs)?;
        self.topics.push(topic.clone());
        Ok(topic)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        for topic in &self.topics {
            if let Err(e) = setup::delete_topic(self.broker.address, topic) {
                eprintln!("{} does not delete topic {}: {e:#}", self.broker.product.name(), topic.name);
            }
        }
    }
}

/// A name that was not used before.
pub fn fresh_name(kind: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("bench-{kind}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
