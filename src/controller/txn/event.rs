//! What the shell tells the machine, and what it hears back.

use std::sync::Arc;

use super::state::{TxnMetadata, TxnState, TxnVersion};
use crate::controller::machine::Producer;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId, TopicPartition};

pub type TransactionalId = Arc<str>;

/// Settings of the coordinator, by their Kafka names where they have one.
#[derive(Clone, Debug)]
pub struct TxnConfig {
    /// `transaction.max.timeout.ms`
    pub max_timeout_ms: i32,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`
    pub abort_interval_ms: i64,
    /// `transactional.id.expiration.ms`
    pub expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`
    pub expiry_interval_ms: i64,
    /// How long a request waits for the markers of the transaction before
    /// (`add.partitions.to.txn.retry.backoff.max.ms`).
    pub busy_wait_ms: i64,
}

impl Default for TxnConfig {
    fn default() -> Self {
        TxnConfig {
            max_timeout_ms: 900_000,
            abort_interval_ms: 10_000,
            expiration_ms: 7 * 24 * 3_600_000,
            expiry_interval_ms: 3_600_000,
            busy_wait_ms: 100,
        }
    }
}

#[derive(Clone, Debug)]
pub enum TxnEvent {
    /// A request about one transactional id.
    Request(TransactionalId, Request),
    /// The shell has written every marker of an order, or found the partition gone.
    MarkersWritten {
        transactional_id: TransactionalId,
        producer: Producer,
    },
    Describe(TransactionalId),
    List(ListFilter),
    /// The cluster's `transaction.version` is now this.
    VersionChanged(TxnVersion),
}

#[derive(Clone, Debug)]
pub enum Request {
    Init {
        timeout_ms: i32,
        /// The identity that the client believes it has, when it resumes.
        expected: Option<Producer>,
        /// An unused producer id. Given only after the machine has asked with [`TxnReply::NeedsProducerId`].
        fresh: Option<ProducerId>,
    },
    Add {
        producer: Producer,
        partitions: Vec<TopicPartition>,
        client: TxnVersion,
    },
    /// Are these partitions in the open transaction? (KIP-890)
    Verify {
        producer: Producer,
        partitions: Vec<TopicPartition>,
    },
    End {
        producer: Producer,
        commit: bool,
        client: TxnVersion,
        fresh: Option<ProducerId>,
    },
    /// Aborts a transaction whose time is over; sent back by the shell with a fresh producer id when the machine asked
    /// for one with [`TxnAction::FenceWithFreshId`].
    FenceTimedOut {
        producer: Producer,
        fresh: Option<ProducerId>,
    },
}

/// Filters of ListTransactions. Empty and `None` let everything through.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    pub states: Vec<String>,
    pub producer_ids: Vec<ProducerId>,
    /// Open for longer than this; negative means any.
    pub longer_than_ms: i64,
    /// A regular expression for the whole id.
    pub id_pattern: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxnReply {
    /// To `Init`.
    Initialised(Result<Producer, ErrorCode>),
    /// To `Add`.
    Added(Result<(), ErrorCode>),
    /// To `Verify`: one error code for each partition asked about.
    Verified(Result<Vec<(TopicPartition, ErrorCode)>, ErrorCode>),
    /// To `End`: with transaction version 2, the identity for the next transaction.
    Ended(Result<Option<Producer>, ErrorCode>),
    Described(Result<TxnDescription, ErrorCode>),
    Listed(Result<Vec<TxnListing>, ErrorCode>),
    /// Send the request again with a fresh producer id.
    NeedsProducerId,
    /// To what needs no answer.
    Done,
}

/// One answer of DescribeTransactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnDescription {
    pub producer: Producer,
    pub state: TxnState,
    pub timeout_ms: i32,
    pub start_ms: i64,
    pub partitions: Vec<TopicPartition>,
}

/// One line of ListTransactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnListing {
    pub transactional_id: TransactionalId,
    pub producer_id: ProducerId,
    pub state: TxnState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxnAction {
    WriteMarkers(MarkerOrder),
    /// The transaction's time is over and its epochs are used up: send `FenceTimedOut` with a fresh producer id.
    FenceWithFreshId {
        transactional_id: TransactionalId,
        producer: Producer,
    },
}

/// Write one marker to every partition, until each has it; then report `MarkersWritten`. The coordinator's epoch, which
/// markers carry too, is the leader epoch of the machine's partition: the shell's to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkerOrder {
    pub transactional_id: TransactionalId,
    pub producer: Producer,
    pub commit: bool,
    pub partitions: Vec<TopicPartition>,
    /// Markers of version 2 carry a bumped epoch and must find a smaller one.
    pub version: TxnVersion,
}

/// What a request comes to.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Nothing changes.
    Reply(TxnReply),
    /// The record is rewritten. `last_epoch` is the epoch of which a retry is recognised.
    Become { metadata: TxnMetadata, last_epoch: ProducerEpoch, reply: TxnReply },
    /// Markers are being written: wait, or say CONCURRENT_TRANSACTIONS.
    Busy,
}

impl Request {
    /// The reply to this kind of request that carries an error.
    pub fn refused(&self, error: ErrorCode) -> TxnReply {
        match self {
            Request::Init { .. } => TxnReply::Initialised(Err(error)),
            Request::Add { .. } => TxnReply::Added(Err(error)),
            Request::Verify { .. } => TxnReply::Verified(Err(error)),
            Request::End { .. } => TxnReply::Ended(Err(error)),
            Request::FenceTimedOut { .. } => TxnReply::Done,
        }
    }
}
