//! Where each leader epoch of a partition begins: `leader-epoch-checkpoint`.

use super::checkpoint;
use crate::model::{LeaderEpoch, Offset};

pub const FILE_NAME: &str = "leader-epoch-checkpoint";

/// Epochs and their first offsets; both columns grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs(Vec<(LeaderEpoch, Offset)>);

impl Epochs {
    /// Records that a batch of this epoch begins at `start`. True when the epoch is new.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        if epoch.0 < 0 || self.0.last().is_some_and(|(last, _)| *last >= epoch) {
            return false;
        }
        // Epochs that turn out to have no record of their own.
        self.0.retain(|(_, begun)| *begun < start);
        if self.0.is_empty() {
            // Most logs never see another.
            self.0.reserve_exact(1);
        }
        self.0.push((epoch, start));
        true
    }

    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.0.last().map(|(epoch, _)| *epoch)
    }

    pub fn entries(&self) -> &[(LeaderEpoch, Offset)] {
        &self.0
    }

    /// The epoch of the record at `offset`.
    pub fn of_offset(&self, offset: Offset) -> Option<LeaderEpoch> {
        let after = self.0.partition_point(|(_, start)| *start <= offset);
        after.checked_sub(1).and_then(|n| self.0.get(n)).map(|(epoch, _)| *epoch)
    }

    /// The greatest epoch at or below the one asked for, and where it ends; `None` when nothing can be said.
    pub fn end_of(&self, asked: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if asked.0 < 0 {
            return None;
        }
        if self.latest() == Some(asked) {
            return Some((asked, log_end));
        }
        let above = self.0.partition_point(|(epoch, _)| *epoch <= asked);
        let (_, end) = self.0.get(above)?;
        match above.checked_sub(1).and_then(|n| self.0.get(n)) {
            Some((epoch, _)) => Some((*epoch, *end)),
            None => Some((asked, *end)),
        }
    }

    /// The log now ends at `end`. True when something was forgotten.
    pub fn truncate_end(&mut self, end: Offset) -> bool {
        let before = self.0.len();
        self.0.retain(|(_, start)| *start < end);
        self.0.len() != before
    }

    /// The log now starts at `start`: the epoch that contains it begins there. True when something changed.
    pub fn truncate_start(&mut self, start: Offset) -> bool {
        let covered = self.0.partition_point(|(_, begun)| *begun <= start);
        let Some(last_covered) = covered.checked_sub(1) else { return false };
        let changed = last_covered > 0 || self.0.get(last_covered).is_some_and(|(_, begun)| *begun < start);
        self.0.drain(..last_covered);
        if let Some(first) = self.0.first_mut() {
            first.1 = start;
        }
        changed
    }

    pub fn to_text(&self) -> String {
        checkpoint::to_text(self.0.iter().map(|(epoch, start)| format!("{epoch} {start}")))
    }

    pub fn from_text(text: &str) -> Result<Epochs, checkpoint::BadCheckpoint> {
        let mut epochs = Epochs::default();
        for line in checkpoint::lines(text)? {
            let entry = line.split_once(' ').and_then(|(e, s)| Some((e.parse().ok()?, s.parse().ok()?)));
            let Some((epoch, start)) = entry else {
                return Err(checkpoint::BadCheckpoint(format!("not an epoch and an offset: {line:?}")));
            };
            epochs.assign(LeaderEpoch(epoch), Offset(start));
        }
        Ok(epochs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs(list: &[(i32, i64)]) -> Epochs {
        Epochs(list.iter().map(|(e, o)| (LeaderEpoch(*e), Offset(*o))).collect())
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let e = epochs(&[(2, 10), (4, 20), (7, 30)]);
        let end = |asked| e.end_of(LeaderEpoch(asked), Offset(99)).map(|(e, o)| (e.0, o.0));
        assert_eq!(end(7), Some((7, 99)));
        assert_eq!(end(4), Some((4, 30)));
        assert_eq!(end(5), Some((4, 30)));
        assert_eq!(end(2), Some((2, 20)));
        assert_eq!(end(1), Some((1, 10)));
        assert_eq!(end(8), None);
        assert_eq!(end(-1), None);
        assert_eq!(e.of_offset(Offset(29)), Some(LeaderEpoch(4)));
        assert_eq!(e.of_offset(Offset(9)), None);
    }

    #[test]
    fn the_log_may_lose_either_end() {
        let mut e = epochs(&[(2, 10), (4, 20), (7, 30)]);
        assert!(e.truncate_end(Offset(30)));
        assert_eq!(e, epochs(&[(2, 10), (4, 20)]));
        assert!(e.truncate_start(Offset(25)));
        assert_eq!(e, epochs(&[(4, 25)]));
        assert!(!e.truncate_start(Offset(25)));
        assert!(!e.truncate_start(Offset(5)));
    }

    #[test]
    fn an_epoch_without_records_is_replaced() {
        let mut e = epochs(&[(2, 10)]);
        assert!(e.assign(LeaderEpoch(3), Offset(10)));
        assert_eq!(e, epochs(&[(3, 10)]));
        assert!(!e.assign(LeaderEpoch(3), Offset(12)));
        assert!(!e.assign(LeaderEpoch(1), Offset(12)));
    }

    #[test]
    fn the_text_reads_back() {
        let e = epochs(&[(0, 0), (4, 20)]);
        assert_eq!(e.to_text(), "0\n2\n0 0\n4 20\n");
        assert_eq!(Epochs::from_text(&e.to_text()).unwrap(), e);
        for bad in ["", "1\n0\n", "0\n2\n0 0\n", "0\n1\nx y\n", "0\n-1\n"] {
            assert!(Epochs::from_text(bad).is_err(), "{bad:?}");
        }
    }
}
