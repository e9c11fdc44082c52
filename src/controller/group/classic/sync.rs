//! SyncGroup and Heartbeat.

use std::collections::HashMap;

use bytes::Bytes;

use super::{ClassicGroup, State};
use crate::controller::group::MemberId;
use crate::controller::group::events::{self, Reply};
use crate::controller::group::timers::Timer;
use crate::controller::group::turn::Turn;
use crate::controller::machine::Ticket;
use crate::model::ErrorCode;
use crate::wire::messages::{HeartbeatRequest, SyncGroupRequest, SyncGroupResponse};

impl ClassicGroup {
    pub fn sync(&mut self, turn: &mut Turn<'_>, ticket: Ticket, request: &SyncGroupRequest) {
        if let Err(error) = self.validate_sync(request) {
            return turn.reply(ticket, Self::sync_error(error));
        }
        let id = &*request.member_id;
        match self.state {
            State::Empty => turn.reply(ticket, Self::sync_error(ErrorCode::UnknownMemberId)),
            State::PreparingRebalance => turn.reply(ticket, Self::sync_error(ErrorCode::RebalanceInProgress)),
            State::CompletingRebalance => {
                if let Some(member) = self.members.get_mut(id)
                    && let Some(earlier) = member.awaiting_sync.replace(ticket)
                {
                    turn.reply(earlier, Self::sync_error(ErrorCode::RebalanceInProgress));
                }
                self.has_synced(id, turn);
                if self.is_leader(id) {
                    self.take_assignment(request, turn);
                }
            }
            State::Stable => {
                self.has_synced(id, turn);
                let assignment = self.members.get(id).map(|member| member.assignment.clone()).unwrap_or_default();
                turn.reply(ticket, Reply::SyncGroup(self.synced(assignment)));
            }
        }
    }

    fn validate_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        // Only what both sides name can differ.
        fn differ(asked: Option<&str>, own: Option<&str>) -> bool {
            matches!((asked, own), (Some(asked), Some(own)) if asked != own)
        }
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if differ(request.protocol_type.as_deref(), self.protocol_type())
            || differ(request.protocol_name.as_deref(), self.protocol())
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    fn has_synced(&mut self, id: &str, turn: &mut Turn<'_>) {
        self.pending_sync.remove(id);
        if self.pending_sync.is_empty() {
            turn.timers.cancel(&self.id, Timer::ClassicSync);
        }
    }

    /// The leader has assigned: the generation is written down and everyone who waits gets its share.
    fn take_assignment(&mut self, request: &SyncGroupRequest, turn: &mut Turn<'_>) {
        // Of a member named twice the last counts.
        let mut shares: HashMap<&str, &Bytes> =
            request.assignments.iter().map(|share| (&*share.member_id, &share.assignment)).collect();
        for (id, member) in &mut self.members {
            member.assignment = shares.remove(&**id).map(|share| Bytes::copy_from_slice(share)).unwrap_or_default();
        }
        // The record carries the time of the state before, as Kafka's does: it is made before the group is stable.
        turn.record(self.record());
        self.propagate_assignment(ErrorCode::None, turn);
        self.transition_to(State::Stable, turn);
    }

    pub(super) fn propagate_assignment(&mut self, error: ErrorCode, turn: &mut Turn<'_>) {
        let waiting: Vec<(MemberId, Bytes)> = self
            .members
            .iter()
            .filter(|(_, member)| member.awaiting_sync.is_some())
            .map(|(id, member)| (id.clone(), member.assignment.clone()))
            .collect();
        for (id, assignment) in waiting {
            let response = match error {
                ErrorCode::None => self.synced(assignment),
                error => SyncGroupResponse::default().with_error_code(error.code()),
            };
            self.complete_sync(&id, response, turn);
            // Its session could not be kept up while it waited.
            self.heard(&id, turn);
        }
    }

    fn synced(&self, assignment: Bytes) -> SyncGroupResponse {
        SyncGroupResponse::default()
            .with_protocol_type(self.protocol_type().map(events::text))
            .with_protocol_name(self.protocol().map(events::text))
            .with_assignment(assignment)
    }

    pub fn heartbeat(&self, turn: &mut Turn<'_>, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        self.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        match self.state {
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => {
                self.heard(&request.member_id, turn);
                Err(ErrorCode::RebalanceInProgress)
            }
            State::CompletingRebalance | State::Stable => {
                self.heard(&request.member_id, turn);
                Ok(())
            }
        }
    }
}
