//! What is known of one transactional id, and the only table of how it may change.

use std::collections::BTreeSet;

use crate::controller::machine::Producer;
use crate::model::{ProducerEpoch, ProducerId, TopicPartition};

/// The level of the `transaction.version` feature, of the cluster or of a client's request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxnVersion(pub i16);

impl TxnVersion {
    /// The original protocol.
    pub const V0: TxnVersion = TxnVersion(0);
    /// Every end of a transaction bumps the producer's epoch (KIP-890).
    pub const V2: TxnVersion = TxnVersion(2);

    pub fn bumps_epoch(self) -> bool {
        self >= Self::V2
    }

    /// Version of the persisted value: 1 is flexible and carries the tagged fields.
    pub fn log_value_version(self) -> i16 {
        (self.0 >= 1).into()
    }
}

/// Where a transactional id stands, by Kafka's persisted number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum TxnState {
    Empty = 0,
    Ongoing = 1,
    PrepareCommit = 2,
    PrepareAbort = 3,
    CompleteCommit = 4,
    CompleteAbort = 5,
}

impl TxnState {
    pub const ALL: [TxnState; 6] = [
        TxnState::Empty,
        TxnState::Ongoing,
        TxnState::PrepareCommit,
        TxnState::PrepareAbort,
        TxnState::CompleteCommit,
        TxnState::CompleteAbort,
    ];
    /// States that Kafka names and passes through in memory, but never persists. Filters may name them.
    pub const TRANSIENT_NAMES: [&'static str; 2] = ["Dead", "PrepareEpochFence"];

    pub fn from_number(number: i8) -> Option<TxnState> {
        Self::ALL.into_iter().find(|state| *state as i8 == number)
    }

    pub fn name(self) -> &'static str {
        match self {
            TxnState::Empty => "Empty",
            TxnState::Ongoing => "Ongoing",
            TxnState::PrepareCommit => "PrepareCommit",
            TxnState::PrepareAbort => "PrepareAbort",
            TxnState::CompleteCommit => "CompleteCommit",
            TxnState::CompleteAbort => "CompleteAbort",
        }
    }

    /// The decision is made, the markers are not all written yet.
    pub fn is_deciding(self) -> bool {
        matches!(self, TxnState::PrepareCommit | TxnState::PrepareAbort)
    }

    /// No transaction is open: the id may expire.
    pub fn is_idle(self) -> bool {
        matches!(self, TxnState::Empty | TxnState::CompleteCommit | TxnState::CompleteAbort)
    }
}

/// What happens to a transactional id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A producer takes the id over.
    Init,
    /// Partitions join the transaction, which opens it.
    Add,
    Commit,
    Abort,
    /// An abort without anything to abort: it only bumps the epoch (transaction version 2).
    AbortNothing,
    /// Every partition has its marker.
    MarkersWritten,
}

/// The transitions: nothing else is possible.
const TRANSITIONS: &[(Step, TxnState, TxnState)] = {
    use Step::*;
    use TxnState::*;
    &[
        (Init, Empty, Empty),
        (Init, CompleteCommit, Empty),
        (Init, CompleteAbort, Empty),
        (Add, Empty, Ongoing),
        (Add, Ongoing, Ongoing),
        (Add, CompleteCommit, Ongoing),
        (Add, CompleteAbort, Ongoing),
        (Commit, Ongoing, PrepareCommit),
        (Abort, Ongoing, PrepareAbort),
        (AbortNothing, Empty, PrepareAbort),
        (AbortNothing, CompleteCommit, PrepareAbort),
        (AbortNothing, CompleteAbort, PrepareAbort),
        (MarkersWritten, PrepareCommit, CompleteCommit),
        (MarkersWritten, PrepareAbort, CompleteAbort),
    ]
};

/// The state after a step, if the step is possible.
pub fn after(step: Step, from: TxnState) -> Option<TxnState> {
    TRANSITIONS.iter().find(|(s, f, _)| *s == step && *f == from).map(|(_, _, to)| *to)
}

/// An epoch that no client gets: with one left above it, the coordinator can always fence the holder.
pub fn is_exhausted(epoch: ProducerEpoch) -> bool {
    epoch.0 >= i16::MAX - 1
}

fn bumped(epoch: ProducerEpoch) -> ProducerEpoch {
    ProducerEpoch(epoch.0.saturating_add(1))
}

/// The persisted record of one transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnMetadata {
    pub producer: Producer,
    /// The producer id before the last step: tells a retry over a changed id from a stranger.
    pub previous_producer_id: ProducerId,
    /// Takes over when the markers are written, because the epochs of the present id are used up.
    pub next_producer_id: ProducerId,
    pub timeout_ms: i32,
    pub state: TxnState,
    pub partitions: BTreeSet<TopicPartition>,
    pub last_update_ms: i64,
    /// -1 before the first transaction.
    pub start_ms: i64,
    /// The protocol of the client that made the last step.
    pub client_version: TxnVersion,
}

impl TxnMetadata {
    /// A transactional id seen for the first time.
    pub fn new(producer_id: ProducerId, timeout_ms: i32, now_ms: i64) -> TxnMetadata {
        TxnMetadata {
            producer: Producer { id: producer_id, epoch: ProducerEpoch(0) },
            previous_producer_id: producer_id,
            next_producer_id: ProducerId::NONE,
            timeout_ms,
            state: TxnState::Empty,
            partitions: BTreeSet::new(),
            last_update_ms: now_ms,
            start_ms: -1,
            client_version: TxnVersion::V0,
        }
    }

