//! Before the first append of a transaction to a partition: is the partition in the transaction? (KIP-890)
//!
//! A guard is taken from the partition, then the coordinator is asked: newer clients have the partition added by this
//! very request, for older ones it is only looked up. The append must show the guard; a marker that was written in
//! between has made it void, so a late write can never open a transaction that nobody will end.

use std::sync::Arc;

use crate::controller::machine::Producer;
use crate::controller::txn::TxnVersion;
use crate::log::VerificationGuard;
use crate::model::{ErrorCode, TopicPartition};

use super::super::Broker;
use super::super::partition::Partition;

/// What a client can make of the answer, by the version of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Knows no TRANSACTION_ABORTABLE.
    Old,
    Abortable,
    /// Partitions are added by the first write (transaction version 2).
    Adds,
}

impl Support {
    pub fn of_produce(version: i16) -> Support {
        Support::by(version, 11, 12)
    }

    pub fn of_offset_commit(version: i16) -> Support {
        Support::by(version, 4, 5)
    }

    fn by(version: i16, abortable_from: i16, adds_from: i16) -> Support {
        match version {
            v if v >= adds_from => Support::Adds,
            v if v >= abortable_from => Support::Abortable,
            _ => Support::Old,
        }
    }
}

/// One partition that a request wants to write in a transaction.
pub struct Enlisting {
    pub partition: Arc<Partition>,
    pub base_sequence: i32,
}

/// A guard, or none when none is needed; or why the write must not happen.
pub type Verdict = Result<Option<VerificationGuard>, ErrorCode>;

/// How often a guard may turn out void before the client is told to come again.
const ATTEMPTS: usize = 4;

/// The guards for these partitions; those that were asked for hold only once the coordinator agrees, with [`confirm`].
pub struct Begun {
    producer: Producer,
    support: Support,
    /// Where in `verdicts` the coordinator's word is missing.
    asked: Vec<(usize, Enlisting)>,
    pub verdicts: Vec<Verdict>,
}

impl Begun {
    /// Whether everything is known already: each partition has the transaction open.
    pub fn is_settled(&self) -> bool {
        self.asked.is_empty()
    }

    fn guard(&self, want: &Enlisting, now_ms: i64) -> Verdict {
        let Producer { id, epoch } = self.producer;
        let adds = self.support == Support::Adds;
        let guard = want.partition.log().begin_verification(id, epoch, want.base_sequence, adds, now_ms);
        guard.map_err(|e| e.code())
    }

    /// Takes the coordinator's word, an error code for each partition that was asked about.
    ///
    /// To add partitions the coordinator may have waited for the markers of the transaction before, and such a marker
    /// voids a guard. Then there is a new one now, and the question is asked again: a guard must be older than the
    /// answer that it stands for.
    fn answered(&mut self, codes: Vec<ErrorCode>, now_ms: i64) {
        for ((slot, want), code) in std::mem::take(&mut self.asked).into_iter().zip(codes) {
            if code != ErrorCode::None {
                self.verdicts[slot] = Err(as_producers_expect(code, self.support));
            } else if self.support == Support::Adds {
                let now = self.guard(&want, now_ms);
                if matches!(now, Ok(Some(_))) && now != self.verdicts[slot] {
                    self.asked.push((slot, want));
                }
                self.verdicts[slot] = now;
            }
        }
    }
}

/// Takes the guards; what is not wanted in the transaction needs none. Short: no wait, no disk.
pub fn begin(
    broker: &Broker,
    producer: Producer,
    support: Support,
    wanted: impl Iterator<Item = Option<Enlisting>>,
) -> Begun {
    let verifies = support == Support::Adds || broker.config().transactions.partition_verification;
    let now_ms = broker.clock().now_ms();
    let mut begun = Begun { producer, support, asked: Vec::new(), verdicts: Vec::new() };
    for (slot, want) in wanted.enumerate() {
        let Some(want) = want.filter(|_| verifies) else {
            begun.verdicts.push(Ok(None));
            continue;
        };
        let guard = begun.guard(&want, now_ms);
        if matches!(guard, Ok(Some(_))) {
            begun.asked.push((slot, want));
        }
        begun.verdicts.push(guard);
    }
    begun
}

/// Asks the coordinator about what has a guard.
pub async fn confirm(broker: &Arc<Broker>, transactional_id: &str, mut begun: Begun) -> Vec<Verdict> {
    for _ in 0..ATTEMPTS {
        if begun.is_settled() {
            return begun.verdicts;
        }
        let codes = ask(broker, transactional_id, &begun).await;
        begun.answered(codes, broker.clock().now_ms());
    }
    for (slot, _) in &begun.asked {
        begun.verdicts[*slot] = Err(ErrorCode::ConcurrentTransactions);
    }
    begun.verdicts
}

async fn ask(broker: &Arc<Broker>, transactional_id: &str, begun: &Begun) -> Vec<ErrorCode> {
    let partitions: Vec<TopicPartition> = begun.asked.iter().map(|(_, want)| want.partition.name().clone()).collect();
    let transactions = broker.transactions();
    match begun.support {
        Support::Adds => {
            let added = transactions.add(transactional_id, begun.producer, partitions, TxnVersion::V2).await;
            vec![added.err().unwrap_or(ErrorCode::None); begun.asked.len()]
        }
        Support::Old | Support::Abortable => {
            match transactions.verify(transactional_id, begun.producer, partitions).await {
                Ok(each) => each.into_iter().map(|(_, code)| code).collect(),
                Err(e) => vec![e; begun.asked.len()],
            }
        }
    }
}

/// Producers know fencing by an older name here, and old ones an abortable transaction by no name at all.
fn as_producers_expect(code: ErrorCode, support: Support) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if support == Support::Old => ErrorCode::InvalidTxnState,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_say_what_a_client_understands() {
        assert_eq!(Support::of_produce(10), Support::Old);
        assert_eq!(Support::of_produce(11), Support::Abortable);
        assert_eq!(Support::of_produce(12), Support::Adds);
        assert_eq!(Support::of_offset_commit(3), Support::Old);
        assert_eq!(Support::of_offset_commit(4), Support::Abortable);
        assert_eq!(Support::of_offset_commit(5), Support::Adds);
    }

    #[test]
    fn errors_are_translated_for_producers() {
        assert_eq!(as_producers_expect(ErrorCode::ProducerFenced, Support::Adds), ErrorCode::InvalidProducerEpoch);
        assert_eq!(as_producers_expect(ErrorCode::TransactionAbortable, Support::Old), ErrorCode::InvalidTxnState);
        let kept = as_producers_expect(ErrorCode::TransactionAbortable, Support::Abortable);
        assert_eq!(kept, ErrorCode::TransactionAbortable);
    }
}
