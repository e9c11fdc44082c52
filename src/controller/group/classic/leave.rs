//! LeaveGroup: members that go, and members that an administrator removes by their instance id.

use super::{ClassicGroup, State};
use crate::controller::group::MemberId;
use crate::controller::group::timers::Timer;
use crate::controller::group::turn::Turn;
use crate::model::ErrorCode;
use crate::wire::messages::leave_group_request::MemberIdentity;
use crate::wire::messages::leave_group_response::MemberResponse;

impl ClassicGroup {
    pub fn leave(&mut self, turn: &mut Turn<'_>, leaving: &[MemberIdentity]) -> Vec<MemberResponse> {
        let mut anyone = false;
        let mut answers = Vec::with_capacity(leaving.len());
        for identity in leaving {
            let outcome = self.leave_one(turn, identity);
            anyone |= outcome.is_ok();
            let error = outcome.err().unwrap_or(ErrorCode::None);
            answers.push(
                MemberResponse::default()
                    .with_member_id(identity.member_id.clone())
                    .with_group_instance_id(identity.group_instance_id.clone())
                    .with_error_code(error.code()),
            );
        }
        if anyone && self.state != State::Empty {
            self.rebalance_or_complete_join(turn);
        }
        answers
    }

    fn leave_one(&mut self, turn: &mut Turn<'_>, identity: &MemberIdentity) -> Result<(), ErrorCode> {
        let instance = identity.group_instance_id.as_deref();
        let id: MemberId = if identity.member_id.is_empty() {
            let holder = instance.and_then(|instance| self.static_members.get(instance));
            holder.cloned().ok_or(ErrorCode::UnknownMemberId)?
        } else if self.pending_join.contains(&*identity.member_id) {
            MemberId::from(&*identity.member_id)
        } else {
            self.validate_member(&identity.member_id, instance)?;
            MemberId::from(&*identity.member_id)
        };
        turn.timers.cancel(&self.id, Timer::ClassicSession(id.clone()));
        self.answer_unknown(&id, turn);
        self.remove(&id);
        Ok(())
    }
}
