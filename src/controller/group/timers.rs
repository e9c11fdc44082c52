//! Every deadline of a group machine in one order: by time, then by the order of being set.

use std::collections::{BTreeMap, HashMap};

use super::{GroupId, MemberId};
use crate::controller::topics::Sight;

/// What a deadline is for. Setting one again moves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// A classic member has not been heard of.
    ClassicSession(MemberId),
    /// A classic rebalance has waited long enough for its members.
    ClassicJoin,
    /// A classic generation has waited long enough for everyone's SyncGroup.
    ClassicSync,
    /// A group has just become classic: its members are to be called.
    ClassicConverted,
    /// A KIP-848 member has not been heard of.
    ConsumerSession(MemberId),
    /// A KIP-848 member has not given back what it was told to; the number is the epoch it was told at.
    ConsumerRebalance(MemberId),
    /// A classic member of a KIP-848 group was told to rejoin and has not.
    ConsumerJoin(MemberId),
    /// A classic member of a KIP-848 group has joined and has not synced.
    ConsumerSync(MemberId),
    /// The patterns of a KIP-848 group are to be looked up in the topics.
    ConsumerPatterns,
    /// Look for expired offsets, in all groups.
    OffsetExpiry,
}

/// A deadline's name: the group it belongs to (empty for the machine's own) and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    pub group: GroupId,
    pub timer: Timer,
}

/// A deadline that has come, with what was set with it.
#[derive(Clone, Debug)]
pub struct Due {
    pub key: TimerKey,
    /// 0 where none was set.
    pub number: i32,
    /// Through whose eyes topics are to be looked up.
    pub sight: Sight,
}

/// All deadlines of a machine, in monotonic milliseconds.
#[derive(Default)]
pub struct Timers {
    order: BTreeMap<(i64, u64), Due>,
    places: HashMap<TimerKey, (i64, u64)>,
    set_so_far: u64,
}

impl Timers {
    pub fn set(&mut self, group: &GroupId, timer: Timer, at_ms: i64) {
        self.set_with(group, timer, at_ms, 0);
    }

    pub fn set_with(&mut self, group: &GroupId, timer: Timer, at_ms: i64, number: i32) {
        let key = TimerKey { group: group.clone(), timer };
        self.put(at_ms, Due { key, number, sight: Sight::default() });
    }

    /// For a look at the topics as one client sees them.
    pub fn set_look(&mut self, group: &GroupId, timer: Timer, at_ms: i64, sight: Sight) {
        let key = TimerKey { group: group.clone(), timer };
        self.put(at_ms, Due { key, number: 0, sight });
    }

    fn put(&mut self, at_ms: i64, due: Due) {
        self.set_so_far += 1;
        let place = (at_ms, self.set_so_far);
        if let Some(old) = self.places.insert(due.key.clone(), place) {
            self.order.remove(&old);
        }
        self.order.insert(place, due);
    }

    pub fn cancel(&mut self, group: &GroupId, timer: Timer) {
        if let Some(place) = self.places.remove(&TimerKey { group: group.clone(), timer }) {
            self.order.remove(&place);
        }
    }

    pub fn is_set(&self, group: &GroupId, timer: Timer) -> bool {
        self.places.contains_key(&TimerKey { group: group.clone(), timer })
    }

    pub fn next_deadline(&self) -> Option<i64> {
        self.order.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// Takes the earliest deadline that is not after `now_ms`.
    pub fn pop_due(&mut self, now_ms: i64) -> Option<Due> {
        let entry = self.order.first_entry()?;
        if entry.key().0 > now_ms {
            return None;
        }
        let due = entry.remove();
        self.places.remove(&due.key);
        Some(due)
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_order_and_move_when_set_again() {
        let group: GroupId = "g".into();
        let mut timers = Timers::default();
        timers.set(&group, Timer::ClassicJoin, 50);
        timers.set(&group, Timer::ClassicSession("b".into()), 30);
        timers.set(&group, Timer::ClassicSession("a".into()), 30);
        timers.set_with(&group, Timer::ConsumerRebalance("a".into()), 20, 7);
        timers.set(&group, Timer::ClassicJoin, 10);
        timers.cancel(&group, Timer::ClassicSession("nobody".into()));

        assert_eq!(timers.next_deadline(), Some(10));
        assert!(timers.pop_due(9).is_none());
        let mut seen = Vec::new();
        while let Some(due) = timers.pop_due(30) {
            seen.push((due.key.timer, due.number));
        }
        assert_eq!(
            seen,
            [
                (Timer::ClassicJoin, 0),
                (Timer::ConsumerRebalance("a".into()), 7),
                (Timer::ClassicSession("b".into()), 0),
                (Timer::ClassicSession("a".into()), 0),
            ]
        );
        assert!(timers.is_empty());
        assert!(!timers.is_set(&group, Timer::ClassicJoin));
    }
}
