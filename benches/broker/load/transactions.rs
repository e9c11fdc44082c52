//! Transactional producers, one a connection: one batch, commit, and again. The partition joins the transaction with
//! the Produce request itself, and every commit raises the producer's epoch, as clients of Kafka 4 do it.

use std::time::Instant;

use anyhow::{Result, bail};
use bytes::Bytes;
use ottla::model::{ProducerEpoch, ProducerId};
use ottla::wire::codec::{decode_reply, encode_request};
use ottla::wire::messages::{self, EndTxnRequest, EndTxnResponse, ProduceResponse, TransactionalId};

use super::frames::{self, PRODUCE_VERSION, Producer, Shape};
use super::pump::Traffic;
use super::setup::{Topic, text};

pub const END_TXN_VERSION: i16 = 5;
/// The last transaction's markers are still being written: the request is to be sent again.
const CONCURRENT_TRANSACTIONS: i16 = 51;

pub struct Client {
    pub transactional_id: String,
    pub id: ProducerId,
    pub epoch: ProducerEpoch,
    pub partition: i32,
}

struct Lane {
    client: Client,
    produced: bool,
    asking: bool,
}

pub struct Transactions {
    topic: Topic,
    shape: Shape,
    lanes: Vec<Lane>,
    left: u64,
    until: Instant,
    /// Of so many transactions one is aborted; 0: none.
    abort_every: u64,
    /// Ended, committed or not.
    pub ended: u64,
    /// Requests that had to be sent again.
    pub retries: u64,
}

impl Transactions {
    pub fn new(topic: Topic, shape: Shape, clients: Vec<Client>, count: u64, until: Instant) -> Transactions {
        let lanes = clients.into_iter().map(|client| Lane { client, produced: false, asking: false }).collect();
        Transactions { topic, shape, lanes, left: count, until, abort_every: 0, ended: 0, retries: 0 }
    }

    pub fn aborting_one_of(self, abort_every: u64) -> Transactions {
        Transactions { abort_every, ..self }
    }
}

impl Client {
    fn produce(&self, topic: &Topic, shape: Shape) -> Result<Bytes> {
        let producer = Producer { id: self.id, epoch: self.epoch };
        let batch = frames::batch(shape, Some(&producer));
        let id = TransactionalId(text(&self.transactional_id));
        frames::produce_as(topic, self.partition..self.partition + 1, &batch, -1, Some(id))
    }

    fn end(&self, committed: bool) -> Result<Bytes> {
        let request = EndTxnRequest::default()
            .with_transactional_id(TransactionalId(text(&self.transactional_id)))
            .with_producer_id(messages::ProducerId(self.id.0))
            .with_producer_epoch(self.epoch.0)
            .with_committed(committed);
        Ok(encode_request(1, Some("bench"), END_TXN_VERSION, &request)?)
    }
}

impl Lane {
    /// Takes the answer: true when it counts, false when the request is to be sent again.
    fn answered(&mut self, frame: Bytes) -> Result<bool> {
        self.asking = false;
        let code = if self.produced {
            let (_, answer) = decode_reply::<EndTxnResponse>(END_TXN_VERSION, frame)?;
            if answer.error_code == 0 {
                self.client.id = ProducerId(answer.producer_id.0);
                self.client.epoch = ProducerEpoch(answer.producer_epoch);
            }
            answer.error_code
        } else {
            let (_, answer) = decode_reply::<ProduceResponse>(PRODUCE_VERSION, frame)?;
            answer.responses.iter().flat_map(|t| &t.partition_responses).map(|p| p.error_code).next().unwrap_or(-1)
        };
        match code {
            0 => {
                self.produced = !self.produced;
                Ok(true)
            }
            CONCURRENT_TRANSACTIONS => Ok(false),
            code => bail!("a transaction's request was answered with error {code}"),
        }
    }
}

impl Traffic for Transactions {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if now >= self.until {
            self.left = 0;
        }
        let Some(lane) = self.lanes.get_mut(connection) else { return Ok(None) };
        if lane.asking || (!lane.produced && self.left == 0) {
            return Ok(None);
        }
        lane.asking = true;
        let aborts = self.abort_every > 0 && self.ended % self.abort_every == self.abort_every - 1;
        if lane.produced { lane.client.end(!aborts) } else { lane.client.produce(&self.topic, self.shape) }.map(Some)
    }

    fn answer(&mut self, connection: usize, frame: Bytes, _now: Instant) -> Result<()> {
        let Some(lane) = self.lanes.get_mut(connection) else { return Ok(()) };
        match lane.answered(frame)? {
            false => self.retries += 1,
            true if !lane.produced => {
                self.ended += 1;
                self.left = self.left.saturating_sub(1);
            }
            true => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.lanes.iter().all(|l| !l.asking && !l.produced)
    }
}
