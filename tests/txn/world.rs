//! The broker around the machine, simulated: its log, its partitions, its clock and its crashes.

mod replies;

use std::collections::{BTreeMap, VecDeque};

use ottla::controller::machine::{Effects, LogRecord, Machine, Now, Producer, Ticket};
use ottla::controller::txn::{
    MarkerOrder, Request, TxnAction, TxnConfig, TxnEvent, TxnMachine, TxnMetadata, TxnReply, TxnVersion, records,
};
use ottla::model::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};

use crate::clients::{Client, Outcome, Phase, Transaction};
use crate::partition::{Partition, Value};
use crate::random::Random;

/// Fewer than clients: the last one is a rival of the first.
const IDS: [&str; 4] = ["a", "b", "c", "d"];
const PARTITIONS: usize = 3;

/// What is done when the machine answers a ticket.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    Initialised { client: usize, generation: u64 },
    Added { client: usize, generation: u64, partition: usize },
    Append { client: usize, generation: u64, partition: usize, producer: Producer, value: Value, guard: u64 },
    Ended { client: usize, generation: u64, commit: bool },
}

/// What leaves the machine once the log is durable up to a position.
enum Leaving {
    Reply(Ticket, TxnReply),
    Action(TxnAction),
}

struct OpenOrder {
    order: MarkerOrder,
    unwritten: Vec<usize>,
    /// Written, but not durable yet: partition and the length it must reach.
    unsynced: Vec<(usize, usize)>,
}

pub struct World {
    random: Random,
    crashes: bool,
    version: TxnVersion,
    now: Now,
    machine: TxnMachine,
    log: Vec<LogRecord>,
    durable: usize,
    leaving: VecDeque<(usize, Leaving)>,
    asked: BTreeMap<Ticket, (Then, TxnEvent)>,
    next_ticket: u64,
    next_producer_id: i64,
    orders: Vec<OpenOrder>,
    /// Appends that were allowed, and happen some time later.
    allowed: Vec<(usize, usize, Producer, Value, u64)>,
    pub partitions: Vec<Partition>,
    clients: Vec<Client>,
    pub transactions: Vec<Transaction>,
    next_value: Value,
    /// Id to the client whose takeover was acknowledged last.
    holders: BTreeMap<&'static str, usize>,
    pub wrong: Vec<String>,
}

fn config() -> TxnConfig {
    TxnConfig { abort_interval_ms: 1_000, busy_wait_ms: 100, ..TxnConfig::default() }
}

impl World {
    pub fn new(seed: u64, crashes: bool) -> World {
        let mut random = Random::new(seed);
        let version = if random.one_in(4) { TxnVersion::V0 } else { TxnVersion::V2 };
        let clients = (0..5).map(|i| {
            let client = if version == TxnVersion::V0 || random.one_in(2) { TxnVersion::V0 } else { TxnVersion::V2 };
            Client::new(IDS[i % IDS.len()], client)
        });
        let mut world = World {
            clients: clients.collect(),
            random,
            crashes,
            version,
            now: Now { wall_ms: 1_000_000, monotonic_ms: 0 },
            machine: TxnMachine::new(config(), version),
            log: Vec::new(),
            durable: 0,
            leaving: VecDeque::new(),
            asked: BTreeMap::new(),
            next_ticket: 0,
            next_producer_id: 100,
            orders: Vec::new(),
            allowed: Vec::new(),
            partitions: (0..PARTITIONS).map(|_| Partition::default()).collect(),
            transactions: Vec::new(),
            next_value: 0,
            holders: BTreeMap::new(),
            wrong: Vec::new(),
        };
        if world.random.one_in(3) {
            world.start_near_the_last_epoch();
        }
        world
    }

    /// Epochs run out soon, so that producer ids change within the history.
    fn start_near_the_last_epoch(&mut self) {
        let mut metadata = TxnMetadata::new(ProducerId(1), 5_000, self.now.wall_ms);
        metadata.producer.epoch = ProducerEpoch(i16::MAX - 4);
        let record = records::encode(IDS[0], Some(&metadata), self.version);
        self.machine.apply(self.now, &record);
        self.log.push(record);
        self.durable = 1;
    }

