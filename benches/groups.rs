//! Group coordination without a network: `cargo bench --bench groups [-- FILTER]`. Shows what grows faster than the number
//! of members, commits or groups.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ottla::broker::Broker;
use ottla::clock::SystemClock;
use ottla::config::{BrokerConfig, Origin, Settings};
use ottla::controller::group::GroupMachine;
use ottla::controller::group::config::GroupConfig;
use ottla::controller::group::events::{Call, Caller, Event, Reply, Request, text};
use ottla::controller::machine::{Effects, Machine, Now, Ticket};
use ottla::controller::topics::{Sight, TopicsView};
use ottla::disk::RealDisk;
use ottla::model::{TopicId, TopicName};
use ottla::wire::messages::consumer_group_heartbeat_request::TopicPartitions;
use ottla::wire::messages::join_group_request::JoinGroupRequestProtocol;
use ottla::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla::wire::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla::wire::messages::{
    ConsumerGroupHeartbeatRequest, HeartbeatRequest, JoinGroupRequest, OffsetCommitRequest, SyncGroupRequest,
};
use uuid::Uuid;

const TOPIC: TopicId = TopicId(Uuid::from_u128(7 << 64 | 7));
const PARTITIONS: i32 = 1000;

/// One topic of a thousand partitions.
struct OneTopic;

impl TopicsView for OneTopic {
    fn version(&self) -> i64 {
        1
    }

    fn newest_topic(&self) -> i64 {
        1
    }

    fn by_name(&self, name: &str) -> Option<(TopicId, i32)> {
        (name == "t").then_some((TOPIC, PARTITIONS))
    }

    fn by_id(&self, id: TopicId) -> Option<(TopicName, i32)> {
        (id == TOPIC).then(|| ("t".into(), PARTITIONS))
    }

    fn for_each(&self, visit: &mut dyn FnMut(&TopicName, TopicId, i32)) {
        visit(&"t".into(), TOPIC, PARTITIONS);
    }
}

/// A machine whose records are applied at once.
struct Stage {
    machine: GroupMachine,
    now_ms: i64,
    calls: u64,
    records: usize,
    replies: Vec<(Ticket, Reply)>,
}

impl Stage {
    fn new() -> Stage {
        let config = GroupConfig { classic_initial_rebalance_delay_ms: 0, ..GroupConfig::default() };
        let mut machine = GroupMachine::new(Arc::new(config), Arc::new(OneTopic));
        machine.on_loaded(Now { wall_ms: 1, monotonic_ms: 1 }, &mut Effects::new());
        Stage { machine, now_ms: 1, calls: 0, records: 0, replies: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { wall_ms: 1_700_000_000_000 + self.now_ms, monotonic_ms: self.now_ms }
    }

    fn settle(&mut self, effects: Effects<GroupMachine>) {
        let now = self.now();
        self.records += effects.records.len();
        effects.records.iter().for_each(|record| self.machine.apply(now, record));
        self.replies.extend(effects.replies);
    }

    fn send(&mut self, api_version: i16, request: Request) -> Ticket {
        self.calls += 1;
        let ticket = Ticket(self.calls);
        let event = call(api_version, u128::from(self.calls), request);
        let mut effects = Effects::new();
        self.machine.handle(self.now(), ticket, event, &mut effects);
        self.settle(effects);
        while self.machine.next_deadline().is_some_and(|at_ms| at_ms <= self.now_ms) {
            let mut effects = Effects::new();
            self.machine.on_timeout(self.now(), &mut effects);
            self.settle(effects);
        }
        ticket
    }

    fn ask(&mut self, api_version: i16, request: Request) -> Reply {
        self.send(api_version, request);
        self.replies.pop().expect("an answer at once").1
    }
}

fn call(api_version: i16, fresh: u128, request: Request) -> Event {
    let caller =
        Caller { api_version, client_id: "c".into(), client_host: "/127.0.0.1".into(), sight: Sight::default() };
    Event::Call(Box::new(Call { caller, fresh_id: Uuid::from_u128(fresh), request }))
}

fn commit(group: &str, partitions: std::ops::Range<i32>, offset: i64) -> Request {
    let partitions = partitions
        .map(|index| OffsetCommitRequestPartition::default().with_partition_index(index).with_committed_offset(offset));
    let topic = OffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(partitions.collect());
    Request::OffsetCommit(
        OffsetCommitRequest::default()
            .with_group_id(text(group).into())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic])
            .into(),
    )
}

