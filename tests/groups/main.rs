//! A classic group over loopback, on the wire's own messages, and through a restart of the broker.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable};
use ottla::broker::Broker;
use ottla::clock::SystemClock;
use ottla::config::{BrokerConfig, Origin, Settings};
use ottla::disk::real::RealDisk;
use ottla::server::Server;
use ottla::wire::codec::{self, WireRequest, WireResponse};
use ottla::wire::messages::create_topics_request::CreatableTopic;
use ottla::wire::messages::join_group_request::JoinGroupRequestProtocol;
use ottla::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use ottla::wire::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla::wire::messages::txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic};
use ottla::wire::messages::update_features_request::FeatureUpdateKey;
use ottla::wire::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, EndTxnRequest, EndTxnResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse, InitProducerIdRequest, InitProducerIdResponse,
    JoinGroupRequest, JoinGroupResponse, ListGroupsRequest, ListGroupsResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, StrBytes, SyncGroupRequest, SyncGroupResponse,
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

struct Running {
    stream: TcpStream,
    _server: Server,
    _broker: Arc<Broker>,
    _runtime: tokio::runtime::Runtime,
}

fn start(dir: &Path) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let mut settings = Settings::new();
    let all = [
        ("node.id", "1"),
        ("log.dirs", dir.to_str().unwrap()),
        ("group.initial.rebalance.delay.ms", "0"),
        ("offsets.topic.num.partitions", "3"),
    ];
    for (key, value) in all {
        settings.set(key, value, Origin::CommandLine);
    }
    let config = BrokerConfig::read(settings).0.unwrap();
    let broker = ottla::broker::start::start(config, Arc::new(SystemClock::new()), Arc::new(RealDisk)).unwrap();
    let server = Server::new(broker.clone());
    let address = server.listen("PLAINTEXT", "127.0.0.1:0".parse().unwrap(), 50).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    Running { stream, _server: server, _broker: broker, _runtime: runtime }
}

impl Running {
    fn ask<Q: WireRequest + Encodable, R: WireResponse + Decodable>(&mut self, version: i16, request: &Q) -> R {
        self.stream.write_all(&codec::encode_request(1, Some("me"), version, request).unwrap()).unwrap();
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).unwrap();
        let mut body = vec![0; i32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut body).unwrap();
        codec::decode_reply::<R>(version, Bytes::from(body)).unwrap().1
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

fn create_topic(running: &mut Running) {
    let topic = CreatableTopic::default().with_name(text("t").into()).with_num_partitions(1).with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    let created: CreateTopicsResponse = running.ask(7, &request);
    assert_eq!(created.topics[0].error_code, 0);
}

fn join(running: &mut Running, member: StrBytes) -> JoinGroupResponse {
    let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
    let request = JoinGroupRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(member)
        .with_session_timeout_ms(60_000)
        .with_rebalance_timeout_ms(60_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    running.ask(9, &request)
}

fn committed(running: &mut Running) -> i64 {
    let topic = OffsetFetchRequestTopics::default().with_name(text("t").into()).with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default().with_group_id(text("g").into()).with_topics(Some(vec![topic]));
    let fetched: OffsetFetchResponse = running.ask(9, &OffsetFetchRequest::default().with_groups(vec![group]));
    fetched.groups[0].topics[0].partitions[0].committed_offset
}

fn beat(running: &mut Running, member: &StrBytes, generation: i32) -> i16 {
    let request = HeartbeatRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(member.clone())
        .with_generation_id(generation);
    running.ask::<_, HeartbeatResponse>(4, &request).error_code
}

#[test]
fn a_member_joins_commits_and_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start(dir.path());
    create_topic(&mut running);
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]);
    let mut find = || -> FindCoordinatorResponse { running.ask(4, &find) };
    let mut found = find();
    assert_eq!(found.coordinators[0].error_code, 15, "the topic is made behind the answer");
    while found.coordinators[0].error_code == 15 {
        found = find();
    }
    assert_eq!((found.coordinators[0].error_code, found.coordinators[0].node_id.0), (0, 1));

    let given = join(&mut running, text(""));
    assert_eq!(given.error_code, 79, "a new member is given an id first");
    let joined = join(&mut running, given.member_id);
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    let share = SyncGroupRequestAssignment::default()
        .with_member_id(joined.member_id.clone())
        .with_assignment(Bytes::from_static(b"mine"));
    let sync = SyncGroupRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id(1)
        .with_member_id(joined.member_id.clone())
        .with_protocol_type(Some(text("consumer")))
        .with_protocol_name(Some(text("range")))
        .with_assignments(vec![share]);
    let synced: SyncGroupResponse = running.ask(5, &sync);
    assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"mine"[..]));

    let partition = OffsetCommitRequestPartition::default().with_committed_offset(42);
    let topic = OffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(vec![partition]);
    let commit = OffsetCommitRequest::default()
        .with_group_id(text("g").into())
        .with_member_id(joined.member_id.clone())
        .with_generation_id_or_member_epoch(1)
        .with_topics(vec![topic]);
    let answered: OffsetCommitResponse = running.ask(9, &commit);
    assert_eq!(answered.topics[0].partitions[0].error_code, 0);
    drop(running);

    let mut again = start(dir.path());
    assert_eq!(committed(&mut again), 42);
    assert_eq!(beat(&mut again, &joined.member_id, 1), 0, "the generation was written down");
    let listed: ListGroupsResponse = again.ask(5, &ListGroupsRequest::default());
    assert_eq!(listed.groups.len(), 1);
    assert_eq!((&*listed.groups[0].group_state, &*listed.groups[0].group_type), ("Stable", "classic"));
}

