//! The `uniform` assignor for groups whose members subscribe to different topics: old targets are kept, free
//! partitions go to the least loaded subscribers topic by topic, then partitions move from the most to the least
//! loaded subscribers until no topic can be balanced further.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::balancer::Balancer;
use super::java_order::{compare_topics, grown_table, hash_of_str, sort};
use super::{AssignError, Assignment, Subscriber, Subscribers, Targets};
use crate::model::{PartitionIndex, TopicId};

/// Overlapping subscriptions balance slowly, each round about halves the imbalance.
const ROUNDS_MAX: usize = 16;

struct Topic {
    id: TopicId,
    /// Indexes of members, ascending.
    subscribers: Vec<usize>,
    /// By partition, the index of its member.
    owners: Vec<Option<usize>>,
}

impl Topic {
    /// Most partitions a subscriber first, then fewest subscribers.
    fn compare(&self, other: &Topic) -> Ordering {
        let load = |t: &Topic| t.owners.len() as f64 / t.subscribers.len() as f64;
        load(other)
            .total_cmp(&load(self))
            .then(self.subscribers.len().cmp(&other.subscribers.len()))
            .then(compare_topics(self.id, other.id))
    }
}

pub(super) fn assign(group: &Subscribers) -> Result<Targets, AssignError> {
    let mut members: Vec<&Subscriber> = group.members.iter().collect();
    sort(&mut members, grown_table(group.members.len()), |m| hash_of_str(&m.member_id));
    let mut topics = topics_of(group, &members)?;
    if topics.is_empty() {
        return Ok(Targets::new());
    }
    let mut loads = keep_old_targets(&members, &mut topics);
    let mut topics: Vec<Topic> = topics.into_values().collect();
    topics.sort_by(Topic::compare);

    for topic in &mut topics {
        assign_free(topic, &mut loads);
    }
    balance(&mut topics, &mut loads);

    let mut assignments = vec![Assignment::new(); members.len()];
    for topic in &topics {
        for (partition, owner) in topic.owners.iter().enumerate() {
            if let Some(assignment) = owner.and_then(|o| assignments.get_mut(o)) {
                assignment.entry(topic.id).or_default().insert(PartitionIndex(partition as i32));
            }
        }
    }
    Ok(members.into_iter().map(|m| m.member_id.clone()).zip(assignments).collect())
}

fn topics_of(group: &Subscribers, members: &[&Subscriber]) -> Result<BTreeMap<TopicId, Topic>, AssignError> {
    let mut topics: BTreeMap<TopicId, Topic> = BTreeMap::new();
    for (index, member) in members.iter().enumerate() {
        for id in &member.topics {
            let partitions = group.partitions_of(*id)?;
            let topic = topics.entry(*id).or_insert_with(|| Topic {
                id: *id,
                subscribers: Vec::new(),
                owners: vec![None; partitions],
            });
            topic.subscribers.push(index);
        }
    }
    Ok(topics)
}

/// Returns how many partitions each member keeps.
fn keep_old_targets(members: &[&Subscriber], topics: &mut BTreeMap<TopicId, Topic>) -> Vec<usize> {
    let mut loads = vec![0; members.len()];
    for (index, member) in members.iter().enumerate() {
        let subscribed: BTreeSet<TopicId> = member.topics.iter().copied().collect();
        for (id, partitions) in member.target.iter().filter(|(id, _)| subscribed.contains(id)) {
            let Some(topic) = topics.get_mut(id) else { continue };
            for partition in partitions {
                if let Some(owner) = usize::try_from(partition.0).ok().and_then(|p| topic.owners.get_mut(p)) {
                    *owner = Some(index);
                    loads[index] += 1;
                }
            }
        }
    }
    loads
}

fn assign_free(topic: &mut Topic, loads: &mut [usize]) {
    let mut balancer = Balancer::new(&topic.subscribers, loads);
    for owner in topic.owners.iter_mut().filter(|o| o.is_none()) {
        let member = balancer.next_least_loaded(loads);
        *owner = Some(member);
        loads[member] += 1;
    }
}

/// Goes around the topics until a whole round has moved nothing.
fn balance(topics: &mut [Topic], loads: &mut [usize]) {
    let mut movable: Vec<&mut Topic> = topics.iter_mut().filter(|t| t.subscribers.len() >= 2).collect();
    let mut last_moved = None;
    for _ in 0..ROUNDS_MAX {
        for (index, topic) in movable.iter_mut().enumerate() {
            if last_moved == Some(index) {
                return;
            }
            if balance_topic(topic, loads) || last_moved.is_none() {
                last_moved = Some(index);
            }
        }
    }
}

/// Whether a partition has moved.
fn balance_topic(topic: &mut Topic, loads: &mut [usize]) -> bool {
    let mut balancer = Balancer::new(&topic.subscribers, loads);
    if balancer.spread(loads) <= 1 {
        return false;
    }
    // The last partition of a member is the first to go.
    let mut owned: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (partition, owner) in topic.owners.iter().enumerate() {
        if let Some(owner) = owner {
            owned.entry(*owner).or_default().push(partition);
        }
    }
    let mut moved = false;
    while !balancer.is_balanced() {
        let Some((partition, giver)) = next_to_give_up(&mut balancer, &mut owned, loads) else { break };
        let taker = balancer.next_least_loaded(loads);
        if balancer.is_balanced() {
            break;
        }
        topic.owners[partition] = Some(taker);
        loads[giver] -= 1;
        loads[taker] += 1;
        moved = true;
    }
    moved
}

fn next_to_give_up(
    balancer: &mut Balancer,
    owned: &mut BTreeMap<usize, Vec<usize>>,
    loads: &[usize],
) -> Option<(usize, usize)> {
    loop {
        let giver = balancer.next_most_loaded(loads)?;
        match owned.get_mut(&giver).and_then(Vec::pop) {
            Some(partition) => return Some((partition, giver)),
            None => balancer.exclude_most_loaded(),
        }
    }
}