fn show(what: &str, began: Instant, count: usize, unit: &str) {
    let took = began.elapsed();
    let each_us = took.as_secs_f64() * 1e6 / count.max(1) as f64;
    println!("{what:55} {:9.1} ms  {each_us:9.2} us a {unit}", took.as_secs_f64() * 1e3);
}

/// All members join, the leader assigns, all sync.
fn classic_group(members: usize) {
    let mut stage = Stage::new();
    let began = Instant::now();
    let mut ids = Vec::new();
    let join = |id: &str| {
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(Bytes::from_static(
            b"\0\x03\0\0\0\x01\0\x01t\xff\xff\xff\xff\0\0\0\0\xff\xff\xff\xff\xff\xff",
        ));
        Request::JoinGroup(
            JoinGroupRequest::default()
                .with_group_id(text("g").into())
                .with_member_id(text(id))
                .with_session_timeout_ms(45_000)
                .with_rebalance_timeout_ms(300_000)
                .with_protocol_type(text("consumer"))
                .with_protocols(vec![protocol]),
        )
    };
    for _ in 0..members {
        let Reply::JoinGroup(given) = stage.ask(9, join("")) else { panic!("an id") };
        ids.push(given.member_id);
    }
    ids.iter().for_each(|id| {
        stage.send(9, join(id));
    });
    // Members that were there before the others are called again.
    for _ in 0..3 {
        let done: Vec<_> = stage.replies.drain(..).collect();
        for (_, reply) in done {
            if let Reply::JoinGroup(joined) = reply
                && joined.error_code == 0
            {
                stage.send(9, join(&joined.member_id));
            }
        }
    }
    let generation = stage.machine.store().classic("g").map_or(0, |group| group.generation());
    let assignments = ids.iter().map(|id| {
        SyncGroupRequestAssignment::default().with_member_id(id.clone()).with_assignment(Bytes::from_static(b"some"))
    });
    let assignments: Vec<_> = assignments.collect();
    let leader = stage.machine.store().classic("g").and_then(|group| group.leader().cloned());
    for id in &ids {
        let is_leader = leader.as_deref() == Some(&**id);
        let sync = SyncGroupRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id(generation)
            .with_member_id(id.clone())
            .with_assignments(if is_leader { assignments.clone() } else { Vec::new() });
        stage.send(5, Request::SyncGroup(sync));
    }
    let state = stage.machine.store().classic("g").map(|group| group.state());
    show(&format!("classic group, {members} members until {state:?}"), began, members, "member");

    let began = Instant::now();
    for id in &ids {
        let beat = HeartbeatRequest::default()
            .with_group_id(text("g").into())
            .with_generation_id(generation)
            .with_member_id(id.clone());
        stage.ask(4, Request::Heartbeat(beat));
    }
    show(&format!("classic group, {members} members, a heartbeat each"), began, members, "heartbeat");
}

/// Members join one after the other, a beat of everyone after it, until all have what they are to have.
fn consumer_group(members: usize) {
    let mut stage = Stage::new();
    let ids: Vec<String> = (0..members).map(|n| format!("member-{n}")).collect();
    let mut epochs = vec![0; members];
    let mut owned: Vec<Option<Vec<TopicPartitions>>> = vec![Some(Vec::new()); members];
    let began = Instant::now();
    let mut beats = 0;
    let mut rounds = 0;
    loop {
        let mut settled = true;
        for (n, id) in ids.iter().enumerate() {
            let is_join = epochs[n] == 0;
            let request = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(text("g").into())
                .with_member_id(text(id))
                .with_member_epoch(epochs[n])
                .with_rebalance_timeout_ms(if is_join { 300_000 } else { -1 })
                .with_subscribed_topic_names(is_join.then(|| vec![text("t").into()]))
                .with_topic_partitions(owned[n].take());
            beats += 1;
            let Reply::ConsumerGroupHeartbeat(answer) = stage.ask(1, Request::ConsumerGroupHeartbeat(request)) else {
                panic!("another answer")
            };
            assert_eq!(answer.error_code, 0);
            settled &= epochs[n] == answer.member_epoch && answer.assignment.is_none();
            epochs[n] = answer.member_epoch;
            owned[n] = answer.assignment.map(|assignment| {
                let own = |topic: ottla::wire::messages::consumer_group_heartbeat_response::TopicPartitions| {
                    TopicPartitions::default().with_topic_id(topic.topic_id).with_partitions(topic.partitions)
                };
                assignment.topic_partitions.into_iter().map(own).collect()
            });
        }
        rounds += 1;
        stage.now_ms += 1000;
        if settled {
            break;
        }
    }
    let what = format!("consumer group, {members} members in {rounds} rounds of beats");
    show(&what, began, beats, "beat");
}