/// A commit without a member; what is refused for now is asked again.
fn commit_by_hand(running: &mut Running, offset: i64) {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(vec![partition]);
    let commit = OffsetCommitRequest::default()
        .with_group_id(text("g").into())
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]);
    for _ in 0..1000 {
        let _: FindCoordinatorResponse = running.ask(4, &find);
        let answered: OffsetCommitResponse = running.ask(9, &commit);
        if answered.topics[0].partitions[0].error_code == 0 {
            return;
        }
    }
    panic!("the commit is never taken");
}

#[test]
fn groups_begin_anew_when_their_topic_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start(dir.path());
    create_topic(&mut running);
    commit_by_hand(&mut running, 41);
    let delete = DeleteTopicsRequest::default().with_topic_names(vec![text("__consumer_offsets").into()]);
    let deleted: DeleteTopicsResponse = running.ask(5, &delete.with_timeout_ms(10_000));
    assert_eq!(deleted.responses[0].error_code, 0);
    commit_by_hand(&mut running, 42);
    assert_eq!(committed(&mut running), 42);
}

/// The coordinator of `kind`, once it is there.
fn await_coordinator(running: &mut Running, kind: i8, key: &str) {
    let find = FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(vec![text(key)]);
    while running.ask::<_, FindCoordinatorResponse>(4, &find).coordinators[0].error_code != 0 {}
}

#[test]
fn offsets_join_a_transaction_while_the_one_before_is_still_being_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start(dir.path());
    create_topic(&mut running);
    await_coordinator(&mut running, 0, "g");
    await_coordinator(&mut running, 1, "tx");
    let init = InitProducerIdRequest::default()
        .with_transactional_id(Some(text("tx").into()))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    let mine: InitProducerIdResponse = running.ask(5, &init);
    assert_eq!(mine.error_code, 0);
    let (mut id, mut epoch) = (mine.producer_id, mine.producer_epoch);
    for offset in 1..100 {
        let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = TxnOffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(vec![partition]);
        let commit = TxnOffsetCommitRequest::default()
            .with_transactional_id(text("tx").into())
            .with_group_id(text("g").into())
            .with_producer_id(id)
            .with_producer_epoch(epoch)
            .with_generation_id(-1)
            .with_topics(vec![topic]);
        // The end before is decided and acknowledged; its marker for the offsets may be yet to come.
        let answered: TxnOffsetCommitResponse = running.ask(5, &commit);
        assert_eq!(answered.topics[0].partitions[0].error_code, 0, "offset {offset}");
        let end = EndTxnRequest::default()
            .with_transactional_id(text("tx").into())
            .with_producer_id(id)
            .with_producer_epoch(epoch)
            .with_committed(true);
        let ended: EndTxnResponse = running.ask(5, &end);
        assert_eq!(ended.error_code, 0);
        (id, epoch) = (ended.producer_id, ended.producer_epoch);
    }
    while committed(&mut running) != 99 {}
}

#[test]
fn without_its_feature_the_new_protocol_is_not_spoken() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = start(dir.path());
    create_topic(&mut running);
    commit_by_hand(&mut running, 41);
    let join = |running: &mut Running| -> i16 {
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(text("new").into())
            .with_member_id(text("me"))
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec![text("t").into()]))
            .with_topic_partitions(Some(Vec::new()));
        running.ask::<_, ConsumerGroupHeartbeatResponse>(1, &request).error_code
    };
    const UNSUPPORTED_VERSION: i16 = 35;
    assert_ne!(join(&mut running), UNSUPPORTED_VERSION);
    let off =
        FeatureUpdateKey::default().with_feature(text("group.version")).with_max_version_level(0).with_upgrade_type(2);
    let updated: UpdateFeaturesResponse =
        running.ask(2, &UpdateFeaturesRequest::default().with_feature_updates(vec![off]).with_timeout_ms(10_000));
    assert_eq!(updated.error_code, 0);
    assert_eq!(join(&mut running), UNSUPPORTED_VERSION);
}
