//! Who is in the group, and which protocol they agree on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ClassicGroup, Member, Protocol, State};
use crate::controller::group::MemberId;
use crate::controller::group::assign::java_order;
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::{self, Reply};
use crate::controller::group::turn::Turn;
use crate::controller::machine::Ticket;
use crate::model::ErrorCode;
use crate::model::java_hash::java_hash;
use crate::wire::messages::{JoinGroupResponse, SyncGroupResponse};

impl ClassicGroup {
    pub(super) fn add(&mut self, id: MemberId, protocol_type: &str, member: Member) {
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.into());
        }
        self.leader.get_or_insert_with(|| id.clone());
        self.count(&member.protocols, true);
        self.awaiting_join += usize::from(member.awaiting_join.is_some());
        self.pending_join.remove(&id);
        self.members.insert(id, member);
    }

    /// Forgets a member or an id that was given out. Whatever it waits for must be answered before.
    pub(super) fn remove(&mut self, id: &str) -> Option<Member> {
        let removed = self.members.remove(id);
        if let Some(member) = &removed {
            self.count(&member.protocols, false);
            self.awaiting_join -= usize::from(member.awaiting_join.is_some());
            if let Some(instance) = &member.instance_id {
                self.static_members.remove(instance);
            }
        }
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_join.remove(id);
        self.pending_sync.remove(id);
        removed
    }

    /// A name that a member lists twice is still one member's.
    fn count(&mut self, protocols: &[Protocol], more: bool) {
        for name in protocols.iter().map(|protocol| &protocol.name).collect::<BTreeSet<_>>() {
            let count = self.offered.entry(name.clone()).or_default();
            *count = if more { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                self.offered.remove(name);
            }
        }
    }

    /// What a member's JoinGroup says of it anew, and that it waits under `ticket`.
    pub(super) fn update_member(&mut self, id: &str, update: Update, turn: &mut Turn<'_>) {
        let Some(member) = self.members.get_mut(id) else { return };
        let old = std::mem::replace(&mut member.protocols, update.protocols.clone());
        member.rebalance_timeout_ms = update.rebalance_timeout_ms;
        member.session_timeout_ms = update.session_timeout_ms;
        match member.awaiting_join.replace(update.ticket) {
            None => self.awaiting_join += 1,
            // The client gave up on its first request and sent another. Nobody reads this; nothing may leak.
            Some(earlier) => turn.reply(earlier, join_error(id, ErrorCode::RebalanceInProgress)),
        }
        self.count(&old, false);
        self.count(&update.protocols, true);
    }

    pub(super) fn complete_join(&mut self, id: &str, response: JoinGroupResponse, turn: &mut Turn<'_>) {
        if let Some(ticket) = self.members.get_mut(id).and_then(|member| member.awaiting_join.take()) {
            self.awaiting_join -= 1;
            turn.reply(ticket, Reply::JoinGroup(response));
        }
    }

    /// True if the member waited.
    pub(super) fn complete_sync(&mut self, id: &str, response: SyncGroupResponse, turn: &mut Turn<'_>) -> bool {
        match self.members.get_mut(id).and_then(|member| member.awaiting_sync.take()) {
            Some(ticket) => {
                turn.reply(ticket, Reply::SyncGroup(response));
                true
            }
            None => false,
        }
    }

    pub(super) fn all_joined(&self) -> bool {
        self.members.len() == self.awaiting_join && self.pending_join.is_empty()
    }

    /// The longest of all members, which everyone is given.
    pub(super) fn rebalance_timeout_ms(&self) -> i32 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0).max(0)
    }

    /// An empty group takes any type and protocol; others only what all their members can do.
    pub fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type() == Some(protocol_type)
            && protocols.iter().any(|p| self.offered.get(&p.name).copied().unwrap_or(0) == self.members.len())
    }

    /// The protocol with the most votes among those that everyone can do. Of equals wins the one that Kafka's table of
    /// votes happens to show first.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let all = self.members.len();
        let candidates: BTreeSet<Arc<str>> =
            self.offered.iter().filter(|(_, count)| **count == all).map(|(name, _)| name.clone()).collect();
        let mut votes: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for vote in self.members.values().filter_map(|member| member.vote(&candidates)) {
            *votes.entry(vote.clone()).or_default() += 1;
        }
        let mut votes: Vec<(Arc<str>, usize)> = votes.into_iter().collect();
        let buckets = java_order::grown_table(votes.len());
        java_order::sort(&mut votes, buckets, |(name, _)| java_hash(name));
        let most = votes.iter().map(|(_, count)| *count).max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name)
    }

    /// New members are let in up to the limit. While a rebalance gathers, those that wait are counted: members that
    /// come late drop out then.
    pub(super) fn accepts(&self, member: &str, config: &GroupConfig) -> bool {
        let known = self.members.get(member);
        match self.state {
            State::Empty => true,
            State::PreparingRebalance => {
                known.is_some_and(|member| member.awaiting_join.is_some())
                    || self.awaiting_join < config.classic_size_max
            }
            State::CompletingRebalance | State::Stable => {
                known.is_some() || self.members.len() < config.classic_size_max
            }
        }
    }
}

/// What a JoinGroup says of a member that is known.
pub(super) struct Update {
    pub ticket: Ticket,
    pub protocols: Vec<Protocol>,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
}

pub(super) fn join_error(member: &str, error: ErrorCode) -> Reply {
    Reply::JoinGroup(JoinGroupResponse::default().with_member_id(events::text(member)).with_error_code(error.code()))
}
