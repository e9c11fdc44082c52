//! A partition as naive as can be: a list of batches, some of which are durable.

use std::collections::BTreeMap;

use ottla::controller::machine::Producer;
use ottla::model::ProducerId;

pub type Value = u64;

#[derive(Clone, Copy, Debug)]
pub enum Batch {
    Data(Producer, Value),
    Marker(Producer, bool),
}

#[derive(Default)]
pub struct Partition {
    pub batches: Vec<Batch>,
    pub durable: usize,
    /// Clients that wait for the log to be durable up to here.
    pub unacknowledged: Vec<(usize, usize, u64)>,
    /// Appends that the coordinator has allowed, until a marker or a start makes the permission void (KIP-890).
    guards: BTreeMap<ProducerId, u64>,
    next_guard: u64,
    /// What a consumer has been shown, and how far it may have read.
    pub shown: Vec<Value>,
    pub stable: usize,
}

impl Partition {
    /// Producers' epochs and open transactions (first offset), from the first batches.
    fn producers(&self, upto: usize) -> BTreeMap<ProducerId, (i16, Option<usize>)> {
        let mut producers = BTreeMap::new();
        for (offset, batch) in self.batches[..upto].iter().enumerate() {
            match batch {
                Batch::Data(producer, _) => {
                    let entry = producers.entry(producer.id).or_insert((producer.epoch.0, None));
                    entry.0 = producer.epoch.0;
                    entry.1 = entry.1.or(Some(offset));
                }
                Batch::Marker(producer, _) => {
                    producers.insert(producer.id, (producer.epoch.0, None));
                }
            }
        }
        producers
    }

    pub fn has_open(&self, producer: Producer) -> bool {
        self.producers(self.batches.len())
            .get(&producer.id)
            .is_some_and(|p| *p == (producer.epoch.0, p.1) && p.1.is_some())
    }

    pub fn is_settled(&self) -> bool {
        self.producers(self.batches.len()).values().all(|(_, open)| open.is_none())
    }

    pub fn guard(&mut self, producer: Producer) -> u64 {
        self.next_guard += 1;
        self.guards.insert(producer.id, self.next_guard);
        self.next_guard
    }

    /// The offset after the batch, or nothing when the producer is fenced or its permission is void.
    pub fn append(&mut self, producer: Producer, value: Value, guard: Option<u64>) -> Option<usize> {
        let known = self.producers(self.batches.len()).get(&producer.id).copied();
        if known.is_some_and(|(epoch, _)| epoch > producer.epoch.0) {
            return None;
        }
        if !self.has_open(producer) {
            let permitted = self.guards.remove(&producer.id);
            if permitted.is_none() || permitted != guard {
                return None;
            }
        }
        self.batches.push(Batch::Data(producer, value));
        Some(self.batches.len())
    }

    /// A marker older than what the producer did since is void: its transaction has one already.
    pub fn mark(&mut self, producer: Producer, commit: bool) {
        let known = self.producers(self.batches.len()).get(&producer.id).copied();
        if known.is_none_or(|(epoch, _)| epoch <= producer.epoch.0) {
            self.guards.remove(&producer.id);
            self.batches.push(Batch::Marker(producer, commit));
        }
    }

    pub fn crash(&mut self, keep: usize) {
        self.batches.truncate(keep);
        self.durable = keep;
        self.guards.clear();
        self.unacknowledged.clear();
    }

    /// Values that a read_committed consumer sees below the last stable offset, and that offset.
    pub fn read_committed(&self) -> (Vec<Value>, usize) {
        let open = self.producers(self.durable);
        let stable = open.values().filter_map(|(_, first)| *first).min().unwrap_or(self.durable);
        let mut visible = Vec::new();
        for (offset, batch) in self.batches[..stable].iter().enumerate() {
            if let Batch::Data(producer, value) = batch {
                let end = self.batches[offset..].iter().find_map(|later| match later {
                    Batch::Marker(of, commit) if of.id == producer.id => Some(*commit),
                    _ => None,
                });
                if end == Some(true) {
                    visible.push(*value);
                }
            }
        }
        (visible, stable)
    }

    /// Reads on where the consumer stands. What was read before must still be there, unchanged.
    pub fn consume(&mut self) -> Result<(), String> {
        let (visible, stable) = self.read_committed();
        if stable < self.stable {
            return Err(format!("the last stable offset went back from {} to {stable}", self.stable));
        }
        if !visible.starts_with(&self.shown) {
            return Err(format!("a reader saw {:?} and then {visible:?}", self.shown));
        }
        (self.shown, self.stable) = (visible, stable);
        Ok(())
    }
}
