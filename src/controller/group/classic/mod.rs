//! A group of the classic protocol: members join, the leader assigns, everyone syncs.
//!
//! Only the last finished generation is hard state (its record's bytes). The rebalance in progress lives in memory:
//! after a restart members find themselves in the last generation, or are told that they are unknown, and join again.

mod describe;
mod join;
mod leave;
mod member;
mod members;
mod rebalance;
mod record;
mod static_member;
mod subscription;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

pub use join::Join;
pub use member::{Member, Protocol};

use super::timers::Timer;
use super::turn::Turn;
use super::{GroupId, MemberId};
use crate::model::ErrorCode;

/// The protocol type of Kafka's consumers: the one whose metadata the broker can read.
pub const CONSUMER: &str = "consumer";

/// Where a group stands in its rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No members; perhaps offsets.
    Empty,
    /// Members are called to join.
    PreparingRebalance,
    /// All have joined; the leader's assignment is awaited.
    CompletingRebalance,
    Stable,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
        }
    }
}

/// How long the first rebalance of a group may still be put off when further members come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InitialDelay {
    step_ms: i32,
    remaining_ms: i32,
}

pub struct ClassicGroup {
    id: GroupId,
    state: State,
    previous_state: State,
    /// When it came into its state; unknown if loaded from an old record.
    state_timestamp_ms: Option<i64>,
    /// Kept when the last member leaves; none if there never was one.
    protocol_type: Option<Arc<str>>,
    protocol: Option<Arc<str>>,
    generation: i32,
    leader: Option<MemberId>,
    members: BTreeMap<MemberId, Member>,
    /// Instance id to the member that holds it now.
    static_members: BTreeMap<Arc<str>, MemberId>,
    /// Ids given out with MEMBER_ID_REQUIRED, not yet used.
    pending_join: BTreeSet<MemberId>,
    /// Members of this generation that have not synced.
    pending_sync: BTreeSet<MemberId>,
    awaiting_join: usize,
    /// How many members offer each protocol.
    offered: BTreeMap<Arc<str>, usize>,
    /// Of all members; none if the metadata is not a consumer's.
    subscribed_topics: Option<BTreeSet<Arc<str>>>,
    new_member_added: bool,
    initial_delay: Option<InitialDelay>,
    /// Hard state: the bytes of the last record about this group.
    written: Option<Bytes>,
}

impl ClassicGroup {
    pub fn new(id: GroupId, now_wall_ms: i64) -> Self {
        ClassicGroup {
            id,
            state: State::Empty,
            previous_state: State::Empty,
            state_timestamp_ms: Some(now_wall_ms),
            protocol_type: None,
            protocol: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            awaiting_join: 0,
            offered: BTreeMap::new(),
            subscribed_topics: None,
            new_member_added: false,
            initial_delay: None,
            written: None,
        }
    }

    pub fn id(&self) -> &GroupId {
        &self.id
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn generation(&self) -> i32 {
        self.generation
    }

    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    pub fn leader(&self) -> Option<&MemberId> {
        self.leader.as_ref()
    }

    pub fn members(&self) -> &BTreeMap<MemberId, Member> {
        &self.members
    }

    pub fn written(&self) -> Option<&Bytes> {
        self.written.as_ref()
    }

    pub fn set_written(&mut self, value: &Bytes) {
        self.written = Some(value.clone());
    }

    pub fn is_empty(&self) -> bool {
        self.state == State::Empty
    }

    pub fn is_consumer_type(&self) -> bool {
        self.protocol_type() == Some(CONSUMER)
    }

    fn is_leader(&self, member: &str) -> bool {
        self.leader.as_deref() == Some(member)
    }

    /// A group whose metadata cannot be read counts as subscribed to everything if its type is the consumers'.
    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.is_consumer_type(),
        }
    }

    /// From when on an offset ages: `None` if the offsets of this group do not expire now.
    pub fn offset_age_base(&self) -> Option<AgeBase> {
        if self.protocol_type.is_none() {
            return Some(AgeBase::Commit);
        }
        match self.state {
            State::Empty => Some(self.state_timestamp_ms.map_or(AgeBase::Commit, AgeBase::At)),
            State::Stable if self.is_consumer_type() && self.subscribed_topics.is_some() => Some(AgeBase::Commit),
            _ => None,
        }
    }

    fn transition_to(&mut self, state: State, turn: &Turn<'_>) {
        self.previous_state = self.state;
        self.state = state;
        self.state_timestamp_ms = Some(turn.now.wall_ms);
    }

    /// That a request names a member of this group, and the one that holds its instance id.
    pub fn validate_member(&self, member: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.static_members.get(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(holder) if &**holder != member => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    /// Whether a commit may be written; a member that commits is alive.
    pub fn validate_commit(
        &self,
        member: &str,
        instance: Option<&str>,
        generation: i32,
        transactional: bool,
    ) -> Result<(), ErrorCode> {
        // A group without members belongs to whoever commits by hand.
        if generation < 0 && self.is_empty() {
            return Ok(());
        }
        if generation >= 0 || !member.is_empty() || instance.is_some() {
            self.validate_member(member, instance)?;
            if generation != self.generation {
                return Err(ErrorCode::IllegalGeneration);
            }
        } else if !transactional && !self.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if !transactional && self.state == State::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// A commit keeps the session alive, except while the leader's assignment is awaited.
    pub fn heard_by_commit(&self, member: &str, turn: &mut Turn<'_>) {
        if matches!(self.state, State::Stable | State::PreparingRebalance)
            && let Some((id, member)) = self.members.get_key_value(member)
        {
            turn.timers.set(&self.id, Timer::ClassicSession(id.clone()), turn.after(member.session_timeout_ms));
        }
    }

    pub fn cancel_timers(&self, turn: &mut Turn<'_>) {
        turn.timers.cancel(&self.id, Timer::ClassicJoin);
        turn.timers.cancel(&self.id, Timer::ClassicSync);
        for member in self.members.keys().chain(&self.pending_join) {
            turn.timers.cancel(&self.id, Timer::ClassicSession(member.clone()));
        }
    }
}

/// The moment from which an offset's retention counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgeBase {
    /// Its own commit.
    Commit,
    /// The moment the group became empty.
    At(i64),
}
