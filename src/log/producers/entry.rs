//! What is known of one producer in one partition.

use crate::model::limits::PRODUCER_BATCHES_REMEMBERED;
use crate::model::{Offset, ProducerEpoch};

/// An appended batch, as a retry of it would be recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RememberedBatch {
    pub last_sequence: i32,
    pub last_offset: Offset,
    pub offset_delta: i32,
    pub timestamp_ms: i64,
}

impl RememberedBatch {
    pub fn first_sequence(&self) -> i32 {
        // Sequences wrap from i32::MAX to 0.
        let first = i64::from(self.last_sequence) - i64::from(self.offset_delta);
        if first < 0 && self.last_sequence >= 0 { (first + i64::from(i32::MAX) + 1) as i32 } else { first as i32 }
    }

    pub fn first_offset(&self) -> Offset {
        self.last_offset.plus(-i64::from(self.offset_delta))
    }
}

/// The last batches of a producer, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Remembered {
    batches: [RememberedBatch; PRODUCER_BATCHES_REMEMBERED],
    len: u8,
}

impl Remembered {
    fn as_slice(&self) -> &[RememberedBatch] {
        self.batches.get(..usize::from(self.len)).unwrap_or_default()
    }

    fn push(&mut self, batch: RememberedBatch) {
        if usize::from(self.len) == self.batches.len() {
            self.batches.rotate_left(1);
            self.len -= 1;
        }
        self.batches[usize::from(self.len)] = batch;
        self.len += 1;
    }
}

/// One producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    pub epoch: ProducerEpoch,
    /// Of the coordinator whose marker came last; -1 before any.
    pub coordinator_epoch: i32,
    pub last_timestamp_ms: i64,
    /// Where its open transaction begins.
    pub txn_first_offset: Option<Offset>,
    remembered: Remembered,
}

impl ProducerEntry {
    pub fn new() -> Self {
        ProducerEntry {
            epoch: ProducerEpoch::NONE,
            coordinator_epoch: -1,
            last_timestamp_ms: -1,
            txn_first_offset: None,
            remembered: Remembered::default(),
        }
    }

    /// No batch is remembered: new, or its transaction just ended under a new epoch.
    pub fn is_empty(&self) -> bool {
        self.remembered.len == 0
    }

    pub fn batches(&self) -> &[RememberedBatch] {
        self.remembered.as_slice()
    }

    pub fn last_batch(&self) -> Option<&RememberedBatch> {
        self.batches().last()
    }

    /// -1 when no batch is remembered.
    pub fn last_sequence(&self) -> i32 {
        self.last_batch().map_or(-1, |b| b.last_sequence)
    }

    /// A batch with exactly these sequences under the present epoch.
    pub fn duplicate_of(&self, epoch: ProducerEpoch, first: i32, last: i32) -> Option<&RememberedBatch> {
        if epoch != self.epoch {
            return None;
        }
        self.batches().iter().find(|b| b.first_sequence() == first && b.last_sequence == last)
    }

    /// Another epoch forgets the batches of the one before.
    pub fn set_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.remembered = Remembered::default();
        }
    }

    pub fn add_batch(&mut self, epoch: ProducerEpoch, batch: RememberedBatch) {
        self.set_epoch(epoch);
        self.remembered.push(batch);
        self.last_timestamp_ms = batch.timestamp_ms;
    }
}

impl Default for ProducerEntry {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_batches_are_remembered_and_found_by_their_sequences() {
        let mut entry = ProducerEntry::new();
        let epoch = ProducerEpoch(3);
        for n in 0..7 {
            let batch = RememberedBatch {
                last_sequence: n * 10 + 9,
                last_offset: Offset(i64::from(n) * 10 + 109),
                offset_delta: 9,
                timestamp_ms: 1,
            };
            entry.add_batch(epoch, batch);
        }
        assert_eq!(entry.duplicate_of(epoch, 10, 19), None);
        assert_eq!(entry.duplicate_of(epoch, 20, 29).map(|b| b.first_offset()), Some(Offset(120)));
        assert_eq!(entry.duplicate_of(ProducerEpoch(2), 20, 29), None);
        assert_eq!(entry.duplicate_of(epoch, 20, 28), None);
        entry.set_epoch(ProducerEpoch(4));
        assert!(entry.is_empty());
    }

    #[test]
    fn sequences_wrap() {
        let batch = RememberedBatch { last_sequence: 1, last_offset: Offset(50), offset_delta: 3, timestamp_ms: 0 };
        assert_eq!(batch.first_sequence(), i32::MAX - 1);
    }
}
