//! Offset commits, members that come and go, transactions.

use std::time::Instant;

use anyhow::{Result, bail};
use bytes::Bytes;
use ottla::wire::codec::{decode_reply, encode_request};
use ottla::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla::wire::messages::{GroupId, OffsetCommitRequest, OffsetCommitResponse, TopicName};
use ottla::wire::versions::ApiKey;

use super::meter::{Meter, Moved};
use super::{Load, Stage, fresh_name};
use crate::load::frames::Shape;
use crate::load::groups::{Groups, JOIN_VERSION};
use crate::load::setup::{self, Topic, text};
use crate::load::transactions::{Client, END_TXN_VERSION, Transactions};
use crate::load::window::{Length, Window};
use crate::load::{Connection, pump};
use crate::report::Sample;

const COMMIT_VERSION: i16 = 9;
const TRANSACTION: i8 = 1;

/// Commits of one partition's offset, so many in flight over so many connections, each with its own group.
pub struct Commits {
    pub in_flight: usize,
    pub connections: usize,
}

impl Load for Commits {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        setup::require(on.address(), ApiKey::OffsetCommit, COMMIT_VERSION)?;
        let topic = on.topic(1)?;
        let mut connections = Connection::open_many(on.address(), self.connections)?;
        let mut lanes = Vec::new();
        for (index, connection) in connections.iter_mut().enumerate() {
            let group = fresh_name("group");
            setup::group_coordinator(connection, &group)?;
            let spare = usize::from(index < self.in_flight % self.connections);
            lanes.push((commit(&group, &topic)?, self.in_flight / self.connections + spare));
        }
        let mut send = |length| {
            let mut window = Window::new(lanes.clone(), length, check_committed)?;
            pump::run(&mut connections, &mut window).map(|()| window)
        };
        send(Length { requests: u64::MAX, time: on.scale.time / 5 })?;
        let meter = Meter::start(on.broker)?;
        let window = send(Length { requests: u64::MAX, time: on.scale.time })?;
        let mut sample = meter.stop(Moved { ops: window.answered, requests: window.answered, bytes: 0 })?;
        sample.set("ack_p50_us", window.latency.us_at(50.0));
        sample.set("ack_p99_us", window.latency.us_at(99.0));
        Ok(sample)
    }
}

fn commit(group: &str, topic: &Topic) -> Result<Bytes> {
    let partition = OffsetCommitRequestPartition::default()
        .with_committed_offset(1)
        .with_committed_leader_epoch(-1)
        .with_committed_metadata(Some(text("")));
    let topic = OffsetCommitRequestTopic::default().with_name(TopicName(text(&topic.name)));
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text(group)))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic.with_partitions(vec![partition])]);
    Ok(encode_request(1, Some("bench"), COMMIT_VERSION, &request)?)
}

fn check_committed(frame: &Bytes) -> Result<()> {
    let (_, answer) = decode_reply::<OffsetCommitResponse>(COMMIT_VERSION, frame.clone())?;
    match answer.topics.iter().flat_map(|t| &t.partitions).find(|p| p.error_code != 0) {
        Some(refused) => bail!("OffsetCommit was answered with error {}", refused.error_code),
        None => Ok(()),
    }
}

/// Members that join, sync, beat and leave, each alone in its group. An operation is one such round.
pub struct Rounds {
    pub members: usize,
}

impl Load for Rounds {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        setup::require(on.address(), ApiKey::JoinGroup, JOIN_VERSION)?;
        let mut connections = Connection::open_many(on.address(), self.members)?;
        let names: Vec<String> = (0..self.members).map(|_| fresh_name("group")).collect();
        for (connection, name) in connections.iter_mut().zip(&names) {
            setup::group_coordinator(connection, name)?;
        }
        let mut turn = |time| {
            let mut groups = Groups::new(&names, u64::MAX, Instant::now() + time);
            pump::run(&mut connections, &mut groups).map(|()| groups.rounds)
        };
        turn(on.scale.time / 5)?;
        let meter = Meter::start(on.broker)?;
        let rounds = turn(on.scale.time)?;
        meter.stop(Moved { ops: rounds, requests: rounds * 5, bytes: 0 })
    }
}

/// Transactions of one record each. An operation is one committed transaction.
pub struct Commitments {
    pub producers: usize,
}

impl Load for Commitments {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        setup::require(on.address(), ApiKey::EndTxn, END_TXN_VERSION)?;
        let topic = on.topic(self.producers as i32)?;
        let mut connections = Connection::open_many(on.address(), self.producers)?;
        let mut turn = |time| {
            let clients = clients(&mut connections, topic.partitions)?;
            let until = Instant::now() + time;
            let mut traffic = Transactions::new(topic.clone(), Shape::single(1000), clients, u64::MAX, until);
            pump::run(&mut connections, &mut traffic).map(|()| traffic)
        };
        turn(on.scale.time / 5)?;
        let meter = Meter::start(on.broker)?;
        let Transactions { ended, retries, .. } = turn(on.scale.time)?;
        let mut sample = meter.stop(Moved { ops: ended, requests: ended * 2 + retries, bytes: 0 })?;
        sample.set("retries_per_op", retries as f64 / ended.max(1) as f64);
        Ok(sample)
    }
}

/// A transactional producer for every connection, in turn on the partitions.
pub fn clients(connections: &mut [Connection], partitions: i32) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for (index, connection) in connections.iter_mut().enumerate() {
        let transactional_id = fresh_name("transaction");
        setup::find_coordinator(connection, TRANSACTION, &transactional_id)?;
        let (id, epoch) = setup::init_producer(connection, &transactional_id)?;
        clients.push(Client { transactional_id, id, epoch, partition: index as i32 % partitions });
    }
    Ok(clients)
}
