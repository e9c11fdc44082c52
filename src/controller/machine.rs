//! The contract of every state machine, and what its driver promises.
//!
//! A machine is a plain struct. It is told what happened ([`Machine::handle`], [`Machine::on_timeout`]) and answers
//! with [`Effects`]: records to persist, replies to send, and actions for the world outside. It changes its hard
//! state only in [`Machine::apply`], which the driver calls for every record it is about to persist and, at start,
//! for every record it reads back: live and replayed state cannot differ. Soft state (who waits for what, timers)
//! may change in `handle`, and is forgotten in a crash.
//!
//! The driver (`broker::coordinator`) guarantees:
//! - one event at a time, in order of arrival;
//! - after each `handle` or `on_timeout` it calls `apply` for every record of the effects, in order, before the
//!   next event; several events' records may then be appended as one batch;
//! - replies and actions leave only when all records produced so far are as durable as the contract asks, so nothing
//!   that a client has seen can be taken back; if the append fails they turn into errors and the machine is rebuilt
//!   from its log;
//! - `on_timeout` is called when the time of `next_deadline` has come (never early, perhaps late), and again until no
//!   deadline is due: a machine may leave one for the next call, so that the records of another are applied first.

use bytes::Bytes;

/// Names a parked reply; given with the event, returned with the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The moment of an event. Wall time is written into records; deadlines are counted on monotonic time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub wall_ms: i64,
    pub monotonic_ms: i64,
}

/// A record of a machine's internal topic: Kafka's own key and value bytes (`None` is a tombstone).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub key: Bytes,
    pub value: Option<Bytes>,
    /// Set for records that belong to an open transaction (offsets committed in one): the batch is written with it.
    pub producer: Option<Producer>,
}

/// The identity that a transactional batch carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Producer {
    pub id: crate::model::ProducerId,
    pub epoch: crate::model::ProducerEpoch,
}

/// The end of a transaction, as the control batch that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TxnMarker {
    pub producer: Producer,
    pub coordinator_epoch: i32,
    pub commit: bool,
    /// 2: the producer's epoch was raised for this end. Not written down: a marker that is read back has 0.
    pub transaction_version: i16,
}

/// One thing that a machine's partition can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    Data(LogRecord),
    Marker(TxnMarker),
}

/// A machine's record as its driver appends it and reads it back.
pub trait Logged: Sized {
    fn to_entry(&self) -> LogEntry;
    /// `None` if the machine has no use for such an entry.
    fn from_entry(entry: LogEntry) -> Option<Self>;
}

impl Logged for LogRecord {
    fn to_entry(&self) -> LogEntry {
        LogEntry::Data(self.clone())
    }

    fn from_entry(entry: LogEntry) -> Option<Self> {
        match entry {
            LogEntry::Data(record) => Some(record),
            LogEntry::Marker(_) => None,
        }
    }
}

impl Logged for LogEntry {
    fn to_entry(&self) -> LogEntry {
        self.clone()
    }

    fn from_entry(entry: LogEntry) -> Option<Self> {
        Some(entry)
    }
}

/// What a machine wants done. Filled by `handle` and `on_timeout`.
#[derive(Debug)]
pub struct Effects<M: Machine + ?Sized> {
    pub records: Vec<M::Record>,
    pub replies: Vec<(Ticket, M::Reply)>,
    /// Done after the records are durable, together with the replies.
    pub actions: Vec<M::Action>,
}

impl<M: Machine + ?Sized> Effects<M> {
    pub fn new() -> Self {
        Effects { records: Vec::new(), replies: Vec::new(), actions: Vec::new() }
    }

    pub fn record(&mut self, record: M::Record) {
        self.records.push(record);
    }

    pub fn reply(&mut self, ticket: Ticket, reply: M::Reply) {
        self.replies.push((ticket, reply));
    }
}

impl<M: Machine + ?Sized> Default for Effects<M> {
    fn default() -> Self {
        Self::new()
    }
}

/// A deterministic state machine. See the module's page for the rules.
pub trait Machine {
    type Event;
    type Reply;
    type Record;
    type Action;

    /// Decides. Changes soft state only; what must survive goes into `effects.records`.
    fn handle(&mut self, now: Now, ticket: Ticket, event: Self::Event, effects: &mut Effects<Self>);
    /// The only change of hard state. `now` is the record's own time on replay.
    fn apply(&mut self, now: Now, record: &Self::Record);
    /// Something, or everything, whose deadline is not after `now`.
    fn on_timeout(&mut self, now: Now, effects: &mut Effects<Self>);
    /// A moment, in monotonic milliseconds, before which no deadline is due; mostly that of the earliest.
    fn next_deadline(&self) -> Option<i64>;
    /// All records of the log have been applied: soft state that follows from hard state (timers) is armed now.
    fn on_loaded(&mut self, now: Now, effects: &mut Effects<Self>);
}
