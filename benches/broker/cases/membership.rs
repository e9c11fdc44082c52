//! Large groups in both protocols: how soon they settle, what they hold in memory, what their heartbeats cost.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use ottla::wire::codec::decode_reply;
use ottla::wire::messages::HeartbeatResponse;
use ottla::wire::versions::ApiKey;

use super::connections::CALM;
use super::meter::{Meter, Moved};
use super::{Life, Load, Scale, Stage, fresh_name};
use crate::load::converging::{self, Converging};
use crate::load::gathering::Gathering;
use crate::load::groups::{HEARTBEAT_VERSION, JOIN_VERSION};
use crate::load::setup::{self, Topic};
use crate::load::{Connection, pump};
use crate::process::broker::Home;
use crate::process::settings::Durability;
use crate::process::{Broker, Product, usage};
use crate::report::Sample;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Classic,
    /// KIP-848.
    Consumer,
}

/// Groups whose members are all settled.
struct Settled {
    /// From the last member's join, of the last group.
    stable_ms: f64,
    /// What each connection's member says from now on.
    beats: Vec<Bytes>,
}

impl Protocol {
    fn require(self, broker: std::net::SocketAddr) -> Result<()> {
        match self {
            Protocol::Classic => setup::require(broker, ApiKey::JoinGroup, JOIN_VERSION),
            Protocol::Consumer => setup::require(broker, ApiKey::ConsumerGroupHeartbeat, converging::HEARTBEAT_VERSION),
        }
    }

    /// Lets the members of new groups join, one a connection. The topic has a partition for each member of a group.
    fn gather(self, connections: &mut [Connection], members_each: usize, topic: &Topic) -> Result<Settled> {
        let groups = connections.len() / members_each;
        let names: Vec<String> = (0..groups).map(|_| fresh_name("group")).collect();
        let Some(first) = connections.first_mut() else { bail!("a group needs a member") };
        for name in &names {
            setup::group_coordinator(first, name)?;
        }
        let mut settled = Settled { stable_ms: 0.0, beats: Vec::new() };
        match self {
            Protocol::Classic => {
                for (name, connections) in names.iter().zip(connections.chunks_mut(members_each)) {
                    let mut gathering = Gathering::new(name, members_each);
                    pump::run(connections, &mut gathering)?;
                    settled.stable_ms = gathering.all_joined.elapsed().as_secs_f64() * 1000.0;
                    settled.beats.extend(gathering.beats()?);
                }
            }
            // They wait for the time between two assignments, so they do it together.
            Protocol::Consumer => {
                let mut converging = Converging::new(&names, members_each, &topic.name);
                pump::run(connections, &mut converging)?;
                settled.stable_ms = converging.all_joined.elapsed().as_secs_f64() * 1000.0;
                settled.beats = converging.beats()?;
            }
        }
        Ok(settled)
    }

    fn check_beat(self, frame: Bytes) -> Result<()> {
        match self {
            Protocol::Classic => match decode_reply::<HeartbeatResponse>(HEARTBEAT_VERSION, frame)?.1.error_code {
                0 => Ok(()),
                code => bail!("Heartbeat was answered with error {code}"),
            },
            Protocol::Consumer => converging::read(frame).map(|_| ()),
        }
    }
}

/// Members of one group that all join at once. Shown is the time from the last join until all are settled.
pub struct Gather {
    pub members: usize,
    pub protocol: Protocol,
}

impl Load for Gather {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        self.protocol.require(on.address())?;
        let topic = on.topic(self.members as i32)?;
        let mut connections = Connection::open_many(on.address(), self.members)?;
        let mut gather = || self.protocol.gather(&mut connections, self.members, &topic);
        gather()?;
        let meter = Meter::start(on.broker)?;
        let settled = gather()?;
        let members = self.members as u64;
        let mut sample = meter.stop(Moved { ops: members, requests: members, bytes: 0 })?;
        sample.set("stable_ms", settled.stable_ms);
        Ok(sample)
    }
}

/// Members that beat as often as clients do by default, evenly spread over the time, each on its own connection.
pub struct Beats {
    pub groups: usize,
    pub members_each: usize,
    pub protocol: Protocol,
    pub every_ms: u64,
}

impl Load for Beats {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        self.protocol.require(on.address())?;
        let topic = on.topic(self.members_each as i32)?;
        let mut connections = Connection::open_many(on.address(), self.groups * self.members_each)?;
        let settled = self.protocol.gather(&mut connections, self.members_each, &topic)?;
        self.everyone_beats(&mut connections, &settled.beats)?;
        let meter = Meter::start(on.broker)?;
        for _ in 0..2 {
            self.everyone_beats(&mut connections, &settled.beats)?;
        }
        let beats = 2 * connections.len() as u64;
        let mut sample = meter.stop(Moved { ops: beats, requests: beats, bytes: 0 })?;
        sample.set("core_percent", sample.get("cpu_cores").unwrap_or(f64::NAN) * 100.0);
        Ok(sample)
    }
}

impl Beats {
    fn everyone_beats(&self, connections: &mut [Connection], beats: &[Bytes]) -> Result<()> {
        let start = Instant::now();
        let every = Duration::from_millis(self.every_ms) / connections.len() as u32;
        for (number, (connection, beat)) in connections.iter_mut().zip(beats).enumerate() {
            let due = start + every * number as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.protocol.check_beat(connection.ask(beat.clone())?)?;
        }
        std::thread::sleep((start + Duration::from_millis(self.every_ms)).saturating_duration_since(Instant::now()));
        Ok(())
    }
}

/// What one large group holds in the broker, its connections not counted.
pub struct GroupMemory {
    pub members: usize,
    pub protocol: Protocol,
}

impl Life for GroupMemory {
    fn run(&self, product: &Product, dir: &Path, _scale: &Scale) -> Result<Sample> {
        let home = Home::new(product, dir.join(product.name()), Durability::PageCache)?;
        let broker = home.start()?;
        self.protocol.require(broker.address)?;
        let topic = setup::create_topic(broker.address, &fresh_name("topic"), self.members as i32, &[])?;
        let mut connections = Connection::open_many(broker.address, self.members)?;
        for connection in &mut connections {
            setup::group_coordinator(connection, &fresh_name("group"))?;
        }
        std::thread::sleep(CALM);
        let before_kb = resident_kb(&broker)?;
        self.protocol.gather(&mut connections, self.members, &topic)?;
        std::thread::sleep(CALM);
        let after_kb = resident_kb(&broker)?;
        let mut sample = Sample::default();
        sample.set("group_mb", (after_kb - before_kb) / 1024.0);
        sample.set("kb_per_member", (after_kb - before_kb) / self.members as f64);
        sample.set("resident_mb", after_kb / 1024.0);
        drop(connections);
        broker.stop()?;
        home.remove();
        Ok(sample)
    }
}

fn resident_kb(broker: &Broker) -> Result<f64> {
    Ok(usage::memory(broker.pid())?.resident_kb as f64)
}
