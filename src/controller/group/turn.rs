//! What the handling of one event may touch besides the group it is for.

use std::sync::Arc;

use super::GroupId;
use super::config::GroupConfig;
use super::events::Reply;
use super::machine::GroupMachine;
use super::records::Record;
use super::timers::{Timer, Timers};
use crate::controller::machine::{Effects, LogEntry, Now, Producer, Ticket};
use crate::controller::topics::TopicsView;

/// What all groups of a machine share.
pub struct Context {
    pub config: Arc<GroupConfig>,
    pub topics: Arc<dyn TopicsView>,
    pub timers: Timers,
}

impl Context {
    pub fn turn<'a>(&'a mut self, now: Now, effects: &'a mut Effects<GroupMachine>) -> Turn<'a> {
        Turn { now, config: &self.config, topics: &*self.topics, timers: &mut self.timers, effects }
    }
}

/// One event's surroundings: the moment, the settings, the topics; and where deadlines, records and replies go.
pub struct Turn<'a> {
    pub now: Now,
    pub config: &'a GroupConfig,
    pub topics: &'a dyn TopicsView,
    pub timers: &'a mut Timers,
    pub effects: &'a mut Effects<GroupMachine>,
}

impl Turn<'_> {
    /// The monotonic moment that is `ms` from now.
    pub fn after(&self, ms: i32) -> i64 {
        self.now.monotonic_ms.saturating_add(i64::from(ms))
    }

    /// The driver applies it after this turn: until then the groups do not show it.
    pub fn record(&mut self, record: Record) {
        self.effects.record(LogEntry::Data(record.encode(None)));
    }

    /// A record that counts only when the producer's transaction commits.
    pub fn transactional_record(&mut self, record: Record, producer: Producer) {
        self.effects.record(LogEntry::Data(record.encode(Some(producer))));
    }

    /// The next look for expired offsets.
    pub fn set_expiry_timer(&mut self) {
        let at_ms = self.now.monotonic_ms.saturating_add(self.config.offsets_retention_check_interval_ms);
        self.timers.set(&GroupId::from(""), Timer::OffsetExpiry, at_ms);
    }

    pub fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.effects.reply(ticket, reply);
    }
}
