//! One member's next step towards its target: first it gives back what it may not keep, then it gets the new epoch,
//! then what others have given back.

use std::collections::{BTreeMap, BTreeSet};

use super::member::{Held, Member, MemberState};
use crate::controller::group::assign::Assignment;
use crate::model::{PartitionIndex, TopicId};

/// What a member says it owns; `None` if it says nothing.
pub type Owned = Option<BTreeMap<TopicId, BTreeSet<PartitionIndex>>>;

/// A later broker left the member in a state that is not known here; it must start from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MustRejoin;

pub struct Step<'a> {
    pub member: &'a Member,
    pub target_epoch: i32,
    pub target: &'a Assignment,
    /// Existing topics it is subscribed to.
    pub subscribed: &'a BTreeSet<TopicId>,
    pub subscription_changed: bool,
    pub owned: &'a Owned,
    /// Whether anyone holds a partition.
    pub is_held: &'a dyn Fn(TopicId, PartitionIndex) -> bool,
}

impl Step<'_> {
    /// The member after the step; equal to the one before if there is nothing to do.
    pub fn take(&self) -> Result<Member, MustRejoin> {
        let member = self.member;
        Ok(match member.state {
            MemberState::Stable if member.epoch != self.target_epoch => self.advance(member.epoch),
            MemberState::Stable if self.subscription_changed => self.drop_unsubscribed(),
            MemberState::Stable => member.clone(),
            MemberState::Revoking if self.still_owns(&member.revoking) => {
                if self.subscription_changed {
                    self.drop_unsubscribed()
                } else {
                    member.clone()
                }
            }
            MemberState::Revoking | MemberState::Waiting => self.advance(member.epoch),
            MemberState::Unknown => match self.owned {
                Some(owned) if owned.is_empty() => self.advance(self.target_epoch),
                _ => return Err(MustRejoin),
            },
        })
    }

    /// A member that says nothing of what it owns is taken to own all it did.
    fn still_owns(&self, held: &Held) -> bool {
        let Some(owned) = self.owned else { return true };
        owned.iter().any(|(topic, partitions)| {
            held.get(topic).is_some_and(|held| partitions.iter().any(|partition| held.contains_key(partition)))
        })
    }

    /// Takes away the topics it is not subscribed to any more, while the target is still the old one.
    fn drop_unsubscribed(&self) -> Member {
        let mut next = self.member.clone();
        let gone: Vec<TopicId> = next.assigned.keys().filter(|t| !self.subscribed.contains(t)).copied().collect();
        if gone.is_empty() {
            return next;
        }
        let mut revoking = next.revoking.clone();
        for topic in gone {
            if let Some(partitions) = next.assigned.remove(&topic) {
                revoking.entry(topic).or_default().extend(partitions);
            }
        }
        next.advance_to(next.epoch);
        if self.still_owns(&revoking) {
            next.state = MemberState::Revoking;
            next.revoking = revoking;
        }
        next
    }

    fn advance(&self, epoch: i32) -> Member {
        let plan = self.plan();
        let mut next = self.member.clone();
        next.assigned = plan.kept;
        if !plan.to_revoke.is_empty() && self.still_owns(&plan.to_revoke) {
            next.state = MemberState::Revoking;
            next.advance_to(epoch);
            next.revoking = plan.to_revoke;
            return next;
        }
        for (topic, partition) in plan.free {
            next.assigned.entry(topic).or_default().insert(partition, self.target_epoch);
        }
        next.state = if plan.has_unreleased { MemberState::Waiting } else { MemberState::Stable };
        next.advance_to(self.target_epoch);
        next.revoking = Held::new();
        next
    }

    fn plan(&self) -> Plan {
        let mut plan = Plan { kept: Held::new(), to_revoke: Held::new(), free: Vec::new(), has_unreleased: false };
        let target = |topic: &TopicId| self.target.get(topic).filter(|_| self.subscribed.contains(topic));
        for (topic, partitions) in &self.member.assigned {
            for (partition, epoch) in partitions {
                let keeps = target(topic).is_some_and(|t| t.contains(partition));
                let place = if keeps { &mut plan.kept } else { &mut plan.to_revoke };
                place.entry(*topic).or_default().insert(*partition, *epoch);
            }
        }
        for (topic, partitions) in self.target.iter().filter(|(topic, _)| self.subscribed.contains(topic)) {
            for partition in partitions {
                let holds = |held: &Held| held.get(topic).is_some_and(|held| held.contains_key(partition));
                if holds(&plan.kept) {
                    continue;
                }
                // What it is itself about to give back is not held by another.
                if (self.is_held)(*topic, *partition) && !holds(&self.member.revoking) {
                    plan.has_unreleased = true;
                } else {
                    plan.free.push((*topic, *partition));
                }
            }
        }
        plan
    }
}

struct Plan {
    kept: Held,
    to_revoke: Held,
    free: Vec<(TopicId, PartitionIndex)>,
    has_unreleased: bool,
}