    pub fn step(&mut self) {
        match self.random.below(20) {
            0..9 => {
                let client = self.random.below(self.clients.len());
                self.act(client);
            }
            9..13 => self.sync_log(),
            13 => (0..PARTITIONS).for_each(|p| self.sync_partition(p)),
            14 => {
                let partition = self.random.below(PARTITIONS);
                self.sync_partition(partition);
            }
            15 => self.write_a_marker(),
            16..18 => while self.append_an_allowed() && !self.random.one_in(4) {},
            18 => {
                let ms = [1, 50, 200, 2_000][self.random.below(4)];
                self.pass(ms);
            }
            _ if self.crashes && self.random.one_in(6) => self.crash(),
            _ => {}
        }
        let partition = self.random.below(PARTITIONS);
        if let Err(wrong) = self.partitions[partition].consume() {
            self.wrong.push(format!("partition {partition}: {wrong}"));
        }
    }

    /// No more requests; everything under way comes to its end, and what is left open times out.
    pub fn settle(&mut self) {
        for _ in 0..200 {
            while self.append_an_allowed() {}
            self.sync_log();
            (0..PARTITIONS).for_each(|p| self.sync_partition(p));
            for _ in 0..20 {
                self.write_a_marker();
            }
            self.pass(500);
        }
        for partition in 0..PARTITIONS {
            if let Err(wrong) = self.partitions[partition].consume() {
                self.wrong.push(format!("partition {partition}: {wrong}"));
            }
            if !self.partitions[partition].is_settled() {
                self.wrong.push(format!("partition {partition} has a transaction that nobody ends"));
            }
        }
        for (id, metadata) in self.machine.transactions() {
            if !metadata.state.is_idle() {
                self.wrong.push(format!("{id} never ends: {metadata:?}"));
            }
        }
    }

