//! ConsumerGroupHeartbeat: joining, staying, leaving.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::context::Context;
use super::current::Owned;
use super::fence::{self, Fenced};
use super::member::{Held, LEAVE_EPOCH, LEAVE_STATIC_EPOCH, Member};
use super::patterns::{PatternChange, step_patterns};
use super::rebalance::{remember_member, step_group, step_member, step_target};
use super::state::ConsumerGroup;
use super::target::target_record;
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::{Caller, GroupError};
use crate::controller::group::{GroupId, MemberId};
use crate::model::{ErrorCode, PartitionIndex, TopicId};
use crate::wire::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use crate::wire::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, StrBytes};

/// From this version on a member brings its own id.
const OWN_MEMBER_ID_VERSION: i16 = 1;

/// The checks that need no group, in Kafka's order.
pub fn validate(request: &ConsumerGroupHeartbeatRequest, version: i16, config: &GroupConfig) -> Result<(), GroupError> {
    let epoch = request.member_epoch;
    if version >= OWN_MEMBER_ID_VERSION || epoch > 0 || epoch == LEAVE_EPOCH {
        not_blank(Some(&request.member_id), "MemberId")?;
    }
    not_blank(Some(&request.group_id), "GroupId")?;
    not_blank(request.instance_id.as_ref(), "InstanceId")?;
    not_blank(request.rack_id.as_ref(), "RackId")?;
    if epoch == 0 {
        if request.rebalance_timeout_ms == -1 {
            return Err(invalid("RebalanceTimeoutMs must be given when joining."));
        }
        if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
            return Err(invalid("TopicPartitions must be empty when joining."));
        }
        if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
            return Err(invalid("SubscribedTopicNames or SubscribedTopicRegex must be given when joining."));
        }
    } else if epoch == LEAVE_STATIC_EPOCH && request.instance_id.is_none() {
        return Err(invalid("InstanceId can't be null."));
    } else if epoch < LEAVE_STATIC_EPOCH {
        return Err(invalid("MemberEpoch is invalid."));
    }
    match &request.server_assignor {
        Some(name) if !config.consumer_assignors.iter().any(|known| **known == **name) => {
            let known = config.consumer_assignors.join(", ");
            let text = format!("ServerAssignor {name} is not supported. Supported assignors: {known}.");
            Err(GroupError::with_message(ErrorCode::UnsupportedAssignor, text))
        }
        _ => Ok(()),
    }
}

fn not_blank(text: Option<&StrBytes>, field: &str) -> Result<(), GroupError> {
    match text {
        Some(text) if text.trim().is_empty() => Err(invalid(&format!("{field} can't be empty."))),
        _ => Ok(()),
    }
}

fn invalid(text: &str) -> GroupError {
    GroupError::with_message(ErrorCode::InvalidRequest, text)
}

/// Whether the request is one to leave, see [`leave`].
pub fn is_leave(request: &ConsumerGroupHeartbeatRequest) -> bool {
    matches!(request.member_epoch, LEAVE_EPOCH | LEAVE_STATIC_EPOCH)
}

/// A member that joins or stays. The request is valid, and `group` may be new: it comes to be with its records.
pub fn heartbeat(
    ctx: &mut Context,
    group: &mut ConsumerGroup,
    caller: &Caller,
    fresh_id: Uuid,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse, GroupError> {
    let owned = owned_of(request);
    let mut id: MemberId = (*request.member_id).into();
    throw_if_full(ctx, group, &id, request.instance_id.as_deref())?;
    if id.is_empty() {
        id = TopicId(fresh_id).to_string().into();
    }
    let old = match request.instance_id.as_deref() {
        None => dynamic_member(group, id, request.member_epoch, &owned)?,
        Some(instance) => static_member(ctx, group, id, instance, request.member_epoch, &owned)?,
    };
    let asked = told(&old, caller, request);

    let topics_changed = remember_member(ctx, &group.id, &old, &asked);
    let pattern_change = step_patterns(ctx, group, &old, &asked, &caller.sight)?;
    // A pattern that is yet to be looked up raises the epoch when it is, not twice.
    let bump = topics_changed || pattern_change == PatternChange::ChangedAndKnown;
    let group_step = step_group(ctx, group, bump, &old, &asked);
    let target = step_target(ctx, group, &group_step, &old, &asked)?;
    let subscription_changed = topics_changed || pattern_change != PatternChange::None;
    let member = step_member(ctx, group, asked, &target, subscription_changed, &owned)?;
    ctx.arm_session(&group.id, &member.id);

    let is_full_request = request.rebalance_timeout_ms != -1
        && (request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some())
        && owned.is_some();
    let shows_assignment = request.member_epoch == 0 || is_full_request || old.assigned != member.assigned;
    Ok(ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(StrBytes::from_string(member.id.to_string())))
        .with_member_epoch(member.epoch)
        .with_heartbeat_interval_ms(ctx.config.consumer_heartbeat_interval_ms(&group.id))
        .with_assignment(shows_assignment.then(|| assignment_of(&member.assigned))))
}