    /// The start of every step: `None` when the table does not know it.
    fn step(&self, step: Step, now_ms: i64) -> Option<TxnMetadata> {
        let state = after(step, self.state)?;
        Some(TxnMetadata { state, previous_producer_id: self.producer.id, last_update_ms: now_ms, ..self.clone() })
    }

    /// Taken over by `producer`, which the caller has chosen.
    pub fn taken_over(&self, producer: Producer, timeout_ms: i32, now_ms: i64) -> Option<TxnMetadata> {
        let mut next = self.step(Step::Init, now_ms)?;
        next.producer = producer;
        next.timeout_ms = timeout_ms;
        next.partitions.clear();
        next.start_ms = -1;
        Some(next)
    }

    /// The same producer id with the next epoch.
    pub fn next_epoch(&self) -> Producer {
        Producer { id: self.producer.id, epoch: bumped(self.producer.epoch) }
    }

    pub fn with_partitions(&self, added: &[TopicPartition], client: TxnVersion, now_ms: i64) -> Option<TxnMetadata> {
        let mut next = self.step(Step::Add, now_ms)?;
        if self.state != TxnState::Ongoing {
            next.start_ms = now_ms;
        }
        next.partitions.extend(added.iter().cloned());
        next.client_version = client;
        Some(next)
    }

    /// Decided: `step` is `Commit`, `Abort` or `AbortNothing`. `next_producer_id` is set when the epochs are used up.
    pub fn decided(
        &self,
        step: Step,
        client: TxnVersion,
        next_producer_id: Option<ProducerId>,
        now_ms: i64,
    ) -> Option<TxnMetadata> {
        let mut next = self.step(step, now_ms)?;
        if client.bumps_epoch() {
            next.producer.epoch = bumped(self.producer.epoch);
        }
        if step == Step::AbortNothing {
            // Nothing was ever added, yet a completed transaction must show a start.
            next.start_ms = now_ms;
        }
        next.next_producer_id = next_producer_id.unwrap_or(ProducerId::NONE);
        next.client_version = client;
        Some(next)
    }

    /// The open transaction aborted against its producer's will, which is fenced by it.
    pub fn fenced(&self, server: TxnVersion, next_producer_id: Option<ProducerId>, now_ms: i64) -> Option<TxnMetadata> {
        if server.bumps_epoch() {
            return self.decided(Step::Abort, TxnVersion::V2, next_producer_id, now_ms);
        }
        let mut next = self.decided(Step::Abort, TxnVersion::V0, None, now_ms)?;
        next.producer.epoch = bumped(self.producer.epoch);
        Some(next)
    }

    /// Every partition has its marker.
    pub fn completed(&self, now_ms: i64) -> Option<TxnMetadata> {
        let mut next = self.step(Step::MarkersWritten, now_ms)?;
        if self.client_version.bumps_epoch() && self.next_producer_id != ProducerId::NONE {
            next.producer = Producer { id: self.next_producer_id, epoch: ProducerEpoch(0) };
        }
        next.next_producer_id = ProducerId::NONE;
        next.partitions.clear();
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> TxnMetadata {
        TxnMetadata::new(ProducerId(7), 60_000, 1)
            .with_partitions(&[TopicPartition::new("t", 0)], TxnVersion::V2, 2)
            .unwrap()
    }

    #[test]
    fn a_decision_is_never_changed_and_nothing_joins_it() {
        for from in [TxnState::PrepareCommit, TxnState::PrepareAbort] {
            for step in [Step::Init, Step::Add, Step::Commit, Step::Abort, Step::AbortNothing] {
                assert_eq!(after(step, from), None, "{step:?} from {from:?}");
            }
        }
        assert_eq!(after(Step::MarkersWritten, TxnState::PrepareCommit), Some(TxnState::CompleteCommit));
        assert_eq!(after(Step::MarkersWritten, TxnState::PrepareAbort), Some(TxnState::CompleteAbort));
        for from in TxnState::ALL.into_iter().filter(|s| !s.is_deciding()) {
            assert_eq!(after(Step::MarkersWritten, from), None, "from {from:?}");
        }
    }

    #[test]
    fn version_2_bumps_the_epoch_at_every_end_and_version_0_does_not() {
        let two = open().decided(Step::Commit, TxnVersion::V2, None, 3).unwrap();
        assert_eq!((two.producer.epoch.0, two.partitions.len(), two.start_ms), (1, 1, 2));
        let zero = open().decided(Step::Commit, TxnVersion::V0, None, 3).unwrap();
        assert_eq!(zero.producer.epoch.0, 0);
    }

    #[test]
    fn used_up_epochs_give_way_to_the_next_producer_id_once_the_markers_are_written() {
        let mut last = open();
        last.producer.epoch = ProducerEpoch(i16::MAX - 1);
        let decided = last.decided(Step::Abort, TxnVersion::V2, Some(ProducerId(8)), 3).unwrap();
        assert_eq!((decided.producer.id.0, decided.producer.epoch.0), (7, i16::MAX), "markers carry the old id");
        let done = decided.completed(4).unwrap();
        assert_eq!((done.producer.id.0, done.producer.epoch.0, done.previous_producer_id.0), (8, 0, 7));
        assert_eq!(done.next_producer_id, ProducerId::NONE);
    }

    #[test]
    fn fencing_bumps_the_epoch_under_both_versions() {
        for server in [TxnVersion::V0, TxnVersion(1), TxnVersion::V2] {
            assert_eq!(open().fenced(server, None, 3).unwrap().producer.epoch.0, 1, "{server:?}");
        }
    }
}
