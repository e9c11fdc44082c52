//! What a decision about a group is made with, and where its records and deadlines go.

use crate::controller::group::config::GroupConfig;
use crate::controller::group::records::Record;
use crate::controller::group::timers::{Timer, Timers};
use crate::controller::group::{GroupId, MemberId};
use crate::controller::machine::Now;
use crate::controller::topics::TopicsView;

pub struct Context<'a> {
    pub now: Now,
    pub topics: &'a dyn TopicsView,
    pub config: &'a GroupConfig,
    pub timers: &'a mut Timers,
    /// Thrown away if the decision fails.
    pub records: &'a mut Vec<Record>,
}

impl Context<'_> {
    pub(super) fn arm(&mut self, group: &GroupId, timer: Timer, after_ms: i32) {
        self.timers.set(group, timer, self.now.monotonic_ms.saturating_add(i64::from(after_ms)));
    }

    pub(super) fn arm_if_absent(&mut self, group: &GroupId, timer: Timer, after_ms: i32) {
        if !self.timers.is_set(group, timer.clone()) {
            self.arm(group, timer, after_ms);
        }
    }

    pub(super) fn arm_session(&mut self, group: &GroupId, member: &MemberId) {
        let after_ms = self.config.consumer_session_timeout_ms(group);
        self.arm(group, Timer::ConsumerSession(member.clone()), after_ms);
    }

    pub(super) fn cancel_all_of(&mut self, group: &GroupId, member: &MemberId) {
        for timer in [Timer::ConsumerSession, Timer::ConsumerRebalance, Timer::ConsumerJoin, Timer::ConsumerSync] {
            self.timers.cancel(group, timer(member.clone()));
        }
    }
}
