//! Members that speak the classic protocol in a KIP-848 group. To them the member epoch is the generation; they are
//! sent back to JoinGroup whenever there is something to give back or to get, and SyncGroup tells what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::context::Context;
use super::current::Owned;
use super::fence::{self, Fenced};
use super::heartbeat::{check_instance, replace_static, throw_if_full, unknown_instance, unknown_member};
use super::member::{Member, MemberState};
use super::migration::{self, ToClassic, assignment_blob};
use super::patterns::{PatternChange, step_patterns};
use super::protocol::{self, Subscription};
use super::rebalance::{last_target, remember_member, step_group, step_member, step_target};
use super::state::ConsumerGroup;
use crate::controller::group::MemberId;
use crate::controller::group::config::MigrationPolicy;
use crate::controller::group::events::{Caller, GroupError};
use crate::controller::group::records::ClassicMemberValue;
use crate::controller::group::timers::Timer;
use crate::controller::topics::TopicsView;
use crate::model::{ErrorCode, PartitionIndex, TopicId};
use crate::wire::messages::leave_group_request::MemberIdentity;
use crate::wire::messages::leave_group_response::MemberResponse;
use crate::wire::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, StrBytes, SyncGroupRequest, SyncGroupResponse,
};

/// From this version on a member must ask twice: it is told its id first.
const MEMBER_ID_REQUIRED_VERSION: i16 = 4;
const CONSUMER: &str = "consumer";

/// JoinGroup at a group that has members. The second value is set if the records make it a classic group.
pub fn join(
    ctx: &mut Context,
    group: &mut ConsumerGroup,
    caller: &Caller,
    fresh_id: Uuid,
    request: &JoinGroupRequest,
) -> Result<(JoinGroupResponse, Option<ToClassic>), GroupError> {
    if ctx.config.consumer_migration_policy == MigrationPolicy::Disabled {
        return Err(ErrorCode::InconsistentGroupProtocol.into());
    }
    let instance = request.group_instance_id.as_deref();
    let is_unknown = request.member_id.is_empty();
    let id: MemberId = match is_unknown {
        true => TopicId(fresh_id).to_string().into(),
        false => (*request.member_id).into(),
    };
    throw_if_full(ctx, group, &id, instance)?;
    if !group.supports_classic(&request.protocol_type, request.protocols.iter().map(|p| &*p.name)) {
        return Err(ErrorCode::InconsistentGroupProtocol.into());
    }
    if is_unknown && instance.is_none() && caller.api_version >= MEMBER_ID_REQUIRED_VERSION {
        let response = JoinGroupResponse::default()
            .with_member_id(StrBytes::from_string(id.to_string()))
            .with_protocol_name(None)
            .with_error_code(ErrorCode::MemberIdRequired.code());
        return Ok((response, None));
    }
    let existing = instance.and_then(|instance| group.static_member(instance)).cloned();
    let old = joining_member(ctx, group, id, instance, is_unknown, existing.as_deref())?;
    let downgrades =
        existing.is_some_and(|replaced| migration::may_downgrade_by_replacing(ctx.config, group, &replaced));
    let subscription = request.protocols.first().and_then(|p| protocol::read_subscription(&p.metadata).ok());
    // Kafka takes this for its own fault.
    let subscription = subscription.ok_or(ErrorCode::UnknownServerError)?;
    let owned = owned_of(&subscription, ctx.topics);
    let member = Arc::new(told(&old, caller, request, subscription));

    let topics_changed = remember_member(ctx, &group.id, &old, &member);
    let pattern_change = step_patterns(ctx, group, &old, &member, &caller.sight)?;
    let changed = topics_changed || pattern_change != PatternChange::None;
    let step = step_group(ctx, group, changed, &old, &member);
    let (member, converted) = if downgrades {
        let must_rebalance = group.assignment_epoch < step.epoch;
        let member = match must_rebalance {
            true => member,
            false => {
                let target = last_target(group, &member);
                step_member(ctx, group, member, &target, changed, &owned)?
            }
        };
        let converted = migration::downgrade(ctx, group, &[], Some(&*member), must_rebalance)
            .map_err(|_| GroupError::from(ErrorCode::GroupIdNotFound))?;
        (member, Some(converted))
    } else {
        let target = step_target(ctx, group, &step, &old, &member)?;
        (step_member(ctx, group, member, &target, changed, &owned)?, None)
    };
    if converted.is_none() {
        ctx.timers.cancel(&group.id, Timer::ConsumerJoin(member.id.clone()));
        ctx.arm(&group.id, Timer::ConsumerSession(member.id.clone()), request.session_timeout_ms);
        ctx.arm(&group.id, Timer::ConsumerSync(member.id.clone()), rebalance_timeout_ms(caller, request));
    }
    let response = JoinGroupResponse::default()
        .with_member_id(StrBytes::from_string(member.id.to_string()))
        .with_generation_id(member.epoch)
        .with_protocol_type(Some(StrBytes::from_static_str(CONSUMER)))
        .with_protocol_name(request.protocols.first().map(|p| p.name.clone()));
    Ok((response, converted))
}

