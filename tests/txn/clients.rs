//! Producers: what they try, what they were told.

use ottla::controller::machine::Producer;
use ottla::controller::txn::TxnVersion;

use crate::partition::Value;

/// Where a client stands. It has one request out at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    /// Knows no identity.
    New,
    /// May begin, go on or end.
    Ready,
    Waiting,
    /// The last end has no known outcome: it asks again with the same words, or is started anew.
    EndUnknown,
}

pub struct Client {
    pub transactional_id: &'static str,
    pub version: TxnVersion,
    pub phase: Phase,
    pub producer: Option<Producer>,
    /// Index into the history of its present transaction.
    pub transaction: Option<usize>,
    /// Partitions it has added (version 1).
    pub added: Vec<usize>,
    /// Something failed: this transaction can only be aborted.
    pub must_abort: bool,
    /// The write whose acknowledgement it waits for.
    pub awaited: Option<Value>,
    /// Another client's takeover was acknowledged before it asked for its present end.
    pub is_succeeded: bool,
    /// Requests sent before this are forgotten.
    pub generation: u64,
}

impl Client {
    pub fn new(transactional_id: &'static str, version: TxnVersion) -> Self {
        Client {
            transactional_id,
            version,
            phase: Phase::New,
            producer: None,
            transaction: None,
            added: Vec::new(),
            must_abort: false,
            awaited: None,
            is_succeeded: false,
            generation: 0,
        }
    }

    /// A new process: nothing is remembered.
    pub fn restart(&mut self) {
        self.generation += 1;
        self.phase = Phase::New;
        self.producer = None;
        self.transaction = None;
        self.added.clear();
        self.must_abort = false;
        self.awaited = None;
    }

    /// The transaction is over for this client; with version 2 it goes on with another identity.
    pub fn ended(&mut self, next: Option<Producer>) {
        if self.must_abort && self.version == TxnVersion::V0 {
            // A request of unknown fate has left its sequence numbers in doubt: only another epoch puts that right.
            return self.restart();
        }
        self.phase = Phase::Ready;
        self.producer = next.or(self.producer);
        self.transaction = None;
        self.added.clear();
        self.must_abort = false;
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The client never asked for a commit.
    NotCommitted,
    /// It asked, and does not know.
    Unknown,
    Committed,
    /// It asked once and was refused.
    Refused,
}

/// One transaction, as its client knows it.
#[derive(Debug)]
pub struct Transaction {
    pub client: usize,
    pub transactional_id: &'static str,
    /// (partition, value, acknowledged)
    pub writes: Vec<(usize, Value, bool)>,
    pub outcome: Outcome,
    /// How often its commit was asked for.
    pub asked: usize,
}
