//! From one protocol to the other with live members.
//!
//! A classic group becomes a KIP-848 one when a member joins it with the newer protocol; the others go on speaking
//! theirs, as members of the new group. It becomes a classic one when the last member of the newer protocol goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::context::Context;
use super::fence;
use super::member::{Member, MemberState, held_since};
use super::protocol::{self, Malformed};
use super::rebalance::group_record;
use super::state::ConsumerGroup;
use super::target::{target_epoch_record, target_record};
use crate::controller::group::assign::Assignment;
use crate::controller::group::assign::java_order::{grown_table, hash_of_str, sort};
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::GroupError;
use crate::controller::group::records::{ClassicMemberValue, GroupMemberValue, GroupMetadataValue, Key, Record, Value};
use crate::controller::group::timers::Timer;
use crate::controller::group::{GroupId, MemberId};
use crate::controller::topics::TopicsView;
use crate::model::{ErrorCode, PartitionIndex};

/// A classic group with members, as far as the newer protocol needs it.
#[derive(Clone, Debug)]
pub struct ClassicImage {
    pub id: GroupId,
    pub generation: i32,
    /// The protocol that was chosen; `None` while the first rebalance runs.
    pub protocol: Option<Arc<str>>,
    pub members: Vec<ClassicImageMember>,
}

#[derive(Clone, Debug)]
pub struct ClassicImageMember {
    pub id: MemberId,
    pub instance_id: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    pub protocols: Vec<(Arc<str>, Bytes)>,
    /// Empty if it has never synced.
    pub assignment: Bytes,
}

/// What is left to do once the records that made a classic group are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToClassic {
    pub must_rebalance: bool,
}

/// Whether a classic group of so many members may become one of the newer protocol.
pub fn check_upgrade(config: &GroupConfig, id: &str, speaks_consumer: bool, members: usize) -> Result<(), GroupError> {
    let why = if !config.consumer_migration_policy.allows_upgrade() {
        "online upgrade is disabled"
    } else if !speaks_consumer {
        "the group does not use the consumer embedded protocol"
    } else if members > config.consumer_size_max {
        "the group size exceeds the consumer group maximum size"
    } else {
        return Ok(());
    };
    Err(cannot_upgrade(id, why))
}

fn cannot_upgrade(id: &str, why: &str) -> GroupError {
    let text = format!("Cannot upgrade classic group {id} to consumer group because {why}.");
    GroupError::with_message(ErrorCode::GroupIdNotFound, text)
}

/// The group as it would be in the newer protocol; its records are appended. Everyone is stable and holds what the
/// classic leader gave out last. Those who wait for a classic rebalance are to be told to join again.
pub fn upgrade(ctx: &mut Context, classic: &ClassicImage) -> Result<ConsumerGroup, GroupError> {
    let mut group = ConsumerGroup::new(classic.id.clone());
    group.epoch = classic.generation;
    group.assignment_epoch = classic.generation;
    for member in &classic.members {
        let (member, target) = upgraded_member(classic, member, ctx.topics)?;
        group.put_target(member.id.clone(), target);
        group.put_member(member);
    }
    group.metadata_hash = group.subscriptions.hash(ctx.topics);

    ctx.records.push(Record::tombstone(Key::GroupMetadata { group: group.id.clone() }));
    ctx.records.extend(group.members().map(|m| m.record(&group.id)));
    ctx.records.push(group_record(&group.id, group.epoch, group.metadata_hash));
    ctx.records.extend(group.members().map(|m| target_record(&group.id, &m.id, &group.target(&m.id))));
    ctx.records.push(target_epoch_record(&group.id, group.assignment_epoch, group.assignment_timestamp_ms));
    ctx.records.extend(group.members().map(|m| m.current_record(&group.id)));
    for member in &classic.members {
        ctx.arm(&group.id, Timer::ConsumerSession(member.id.clone()), member.session_timeout_ms);
    }
    Ok(group)
}

fn upgraded_member(
    classic: &ClassicImage,
    from: &ClassicImageMember,
    topics: &dyn TopicsView,
) -> Result<(Member, Assignment), GroupError> {
    let malformed = |_: Malformed| cannot_upgrade(&classic.id, "the embedded consumer protocol is malformed");
    let mut target = Assignment::new();
    if !from.assignment.is_empty() {
        let read = protocol::read_assignment(&from.assignment).map_err(malformed)?;
        if !read.user_data.is_empty() {
            let why = "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default \
                       assignor before re-attempting the upgrade";
            return Err(cannot_upgrade(&classic.id, why));
        }
        for (name, partitions) in read.partitions {
            if let Some((id, _)) = topics.by_name(&name).filter(|_| !partitions.is_empty()) {
                target.entry(id).or_default().extend(partitions.into_iter().map(PartitionIndex));
            }
        }
    }
    let chosen = classic.protocol.as_deref();
    let metadata = from.protocols.iter().find(|(name, _)| Some(&**name) == chosen).map(|(_, metadata)| metadata);
    let subscription = protocol::read_subscription(metadata.map_or(&[], |m| m)).map_err(malformed)?;
    let member = Member {
        epoch: classic.generation,
        previous_epoch: classic.generation,
        state: MemberState::Stable,
        instance_id: from.instance_id.clone(),
        rack_id: subscription.rack_id.filter(|rack| !rack.is_empty()).map(Into::into),
        client_id: from.client_id.clone(),
        client_host: from.client_host.clone(),
        rebalance_timeout_ms: from.rebalance_timeout_ms,
        topics: Arc::new(subscription.topics.into_iter().map(Into::into).collect()),
        classic: Some(ClassicMemberValue {
            session_timeout_ms: from.session_timeout_ms,
            protocols: from.protocols.clone(),
        }),
        assigned: held_since(&target, classic.generation),
        ..Member::new(from.id.clone())
    };
    Ok((member, target))
}

