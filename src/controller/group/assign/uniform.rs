//! The `uniform` assignor for groups whose members all subscribe to the same topics: everyone keeps what it had up to
//! its share, the rest goes to those below theirs.

use std::collections::BTreeSet;

use super::java_order::{
    compare_topics, copied_table, grown_table, hash_of_partition, hash_of_str, hash_of_topic, sort,
};
use super::{AssignError, Assignment, Subscriber, Subscribers, Targets};
use crate::model::{PartitionIndex, TopicId};

type Partition = (TopicId, PartitionIndex);

pub(super) fn assign(group: &Subscribers) -> Result<Targets, AssignError> {
    let mut members: Vec<&Subscriber> = group.members.iter().collect();
    sort(&mut members, grown_table(group.members.len()), |m| hash_of_str(&m.member_id));
    let mut topics = members.first().map(|m| m.topics.clone()).unwrap_or_default();
    if topics.is_empty() {
        return Ok(Targets::new());
    }
    let buckets = copied_table(topics.len());
    sort(&mut topics, buckets, |t| hash_of_topic(*t));

    let (mut unassigned, total) = unowned(group, &topics)?;
    let subscribed: BTreeSet<TopicId> = topics.into_iter().collect();
    let mut shares = Shares { each: total / members.len(), extra: total % members.len() };
    let mut kept = Vec::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        kept.push(shares.trim(member, members.len() - index, &subscribed, &mut unassigned));
    }

    let mut rest = unassigned.into_iter();
    let mut targets = Targets::new();
    for (member, (mut assignment, missing)) in members.into_iter().zip(kept) {
        for (topic, partition) in rest.by_ref().take(missing) {
            assignment.entry(topic).or_default().insert(partition);
        }
        targets.insert(member.member_id.clone(), assignment);
    }
    if rest.next().is_some() { Err(AssignError::LeftOver) } else { Ok(targets) }
}

/// Partitions that are nobody's target yet, and the number of all partitions.
fn unowned(group: &Subscribers, topics: &[TopicId]) -> Result<(Vec<Partition>, usize), AssignError> {
    let owned: BTreeSet<Partition> = group
        .members
        .iter()
        .flat_map(|m| m.target.iter().flat_map(|(topic, partitions)| partitions.iter().map(|p| (*topic, *p))))
        .collect();
    let mut total = 0;
    let mut unowned = Vec::new();
    for topic in topics {
        let partitions = group.partitions_of(*topic)?;
        total += partitions;
        unowned.extend((0..partitions).map(|p| (*topic, PartitionIndex(p as i32))).filter(|p| !owned.contains(p)));
    }
    Ok((unowned, total))
}

struct Shares {
    each: usize,
    /// Members that may still have one more than `each`.
    extra: usize,
}

impl Shares {
    /// What the member keeps of its old target and how many it lacks; what exceeds its share becomes unassigned.
    fn trim(
        &mut self,
        member: &Subscriber,
        members_left: usize,
        subscribed: &BTreeSet<TopicId>,
        unassigned: &mut Vec<Partition>,
    ) -> (Assignment, usize) {
        let mut has_extra = self.extra > 0;
        let mut share = self.each + usize::from(has_extra);
        let mut kept = (*member.target).clone();
        let mut old: Vec<TopicId> = member.target.keys().copied().collect();
        old.sort_by(|a, b| compare_topics(*a, *b));
        let buckets = grown_table(old.len());
        sort(&mut old, buckets, |t| hash_of_topic(*t));
        for topic in old {
            let Some(partitions) = kept.get_mut(&topic) else { continue };
            if !subscribed.contains(&topic) {
                kept.remove(&topic);
            } else if partitions.len() <= share {
                share -= partitions.len();
            } else {
                let mut ordered: Vec<PartitionIndex> = partitions.iter().copied().collect();
                sort(&mut ordered, copied_table(partitions.len()), |p| hash_of_partition(*p));
                for partition in ordered.into_iter().skip(share) {
                    partitions.remove(&partition);
                    unassigned.push((topic, partition));
                }
                if partitions.is_empty() {
                    kept.remove(&topic);
                }
                share = 0;
            }
        }
        // Leave the extra one to a member that already owns so many, unless too few members are left to take it.
        if share > 0 && has_extra && members_left > self.extra {
            share -= 1;
            has_extra = false;
        }
        self.extra -= usize::from(has_extra);
        (kept, share)
    }
}
