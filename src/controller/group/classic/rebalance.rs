//! The rebalance: gathering members, ending it, and the deadlines that drive it.

use bytes::Bytes;

use super::{ClassicGroup, InitialDelay, Member, State};
use crate::controller::group::MemberId;
use crate::controller::group::events;
use crate::controller::group::timers::Timer;
use crate::controller::group::turn::Turn;
use crate::model::ErrorCode;
use crate::wire::messages::{JoinGroupResponse, SyncGroupResponse};

impl ClassicGroup {
    /// Someone has come, gone or changed: call everyone to join, or see whether now all have.
    pub(super) fn rebalance_or_complete_join(&mut self, turn: &mut Turn<'_>) {
        match self.state {
            State::PreparingRebalance => self.complete_join_phase_if_all_joined(turn),
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare_rebalance(turn),
        }
    }

    pub(super) fn complete_join_phase_if_all_joined(&mut self, turn: &mut Turn<'_>) {
        // The first rebalance of a group runs its whole delay, so that members that start together end up together.
        let initial = self.previous_state == State::Empty;
        if self.state == State::PreparingRebalance && !initial && self.all_joined() {
            self.complete_join_phase(turn);
        }
    }

    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::CompletingRebalance {
            for member in self.members.values_mut() {
                member.assignment = Bytes::new();
            }
            self.propagate_assignment(ErrorCode::RebalanceInProgress, turn);
        }
        self.pending_sync.clear();
        turn.timers.cancel(&self.id, Timer::ClassicSync);

