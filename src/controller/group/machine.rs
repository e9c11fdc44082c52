//! The machine: one event to the group it is for. See `controller::machine` for the contract.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;

use super::classic::{ClassicGroup, Join};
use super::config::GroupConfig;
use super::consumer::{classic_members, fence};
use super::events::{self, Call, Caller, Event, Reply, Request};
use super::modern::{after, decide};
use super::records::{Key, Record, Value};
use super::store::{Group, Store};
use super::timers::{Due, Timer, Timers};
use super::turn::{Context, Turn};
use crate::controller::machine::{Effects, LogEntry, LogRecord, Machine, Now, Ticket, TxnMarker};
use crate::controller::topics::TopicsView;
use crate::model::ErrorCode;
use crate::wire::messages::{
    HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    OffsetDeleteResponse, SyncGroupRequest, SyncGroupResponse,
};

/// The groups of one partition of `__consumer_offsets`.
pub struct GroupMachine {
    pub(super) store: Store,
    pub(super) context: Context,
    /// False while the log is read back: only then do records make a classic group's soft state.
    loaded: bool,
}

impl GroupMachine {
    pub fn new(config: Arc<GroupConfig>, topics: Arc<dyn TopicsView>) -> Self {
        GroupMachine {
            store: Store::default(),
            context: Context { config, topics, timers: Timers::default() },
            loaded: false,
        }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    fn call(&mut self, now: Now, ticket: Ticket, call: Call, effects: &mut Effects<Self>) {
        let Call { caller, fresh_id, request } = call;
        let reply = match request {
            Request::JoinGroup(request) => {
                return self.join(now, Join::new(ticket, caller, fresh_id, &request), &request, effects);
            }
            Request::SyncGroup(request) => return self.sync(now, ticket, &request, effects),
            Request::ConsumerGroupHeartbeat(request) => {
                let mut turn = self.context.turn(now, effects);
                let response = self.store.consumer_heartbeat(&mut turn, &caller, fresh_id, &request);
                Reply::ConsumerGroupHeartbeat(response)
            }
            request => {
                let mut turn = self.context.turn(now, effects);
                answer(&mut self.store, &mut turn, &caller, request)
            }
        };
        effects.reply(ticket, reply);
    }

    fn join(&mut self, now: Now, join: Join, request: &JoinGroupRequest, effects: &mut Effects<Self>) {
        let mut turn = self.context.turn(now, effects);
        let timeouts = turn.config.classic_session_timeout_min_ms..=turn.config.classic_session_timeout_max_ms;
        let refused = if request.group_id.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if !timeouts.contains(&request.session_timeout_ms) {
            Some(ErrorCode::InvalidSessionTimeout)
        } else if !self.store.groups.contains_key(&**request.group_id) && !join.member_id.is_empty() {
            Some(ErrorCode::UnknownMemberId)
        } else {
            None
        };
        if let Some(error) = refused {
            let response =
                JoinGroupResponse::default().with_member_id(request.member_id.clone()).with_error_code(error.code());
            return turn.reply(join.ticket, Reply::JoinGroup(response));
        }
        if let Some(response) = self.store.join_consumer_group(&mut turn, &join.caller, join.fresh_id, request) {
            return turn.reply(join.ticket, Reply::JoinGroup(response));
        }
        let is_new = !self.store.groups.contains_key(&**request.group_id);
        if is_new {
            let id = Arc::from(&**request.group_id);
            let group = ClassicGroup::new(Arc::clone(&id), now.wall_ms);
            self.store.groups.insert(id, Group::Classic(Box::new(group)));
        }
        let Some(group) = self.store.classic_mut(&request.group_id) else { return };
        // A group that is asked for exists from then on, whatever becomes of the request.
        if is_new {
            turn.record(group.new_group_record());
        }
        group.join(&mut turn, join);
    }

    fn sync(&mut self, now: Now, ticket: Ticket, request: &SyncGroupRequest, effects: &mut Effects<Self>) {
        let mut turn = self.context.turn(now, effects);
        let error = if request.group_id.is_empty() { ErrorCode::InvalidGroupId } else { ErrorCode::UnknownMemberId };
        match self.store.groups.get_mut(&**request.group_id) {
            Some(Group::Classic(group)) if !group.is_empty() => group.sync(&mut turn, ticket, request),
            Some(Group::Consumer(group)) => {
                let response = decide(&mut turn, |ctx| classic_members::sync(ctx, group, request))
                    .unwrap_or_else(|error| SyncGroupResponse::default().with_error_code(error.code.code()));
                turn.reply(ticket, Reply::SyncGroup(response));
            }
            _ => {
                let response = SyncGroupResponse::default().with_error_code(error.code());
                turn.reply(ticket, Reply::SyncGroup(response));
            }
        }
    }

    fn on_due(&mut self, now: Now, due: Due, effects: &mut Effects<Self>) {
        let mut turn = self.context.turn(now, effects);
        let id = &due.key.group;
        match (due.key.timer.clone(), self.store.groups.get_mut(id)) {
            (Timer::OffsetExpiry, _) => {
                self.store.expire(&mut turn);
                turn.set_expiry_timer();
            }
            (Timer::ClassicSession(member), Some(Group::Classic(group))) => {
                group.on_session_deadline(&member, &mut turn);
            }
            (Timer::ClassicJoin, Some(Group::Classic(group))) => group.on_join_deadline(&mut turn),
            (Timer::ClassicSync, Some(Group::Classic(group))) => group.on_sync_deadline(&mut turn),
            (Timer::ClassicConverted, Some(Group::Classic(group))) => group.on_converted(&mut turn),
            (_, Some(Group::Consumer(_))) => self.store.on_consumer_deadline(&mut turn, &due),
            // A deadline of a group that is gone or has changed its protocol.
            _ => {}
        }
    }

    fn apply_data(&mut self, now: Now, log: &LogRecord) {
        // What is read back is part of a large batch, which a group that keeps its record would keep in memory.
        let own: LogRecord;
        let log = if self.loaded || is_commit(&log.key) {
            log
        } else {
            own = LogRecord { value: log.value.as_deref().map(Bytes::copy_from_slice), ..log.clone() };
            &own
        };
        let record = match Record::decode(&log.key, log.value.as_ref()) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!(%error, "skipping a record of __consumer_offsets that cannot be read");
                return;
            }
        };
        match (record.key, record.value) {
            (Key::OffsetCommit { group, topic, partition }, Some(Value::OffsetCommit(value))) => {
                // Commits without members make a group too: one that only keeps offsets.
                if !self.store.groups.contains_key(&group) {
                    let simple = ClassicGroup::new(group.clone(), now.wall_ms);
                    self.store.groups.insert(group.clone(), Group::Classic(Box::new(simple)));
                }
                let producer = log.producer.map(|producer| producer.id);
                self.store.offsets.put(&group, &topic, partition, value, producer);
            }
            (Key::OffsetCommit { group, topic, partition }, None) => {
                self.store.offsets.remove(&group, &topic, partition);
            }
            (Key::GroupMetadata { group }, Some(Value::GroupMetadata(value))) => {
                let written = log.value.clone().unwrap_or_default();
                match self.store.classic_mut(&group) {
                    // The generation that was written is the one in memory, which may be further already.
                    Some(live) if self.loaded => live.set_written(&written),
                    _ => {
                        let loaded = ClassicGroup::from_record(group.clone(), value, &written);
                        self.store.groups.insert(group, Group::Classic(Box::new(loaded)));
                    }
                }
            }
            // A group that has changed its protocol stays.
            (Key::GroupMetadata { group }, None) => {
                if self.store.classic(&group).is_some() {
                    self.store.groups.remove(&group);
                }
            }
            (key, value) => {
                if let Some(group) = key.group().cloned() {
                    self.store.apply_consumer(&group, &key, value.as_ref());
                }
            }
        }
    }
}