fn joining_member(
    ctx: &mut Context,
    group: &ConsumerGroup,
    id: MemberId,
    instance: Option<&str>,
    is_unknown: bool,
    existing: Option<&Member>,
) -> Result<Member, GroupError> {
    let by_id = |id: MemberId| group.member(&id).map_or_else(|| Member::new(id), |member| (**member).clone());
    match (instance, existing) {
        (None, _) => Ok(by_id(id)),
        (Some(_), None) if is_unknown => Ok(by_id(id)),
        (Some(_), Some(before)) if is_unknown => Ok(replace_static(ctx, group, before, id)),
        (Some(instance), None) => Err(unknown_instance(instance)),
        (Some(instance), Some(before)) => {
            check_instance(before, &id, instance)?;
            Ok(before.clone())
        }
    }
}

fn told(old: &Member, caller: &Caller, request: &JoinGroupRequest, subscription: Subscription) -> Member {
    let mut member = old.clone();
    if let Some(instance) = request.group_instance_id.as_deref() {
        member.instance_id = Some(instance.into());
    }
    if let Some(rack) = subscription.rack_id.filter(|rack| !rack.is_empty()) {
        member.rack_id = Some(rack.into());
    }
    match rebalance_timeout_ms(caller, request) {
        -1 => {}
        timeout_ms => member.rebalance_timeout_ms = timeout_ms,
    }
    member.topics = Arc::new(subscription.topics.into_iter().map(Into::into).collect());
    member.regex = Some("".into());
    member.client_id = caller.client_id.clone();
    member.client_host = caller.client_host.clone();
    member.classic = Some(ClassicMemberValue {
        session_timeout_ms: request.session_timeout_ms,
        protocols: request.protocols.iter().map(|p| ((*p.name).into(), p.metadata.clone())).collect(),
    });
    member
}

/// The first version has one time-out for all.
fn rebalance_timeout_ms(caller: &Caller, request: &JoinGroupRequest) -> i32 {
    if caller.api_version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms }
}

fn owned_of(subscription: &Subscription, topics: &dyn TopicsView) -> Owned {
    let mut owned: BTreeMap<TopicId, BTreeSet<PartitionIndex>> = BTreeMap::new();
    for (name, partitions) in &subscription.owned {
        if let Some((id, _)) = topics.by_name(name) {
            owned.entry(id).or_default().extend(partitions.iter().map(|p| PartitionIndex(*p)));
        }
    }
    Some(owned)
}

/// The member a SyncGroup, Heartbeat or commit speaks of, which must speak the classic protocol.
fn classic_member<'a>(
    group: &'a ConsumerGroup,
    id: &str,
    instance: Option<&str>,
    generation: i32,
) -> Result<(&'a Arc<Member>, &'a ClassicMemberValue), GroupError> {
    let member = match instance {
        None => group.member(id).ok_or_else(|| unknown_member(group, id))?,
        Some(instance) => {
            let member = group.static_member(instance).ok_or_else(|| unknown_instance(instance))?;
            check_instance(member, id, instance)?;
            member
        }
    };
    let classic = member.classic.as_ref().ok_or_else(|| unknown_member(group, id))?;
    if member.epoch != generation {
        return Err(ErrorCode::IllegalGeneration.into());
    }
    Ok((member, classic))
}