        let initial = self.state == State::Empty;
        self.transition_to(State::PreparingRebalance, turn);
        if initial {
            let delay_ms = turn.config.classic_initial_rebalance_delay_ms;
            let remaining_ms = (self.rebalance_timeout_ms() - delay_ms).max(0);
            self.wait_initially(InitialDelay { step_ms: delay_ms, remaining_ms }, turn);
        } else if self.all_joined() {
            self.complete_join_phase(turn);
        } else {
            self.initial_delay = None;
            turn.timers.set(&self.id, Timer::ClassicJoin, turn.after(self.rebalance_timeout_ms()));
        }
    }

    fn wait_initially(&mut self, delay: InitialDelay, turn: &mut Turn<'_>) {
        self.initial_delay = Some(delay);
        turn.timers.set(&self.id, Timer::ClassicJoin, turn.after(delay.step_ms));
    }

    /// The time for joining is up.
    pub fn on_join_deadline(&mut self, turn: &mut Turn<'_>) {
        match self.initial_delay.take() {
            Some(delay) if self.new_member_added && delay.remaining_ms != 0 => {
                self.new_member_added = false;
                let step_ms = turn.config.classic_initial_rebalance_delay_ms.min(delay.remaining_ms);
                let remaining_ms = (delay.remaining_ms - delay.step_ms).max(0);
                self.wait_initially(InitialDelay { step_ms, remaining_ms }, turn);
            }
            _ => self.complete_join_phase(turn),
        }
    }

    /// Ends the gathering: whoever has not joined is out (static members stay until their session ends).
    pub(super) fn complete_join_phase(&mut self, turn: &mut Turn<'_>) {
        turn.timers.cancel(&self.id, Timer::ClassicJoin);
        self.initial_delay = None;
        let is_late = |member: &Member| member.awaiting_join.is_none() && member.instance_id.is_none();
        let late: Vec<MemberId> =
            self.members.iter().filter(|(_, member)| is_late(member)).map(|(id, _)| id.clone()).collect();
        for id in late {
            self.remove(&id);
            turn.timers.cancel(&self.id, Timer::ClassicSession(id));
        }

        if !self.elect_joined_leader() && !self.members.is_empty() {
            // Only static members are left, and none of them joined: wait until they do or their sessions end.
            turn.timers.set(&self.id, Timer::ClassicJoin, turn.after(self.rebalance_timeout_ms()));
            return;
        }
        self.start_generation(turn);
        if self.state == State::Empty {
            turn.record(self.record());
        } else {
            self.answer_all_joins(turn);
        }
    }

    /// A leader that did not join gives way to a member that did.
    fn elect_joined_leader(&mut self) -> bool {
        let Some(leader) = self.leader.as_ref().and_then(|id| self.members.get(id)) else { return false };
        if leader.awaiting_join.is_some() {
            return true;
        }
        match self.members.iter().find(|(_, member)| member.awaiting_join.is_some()) {
            Some((id, _)) => {
                self.leader = Some(id.clone());
                true
            }
            None => false,
        }
    }

    fn start_generation(&mut self, turn: &mut Turn<'_>) {
        self.generation = self.generation.wrapping_add(1);
        self.pending_sync.clear();
        self.new_member_added = false;
        if self.members.is_empty() {
            self.protocol = None;
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(State::Empty, turn);
        } else {
            self.protocol = self.select_protocol();
            self.subscribed_topics = self.compute_subscribed_topics();
            self.transition_to(State::CompletingRebalance, turn);
        }
    }

    fn answer_all_joins(&mut self, turn: &mut Turn<'_>) {
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let response = self.joined(&id, self.is_leader(&id));
            self.complete_join(&id, response, turn);
            self.heard(&id, turn);
            if let Some(member) = self.members.get_mut(&id) {
                member.is_new = false;
            }
            self.pending_sync.insert(id);
        }
        turn.timers.set(&self.id, Timer::ClassicSync, turn.after(self.rebalance_timeout_ms()));
    }

    /// Starts a member's session anew.
    pub(super) fn heard(&self, id: &str, turn: &mut Turn<'_>) {
        if let Some((id, member)) = self.members.get_key_value(id) {
            turn.timers.set(&self.id, Timer::ClassicSession(id.clone()), turn.after(member.session_timeout_ms));
        }
    }

    /// A member, or an id given out, has not been heard of for its session timeout.
    pub fn on_session_deadline(&mut self, id: &str, turn: &mut Turn<'_>) {
        if self.pending_join.contains(id) {
            self.remove(id);
            if self.state == State::PreparingRebalance && self.all_joined() {
                self.complete_join_phase(turn);
            }
        } else if self.members.get(id).is_some_and(|member| !member.has_satisfied_heartbeat()) {
            self.answer_unknown(id, turn);
            self.remove(id);
            match self.state {
                State::Stable | State::CompletingRebalance => self.rebalance_or_complete_join(turn),
                State::PreparingRebalance if self.all_joined() => self.complete_join_phase(turn),
                State::PreparingRebalance | State::Empty => {}
            }
        }
    }

    /// A member that goes while its requests are parked gets them back, and may join again as a new one.
    pub(super) fn answer_unknown(&mut self, id: &str, turn: &mut Turn<'_>) {
        let unknown = ErrorCode::UnknownMemberId.code();
        let join = JoinGroupResponse::default().with_member_id(events::text("")).with_error_code(unknown);
        self.complete_join(id, join, turn);
        self.complete_sync(id, SyncGroupResponse::default().with_error_code(unknown), turn);
    }

    /// The group is about to speak the newer protocol: whoever waits here is to join again.
    pub fn send_everyone_away(&mut self, turn: &mut Turn<'_>) {
        let error = ErrorCode::RebalanceInProgress.code();
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let join = JoinGroupResponse::default().with_member_id(events::text(&id)).with_error_code(error);
            self.complete_join(&id, join, turn);
            self.complete_sync(&id, SyncGroupResponse::default().with_error_code(error), turn);
        }
    }

    /// The group has just become classic: its members are called to join.
    pub fn on_converted(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::Stable {
            self.prepare_rebalance(turn);
        }
    }

    /// The members that the log tells of get a session to show up in. A group that is larger than is allowed now
    /// rebalances down to size.
    pub fn on_loaded(&mut self, turn: &mut Turn<'_>) {
        for id in self.members.keys() {
            self.heard(id, turn);
        }
        if self.members.len() > turn.config.classic_size_max {
            self.prepare_rebalance(turn);
        }
    }

    /// The time for syncing is up: whoever has not is out.
    pub fn on_sync_deadline(&mut self, turn: &mut Turn<'_>) {
        if !matches!(self.state, State::CompletingRebalance | State::Stable) || self.pending_sync.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.pending_sync) {
            self.remove(&id);
            turn.timers.cancel(&self.id, Timer::ClassicSession(id));
        }
        self.prepare_rebalance(turn);
    }
}