/// Whether the group is to become a classic one when these members go.
pub(super) fn may_downgrade_without(config: &GroupConfig, group: &ConsumerGroup, gone: &[Arc<Member>]) -> bool {
    let left = group.members().len() - gone.len();
    let classic_left = group.classic_members() - gone.iter().filter(|m| m.is_classic()).count();
    classic_left == left && left > 0 && fits_classic(config, left)
}

/// Whether the group is to become a classic one when a classic member takes the place of this one.
pub(super) fn may_downgrade_by_replacing(config: &GroupConfig, group: &ConsumerGroup, replaced: &Member) -> bool {
    let members = group.members().len();
    !replaced.is_classic() && group.classic_members() + 1 == members && fits_classic(config, members)
}

fn fits_classic(config: &GroupConfig, members: usize) -> bool {
    config.consumer_migration_policy.allows_downgrade() && members <= config.classic_size_max
}

/// Appends the records that make the group a classic one without `gone`; `joining` is a classic member that takes
/// the place of the one with its instance id. Nothing is appended if a member's blob cannot be read.
pub(super) fn downgrade(
    ctx: &mut Context,
    group: &ConsumerGroup,
    gone: &[Arc<Member>],
    joining: Option<&Member>,
    must_rebalance: bool,
) -> Result<ToClassic, Malformed> {
    let replaced = joining.and_then(|m| group.static_member(m.instance_id.as_deref()?)).map(|m| m.id.clone());
    let stays = |m: &&Arc<Member>| Some(&m.id) != replaced.as_ref() && gone.iter().all(|gone| gone.id != m.id);
    let mut members: Vec<&Member> = group.members().filter(stays).map(|m| &**m).collect();
    members.extend(joining);
    let protocol = select_protocol(&members);
    let value = GroupMetadataValue {
        protocol_type: "consumer".into(),
        generation: group.epoch,
        leader: members.first().map(|m| m.id.clone()),
        state_timestamp_ms: ctx.now.wall_ms,
        members: members
            .iter()
            .map(|member| {
                let of = replaced.as_ref().filter(|_| joining.is_some_and(|j| j.id == member.id));
                downgraded_member(member, protocol.as_deref(), &group.target(of.unwrap_or(&member.id)), ctx.topics)
            })
            .collect::<Result<_, _>>()?,
        protocol,
    };
    fence::tombstones(ctx.records, group, replaced.as_ref().zip(joining.map(|m| &m.id)));
    for member in group.members() {
        ctx.cancel_all_of(&group.id, &member.id);
    }
    for member in &value.members {
        ctx.arm(&group.id, Timer::ClassicSession(member.member_id.clone()), member.session_timeout_ms);
    }
    ctx.records.push(Record::put(Key::GroupMetadata { group: group.id.clone() }, Value::GroupMetadata(value)));
    Ok(ToClassic { must_rebalance })
}

fn downgraded_member(
    member: &Member,
    protocol: Option<&str>,
    target: &Assignment,
    topics: &dyn TopicsView,
) -> Result<GroupMemberValue, Malformed> {
    let classic = member.classic.as_ref().ok_or(Malformed)?;
    let chosen = classic.protocols.iter().find(|(name, _)| Some(&**name) == protocol);
    let subscription = chosen.map(|(_, metadata)| metadata.clone()).ok_or(Malformed)?;
    let version = protocol::version_of(&subscription)?;
    Ok(GroupMemberValue {
        member_id: member.id.clone(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        session_timeout_ms: classic.session_timeout_ms,
        subscription,
        assignment: assignment_blob(version, target.iter().map(|(t, p)| (*t, p.iter().copied())), topics),
    })
}

/// Partitions by topic as the blob that classic consumers read. Topics that are gone are left out.
pub(super) fn assignment_blob<P: Iterator<Item = PartitionIndex>>(
    version: i16,
    partitions: impl Iterator<Item = (crate::model::TopicId, P)>,
    topics: &dyn TopicsView,
) -> Bytes {
    let named: Vec<(Arc<str>, Vec<i32>)> = partitions
        .filter_map(|(id, partitions)| Some((topics.by_id(id)?.0, partitions.map(|p| p.0).collect())))
        .collect();
    let named: Vec<(&str, Vec<i32>)> = named.iter().map(|(name, partitions)| (&**name, partitions.clone())).collect();
    protocol::write_assignment(version, &named)
}

/// The protocol with the most votes of those that all members offer, as a classic group chooses.
fn select_protocol(members: &[&Member]) -> Option<Arc<str>> {
    let offered = |m: &Member| -> Vec<Arc<str>> {
        m.classic.iter().flat_map(|classic| classic.protocols.iter().map(|(name, _)| name.clone())).collect()
    };
    let mut common: Option<BTreeSet<Arc<str>>> = None;
    for member in members {
        let names: BTreeSet<Arc<str>> = offered(member).into_iter().collect();
        common = Some(common.map_or(names.clone(), |common| &common & &names));
    }
    let common = common?;
    let mut votes: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for member in members {
        if let Some(vote) = offered(member).into_iter().find(|name| common.contains(name)) {
            *votes.entry(vote).or_default() += 1;
        }
    }
    let mut votes: Vec<(Arc<str>, usize)> = votes.into_iter().collect();
    let buckets = grown_table(votes.len());
    sort(&mut votes, buckets, |(name, _)| hash_of_str(name));
    let most = votes.iter().map(|(_, count)| *count).max()?;
    votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name)
}