fn owned_of(request: &ConsumerGroupHeartbeatRequest) -> Owned {
    let topics = request.topic_partitions.as_ref()?;
    let mut owned: BTreeMap<TopicId, BTreeSet<PartitionIndex>> = BTreeMap::new();
    for topic in topics {
        owned.entry(TopicId(topic.topic_id)).or_default().extend(topic.partitions.iter().map(|p| PartitionIndex(*p)));
    }
    Some(owned)
}

fn assignment_of(held: &Held) -> Assignment {
    let topics = held.iter().map(|(topic, partitions)| {
        TopicPartitions::default().with_topic_id(topic.0).with_partitions(partitions.keys().map(|p| p.0).collect())
    });
    Assignment::default().with_topic_partitions(topics.collect())
}

/// The member with what the request says; what it leaves out stays. Most say nothing new.
fn told(old: &Arc<Member>, caller: &Caller, request: &ConsumerGroupHeartbeatRequest) -> Arc<Member> {
    if says_nothing_new(old, caller, request) {
        return old.clone();
    }
    let text = |text: &Option<StrBytes>| text.as_ref().map(|text| Arc::<str>::from(&**text));
    let mut member = (**old).clone();
    member.instance_id = text(&request.instance_id).or(member.instance_id);
    member.rack_id = text(&request.rack_id).or(member.rack_id);
    member.assignor = text(&request.server_assignor).or(member.assignor);
    member.regex = text(&request.subscribed_topic_regex).or(member.regex);
    if request.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
    }
    if let Some(names) = &request.subscribed_topic_names {
        member.topics = Arc::new(names.iter().map(|name| (***name).into()).collect());
    }
    member.client_id = caller.client_id.clone();
    member.client_host = caller.client_host.clone();
    member.classic = None;
    Arc::new(member)
}

/// Whether the member can stay as it is without a closer look. One that lists its topics is looked at.
fn says_nothing_new(old: &Member, caller: &Caller, request: &ConsumerGroupHeartbeatRequest) -> bool {
    let is_known = |said: &Option<StrBytes>, known: &Option<Arc<str>>| {
        said.as_ref().is_none_or(|said| known.as_deref() == Some(&**said))
    };
    request.subscribed_topic_names.is_none()
        && request.rebalance_timeout_ms == -1
        && is_known(&request.instance_id, &old.instance_id)
        && is_known(&request.rack_id, &old.rack_id)
        && is_known(&request.server_assignor, &old.assignor)
        && is_known(&request.subscribed_topic_regex, &old.regex)
        && caller.client_id == old.client_id
        && caller.client_host == old.client_host
        && !old.is_classic()
}

pub(super) fn throw_if_full(
    ctx: &Context,
    group: &ConsumerGroup,
    member_id: &str,
    instance_id: Option<&str>,
) -> Result<(), GroupError> {
    // A static member that is there already takes no further place.
    if instance_id.is_some_and(|instance| group.static_member(instance).is_some()) {
        return Ok(());
    }
    let max = ctx.config.consumer_size_max;
    if group.members().len() >= max && group.member(member_id).is_none() {
        let text = format!("The consumer group has reached its maximum of {max} members.");
        return Err(GroupError::with_message(ErrorCode::GroupMaxSizeReached, text));
    }
    Ok(())
}

fn dynamic_member(group: &ConsumerGroup, id: MemberId, epoch: i32, owned: &Owned) -> Result<Arc<Member>, GroupError> {
    match group.member(&id) {
        Some(member) => {
            check_epoch(member, epoch, owned)?;
            Ok(member.clone())
        }
        None if epoch == 0 => Ok(Arc::new(Member::new(id))),
        None => Err(unknown_member(group, &id)),
    }
}

