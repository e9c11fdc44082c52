//! May this batch be appended? Sequences, epochs, transactions.

use super::{EndTxn, Plan, ProducerEntry, Producers, RememberedBatch, VerificationGuard};
use crate::log::error::AppendError;
use crate::model::{ProducerEpoch, ProducerId};
use crate::records::BatchHeader;

/// Where a batch comes from, which says what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A producer: sequences count.
    Client,
    /// A coordinator, for itself or for a client's offsets: epochs count, sequences do not.
    Coordinator,
}

/// The verdict on a batch.
#[derive(Debug)]
pub enum Verdict {
    /// It has been appended before.
    Duplicate(RememberedBatch),
    Append(Plan),
}

impl Producers {
    /// Checks a data batch that has its offsets and a producer id, and plans what appending it means.
    pub fn plan_data(
        &self,
        header: &BatchHeader,
        origin: Origin,
        guard: Option<VerificationGuard>,
        verify_transactions: bool,
    ) -> Result<Verdict, AppendError> {
        let id = header.producer_id;
        let known = self.entries.get(&id);
        if origin == Origin::Client {
            let duplicate =
                known.and_then(|e| e.duplicate_of(header.producer_epoch, header.base_sequence, header.last_sequence()));
            if let Some(batch) = duplicate {
                return Ok(Verdict::Duplicate(*batch));
            }
        }
        let entry = known.copied().unwrap_or_default();
        if header.is_transactional() && !self.has_open_txn(id, header.producer_epoch) {
            check_epoch(id, &entry, header.producer_epoch)?;
            let given = self.verifications.get(&id).map(|v| v.guard);
            if verify_transactions && (given.is_none() || given != guard) {
                let what = "the transaction was not verified with its coordinator";
                return Err(AppendError::InvalidTxnState { producer_id: id, what });
            }
        }
        check_epoch(id, &entry, header.producer_epoch)?;
        if origin == Origin::Client {
            self.check_sequence(&entry, header)?;
        }
        if entry.txn_first_offset.is_some() && !header.is_transactional() {
            let what = "a transaction is open and the batch is not part of it";
            return Err(AppendError::InvalidTxnState { producer_id: id, what });
        }
        Ok(Verdict::Append(self.plan_unchecked(header, None)))
    }

    fn check_sequence(&self, entry: &ProducerEntry, header: &BatchHeader) -> Result<(), AppendError> {
        let (id, first) = (header.producer_id, header.base_sequence);
        let gap = |last_sequence| AppendError::OutOfOrderSequence { producer_id: id, sequence: first, last_sequence };
        if let Some(v) = self.verifications.get(&id) {
            if v.supports_epoch_bump && first != 0 && entry.is_empty() {
                return Err(gap(-1));
            }
            if first > v.lowest_sequence {
                return Err(gap(v.lowest_sequence));
            }
        }
        if entry.epoch == ProducerEpoch::NONE {
            // Nothing is known, perhaps because retention took it: any sequence may come first.
            return Ok(());
        }
        let last = entry.last_sequence();
        let follows = if header.producer_epoch == entry.epoch {
            i64::from(first) == i64::from(last) + 1 || (first == 0 && last == i32::MAX)
        } else {
            first == 0
        };
        if follows { Ok(()) } else { Err(gap(last)) }
    }

    /// Whether a coordinator could append a batch of this producer's transaction now.
    pub fn check_transactional(
        &self,
        id: ProducerId,
        epoch: ProducerEpoch,
        guard: Option<VerificationGuard>,
        verify_transactions: bool,
    ) -> Result<(), AppendError> {
        check_epoch(id, &self.entries.get(&id).copied().unwrap_or_default(), epoch)?;
        let given = self.verifications.get(&id).map(|v| v.guard);
        if verify_transactions && !self.has_open_txn(id, epoch) && (given.is_none() || given != guard) {
            let what = "the transaction was not verified with its coordinator";
            return Err(AppendError::InvalidTxnState { producer_id: id, what });
        }
        Ok(())
    }

    /// Checks the end of a transaction and plans what writing its marker, whose header is given, means.
    pub fn plan_marker(&self, header: &BatchHeader, end: &EndTxn) -> Result<Plan, AppendError> {
        self.check_marker(end)?;
        Ok(self.plan_unchecked(header, Some(end)))
    }

    /// Whether the transaction's end may be written.
    pub fn check_marker(&self, end: &EndTxn) -> Result<(), AppendError> {
        let entry = self.entries.get(&end.producer_id).copied().unwrap_or_default();
        let (given, current) = (end.producer_epoch, entry.epoch);
        if end.transaction_version >= 2 {
            // The epoch was raised for the end. The same one again is a marker that was written and not heard of.
            let again = given == current && (entry.txn_first_offset.is_none() || given.0 == i16::MAX);
            if given <= current && !again {
                return Err(AppendError::InvalidProducerEpoch { producer_id: end.producer_id, given, current });
            }
        } else {
            check_epoch(end.producer_id, &entry, given)?;
        }
        if end.coordinator_epoch < entry.coordinator_epoch {
            let (given, current) = (end.coordinator_epoch, entry.coordinator_epoch);
            return Err(AppendError::CoordinatorFenced { given, current });
        }
        Ok(())
    }
}

pub(super) fn check_epoch(id: ProducerId, entry: &ProducerEntry, given: ProducerEpoch) -> Result<(), AppendError> {
    match given < entry.epoch {
        true => Err(AppendError::InvalidProducerEpoch { producer_id: id, given, current: entry.epoch }),
        false => Ok(()),
    }
}
