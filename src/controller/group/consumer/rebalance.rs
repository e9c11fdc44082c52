//! The steps that follow a member's word, whichever protocol it speaks: remember what it said, raise the group's
//! epoch if that changes what is to be assigned, compute a new target, move the member towards it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::current::{Owned, Step};
use super::member::{Member, MemberState};
use super::state::ConsumerGroup;
use super::target::NewTarget;
use crate::controller::group::GroupId;
use crate::controller::group::assign::{Assignment, Assignor};
use crate::controller::group::events::GroupError;
use crate::controller::group::records::{ConsumerGroupValue, Key, Record, Value};
use crate::controller::group::timers::Timer;
use crate::model::{ErrorCode, TopicId};

/// The group's epoch and the kind of its subscriptions once a member has changed.
pub(super) struct GroupStep {
    pub epoch: i32,
    pub same_topics: bool,
}

/// A member's target, and the epoch it is of.
pub(super) struct Target {
    pub epoch: i32,
    pub assignment: Arc<Assignment>,
}

pub(super) fn group_record(group: &GroupId, epoch: i32, metadata_hash: i64) -> Record {
    let value = ConsumerGroupValue { epoch, metadata_hash };
    Record::put(Key::ConsumerGroup { group: group.clone() }, Value::ConsumerGroup(value))
}

/// Whether the member names other topics than before.
pub(super) fn remember_member(ctx: &mut Context, group: &GroupId, old: &Member, new: &Member) -> bool {
    if std::ptr::eq(old, new) {
        return false;
    }
    if old != new {
        ctx.records.push(new.record(group));
    }
    old.topics != new.topics
}

/// Raises the epoch if asked to, or if the subscribed topics are no longer what they were.
pub(super) fn step_group(
    ctx: &mut Context,
    group: &mut ConsumerGroup,
    bump: bool,
    old: &Member,
    new: &Member,
) -> GroupStep {
    if !bump && group.soft.checked_version == Some(ctx.topics.version()) {
        let same_topics = group.subscriptions.is_the_same_for_all(group.members().len());
        return GroupStep { epoch: group.epoch, same_topics };
    }
    let members = group.members().len() + usize::from(!is_counted(group, new));
    let mut subscriptions = group.subscriptions.clone();
    subscriptions.remove(old);
    subscriptions.add(new);
    if let Some(pattern) = old.pattern().filter(|p| subscriptions.members_with(p) == 0)
        && let Some(found) = group.matches(pattern)
    {
        subscriptions.remove_matches(&found.topics);
    }
    let hash = subscriptions.hash(ctx.topics);
    let mut epoch = group.epoch;
    if bump || hash != group.metadata_hash {
        epoch += 1;
        ctx.records.push(group_record(&group.id, epoch, hash));
    }
    group.soft.checked_version = Some(ctx.topics.version());
    if group.has_partition_metadata {
        ctx.records.push(Record::tombstone(Key::PartitionMetadata { group: group.id.clone() }));
    }
    GroupStep { epoch, same_topics: subscriptions.is_the_same_for_all(members) }
}

fn is_counted(group: &ConsumerGroup, member: &Member) -> bool {
    let instance = member.instance_id.as_deref();
    group.member(&member.id).is_some() || instance.is_some_and(|i| group.static_member(i).is_some())
}

/// The target as it stands.
pub(super) fn last_target(group: &ConsumerGroup, member: &Member) -> Target {
    let assignment = match &member.instance_id {
        None => group.target(&member.id),
        Some(instance) => group.static_member(instance).map(|m| group.target(&m.id)).unwrap_or_default(),
    };
    Target { epoch: group.assignment_epoch, assignment }
}

/// A new target if the old one is of an earlier epoch and the group may have another one yet.
pub(super) fn step_target(
    ctx: &mut Context,
    group: &ConsumerGroup,
    step: &GroupStep,
    old: &Member,
    new: &Member,
) -> Result<Target, GroupError> {
    let interval_ms = i64::from(ctx.config.consumer_assignment_interval_ms(&group.id));
    let last_ms = group.assignment_timestamp_ms;
    let too_early = last_ms != 0 && interval_ms != 0 && ctx.now.wall_ms < last_ms.saturating_add(interval_ms);
    if group.assignment_epoch >= step.epoch || too_early {
        return Ok(last_target(group, new));
    }
    let default = || ctx.config.consumer_assignors.first().and_then(|name| Assignor::by_name(name));
    let assignor = group.preferred_assignor(Some(old), Some(new)).or_else(default).unwrap_or_default();
    let target = NewTarget {
        group,
        topics: ctx.topics,
        epoch: step.epoch,
        assignor,
        same_topics: step.same_topics,
        updated: new,
        timestamp_ms: ctx.now.wall_ms,
    };
    match target.compute(ctx.records) {
        Ok(assignment) => Ok(Target { epoch: step.epoch, assignment: Arc::new(assignment) }),
        Err(error) => {
            let text = format!("no new target assignment could be computed for epoch {}: {error}", step.epoch);
            Err(GroupError::with_message(ErrorCode::UnknownServerError, text))
        }
    }
}

/// Moves the member towards its target.
pub(super) fn step_member(
    ctx: &mut Context,
    group: &ConsumerGroup,
    member: Arc<Member>,
    target: &Target,
    subscription_changed: bool,
    owned: &Owned,
) -> Result<Arc<Member>, GroupError> {
    if !subscription_changed && member.is_reconciled_to(target.epoch) {
        return Ok(member);
    }
    let names = group.topics_of(&member);
    let subscribed: BTreeSet<TopicId> = names.iter().filter_map(|name| Some(ctx.topics.by_name(name)?.0)).collect();
    let step = Step {
        member: &member,
        target_epoch: target.epoch,
        target: &target.assignment,
        subscribed: &subscribed,
        subscription_changed,
        owned,
        is_held: &|topic, partition| group.holder(topic, partition).is_some(),
    };
    let next = step.take().map_err(|_| {
        let text = "the member is in a state that is not known here; it must give up all partitions and rejoin";
        GroupError::with_message(ErrorCode::FencedMemberEpoch, text)
    })?;
    if next != *member {
        ctx.records.push(next.current_record(&group.id));
        // Members of the classic protocol are held to their rejoin and sync instead.
        if !next.is_classic() {
            let timer = Timer::ConsumerRebalance(next.id.clone());
            if next.state == MemberState::Revoking {
                let at_ms = ctx.now.monotonic_ms + i64::from(next.rebalance_timeout_ms);
                ctx.timers.set_with(&group.id, timer, at_ms, next.epoch);
            } else {
                ctx.timers.cancel(&group.id, timer);
            }
        }
    }
    Ok(Arc::new(next))
}