pub fn sync(
    ctx: &mut Context,
    group: &ConsumerGroup,
    request: &SyncGroupRequest,
) -> Result<SyncGroupResponse, GroupError> {
    let instance = request.group_instance_id.as_deref();
    let (member, classic) = classic_member(group, &request.member_id, instance, request.generation_id)?;
    let (name, metadata) = classic.protocols.first().ok_or(ErrorCode::InconsistentGroupProtocol)?;
    let other_type = request.protocol_type.as_deref().is_some_and(|kind| kind != CONSUMER);
    if other_type || request.protocol_name.as_deref().is_some_and(|asked| *asked != **name) {
        return Err(ErrorCode::InconsistentGroupProtocol.into());
    }
    // A member that must give partitions back has to do that first; it is called to join again after it.
    if group.assignment_epoch > member.epoch && member.state != MemberState::Revoking {
        ctx.arm_if_absent(&group.id, Timer::ConsumerJoin(member.id.clone()), member.rebalance_timeout_ms);
        return Err(ErrorCode::RebalanceInProgress.into());
    }
    let version = protocol::version_of(metadata).map_err(|_| ErrorCode::InconsistentGroupProtocol)?;
    let held = member.assigned.iter().map(|(topic, partitions)| (*topic, partitions.keys().copied()));
    let assignment = assignment_blob(version, held, ctx.topics);
    ctx.timers.cancel(&group.id, Timer::ConsumerSync(member.id.clone()));
    ctx.arm(&group.id, Timer::ConsumerSession(member.id.clone()), classic.session_timeout_ms);
    Ok(SyncGroupResponse::default()
        .with_protocol_type(request.protocol_type.clone())
        .with_protocol_name(request.protocol_name.clone())
        .with_assignment(assignment))
}

/// `REBALANCE_IN_PROGRESS` calls the member to join again.
pub fn heartbeat(ctx: &mut Context, group: &ConsumerGroup, request: &HeartbeatRequest) -> Result<(), GroupError> {
    let instance = request.group_instance_id.as_deref();
    let (member, classic) = classic_member(group, &request.member_id, instance, request.generation_id)?;
    ctx.arm(&group.id, Timer::ConsumerSession(member.id.clone()), classic.session_timeout_ms);
    let must_rejoin = member.epoch < group.assignment_epoch
        || member.state == MemberState::Revoking
        || member.state == MemberState::Waiting && !waits_for_others(group, member);
    if must_rejoin {
        ctx.arm_if_absent(&group.id, Timer::ConsumerJoin(member.id.clone()), member.rebalance_timeout_ms);
        return Err(ErrorCode::RebalanceInProgress.into());
    }
    Ok(())
}

fn waits_for_others(group: &ConsumerGroup, member: &Member) -> bool {
    group.target(&member.id).iter().any(|(topic, partitions)| {
        let held = member.assigned.get(topic);
        partitions.iter().any(|p| !held.is_some_and(|held| held.contains_key(p)) && group.holder(*topic, *p).is_some())
    })
}

/// LeaveGroup, which may remove any member, also one of the newer protocol, by its instance id alone.
pub fn leave(ctx: &mut Context, group: &ConsumerGroup, leaving: &[MemberIdentity]) -> (Vec<MemberResponse>, Fenced) {
    let mut gone: Vec<MemberId> = Vec::new();
    let mut responses = Vec::new();
    for identity in leaving {
        let found = match identity.group_instance_id.as_deref() {
            None => group.member(&identity.member_id).ok_or(ErrorCode::UnknownMemberId),
            Some(instance) => match group.static_member(instance) {
                None => Err(ErrorCode::UnknownMemberId),
                Some(member) if !identity.member_id.is_empty() && *member.id != *identity.member_id => {
                    Err(ErrorCode::FencedInstanceId)
                }
                Some(member) => Ok(member),
            },
        };
        let response = MemberResponse::default()
            .with_member_id(identity.member_id.clone())
            .with_group_instance_id(identity.group_instance_id.clone());
        responses.push(match found {
            Ok(member) => {
                if !gone.contains(&member.id) {
                    gone.push(member.id.clone());
                }
                response
            }
            Err(error) => response.with_error_code(error.code()),
        });
    }
    let fenced = fence::fence(ctx, group, &gone);
    (responses, fenced)
}