    fn ask(&mut self, event: TxnEvent, then: Then) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.asked.insert(ticket, (then, event.clone()));
        let mut effects = Effects::new();
        self.machine.handle(self.now, ticket, event, &mut effects);
        self.take(effects);
    }

    fn request(&mut self, id: &str, request: Request, then: Then) {
        self.ask(TxnEvent::Request(id.into(), request), then);
    }

    fn take(&mut self, effects: Effects<TxnMachine>) {
        for record in effects.records {
            self.machine.apply(self.now, &record);
            self.log.push(record);
        }
        let at = self.log.len();
        self.leaving.extend(effects.replies.into_iter().map(|(t, r)| (at, Leaving::Reply(t, r))));
        self.leaving.extend(effects.actions.into_iter().map(|a| (at, Leaving::Action(a))));
        self.release();
    }

    fn release(&mut self) {
        while self.leaving.front().is_some_and(|(at, _)| *at <= self.durable) {
            match self.leaving.pop_front() {
                Some((_, Leaving::Reply(ticket, reply))) => self.replied(ticket, reply),
                Some((_, Leaving::Action(TxnAction::WriteMarkers(order)))) => {
                    let unwritten = order.partitions.iter().map(|p| p.partition.0 as usize).collect();
                    self.orders.push(OpenOrder { order, unwritten, unsynced: Vec::new() });
                }
                Some((_, Leaving::Action(TxnAction::FenceWithFreshId { transactional_id, producer }))) => {
                    let fresh = Some(self.fresh_id());
                    self.request(&transactional_id, Request::FenceTimedOut { producer, fresh }, Then::Nothing);
                }
                None => {}
            }
        }
    }

    fn fresh_id(&mut self) -> ProducerId {
        self.next_producer_id += 1;
        ProducerId(self.next_producer_id)
    }

    fn sync_log(&mut self) {
        self.durable = self.log.len();
        self.release();
    }

    fn sync_partition(&mut self, index: usize) {
        let partition = &mut self.partitions[index];
        partition.durable = partition.batches.len();
        for (_, client, value) in std::mem::take(&mut partition.unacknowledged) {
            self.acknowledged(client, value);
        }
        let reached = self.partitions[index].durable;
        for open in &mut self.orders {
            open.unsynced.retain(|(p, length)| *p != index || *length > reached);
        }
        self.report_written();
    }

    fn write_a_marker(&mut self) {
        if self.orders.is_empty() {
            return;
        }
        let order = self.random.below(self.orders.len());
        let open = &mut self.orders[order];
        if !open.unwritten.is_empty() {
            let next = self.random.below(open.unwritten.len());
            let index = open.unwritten.swap_remove(next);
            let partition = &mut self.partitions[index];
            partition.mark(open.order.producer, open.order.commit);
            open.unsynced.push((index, partition.batches.len()));
        }
    }

    fn report_written(&mut self) {
        let is_done = |open: &OpenOrder| open.unwritten.is_empty() && open.unsynced.is_empty();
        while let Some(at) = self.orders.iter().position(is_done) {
            let order = self.orders.remove(at).order;
            let (transactional_id, producer) = (order.transactional_id, order.producer);
            self.ask(TxnEvent::MarkersWritten { transactional_id, producer }, Then::Nothing);
        }
    }

    fn pass(&mut self, ms: i64) {
        self.now.wall_ms += ms;
        self.now.monotonic_ms += ms;
        while self.machine.next_deadline().is_some_and(|at| at <= self.now.monotonic_ms) {
            let mut effects = Effects::new();
            self.machine.on_timeout(self.now, &mut effects);
            self.take(effects);
        }
    }

    /// Power loss: every log keeps what was synced and any part of the rest.
    fn crash(&mut self) {
        let kept = self.durable + self.random.below(self.log.len() - self.durable + 1);
        self.log.truncate(kept);
        self.durable = kept;
        for partition in &mut self.partitions {
            let kept = partition.durable + self.random.below(partition.batches.len() - partition.durable + 1);
            partition.crash(kept);
        }
        self.leaving.clear();
        self.asked.clear();
        self.allowed.clear();
        self.orders.clear();
        self.machine = TxnMachine::new(config(), self.version);
        for record in &self.log {
            self.machine.apply(self.now, record);
        }
        let mut effects = Effects::new();
        self.machine.on_loaded(self.now, &mut effects);
        self.take(effects);
        for index in 0..self.clients.len() {
            let is_ending = self.is_ending(index);
            let client = &mut self.clients[index];
            client.generation += 1;
            client.awaited = None;
            if client.phase == Phase::Waiting {
                match is_ending {
                    true => client.phase = Phase::EndUnknown,
                    // A write or an added partition of unknown fate: nothing to build a commit on.
                    false if client.producer.is_some() => {
                        client.phase = Phase::Ready;
                        client.must_abort = true;
                    }
                    false => client.phase = Phase::New,
                }
            }
        }
    }

    /// The client does whatever it may do next.
    fn act(&mut self, index: usize) {
        if self.random.one_in(60) {
            // Killed, or so slow that its successor starts while it still runs: it may also just go on.
            self.clients[index].restart();
        }
        let client = &self.clients[index];
        let (id, generation, version) = (client.transactional_id, client.generation, client.version);
        match (client.phase, client.producer) {
            // Starting takes time; else rivals would only ever fence one another.
            (Phase::New, _) if !self.random.one_in(5) => {}
            (Phase::New, _) | (Phase::Ready, None) => {
                self.clients[index].phase = Phase::Waiting;
                let request = Request::Init { timeout_ms: 5_000, expected: None, fresh: None };
                self.request(id, request, Then::Initialised { client: index, generation });
            }
            (Phase::Ready, Some(producer)) => match self.random.below(4) {
                0 if version == TxnVersion::V2 || client.transaction.is_some() => {
                    let commit = !client.must_abort && client.transaction.is_some() && !self.random.one_in(4);
                    self.end(index, producer, commit);
                }
                _ if client.must_abort => self.end(index, producer, false),
                _ => {
                    let partition = self.random.below(PARTITIONS);
                    self.write(index, producer, partition);
                }
            },
            (Phase::EndUnknown, Some(producer)) if !self.random.one_in(3) => {
                // The same request again; the outcome decides as it did the first time.
                let commit = self.is_ending(index);
                self.end(index, producer, commit);
            }
            (Phase::EndUnknown, _) => self.clients[index].restart(),
            // Gives a request up, whose effect may come any time later.
            (Phase::Waiting, Some(_)) if !self.is_ending(index) && self.random.one_in(10) => {
                let client = &mut self.clients[index];
                client.generation += 1;
                client.awaited = None;
                client.phase = Phase::Ready;
                client.must_abort = true;
            }
            (Phase::Waiting, _) => {}
        }
    }

    fn is_ending(&self, index: usize) -> bool {
        self.clients[index].transaction.is_some_and(|t| self.transactions[t].outcome == Outcome::Unknown)
    }

    fn write(&mut self, index: usize, producer: Producer, partition: usize) {
        let client = &mut self.clients[index];
        let (id, generation) = (client.transactional_id, client.generation);
        client.phase = Phase::Waiting;
        let here = vec![TopicPartition::new("t", partition as i32)];
        if client.version == TxnVersion::V0 && !client.added.contains(&partition) {
            let request = Request::Add { producer, partitions: here, client: TxnVersion::V0 };
            return self.request(id, request, Then::Added { client: index, generation, partition });
        }
        let transaction = *client.transaction.get_or_insert_with(|| {
            self.transactions.push(Transaction {
                client: index,
                transactional_id: id,
                writes: Vec::new(),
                outcome: Outcome::NotCommitted,
                asked: 0,
            });
            self.transactions.len() - 1
        });
        self.next_value += 1;
        let value = self.next_value;
        self.clients[index].awaited = Some(value);
        self.transactions[transaction].writes.push((partition, value, false));
        if self.partitions[partition].has_open(producer) {
            return self.append(index, partition, producer, value, None);
        }
        let guard = self.partitions[partition].guard(producer);
        let request = match self.clients[index].version {
            TxnVersion::V2 => Request::Add { producer, partitions: here, client: TxnVersion::V2 },
            _ => Request::Verify { producer, partitions: here },
        };
        self.request(id, request, Then::Append { client: index, generation, partition, producer, value, guard });
    }

    fn append_an_allowed(&mut self) -> bool {
        if self.allowed.is_empty() {
            return false;
        }
        let at = self.random.below(self.allowed.len());
        let (client, partition, producer, value, guard) = self.allowed.swap_remove(at);
        self.append(client, partition, producer, value, Some(guard));
        true
    }

    fn append(&mut self, client: usize, partition: usize, producer: Producer, value: Value, guard: Option<u64>) {
        match self.partitions[partition].append(producer, value, guard) {
            Some(length) => self.partitions[partition].unacknowledged.push((length, client, value)),
            None => self.clients[client].restart(),
        }
    }

    fn acknowledged(&mut self, index: usize, value: Value) {
        let client = &mut self.clients[index];
        let Some(transaction) = client.transaction else { return };
        let writes = &mut self.transactions[transaction].writes;
        if let Some(write) = writes.iter_mut().find(|(_, v, _)| *v == value) {
            write.2 = true;
            if client.awaited.take_if(|awaited| *awaited == value).is_some() {
                client.phase = Phase::Ready;
            }
        }
    }

    fn end(&mut self, index: usize, producer: Producer, commit: bool) {
        let client = &mut self.clients[index];
        let (id, generation, version) = (client.transactional_id, client.generation, client.version);
        client.phase = Phase::Waiting;
        if let Some(transaction) = client.transaction.filter(|_| commit) {
            self.transactions[transaction].outcome = Outcome::Unknown;
            self.transactions[transaction].asked += 1;
        }
        client.is_succeeded = self.holders.get(id).is_some_and(|holder| *holder != index);
        let request = Request::End { producer, commit, client: version, fresh: None };
        self.request(id, request, Then::Ended { client: index, generation, commit });
    }
}
