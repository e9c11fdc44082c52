//! Members that go: because they said so, or were not heard of, or did not do in time what they were told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::Context;
use super::member::{LEAVE_STATIC_EPOCH, Member, MemberState};
use super::migration::{self, ToClassic};
use super::rebalance::group_record;
use super::state::ConsumerGroup;
use crate::controller::group::records::{Key, Record};
use crate::controller::group::timers::{Due, Timer};
use crate::controller::group::{GroupId, MemberId};

/// What has become of the group.
#[derive(Debug)]
pub enum Fenced {
    /// It goes on with those that are left.
    GoesOn,
    /// Only members of the classic protocol are left: the records make it a classic group.
    Converted(ToClassic),
}

/// Removes members, which must be of the group.
pub fn fence(ctx: &mut Context, group: &ConsumerGroup, ids: &[MemberId]) -> Fenced {
    let gone: Vec<Arc<Member>> = ids.iter().filter_map(|id| group.member(id).cloned()).collect();
    if gone.is_empty() {
        return Fenced::GoesOn;
    }
    if migration::may_downgrade_without(ctx.config, group, &gone) {
        // A blob that cannot be read keeps the group in its protocol.
        if let Ok(converted) = migration::downgrade(ctx, group, &gone, None, true) {
            return Fenced::Converted(converted);
        }
    }
    for member in &gone {
        remove_member(ctx.records, &group.id, &member.id);
    }
    let mut subscriptions = group.subscriptions.clone();
    let mut patterns: BTreeMap<&Arc<str>, ()> = BTreeMap::new();
    for member in &gone {
        subscriptions.remove(member);
        patterns.extend(member.pattern().map(|pattern| (pattern, ())));
    }
    for pattern in patterns.into_keys().filter(|p| group.subscriptions.members_with(p) > 0) {
        if subscriptions.members_with(pattern) == 0 {
            ctx.records.push(Record::tombstone(Key::Regex { group: group.id.clone(), regex: pattern.clone() }));
            subscriptions.remove_matches(group.matches(pattern).into_iter().flat_map(|found| &found.topics));
        }
    }
    ctx.records.push(group_record(&group.id, group.epoch + 1, subscriptions.hash(ctx.topics)));
    for member in &gone {
        ctx.cancel_all_of(&group.id, &member.id);
    }
    Fenced::GoesOn
}

pub(super) fn remove_member(records: &mut Vec<Record>, group: &GroupId, member: &MemberId) {
    let (group, member) = (group.clone(), member.clone());
    records.push(Record::tombstone(Key::CurrentAssignment { group: group.clone(), member: member.clone() }));
    records.push(Record::tombstone(Key::TargetMember { group: group.clone(), member: member.clone() }));
    records.push(Record::tombstone(Key::ConsumerMember { group, member }));
}

/// A deadline of the group has come.
pub fn on_timer(ctx: &mut Context, group: &mut ConsumerGroup, due: &Due) -> Option<Fenced> {
    let id = match &due.key.timer {
        Timer::ConsumerPatterns => {
            super::patterns::look_up(ctx, group, &due.sight);
            return None;
        }
        Timer::ConsumerSession(id) | Timer::ConsumerJoin(id) | Timer::ConsumerSync(id) => id,
        Timer::ConsumerRebalance(id) => {
            // It has moved on meanwhile.
            group.member(id).filter(|member| member.epoch == due.number)?;
            id
        }
        _ => return None,
    };
    group.member(id)?;
    Some(fence(ctx, group, std::slice::from_ref(id)))
}

/// Arms the deadlines of a group that was read from the log.
pub fn arm_loaded(ctx: &mut Context, group: &ConsumerGroup) {
    for member in group.members() {
        ctx.arm_session(&group.id, &member.id);
        if member.state == MemberState::Revoking && member.epoch != LEAVE_STATIC_EPOCH {
            let at_ms = ctx.now.monotonic_ms + i64::from(member.rebalance_timeout_ms);
            ctx.timers.set_with(&group.id, Timer::ConsumerRebalance(member.id.clone()), at_ms, member.epoch);
        }
    }
}

/// The records that delete the whole group. `instead` names a member that the records before have put in the place
/// of another one.
pub fn tombstones(records: &mut Vec<Record>, group: &ConsumerGroup, instead: Option<(&MemberId, &MemberId)>) {
    let id = || group.id.clone();
    let members: Vec<MemberId> = group
        .members()
        .map(|m| match instead {
            Some((old, new)) if m.id == *old => new.clone(),
            _ => m.id.clone(),
        })
        .collect();
    let each = |key: &dyn Fn(MemberId) -> Key| -> Vec<Record> {
        members.iter().map(|member| Record::tombstone(key(member.clone()))).collect()
    };
    records.extend(each(&|member| Key::CurrentAssignment { group: id(), member }));
    records.extend(each(&|member| Key::TargetMember { group: id(), member }));
    records.push(Record::tombstone(Key::TargetAssignment { group: id() }));
    records.extend(each(&|member| Key::ConsumerMember { group: id(), member }));
    for (regex, _) in group.all_matches() {
        records.push(Record::tombstone(Key::Regex { group: id(), regex: regex.clone() }));
    }
    records.push(Record::tombstone(Key::PartitionMetadata { group: id() }));
    records.push(Record::tombstone(Key::ConsumerGroup { group: id() }));
}