fn commits() {
    let mut stage = Stage::new();
    let groups: Vec<String> = (0..1000).map(|n| format!("group-{n}")).collect();
    let began = Instant::now();
    for round in 0..100 {
        groups.iter().for_each(|group| {
            stage.ask(9, commit(group, 0..1, round));
        });
    }
    show("commits of one partition, decided and applied", began, 100_000, "commit");
}

fn start(dir: &std::path::Path, offsets_partitions: &str) -> Arc<Broker> {
    let mut settings = Settings::new();
    let all = [
        ("node.id", "1"),
        ("log.dirs", dir.to_str().expect("UTF-8")),
        ("offsets.topic.num.partitions", offsets_partitions),
    ];
    all.into_iter().for_each(|(key, value)| settings.set(key, value, Origin::CommandLine));
    let config = BrokerConfig::read(settings).0.expect("sound settings");
    ottla::broker::start::start(config, Arc::new(SystemClock::new()), Arc::new(RealDisk)).expect("a broker")
}

/// A million commits of so many groups, written in one life of the broker and loaded in the next.
fn loading(runtime: &tokio::runtime::Runtime, groups: i64, offsets_partitions: &str) {
    const COMMITS: i64 = 1_000_000;
    let dir = tempfile::tempdir().expect("a directory");
    let names: Vec<String> = (0..groups).map(|n| format!("group-{n}")).collect();
    let at_once = (COMMITS / groups).min(1000) as i32;
    let what = format!("{groups} groups, {at_once} commits a request, {offsets_partitions} partitions");
    runtime.block_on(async {
        let broker = start(dir.path(), offsets_partitions);
        broker.create_missing(vec!["__consumer_offsets".into()]).await;
        let began = Instant::now();
        let mut asked = Vec::new();
        for round in 0..COMMITS / groups / i64::from(at_once) {
            for group in &names {
                let shard = broker.groups().shard_of(group).expect("a shard");
                asked.push(tokio::spawn(shard.ask(call(9, 0, commit(group, 0..at_once, round)))));
            }
        }
        for asked in asked {
            asked.await.expect("a live task").expect("an answer");
        }
        show(&format!("write: {what}"), began, COMMITS as usize, "commit");
    });
    runtime.block_on(async {
        let broker = start(dir.path(), offsets_partitions);
        let began = Instant::now();
        for shard in broker.groups().shards() {
            let list = || call(5, 0, Request::ListGroups { states: Vec::new(), types: Vec::new() });
            while shard.ask(list()).await.is_err() {}
        }
        show(&format!("load:  {what}"), began, COMMITS as usize, "commit");
    });
}

/// Commits of one partition, each sent when one of so many on their way is answered.
fn in_flight(runtime: &tokio::runtime::Runtime, clients: usize) {
    const COMMITS: usize = 200_000;
    let dir = tempfile::tempdir().expect("a directory");
    runtime.block_on(async {
        let broker = start(dir.path(), "50");
        broker.create_missing(vec!["__consumer_offsets".into()]).await;
        let count = COMMITS / clients;
        let began = Instant::now();
        let clients: Vec<_> = (0..clients)
            .map(|n| {
                let broker = broker.clone();
                tokio::spawn(async move {
                    let group = format!("group-{n}");
                    for offset in 0..count {
                        let shard = broker.groups().shard_of(&group).expect("a shard");
                        let request = call(9, 0, commit(&group, 0..1, offset as i64));
                        while shard.ask(request_again(&request)).await.is_err() {}
                    }
                })
            })
            .collect();
        let at_once = clients.len();
        for client in clients {
            client.await.expect("a live task");
        }
        show(&format!("{at_once} durable commits in flight"), began, at_once * count, "commit");
    });
}

fn request_again(event: &Event) -> Event {
    match event {
        Event::Call(call) => Event::Call(call.clone()),
        _ => unreachable!("calls are all that is sent"),
    }
}

fn main() {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let wants = |name: &str| name.contains(&filter);
    if wants("classic") {
        [200, 1000, 4000].into_iter().for_each(classic_group);
    }
    if wants("consumer") {
        [200, 1000, 2000].into_iter().for_each(consumer_group);
    }
    if wants("commits") {
        commits();
    }
    if wants("load") {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        [1, 16, 256, 4096].into_iter().for_each(|clients| in_flight(&runtime, clients));
        loading(&runtime, 1000, "1");
        loading(&runtime, 100_000, "1");
        loading(&runtime, 1000, "50");
    }
}