/// Commits keep nothing of their record's bytes.
fn is_commit(key: &[u8]) -> bool {
    matches!(key, [0, 0 | 1, ..])
}

/// Everything that is answered at once.
fn answer(store: &mut Store, turn: &mut Turn<'_>, caller: &Caller, request: Request) -> Reply {
    match request {
        Request::Heartbeat(request) => {
            let outcome = match store.groups.get(&**request.group_id) {
                _ if request.group_id.is_empty() => Err(ErrorCode::InvalidGroupId),
                Some(Group::Classic(group)) => group.heartbeat(turn, &request),
                Some(Group::Consumer(group)) => {
                    decide(turn, |ctx| classic_members::heartbeat(ctx, group, &request)).map_err(|error| error.code)
                }
                None => Err(ErrorCode::UnknownMemberId),
            };
            let error = outcome.err().unwrap_or(ErrorCode::None);
            Reply::Heartbeat(HeartbeatResponse::default().with_error_code(error.code()))
        }
        Request::LeaveGroup(request) => Reply::LeaveGroup(leave(store, turn, &request)),
        Request::OffsetCommit(request) => Reply::OffsetCommit(
            store.commit(turn, caller, &request).unwrap_or_else(|error| events::failed_commit(&request, error.code)),
        ),
        Request::TxnOffsetCommit(request) => {
            let outcome = match request.group_id.is_empty() {
                true => Err(ErrorCode::InvalidGroupId.into()),
                false => store.commit_in_transaction(turn, caller, &request),
            };
            Reply::TxnOffsetCommit(outcome.unwrap_or_else(|error| events::failed_txn_commit(&request, error.code)))
        }
        Request::OffsetFetch { group, require_stable } => {
            Reply::OffsetFetch(store.fetch_offsets(&group, require_stable))
        }
        Request::OffsetDelete(request) => {
            let outcome = match request.group_id.is_empty() {
                true => Err(ErrorCode::InvalidGroupId.into()),
                false => store.delete_offsets(turn, &request),
            };
            Reply::OffsetDelete(
                outcome.unwrap_or_else(|error| OffsetDeleteResponse::default().with_error_code(error.code.code())),
            )
        }
        Request::DescribeGroups(ids) => {
            Reply::DescribeGroups(ids.iter().map(|id| store.describe(id, caller.api_version)).collect())
        }
        Request::ListGroups { states, types } => Reply::ListGroups(store.list(&states, &types)),
        Request::DeleteGroups(ids) => Reply::DeleteGroups(ids.iter().map(|id| store.delete_group(turn, id)).collect()),
        Request::ConsumerGroupDescribe(ids) => Reply::ConsumerGroupDescribe(store.describe_consumer_groups(turn, &ids)),
        // Answered elsewhere: they wait for others, or need an id.
        Request::JoinGroup(_) | Request::SyncGroup(_) | Request::ConsumerGroupHeartbeat(_) => Reply::Done,
    }
}

