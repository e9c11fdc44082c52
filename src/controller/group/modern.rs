//! KIP-848 groups in the machine: requests of both protocols that meet one, and groups that change their protocol.

use std::sync::Arc;

use uuid::Uuid;

use super::classic::ClassicGroup;
use super::consumer::commits::{self, CommitCheck};
use super::consumer::fence::{self, Fenced};
use super::consumer::migration::{self, ClassicImage, ClassicImageMember};
use super::consumer::{self, ConsumerGroup, classic_members, describe, heartbeat};
use super::events::{self, Caller, GroupError};
use super::offsets::Committer;
use super::records::{Key, Record, Value};
use super::store::{Group, Store};
use super::timers::{Due, Timer};
use super::turn::Turn;
use super::{GroupId, MemberId};
use crate::model::ErrorCode;
use crate::wire::messages::consumer_group_describe_response::DescribedGroup;
use crate::wire::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, JoinGroupRequest, JoinGroupResponse, StrBytes,
};

/// Lets a KIP-848 group decide: its records are written only if it does not refuse.
pub(super) fn decide<T, E>(
    turn: &mut Turn<'_>,
    decision: impl FnOnce(&mut consumer::Context) -> Result<T, E>,
) -> Result<T, E> {
    let mut records = Vec::new();
    let mut context = consumer::Context {
        now: turn.now,
        topics: turn.topics,
        config: turn.config,
        timers: turn.timers,
        records: &mut records,
    };
    let outcome = decision(&mut context)?;
    records.into_iter().for_each(|record| turn.record(record));
    Ok(outcome)
}

/// What is to follow once the records are applied.
pub(super) fn after(turn: &mut Turn<'_>, group: &GroupId, fenced: &Fenced) {
    if let Fenced::Converted(converted) = fenced
        && converted.must_rebalance
    {
        turn.timers.set(group, Timer::ClassicConverted, turn.now.monotonic_ms);
    }
}

impl Store {
    pub fn consumer(&self, id: &str) -> Option<&ConsumerGroup> {
        match self.groups.get(id) {
            Some(Group::Consumer(group)) => Some(group),
            _ => None,
        }
    }

