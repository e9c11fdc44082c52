//! A driver without threads: events in, records applied at once and kept, replies collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::controller::group::GroupMachine;
use crate::controller::group::config::GroupConfig;
use crate::controller::group::events::{Call, Caller, Event, Reply, Request, text};
use crate::controller::machine::{Effects, LogEntry, Machine, Now, Ticket};
use crate::controller::topics::{Sight, TopicsView};
use crate::model::{TopicId, TopicName};
use crate::wire::messages::join_group_request::JoinGroupRequestProtocol;
use crate::wire::messages::leave_group_request::MemberIdentity;
use crate::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use crate::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::wire::messages::sync_group_request::SyncGroupRequestAssignment;
use crate::wire::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest, SyncGroupRequest,
    SyncGroupResponse, describe_groups_response,
};

/// The histories to play: so many, and a hundred times as many with `OTTLA_LONG_TESTS=1`; others with
/// `OTTLA_FIRST_SEED=n`.
pub fn seeds(count: u64) -> std::ops::Range<u64> {
    let first = std::env::var("OTTLA_FIRST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let times = if std::env::var_os("OTTLA_LONG_TESTS").is_some() { 100 } else { 1 };
    first..first + count * times
}

pub struct NoTopics;

impl TopicsView for NoTopics {
    fn version(&self) -> i64 {
        0
    }

    fn newest_topic(&self) -> i64 {
        0
    }

    fn by_name(&self, _: &str) -> Option<(TopicId, i32)> {
        None
    }

    fn by_id(&self, _: TopicId) -> Option<(TopicName, i32)> {
        None
    }

    fn for_each(&self, _: &mut dyn FnMut(&TopicName, TopicId, i32)) {}
}

pub struct World {
    pub machine: GroupMachine,
    pub config: Arc<GroupConfig>,
    topics: Arc<dyn TopicsView>,
    /// What clients may see of the topics.
    pub sight: Sight,
    pub log: Vec<(Now, LogEntry)>,
    pub replies: BTreeMap<Ticket, Reply>,
    pub now_ms: i64,
    calls: u64,
}

pub fn quick() -> GroupConfig {
    GroupConfig { classic_initial_rebalance_delay_ms: 0, ..GroupConfig::default() }
}

impl World {
    pub fn new(config: GroupConfig) -> Self {
        World::with_topics(config, Arc::new(NoTopics))
    }

    pub fn with_topics(config: GroupConfig, topics: Arc<dyn TopicsView>) -> Self {
        let config = Arc::new(config);
        let mut world = World {
            machine: GroupMachine::new(config.clone(), topics.clone()),
            config,
            topics,
            sight: Sight::default(),
            log: Vec::new(),
            replies: BTreeMap::new(),
            now_ms: 1_000,
            calls: 0,
        };
        world.load();
        world
    }

    pub fn now(&self) -> Now {
        Now { wall_ms: self.now_ms + 1_700_000_000_000, monotonic_ms: self.now_ms }
    }

    fn load(&mut self) {
        let mut effects = Effects::new();
        self.machine.on_loaded(self.now(), &mut effects);
        self.settle(effects);
    }

    /// The machine that a restart would build from the log, before it is told that loading is over.
    pub fn rebuilt(&self) -> GroupMachine {
        let mut machine = GroupMachine::new(self.config.clone(), self.topics.clone());
        for (now, entry) in &self.log {
            machine.apply(*now, entry);
        }
        machine
    }

    /// Everything that was not written is forgotten, and nobody gets an answer any more.
    pub fn crash(&mut self) {
        self.machine = self.rebuilt();
        self.load();
    }

    fn settle(&mut self, effects: Effects<GroupMachine>) {
        let now = self.now();
        for record in effects.records {
            self.machine.apply(now, &record);
            self.log.push((now, record));
        }
        for (ticket, reply) in effects.replies {
            assert!(self.replies.insert(ticket, reply).is_none(), "{ticket:?} answered twice");
        }
    }

    pub fn event(&mut self, event: Event) -> Ticket {
        self.calls += 1;
        let ticket = Ticket(self.calls);
        let mut effects = Effects::new();
        self.machine.handle(self.now(), ticket, event, &mut effects);
        self.settle(effects);
        self.fire();
        ticket
    }

    pub fn topics(&self) -> &dyn TopicsView {
        &*self.topics
    }

    pub fn set_topics(&mut self, topics: Arc<dyn TopicsView>) {
        self.topics = topics.clone();
        let ticket = self.event(Event::MetadataChanged(topics));
        self.replies.remove(&ticket);
    }

    pub fn set_config(&mut self, config: GroupConfig) {
        self.config = Arc::new(config);
        let ticket = self.event(Event::ConfigChanged(self.config.clone()));
        self.replies.remove(&ticket);
    }

    pub fn send(&mut self, api_version: i16, client: &str, request: Request) -> Ticket {
        let caller = Caller {
            api_version,
            client_id: client.into(),
            client_host: "/127.0.0.1".into(),
            sight: self.sight.clone(),
        };
        let fresh_id = Uuid::from_u128(u128::from(self.calls + 1));
        self.event(Event::Call(Box::new(Call { caller, fresh_id, request })))
    }

    /// The answer to something that does not wait.
    pub fn ask(&mut self, api_version: i16, request: Request) -> Reply {
        let ticket = self.send(api_version, "c", request);
        self.replies.remove(&ticket).expect("an answer at once")
    }

    fn fire(&mut self) {
        while self.machine.next_deadline().is_some_and(|at_ms| at_ms <= self.now_ms) {
            let mut effects = Effects::new();
            self.machine.on_timeout(self.now(), &mut effects);
            self.settle(effects);
        }
    }

    pub fn advance(&mut self, by_ms: i64) {
        let until_ms = self.now_ms + by_ms;
        while let Some(at_ms) = self.machine.next_deadline().filter(|at_ms| *at_ms <= until_ms) {
            self.now_ms = self.now_ms.max(at_ms);
            self.fire();
        }
        self.now_ms = until_ms;
    }

    pub fn joined(&mut self, ticket: Ticket) -> JoinGroupResponse {
        match self.replies.remove(&ticket) {
            Some(Reply::JoinGroup(response)) => response,
            other => panic!("no join answered: {other:?}"),
        }
    }

    pub fn synced(&mut self, ticket: Ticket) -> SyncGroupResponse {
        match self.replies.remove(&ticket) {
            Some(Reply::SyncGroup(response)) => response,
            other => panic!("no sync answered: {other:?}"),
        }
    }

    pub fn is_waiting(&self, ticket: Ticket) -> bool {
        !self.replies.contains_key(&ticket)
    }

    /// A member that joins alone or with those that wait: both trips of JoinGroup.
    pub fn enter(&mut self, join: JoinGroupRequest, client: &str) -> Ticket {
        let ticket = self.send(9, client, Request::JoinGroup(join.clone()));
        match self.replies.get(&ticket) {
            Some(Reply::JoinGroup(response)) if response.error_code == 79 => {
                let join = join.with_member_id(response.member_id.clone());
                self.send(9, client, Request::JoinGroup(join))
            }
            _ => ticket,
        }
    }

    /// A group of one, assigned `all`. Gives member and generation.
    pub fn stable(&mut self, join: JoinGroupRequest) -> (String, i32) {
        let group = join.group_id.to_string();
        let ticket = self.enter(join, "a");
        let joined = self.joined(ticket);
        assert_eq!(joined.error_code, 0);
        let member = joined.member_id.to_string();
        let ticket = self.sync(&group, joined.generation_id, &member, &[(&member, "all")]);
        assert_eq!(self.synced(ticket).error_code, 0);
        (member, joined.generation_id)
    }

    pub fn sync(&mut self, group: &str, generation: i32, member: &str, shares: &[(&str, &str)]) -> Ticket {
        self.send(5, "c", Request::SyncGroup(sync(group, generation, member, shares)))
    }

    pub fn beat(&mut self, group: &str, generation: i32, member: &str) -> i16 {
        let request = HeartbeatRequest::default()
            .with_group_id(text(group).into())
            .with_generation_id(generation)
            .with_member_id(text(member));
        match self.ask(4, Request::Heartbeat(request)) {
            Reply::Heartbeat(response) => response.error_code,
            other => panic!("{other:?}"),
        }
    }

    pub fn leave(&mut self, group: &str, member: &str, instance: Option<&str>) -> Vec<i16> {
        let identity =
            MemberIdentity::default().with_member_id(text(member)).with_group_instance_id(instance.map(text));
        let request = LeaveGroupRequest::default().with_group_id(text(group).into()).with_members(vec![identity]);
        match self.ask(5, Request::LeaveGroup(request)) {
            Reply::LeaveGroup(response) => response.members.iter().map(|member| member.error_code).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub fn commit(&mut self, version: i16, request: OffsetCommitRequest) -> i16 {
        match self.ask(version, Request::OffsetCommit(request.into())) {
            Reply::OffsetCommit(response) => response.topics[0].partitions[0].error_code,
            other => panic!("{other:?}"),
        }
    }

    /// Offset and error of one partition.
    pub fn committed(&mut self, group: &str, topic: &str, partition: i32, require_stable: bool) -> (i64, i16) {
        let topics =
            OffsetFetchRequestTopics::default().with_name(text(topic).into()).with_partition_indexes(vec![partition]);
        let group =
            OffsetFetchRequestGroup::default().with_group_id(text(group).into()).with_topics(Some(vec![topics]));
        match self.ask(9, Request::OffsetFetch { group, require_stable }) {
            Reply::OffsetFetch(response) => {
                let partition = &response.topics[0].partitions[0];
                (partition.committed_offset, partition.error_code)
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn describe(&mut self, group: &str) -> describe_groups_response::DescribedGroup {
        match self.ask(6, Request::DescribeGroups(vec![group.into()])) {
            Reply::DescribeGroups(mut groups) => groups.remove(0),
            other => panic!("{other:?}"),
        }
    }
}

pub fn join(group: &str) -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(text(group).into())
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(20_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol("range", b"meta")])
}

pub fn protocol(name: &str, metadata: &'static [u8]) -> JoinGroupRequestProtocol {
    JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(Bytes::from_static(metadata))
}

pub fn sync(group: &str, generation: i32, member: &str, shares: &[(&str, &str)]) -> SyncGroupRequest {
    let assignments = shares
        .iter()
        .map(|(member, share)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(member))
                .with_assignment(Bytes::from(share.to_string()))
        })
        .collect();
    SyncGroupRequest::default()
        .with_group_id(text(group).into())
        .with_generation_id(generation)
        .with_member_id(text(member))
        .with_assignments(assignments)
}

pub fn commit(group: &str, member: &str, generation: i32, topic: &str, offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(text(topic).into()).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(text(group).into())
        .with_member_id(text(member))
        .with_generation_id_or_member_epoch(generation)
        .with_topics(vec![topic])
}
