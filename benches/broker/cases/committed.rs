//! What it costs to show consumers only what was committed: the same log, with some aborted transactions in it, is read
//! with both isolation levels in turn. The answers have the same records; those of `read_committed` also name the
//! transactions whose records the consumer is to leave out.

use std::time::{Duration, Instant};

use anyhow::Result;
use ottla::wire::versions::ApiKey;

use super::coordinators::clients;
use super::fetch::{FETCH_BYTES, STORED_SHARE};
use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::load::frames::{self, FetchLimits, Isolation, Shape};
use crate::load::readers::Readers;
use crate::load::setup::{self, Topic};
use crate::load::transactions::{END_TXN_VERSION, Transactions};
use crate::load::{Connection, pump};
use crate::report::Sample;

const PRODUCERS: usize = 16;
/// Turns of each isolation level: short ones, so that both see the same machine, and many, because CPU is counted in
/// steps of 10 ms.
const TURNS: u32 = 8;
/// Of the time of other cases, for one turn.
const TURN_SHARE: u32 = 4;
/// A marker in the log.
const MARKER_BYTES: u64 = 78;

pub struct CommittedFetch {
    /// Of the one batch of a transaction.
    pub shape: Shape,
    pub consumers: usize,
    pub abort_every: u64,
}

/// What reading with one isolation level took.
#[derive(Default)]
struct Spent {
    moved: Moved,
    cpu_us: f64,
    seconds: f64,
}

impl Load for CommittedFetch {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        setup::require(on.address(), ApiKey::EndTxn, END_TXN_VERSION)?;
        let topic = on.topic(self.consumers as i32)?;
        let batch = frames::batch(self.shape, None);
        let transaction_bytes = batch.bytes.len() as u64 + MARKER_BYTES;
        self.fill(on, &topic, on.scale.bytes / STORED_SHARE / transaction_bytes)?;
        let mut connections = Connection::open_many(on.address(), self.consumers)?;
        let mut read = |isolation, time: Duration| -> Result<Moved> {
            let limits = FetchLimits { isolation, ..FetchLimits::new(FETCH_BYTES, 0) };
            let until = Instant::now() + time;
            let mut readers = Readers::new(topic.id, self.consumers, topic.partitions, limits, u64::MAX, until);
            pump::run(&mut connections, &mut readers)?;
            let records = readers.bytes * batch.records / transaction_bytes;
            Ok(Moved { ops: records, requests: readers.fetches, bytes: readers.bytes })
        };
        let both = [Isolation::Uncommitted, Isolation::Committed];
        for isolation in both {
            read(isolation, on.scale.time / TURN_SHARE)?;
        }
        let mut spent = [Spent::default(), Spent::default()];
        let whole = Meter::start(on.broker)?;
        for _ in 0..TURNS {
            for (isolation, spent) in both.into_iter().zip(&mut spent) {
                let meter = Meter::start(on.broker)?;
                let moved = read(isolation, on.scale.time / TURN_SHARE)?;
                spent.add(moved, &meter.stop(moved)?);
            }
        }
        let [uncommitted, committed] = spent;
        let mut sample = whole.stop(committed.moved)?;
        sample.set("cpu_us_per_op", committed.cpu_us_per_record());
        sample.set("mb_per_s", committed.mb_per_s());
        sample.set("uncommitted_cpu_us_per_op", uncommitted.cpu_us_per_record());
        sample.set("uncommitted_mb_per_s", uncommitted.mb_per_s());
        sample.set("cpu_of_uncommitted", committed.cpu_us_per_record() / uncommitted.cpu_us_per_record());
        sample.set("rate_of_uncommitted", committed.mb_per_s() / uncommitted.mb_per_s());
        Ok(sample)
    }
}

impl CommittedFetch {
    fn fill(&self, on: &Stage<'_>, topic: &Topic, transactions: u64) -> Result<()> {
        let mut connections = Connection::open_many(on.address(), PRODUCERS)?;
        let clients = clients(&mut connections, topic.partitions)?;
        let until = Instant::now() + on.scale.time * 5;
        let traffic = Transactions::new(topic.clone(), self.shape, clients, transactions, until);
        pump::run(&mut connections, &mut traffic.aborting_one_of(self.abort_every))
    }
}

impl Spent {
    fn add(&mut self, moved: Moved, sample: &Sample) {
        let figure = |name| sample.get(name).unwrap_or(f64::NAN);
        self.moved.ops += moved.ops;
        self.moved.requests += moved.requests;
        self.moved.bytes += moved.bytes;
        self.cpu_us += figure("cpu_us_per_op") * moved.ops.max(1) as f64;
        self.seconds += figure("seconds");
    }

    fn cpu_us_per_record(&self) -> f64 {
        self.cpu_us / self.moved.ops.max(1) as f64
    }

    fn mb_per_s(&self) -> f64 {
        self.moved.bytes as f64 / 1e6 / self.seconds
    }
}
