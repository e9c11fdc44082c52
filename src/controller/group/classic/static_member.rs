//! A static member comes back: the same instance under a new member id takes the place of the old one.

use bytes::Bytes;

use super::{ClassicGroup, Join, State};
use crate::controller::group::MemberId;
use crate::controller::group::events::{self, Reply};
use crate::controller::group::timers::Timer;
use crate::controller::group::turn::Turn;
use crate::model::ErrorCode;
use crate::wire::messages::{JoinGroupResponse, SyncGroupResponse};

/// From this version on a leader that comes back learns that it is the leader, and that there is nothing to assign.
const SKIP_ASSIGNMENT_SINCE: i16 = 9;

impl ClassicGroup {
    pub(super) fn replace_static_member(&mut self, turn: &mut Turn<'_>, join: Join, old: &str, new: MemberId) {
        let old_leader = self.leader.clone();
        self.fence_waiting(old, turn);
        self.rename(old, &new);
        self.update_member(&new, join.update(), turn);
        turn.timers.set(&self.id, Timer::ClassicSession(new.clone()), turn.after(join.session_timeout_ms));
        match self.state {
            // Same protocol, same members: the generation goes on, and only the record learns the new id.
            State::Stable if self.select_protocol() == self.protocol => {
                turn.record(self.record());
                let response = if join.caller.api_version >= SKIP_ASSIGNMENT_SINCE {
                    let is_leader = self.is_leader(&new);
                    self.joined(&new, is_leader).with_skip_assignment(is_leader)
                } else {
                    // It must not see itself as leader: it would assign anew though nobody else rejoins.
                    self.joined(&new, false).with_leader(old_leader.as_deref().map(events::text).unwrap_or_default())
                };
                self.complete_join(&new, response, turn);
            }
            State::Stable => self.rebalance_or_complete_join(turn),
            // The leader may be assigning to the old id.
            State::CompletingRebalance => self.prepare_rebalance(turn),
            State::PreparingRebalance | State::Empty => self.complete_join_phase_if_all_joined(turn),
        }
    }

    /// Whoever still waits under the old id learns that it has been replaced.
    fn fence_waiting(&mut self, old: &str, turn: &mut Turn<'_>) {
        let fenced = ErrorCode::FencedInstanceId.code();
        let join = JoinGroupResponse::default()
            .with_member_id(events::text(old))
            .with_protocol_name(None)
            .with_error_code(fenced);
        self.complete_join(old, join, turn);
        let sync = SyncGroupResponse::default().with_assignment(Bytes::new()).with_error_code(fenced);
        self.complete_sync(old, sync, turn);
    }

    fn rename(&mut self, old: &str, new: &MemberId) {
        let Some(mut member) = self.members.remove(old) else { return };
        member.is_new = false;
        if let Some(instance) = &member.instance_id {
            self.static_members.insert(instance.clone(), new.clone());
        }
        if self.is_leader(old) {
            self.leader = Some(new.clone());
        }
        if self.pending_sync.remove(old) {
            self.pending_sync.insert(new.clone());
        }
        self.members.insert(new.clone(), member);
    }

    /// A refused SyncGroup as a reply.
    pub(super) fn sync_error(error: ErrorCode) -> Reply {
        Reply::SyncGroup(SyncGroupResponse::default().with_error_code(error.code()))
    }
}
