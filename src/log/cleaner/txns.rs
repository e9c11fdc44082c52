//! Transactions as a pass over the log meets them: which batches were aborted, and which markers nobody needs any more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use crate::log::index::txn::AbortedTxn;
use crate::model::{Offset, ProducerId};
use crate::records::{BatchHeader, ControlKind, RecordIter};

/// What a control batch is, as far as cleaning cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Abort,
    Commit,
    /// Emptied by an earlier pass.
    Emptied,
    /// No transaction's end.
    Other,
}

impl Marker {
    pub fn of(header: &BatchHeader, payload: &[u8]) -> Option<Marker> {
        if header.record_count == 0 {
            return Some(Marker::Emptied);
        }
        let record = RecordIter::new(payload, header.record_count).next()?.ok()?;
        Some(match ControlKind::parse(record.key?).ok()? {
            ControlKind::Abort => Marker::Abort,
            ControlKind::Commit => Marker::Commit,
            _ => Marker::Other,
        })
    }
}

struct Aborting {
    txn: AbortedTxn,
    /// A batch of it is still in the log.
    seen: bool,
}

/// Kept from segment to segment, in the order of the log.
#[derive(Default)]
pub struct Txns {
    committing: HashSet<ProducerId>,
    aborting: HashMap<ProducerId, Aborting>,
    /// Aborted transactions that begin further on, by first offset.
    ahead: BinaryHeap<Reverse<(Offset, u64)>>,
    ahead_txns: BTreeMap<u64, AbortedTxn>,
    given: u64,
}

impl Txns {
    /// Makes aborted transactions known. They must be known before the pass reaches their first batch.
    pub fn add_aborted(&mut self, txns: impl IntoIterator<Item = AbortedTxn>) {
        for txn in txns {
            self.ahead.push(Reverse((txn.first_offset, self.given)));
            self.ahead_txns.insert(self.given, txn);
            self.given += 1;
        }
    }

    /// A batch with records. True: its transaction was aborted and its records can go.
    pub fn on_data(&mut self, header: &BatchHeader) -> bool {
        self.begin_up_to(header.last_offset());
        if !header.is_transactional() {
            return false;
        }
        match self.aborting.get_mut(&header.producer_id) {
            Some(aborting) => {
                aborting.seen = true;
                true
            }
            None => {
                self.committing.insert(header.producer_id);
                false
            }
        }
    }

    /// A marker. True: nothing of its transaction is left, so the marker can go when its time has come. When it must
    /// stay and ends an aborted transaction, that transaction stays in the index and is handed to `still_aborted`.
    pub fn on_marker(&mut self, header: &BatchHeader, marker: Marker, still_aborted: impl FnOnce(AbortedTxn)) -> bool {
        self.begin_up_to(header.last_offset());
        match marker {
            Marker::Abort => match self.aborting.remove(&header.producer_id).filter(|aborting| aborting.seen) {
                Some(aborting) => {
                    still_aborted(aborting.txn);
                    false
                }
                None => true,
            },
            Marker::Commit => !self.committing.remove(&header.producer_id),
            Marker::Emptied => true,
            Marker::Other => false,
        }
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(Reverse((first, id))) = self.ahead.peek().copied() {
            if first > offset {
                return;
            }
            self.ahead.pop();
            if let Some(txn) = self.ahead_txns.remove(&id) {
                self.aborting.entry(txn.producer_id).or_insert(Aborting { txn, seen: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(id: i64, offset: i64) -> BatchHeader {
        let mut header = BatchHeader { base_offset: Offset(offset), producer_id: ProducerId(id), ..Default::default() };
        header.attributes = 0x10;
        header
    }

    fn aborted(id: i64, first: i64, last: i64) -> AbortedTxn {
        AbortedTxn {
            producer_id: ProducerId(id),
            first_offset: Offset(first),
            last_offset: Offset(last),
            last_stable_offset: Offset(last + 1),
        }
    }

    #[test]
    fn a_marker_stays_as_long_as_a_batch_of_its_transaction_does() {
        let mut txns = Txns::default();
        txns.add_aborted([aborted(1, 0, 2), aborted(1, 5, 6)]);
        assert!(txns.on_data(&batch(1, 0)));
        assert!(!txns.on_data(&batch(2, 1)));
        let mut kept = Vec::new();
        assert!(!txns.on_marker(&batch(1, 2), Marker::Abort, |t| kept.push(t)));
        assert_eq!(kept, [aborted(1, 0, 2)]);
        assert!(!txns.on_marker(&batch(2, 3), Marker::Commit, |_| panic!()));
        assert!(txns.on_marker(&batch(2, 4), Marker::Commit, |_| panic!()), "nothing of it was left");
        assert!(txns.on_marker(&batch(1, 6), Marker::Abort, |_| panic!()), "nothing of it was left");
    }

    #[test]
    fn a_transaction_told_of_twice_is_one() {
        let mut txns = Txns::default();
        txns.add_aborted([aborted(1, 0, 9)]);
        assert!(txns.on_data(&batch(1, 0)));
        txns.add_aborted([aborted(1, 0, 9)]);
        assert!(!txns.on_marker(&batch(1, 9), Marker::Abort, |_| {}));
        assert!(!txns.on_data(&batch(1, 10)), "the next transaction of the producer commits");
    }
}