    pub(super) fn consumer_heartbeat(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        fresh_id: Uuid,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> ConsumerGroupHeartbeatResponse {
        let outcome = heartbeat::validate(request, caller.api_version, turn.config).and_then(|()| {
            if heartbeat::is_leave(request) {
                self.consumer_leave(turn, request)
            } else {
                self.consumer_join_or_stay(turn, caller, fresh_id, request)
            }
        });
        outcome.unwrap_or_else(|error| {
            ConsumerGroupHeartbeatResponse::default()
                .with_error_code(error.code.code())
                .with_error_message(error.message.as_deref().map(events::text))
        })
    }

    fn consumer_join_or_stay(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        fresh_id: Uuid,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, GroupError> {
        let id: GroupId = Arc::from(&**request.group_id);
        let may_create = request.member_epoch == 0;
        match self.groups.get_mut(&id) {
            Some(Group::Consumer(group)) => {
                decide(turn, |ctx| heartbeat::heartbeat(ctx, group, caller, fresh_id, request))
            }
            None if may_create => {
                decide(turn, |ctx| heartbeat::heartbeat(ctx, &mut ConsumerGroup::new(id), caller, fresh_id, request))
            }
            None => Err(heartbeat::not_found(&id)),
            Some(Group::Classic(classic)) if may_create && classic.is_empty() => {
                let response = decide(turn, |ctx| {
                    ctx.records.push(Record::tombstone(Key::GroupMetadata { group: id.clone() }));
                    heartbeat::heartbeat(ctx, &mut ConsumerGroup::new(id), caller, fresh_id, request)
                })?;
                classic.cancel_timers(turn);
                Ok(response)
            }
            Some(Group::Classic(classic)) if may_create => {
                let members = classic.members().len();
                migration::check_upgrade(turn.config, &id, classic.is_consumer_type(), members)?;
                let image = image_of(classic);
                let response = decide(turn, |ctx| {
                    let mut group = migration::upgrade(ctx, &image)?;
                    heartbeat::heartbeat(ctx, &mut group, caller, fresh_id, request)
                })?;
                classic.cancel_timers(turn);
                classic.send_everyone_away(turn);
                Ok(response)
            }
            Some(Group::Classic(_)) => {
                let text = format!("Group {id} is not a consumer group.");
                Err(GroupError::with_message(ErrorCode::GroupIdNotFound, text))
            }
        }
    }

    fn consumer_leave(
        &mut self,
        turn: &mut Turn<'_>,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, GroupError> {
        let id: GroupId = Arc::from(&**request.group_id);
        let why = match self.groups.get(&id) {
            Some(Group::Consumer(group)) => {
                let (response, fenced) = decide(turn, |ctx| heartbeat::leave(ctx, group, request))?;
                after(turn, &id, &fenced);
                return Ok(response);
            }
            Some(Group::Classic(_)) => format!("Group {id} is not a consumer group."),
            None => format!("Group {id} not found."),
        };
        Err(GroupError::with_message(ErrorCode::GroupIdNotFound, why))
    }

    /// JoinGroup at a KIP-848 group. `None` if the group has no members: it gives way to a classic one, if the
    /// request may make one.
    pub(super) fn join_consumer_group(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        fresh_id: Uuid,
        request: &JoinGroupRequest,
    ) -> Option<JoinGroupResponse> {
        let Some(Group::Consumer(group)) = self.groups.get_mut(&**request.group_id) else { return None };
        let id = group.id.clone();
        if group.is_empty() {
            if !request.member_id.is_empty() {
                return Some(join_error(request.member_id.clone(), ErrorCode::UnknownMemberId));
            }
            Group::delete(&Group::Consumer(group.clone()), &id, turn);
            self.groups.remove(&id);
            return None;
        }
        let outcome = decide(turn, |ctx| classic_members::join(ctx, group, caller, fresh_id, request));
        Some(match outcome {
            Ok((response, converted)) => {
                if let Some(converted) = converted {
                    after(turn, &id, &Fenced::Converted(converted));
                }
                response
            }
            Err(error) => join_error(StrBytes::default(), error.code),
        })
    }

    pub(super) fn describe_consumer_groups(&self, turn: &Turn<'_>, ids: &[GroupId]) -> Vec<DescribedGroup> {
        let default_assignor = turn.config.consumer_assignors.first().map_or("", String::as_str);
        ids.iter()
            .map(|id| match self.groups.get(id) {
                Some(Group::Consumer(group)) => describe::described(group, default_assignor, turn.topics),
                other => describe::not_found(id, other.is_some()),
            })
            .collect()
    }

    pub(super) fn on_consumer_deadline(&mut self, turn: &mut Turn<'_>, due: &Due) {
        let Some(Group::Consumer(group)) = self.groups.get_mut(&due.key.group) else { return };
        let fenced = decide(turn, |ctx| Ok::<_, std::convert::Infallible>(fence::on_timer(ctx, group, due)));
        if let Ok(Some(fenced)) = fenced {
            after(turn, &due.key.group, &fenced);
        }
    }

    /// Takes a record of a KIP-848 group in. A group that only kept offsets becomes one; so does a classic group
    /// whose own tombstone was lost to compaction.
    pub(super) fn apply_consumer(&mut self, id: &GroupId, key: &Key, value: Option<&Value>) {
        if let Some(Group::Consumer(group)) = self.groups.get_mut(id) {
            if matches!((key, value), (Key::ConsumerGroup { .. }, None)) {
                self.groups.remove(id);
            } else {
                group.apply(key, value);
            }
        } else if value.is_some() {
            let mut group = ConsumerGroup::new(id.clone());
            group.apply(key, value);
            self.groups.insert(id.clone(), Group::Consumer(Box::new(group)));
        }
    }
}

impl Committer<'_> {
    pub(super) fn check_in(&self, group: &ConsumerGroup) -> Result<CommitCheck, ErrorCode> {
        commits::validate_commit(
            group,
            &commits::Committer {
                member_id: self.member,
                instance_id: self.instance,
                epoch: self.generation,
                is_transactional: self.transactional,
                api_version: self.api_version,
            },
        )
    }
}

fn join_error(member: StrBytes, error: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse::default().with_member_id(member).with_protocol_name(None).with_error_code(error.code())
}

fn image_of(classic: &ClassicGroup) -> ClassicImage {
    let members = classic.members().iter().map(|(id, member): (&MemberId, _)| ClassicImageMember {
        id: id.clone(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout_ms: member.rebalance_timeout_ms,
        session_timeout_ms: member.session_timeout_ms,
        protocols: member.protocols.iter().map(|p| (p.name.clone(), p.metadata.clone())).collect(),
        assignment: member.assignment.clone(),
    });
    ClassicImage {
        id: classic.id().clone(),
        generation: classic.generation(),
        protocol: classic.protocol().map(Arc::from),
        members: members.collect(),
    }
}
