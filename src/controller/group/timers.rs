//! Every deadline of a group machine in one order: by time, then by the order of being set.

use std::collections::hash_map::Entry;
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

/// A moment and, among deadlines of the same moment, the order of being set.
type Place = (i64, u64);

/// All deadlines of a machine, in monotonic milliseconds.
///
/// Sessions are put off with every heartbeat and hardly ever run out. So a deadline that is put off stays in the queue
/// where it was, and moves to its place only when its turn comes.
#[derive(Default)]
pub struct Timers {
    queue: BTreeMap<Place, TimerKey>,
    set: HashMap<TimerKey, Set>,
    set_so_far: u64,
}

struct Set {
    at: Place,
    /// Where it stands in the queue: never behind `at`.
    queued: Place,
    number: i32,
    sight: Sight,
}

impl Timers {
    pub fn set(&mut self, group: &GroupId, timer: Timer, at_ms: i64) {
        self.put(group, timer, at_ms, 0, Sight::default());
    }

    pub fn set_with(&mut self, group: &GroupId, timer: Timer, at_ms: i64, number: i32) {
        self.put(group, timer, at_ms, number, Sight::default());
    }

    /// For a look at the topics as one client sees them.
    pub fn set_look(&mut self, group: &GroupId, timer: Timer, at_ms: i64, sight: Sight) {
        self.put(group, timer, at_ms, 0, sight);
    }

    fn put(&mut self, group: &GroupId, timer: Timer, at_ms: i64, number: i32, sight: Sight) {
        self.set_so_far += 1;
        let at = (at_ms, self.set_so_far);
        match self.set.entry(TimerKey { group: group.clone(), timer }) {
            Entry::Occupied(mut entry) => {
                let set = entry.get_mut();
                *set = Set { at, queued: set.queued, number, sight };
                if at < set.queued
                    && let Some(key) = self.queue.remove(&set.queued)
                {
                    self.queue.insert(at, key);
                    set.queued = at;
                }
            }
            Entry::Vacant(entry) => {
                self.queue.insert(at, entry.key().clone());
                entry.insert(Set { at, queued: at, number, sight });
            }
        }
    }

    pub fn cancel(&mut self, group: &GroupId, timer: Timer) {
        if let Some(set) = self.set.remove(&TimerKey { group: group.clone(), timer }) {
            self.queue.remove(&set.queued);
        }
    }

    pub fn is_set(&self, group: &GroupId, timer: Timer) -> bool {
        self.set.contains_key(&TimerKey { group: group.clone(), timer })
    }

    /// No deadline is before it; the one that was may have been put off since.
    pub fn next_deadline(&self) -> Option<i64> {
        self.queue.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// Takes the earliest deadline that is not after `now_ms`.
    pub fn pop_due(&mut self, now_ms: i64) -> Option<Due> {
        loop {
            let first = self.queue.first_entry()?;
            let queued = *first.key();
            if queued.0 > now_ms {
                return None;
            }
            let key = first.remove();
            let Entry::Occupied(mut entry) = self.set.entry(key) else { continue };
            if entry.get().at == queued {
                let (key, Set { number, sight, .. }) = entry.remove_entry();
                return Some(Due { key, number, sight });
            }
            let at = entry.get().at;
            entry.get_mut().queued = at;
            self.queue.insert(at, entry.key().clone());
        }
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
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

    #[test]
    fn what_is_put_off_keeps_its_order_and_is_not_due_before() {
        let group: GroupId = "g".into();
        let session = |member: &str| Timer::ClassicSession(member.into());
        let mut timers = Timers::default();
        for (member, at_ms) in [("a", 10), ("b", 20), ("a", 30), ("c", 30), ("b", 30), ("c", 25)] {
            timers.set(&group, session(member), at_ms);
        }
        timers.set_with(&group, session("d"), 15, 1);
        timers.set_with(&group, session("d"), 40, 2);
        assert_eq!(timers.len(), 4);
        assert!(timers.next_deadline().is_some_and(|at_ms| at_ms <= 25));
        assert!(timers.pop_due(24).is_none());
        assert_eq!(timers.next_deadline(), Some(25));
        let seen: Vec<_> = std::iter::from_fn(|| timers.pop_due(40)).map(|due| (due.key.timer, due.number)).collect();
        assert_eq!(seen, [(session("c"), 0), (session("a"), 0), (session("b"), 0), (session("d"), 2)]);
        assert!(timers.is_empty());
    }
}