fn static_member(
    ctx: &mut Context,
    group: &ConsumerGroup,
    id: MemberId,
    instance: &str,
    epoch: i32,
    owned: &Owned,
) -> Result<Arc<Member>, GroupError> {
    let Some(before) = group.static_member(instance).cloned() else {
        return match group.member(&id) {
            _ if epoch != 0 => Err(unknown_instance(instance)),
            Some(member) => Ok(member.clone()),
            None => Ok(Arc::new(Member::new(id))),
        };
    };
    if epoch != 0 {
        check_instance(&before, &id, instance)?;
        check_epoch(&before, epoch, owned)?;
        return Ok(before);
    }
    if !before.is_classic() && before.epoch != LEAVE_STATIC_EPOCH {
        let text = format!("Static member {id} cannot join: instance id {instance} is owned by member {}.", before.id);
        return Err(GroupError::with_message(ErrorCode::UnreleasedInstanceId, text));
    }
    Ok(Arc::new(replace_static(ctx, group, &before, id)))
}

/// Puts a new member in the place of one with the same instance id: it takes over target and partitions.
pub(super) fn replace_static(ctx: &mut Context, group: &ConsumerGroup, before: &Member, id: MemberId) -> Member {
    let mut member = before.clone();
    member.id = id;
    member.epoch = 0;
    member.previous_epoch = 0;
    fence::remove_member(ctx.records, &group.id, &before.id);
    ctx.records.push(member.record(&group.id));
    ctx.records.push(target_record(&group.id, &member.id, &group.target(&before.id)));
    ctx.records.push(member.current_record(&group.id));
    member
}

/// Epoch 0 asks to join again, whatever the member's epoch is. The epoch before the current one is accepted from a
/// member that owns nothing it should not: the answer with its new epoch may have been lost.
fn check_epoch(member: &Member, epoch: i32, owned: &Owned) -> Result<(), GroupError> {
    let owns_only_assigned = || {
        owned.as_ref().is_some_and(|owned| {
            owned.iter().all(|(topic, partitions)| {
                member.assigned.get(topic).is_some_and(|held| partitions.iter().all(|p| held.contains_key(p)))
            })
        })
    };
    if epoch == 0
        || epoch == member.epoch
        || epoch == member.previous_epoch && epoch < member.epoch && owns_only_assigned()
    {
        return Ok(());
    }
    let text = format!(
        "The member has epoch {epoch}, the group coordinator knows {}. It must give up all its partitions and rejoin.",
        member.epoch
    );
    Err(GroupError::with_message(ErrorCode::FencedMemberEpoch, text))
}

pub(super) fn check_instance(member: &Member, id: &str, instance: &str) -> Result<(), GroupError> {
    if *member.id == *id {
        return Ok(());
    }
    let text = format!("Static member {id} with instance id {instance} was fenced by member {}.", member.id);
    Err(GroupError::with_message(ErrorCode::FencedInstanceId, text))
}

pub(super) fn unknown_instance(instance: &str) -> GroupError {
    GroupError::with_message(ErrorCode::UnknownMemberId, format!("Instance id {instance} is unknown."))
}

pub(super) fn unknown_member(group: &ConsumerGroup, id: &str) -> GroupError {
    let text = format!("Member {id} is not a member of group {}.", group.id);
    GroupError::with_message(ErrorCode::UnknownMemberId, text)
}

/// A member that leaves; a static one perhaps only for a while.
pub fn leave(
    ctx: &mut Context,
    group: &ConsumerGroup,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(ConsumerGroupHeartbeatResponse, Fenced), GroupError> {
    let member = match request.instance_id.as_deref() {
        None => group.member(&request.member_id).ok_or_else(|| unknown_member(group, &request.member_id))?,
        Some(instance) => {
            let member = group.static_member(instance).ok_or_else(|| unknown_instance(instance))?;
            check_instance(member, &request.member_id, instance)?;
            member
        }
    };
    let response = ConsumerGroupHeartbeatResponse::default()
        .with_member_id(Some(request.member_id.clone()))
        .with_member_epoch(request.member_epoch);
    if request.instance_id.is_none() || request.member_epoch == LEAVE_EPOCH {
        let gone = member.id.clone();
        return Ok((response, fence::fence(ctx, group, &[gone])));
    }
    ctx.records.push(away(member).current_record(&group.id));
    Ok((response, Fenced::GoesOn))
}

/// A static member that has left for a while keeps its partitions, held since epoch 0 so that whoever comes back in
/// its place may commit to them.
fn away(member: &Member) -> Member {
    let mut away = member.clone();
    away.epoch = LEAVE_STATIC_EPOCH;
    away.revoking = Held::new();
    for epoch in away.assigned.values_mut().flat_map(|partitions| partitions.values_mut()) {
        *epoch = 0;
    }
    away
}

/// The answer to a request about a group that is none of this kind.
pub fn not_found(group: &GroupId) -> GroupError {
    GroupError::with_message(ErrorCode::GroupIdNotFound, format!("Consumer group {group} not found."))
}
