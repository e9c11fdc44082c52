//! The `range` assignor: each topic is cut into consecutive ranges. Members with an instance id come first, so that
//! a restart does not move their ranges. Topics with equally many partitions and the same subscribers are cut alike,
//! which is what joins of co-partitioned topics need.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::java_order::compare_str;
use super::{AssignError, Assignment, Subscriber, Subscribers, Targets};
use crate::model::{PartitionIndex, TopicId};

struct Cut {
    partitions: usize,
    subscribers: usize,
    served: usize,
    next: usize,
}

impl Cut {
    /// The next subscriber's range. The first ones take one more when the division leaves a rest.
    fn take(&mut self) -> std::ops::Range<usize> {
        let extra = usize::from(self.served < self.partitions % self.subscribers);
        let start = self.next;
        self.served += 1;
        self.next = (start + self.partitions / self.subscribers + extra).min(self.partitions);
        start..self.next
    }
}

pub(super) fn assign(group: &Subscribers) -> Result<Targets, AssignError> {
    let mut members: Vec<&Subscriber> = group.members.iter().collect();
    members.sort_by(|a, b| in_turn(a, b));

    let mut cuts: BTreeMap<TopicId, Cut> = BTreeMap::new();
    for topic in members.iter().flat_map(|m| &m.topics) {
        let partitions = group.partitions_of(*topic)?;
        cuts.entry(*topic).or_insert(Cut { partitions, subscribers: 0, served: 0, next: 0 }).subscribers += 1;
    }

    let mut targets = Targets::new();
    for member in members {
        let mut assignment = Assignment::new();
        for topic in &member.topics {
            let range = cuts.get_mut(topic).map(Cut::take).unwrap_or_default();
            if !range.is_empty() {
                assignment.insert(*topic, range.map(|p| PartitionIndex(p as i32)).collect());
            }
        }
        targets.insert(member.member_id.clone(), assignment);
    }
    Ok(targets)
}

fn in_turn(a: &Subscriber, b: &Subscriber) -> Ordering {
    match (&a.instance_id, &b.instance_id) {
        (Some(a), Some(b)) => compare_str(a, b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => compare_str(&a.member_id, &b.member_id),
    }
}