fn leave(store: &mut Store, turn: &mut Turn<'_>, request: &LeaveGroupRequest) -> LeaveGroupResponse {
    if request.group_id.is_empty() {
        return LeaveGroupResponse::default().with_error_code(ErrorCode::InvalidGroupId.code());
    }
    let members = match store.groups.get_mut(&**request.group_id) {
        Some(Group::Classic(group)) => group.leave(turn, &request.members),
        Some(Group::Consumer(group)) => {
            let decided = decide(turn, |ctx| Ok::<_, Infallible>(classic_members::leave(ctx, group, &request.members)));
            let Ok((members, fenced)) = decided;
            after(turn, &group.id, &fenced);
            members
        }
        None => events::unknown_leavers(request),
    };
    LeaveGroupResponse::default().with_members(members)
}

impl Machine for GroupMachine {
    type Event = Event;
    type Reply = Reply;
    type Record = LogEntry;
    type Action = Infallible;

    fn handle(&mut self, now: Now, ticket: Ticket, event: Event, effects: &mut Effects<Self>) {
        match event {
            Event::Call(call) => return self.call(now, ticket, *call, effects),
            Event::TxnMarker(marker) => effects.record(LogEntry::Marker(marker)),
            Event::TopicsDeleted(deleted) => {
                self.store.on_topics_deleted(&mut self.context.turn(now, effects), &deleted);
            }
            Event::MetadataChanged(topics) => self.context.topics = topics,
            Event::ConfigChanged(config) => self.context.config = config,
        }
        effects.reply(ticket, Reply::Done);
    }

    fn apply(&mut self, now: Now, record: &LogEntry) {
        match record {
            LogEntry::Data(record) => self.apply_data(now, record),
            LogEntry::Marker(TxnMarker { producer, commit, .. }) => {
                self.store.offsets.end_transaction(producer.id, *commit);
            }
        }
    }

    fn on_timeout(&mut self, now: Now, effects: &mut Effects<Self>) {
        // What one deadline writes must be applied before the next one is looked at.
        while effects.records.is_empty() {
            let Some(due) = self.context.timers.pop_due(now.monotonic_ms) else { return };
            self.on_due(now, due, effects);
        }
    }

    fn next_deadline(&self) -> Option<i64> {
        self.context.timers.next_deadline()
    }

    fn on_loaded(&mut self, now: Now, effects: &mut Effects<Self>) {
        self.loaded = true;
        let mut turn = self.context.turn(now, effects);
        for group in self.store.groups.values_mut() {
            match group {
                Group::Classic(group) => group.on_loaded(&mut turn),
                Group::Consumer(group) => {
                    let Ok(()) = decide(&mut turn, |ctx| {
                        fence::arm_loaded(ctx, group);
                        Ok::<_, Infallible>(())
                    });
                }
            }
        }
        turn.set_expiry_timer();
    }
}
