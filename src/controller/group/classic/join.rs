//! JoinGroup.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::members::{Update, join_error};
use super::{ClassicGroup, Member, Protocol, State};
use crate::controller::group::MemberId;
use crate::controller::group::events::{self, Caller, Reply};
use crate::controller::group::store::make_member_id;
use crate::controller::group::timers::Timer;
use crate::controller::group::turn::Turn;
use crate::controller::machine::Ticket;
use crate::model::ErrorCode;
use crate::wire::messages::join_group_response::JoinGroupResponseMember;
use crate::wire::messages::{JoinGroupRequest, JoinGroupResponse};

/// From this version on a new dynamic member joins twice: first for its id, so that a lost answer leaves no ghost.
const MEMBER_ID_REQUIRED_SINCE: i16 = 4;

/// A JoinGroup, its fields in this module's types.
pub struct Join {
    pub ticket: Ticket,
    pub caller: Caller,
    pub fresh_id: Uuid,
    pub member_id: Arc<str>,
    pub instance_id: Option<Arc<str>>,
    pub protocol_type: Arc<str>,
    pub protocols: Vec<Protocol>,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
}

impl Join {
    pub fn new(ticket: Ticket, caller: Caller, fresh_id: Uuid, request: &JoinGroupRequest) -> Self {
        Join {
            ticket,
            fresh_id,
            member_id: Arc::from(&*request.member_id),
            instance_id: request.group_instance_id.as_deref().map(Arc::from),
            protocol_type: Arc::from(&*request.protocol_type),
            // Copied: a slice would keep the whole request in memory for as long as the member lives.
            protocols: request
                .protocols
                .iter()
                .map(|p| Protocol { name: Arc::from(&*p.name), metadata: Bytes::copy_from_slice(&p.metadata) })
                .collect(),
            rebalance_timeout_ms: match caller.api_version {
                0 => request.session_timeout_ms,
                _ => request.rebalance_timeout_ms,
            },
            session_timeout_ms: request.session_timeout_ms,
            caller,
        }
    }

    pub(super) fn update(&self) -> Update {
        Update {
            ticket: self.ticket,
            protocols: self.protocols.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            session_timeout_ms: self.session_timeout_ms,
        }
    }

    pub(super) fn refuse(&self, member: &str, error: ErrorCode, turn: &mut Turn<'_>) {
        turn.reply(self.ticket, join_error(member, error));
    }
}

impl ClassicGroup {
    pub fn join(&mut self, turn: &mut Turn<'_>, join: Join) {
        if !self.accepts(&join.member_id, turn.config) {
            self.remove(&join.member_id);
            join.refuse("", ErrorCode::GroupMaxSizeReached, turn);
        } else if !self.supports(&join.protocol_type, &join.protocols) {
            join.refuse(&join.member_id, ErrorCode::InconsistentGroupProtocol, turn);
        } else if join.member_id.is_empty() {
            self.join_new(turn, join);
        } else if self.pending_join.contains(&join.member_id) && join.instance_id.is_none() {
            let member_id = join.member_id.clone();
            self.add_and_rebalance(turn, join, member_id);
        } else {
            self.join_known(turn, join);
        }
    }

    fn join_new(&mut self, turn: &mut Turn<'_>, join: Join) {
        let name = join.instance_id.as_ref().unwrap_or(&join.caller.client_id);
        let member_id = make_member_id(name, join.fresh_id);
        if let Some(instance) = &join.instance_id {
            match self.static_members.get(instance).cloned() {
                Some(holder) => self.replace_static_member(turn, join, &holder, member_id),
                None => self.add_and_rebalance(turn, join, member_id),
            }
        } else if join.caller.api_version >= MEMBER_ID_REQUIRED_SINCE {
            self.pending_join.insert(member_id.clone());
            let deadline = turn.after(join.session_timeout_ms);
            turn.timers.set(&self.id, Timer::ClassicSession(member_id.clone()), deadline);
            join.refuse(&member_id, ErrorCode::MemberIdRequired, turn);
        } else {
            self.add_and_rebalance(turn, join, member_id);
        }
    }

    fn join_known(&mut self, turn: &mut Turn<'_>, join: Join) {
        let id = &*join.member_id;
        if let Err(error) = self.validate_member(id, join.instance_id.as_deref()) {
            let response = JoinGroupResponse::default()
                .with_member_id(events::text(id))
                .with_protocol_name(None)
                .with_error_code(error.code());
            return turn.reply(join.ticket, Reply::JoinGroup(response));
        }
        let unchanged = self.members.get(id).is_some_and(|member| member.protocols == join.protocols);
        match self.state {
            State::PreparingRebalance => self.update_and_rebalance(turn, join),
            // It may have missed the answer to its JoinGroup.
            State::CompletingRebalance if unchanged => {
                let response = self.joined(id, self.is_leader(id));
                turn.reply(join.ticket, Reply::JoinGroup(response));
            }
            // A leader that joins a stable group asks for a rebalance, be it for something the group cannot see.
            State::Stable if unchanged && !self.is_leader(id) => {
                let response = self.joined(id, false);
                turn.reply(join.ticket, Reply::JoinGroup(response));
            }
            State::CompletingRebalance | State::Stable => self.update_and_rebalance(turn, join),
            State::Empty => join.refuse(id, ErrorCode::UnknownMemberId, turn),
        }
    }

    fn update_and_rebalance(&mut self, turn: &mut Turn<'_>, join: Join) {
        self.update_member(&join.member_id, join.update(), turn);
        self.rebalance_or_complete_join(turn);
    }

    fn add_and_rebalance(&mut self, turn: &mut Turn<'_>, join: Join, member_id: MemberId) {
        let member = Member {
            instance_id: join.instance_id,
            client_id: join.caller.client_id,
            client_host: join.caller.client_host,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            session_timeout_ms: join.session_timeout_ms,
            protocols: join.protocols,
            assignment: Bytes::new(),
            is_new: true,
            awaiting_join: Some(join.ticket),
            awaiting_sync: None,
        };
        if self.state == State::PreparingRebalance && self.previous_state == State::Empty {
            self.new_member_added = true;
        }
        // It does not know its id and cannot send heartbeats, and a lost connection is not seen while the request is
        // parked. So that dead ones do not gather in a long rebalance, new members may not wait for ever.
        let deadline = turn.after(turn.config.classic_new_member_join_timeout_ms);
        turn.timers.set(&self.id, Timer::ClassicSession(member_id.clone()), deadline);
        self.add(member_id, &join.protocol_type, member);
        self.rebalance_or_complete_join(turn);
    }

    /// The answer to a member of the current generation; the leader sees what everyone told.
    pub(super) fn joined(&self, member: &str, with_members: bool) -> JoinGroupResponse {
        JoinGroupResponse::default()
            .with_generation_id(self.generation)
            .with_protocol_type(self.protocol_type().map(events::text))
            .with_protocol_name(self.protocol().map(events::text))
            .with_leader(self.leader.as_deref().map(events::text).unwrap_or_default())
            .with_member_id(events::text(member))
            .with_members(if with_members { self.members_for_leader() } else { Vec::new() })
    }

    pub(super) fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol().unwrap_or("");
        self.members
            .iter()
            .map(|(id, member)| {
                JoinGroupResponseMember::default()
                    .with_member_id(events::text(id))
                    .with_group_instance_id(member.instance_id.as_deref().map(events::text))
                    .with_metadata(member.metadata(protocol))
            })
            .collect()
    }
}
