//! The driver on real partitions: what is answered is in the log, and what is in the log comes back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::broker::Broker;
use crate::broker::durability::GroupCommit;
use crate::broker::groups::OFFSETS_TOPIC;
use crate::broker::partition::Partition;
use crate::clock::SystemClock;
use crate::config::{BrokerConfig, Origin, Settings};
use crate::controller::group::events::{Call, Caller, Event, Reply, Request, text};
use crate::controller::machine::{Producer, TxnMarker};
use crate::controller::topics::Sight;
use crate::disk::Disk;
use crate::disk::real::RealDisk;
use crate::disk::sim::SimDisk;
use crate::log::{Handles, LogConfig, LogEnv, Opening, PartitionLog};
use crate::model::{ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicId, TopicPartition};
use crate::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use crate::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::wire::messages::txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic};
use crate::wire::messages::{OffsetCommitRequest, TxnOffsetCommitRequest};

struct Stage {
    broker: Arc<Broker>,
    partition: Arc<Partition>,
    commit: Arc<GroupCommit>,
    /// The broker's own; the partition lies where the test says.
    _dir: tempfile::TempDir,
}

/// A broker whose offsets topic has one partition, new or found again as a crash left it, and loaded.
async fn stage(disk: Arc<dyn Disk>, dir: &Path, fresh: bool, settings: &[(&str, &str)]) -> Stage {
    let own = tempfile::tempdir().unwrap();
    let mut all = Settings::new();
    for (key, value) in [("node.id", "1"), ("log.dirs", own.path().to_str().unwrap())].iter().chain(settings) {
        all.set(*key, *value, Origin::CommandLine);
    }
    let config = BrokerConfig::read(all).0.unwrap();
    let topic = config.topic(&Default::default());
    let broker = crate::broker::start::start(config, Arc::new(SystemClock::new()), Arc::new(RealDisk)).unwrap();
    let commit = Arc::new(GroupCommit::new(disk.clone(), dir.to_path_buf()));
    let id = TopicId(Uuid::from_u128(1));
    let env = LogEnv {
        handles: Handles::new(disk, 16),
        dir: dir.join(format!("{OFFSETS_TOPIC}-0")),
        topic_partition: TopicPartition::new(OFFSETS_TOPIC, 0),
        topic_id: id,
        config: Arc::new(LogConfig { verify_transactions: false, ..LogConfig::default() }),
        jitter_seed: 0,
    };
    let opening = Opening { clean: fresh, ..Opening::fresh(0) };
    let log = if fresh { PartitionLog::create(env, 0) } else { PartitionLog::open(env, opening) };
    let partition = Partition::new(log.unwrap(), LeaderEpoch(0), Arc::new(topic), commit.clone());
    broker.partitions().put(OFFSETS_TOPIC.into(), id, vec![(0, Some(partition.clone()))]);
    let stage = Stage { broker, partition, commit, _dir: own };
    stage.committed("nobody").await;
    stage
}

fn event(request: Request) -> Event {
    let caller = Caller { api_version: 8, client_id: "c".into(), client_host: "/h".into(), sight: Sight::default() };
    Event::Call(Box::new(Call { caller, fresh_id: Uuid::nil(), request }))
}

fn commit(group: &str, offset: i64) -> Event {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(vec![partition]);
    event(Request::OffsetCommit(
        OffsetCommitRequest::default()
            .with_group_id(text(group).into())
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic])
            .into(),
    ))
}

fn commit_in_transaction(group: &str, epoch: i16, offset: i64) -> Event {
    let partition = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = TxnOffsetCommitRequestTopic::default().with_name(text("t").into()).with_partitions(vec![partition]);
    event(Request::TxnOffsetCommit(
        TxnOffsetCommitRequest::default()
            .with_group_id(text(group).into())
            .with_producer_id(7.into())
            .with_producer_epoch(epoch)
            .with_generation_id(-1)
            .with_topics(vec![topic]),
    ))
}

fn marker(epoch: i16, commit: bool) -> Event {
    let producer = Producer { id: ProducerId(7), epoch: ProducerEpoch(epoch) };
    Event::TxnMarker(TxnMarker { producer, coordinator_epoch: 0, commit, transaction_version: 0 })
}

impl Stage {
    async fn ask(&self, event: Event) -> Result<Reply, ErrorCode> {
        let shard = self.broker.groups().shard(0).unwrap();
        tokio::time::timeout(Duration::from_secs(60), shard.ask(event)).await.expect("an answer")
    }

    async fn committed(&self, group: &str) -> i64 {
        let topic = OffsetFetchRequestTopics::default().with_name(text("t").into()).with_partition_indexes(vec![0]);
        let group = OffsetFetchRequestGroup::default().with_group_id(text(group).into()).with_topics(Some(vec![topic]));
        loop {
            let group = group.clone();
            match self.ask(event(Request::OffsetFetch { group, require_stable: false })).await {
                Ok(Reply::OffsetFetch(answer)) => return answer.topics[0].partitions[0].committed_offset,
                // On a busy machine loading may take longer than a client waits for at once.
                Err(ErrorCode::CoordinatorLoadInProgress) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_was_answered_is_found_again_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let first = stage(disk.clone(), dir.path(), true, &[]).await;
    for group in 0..20 {
        let answered = first.ask(commit(&format!("g{group}"), group)).await;
        assert!(matches!(answered, Ok(Reply::OffsetCommit(_))));
    }
    assert!(first.partition.durable() >= Offset(20));
    drop(first);

    let second = stage(disk, dir.path(), false, &[]).await;
    for group in 0..20 {
        assert_eq!(second.committed(&format!("g{group}")).await, group);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_shares_appends_and_syncs() {
    const CROWD: i64 = 500;
    let dir = tempfile::tempdir().unwrap();
    let stage = stage(Arc::new(RealDisk), dir.path(), true, &[]).await;
    stage.ask(commit("warm", 1)).await.unwrap();
    let rounds = stage.commit.rounds();
    let shard = stage.broker.groups().shard(0).unwrap();
    // All are in the queue before any is waited for.
    let asking: Vec<_> = (0..CROWD).map(|n| shard.ask(commit(&format!("g{n}"), n))).collect();
    for asked in asking {
        assert!(matches!(asked.await, Ok(Reply::OffsetCommit(_))));
    }
    assert_eq!(stage.committed("g499").await, 499);
    let rounds = stage.commit.rounds() - rounds;
    assert!(rounds < CROWD as u64 / 4, "{rounds} syncs for {CROWD} commits");
}

#[tokio::test]
async fn a_fenced_producer_is_refused_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let stage = stage(Arc::new(RealDisk), dir.path(), true, &[]).await;
    stage.ask(commit_in_transaction("g", 1, 10)).await.unwrap();
    assert_eq!(stage.ask(commit_in_transaction("g", 0, 99)).await.unwrap_err(), ErrorCode::InvalidProducerEpoch);
    assert_eq!(stage.ask(marker(0, true)).await.unwrap_err(), ErrorCode::InvalidProducerEpoch);
    assert_eq!(stage.committed("g").await, -1);
    stage.ask(commit("other", 5)).await.unwrap();
    stage.ask(marker(1, true)).await.unwrap();
    assert_eq!(stage.committed("g").await, 10);
    assert_eq!(stage.partition.ends().last_stable(), stage.partition.ends().high_watermark);
}

#[tokio::test]
async fn open_transactions_are_loaded_as_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let first = stage(disk.clone(), dir.path(), true, &[]).await;
    first.ask(commit_in_transaction("g", 0, 10)).await.unwrap();
    first.ask(marker(0, true)).await.unwrap();
    first.ask(commit_in_transaction("g", 0, 20)).await.unwrap();
    first.ask(marker(0, false)).await.unwrap();
    first.ask(commit_in_transaction("g", 0, 30)).await.unwrap();
    drop(first);
    let second = stage(disk, dir.path(), false, &[]).await;
    assert_eq!(second.committed("g").await, 10);
    second.ask(marker(0, true)).await.unwrap();
    assert_eq!(second.committed("g").await, 30);
}

#[tokio::test]
async fn from_the_page_cache_nobody_waits_for_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let stage = stage(Arc::new(RealDisk), dir.path(), true, &[("ottla.acks.all", "page-cache")]).await;
    stage.ask(commit("g", 5)).await.unwrap();
    assert_eq!(stage.committed("g").await, 5);
    assert_eq!(stage.commit.rounds(), 0);
}

#[tokio::test]
async fn when_the_disk_fails_nothing_is_acknowledged_any_more() {
    let sim = SimDisk::new();
    let stage = stage(Arc::new(sim.clone()), Path::new("/d"), true, &[]).await;
    stage.ask(commit("g", 5)).await.unwrap();
    sim.fail_next_sync(OFFSETS_TOPIC);
    assert_eq!(stage.ask(commit("g", 6)).await.unwrap_err(), ErrorCode::NotCoordinator);
    assert_eq!(stage.ask(commit("g", 7)).await.unwrap_err(), ErrorCode::NotCoordinator);
}

#[tokio::test]
async fn what_was_answered_survives_the_loss_of_power() {
    let sim = SimDisk::new();
    sim.create_dir_all(Path::new("/d")).unwrap();
    sim.sync_dir(Path::new("/")).unwrap();
    let first = stage(sim.shared(), Path::new("/d"), true, &[]).await;
    for offset in 0..30 {
        first.ask(commit("g", offset)).await.unwrap();
    }
    for seed in 0..20 {
        let second = stage(sim.crash_image(seed).shared(), Path::new("/d"), false, &[]).await;
        assert_eq!(second.committed("g").await, 29, "seed {seed}");
    }
}

#[tokio::test]
async fn a_write_that_fails_is_not_acknowledged_and_the_machine_goes_back_to_its_log() {
    let sim = SimDisk::new();
    let stage = stage(sim.shared(), Path::new("/d"), true, &[]).await;
    stage.ask(commit("g", 5)).await.unwrap();
    sim.fill_on_next_write(OFFSETS_TOPIC);
    assert_eq!(stage.ask(commit("g", 6)).await.unwrap_err(), ErrorCode::NotCoordinator);
    assert_eq!(stage.committed("g").await, 5);
    stage.ask(commit("g", 7)).await.unwrap();
    assert_eq!(stage.committed("g").await, 7);
}

#[tokio::test]
async fn a_key_without_a_topic_has_no_coordinator() {
    let dir = tempfile::tempdir().unwrap();
    let stage = stage(Arc::new(RealDisk), dir.path(), true, &[]).await;
    assert!(stage.broker.groups().shard(1).is_err());
    stage.broker.partitions().remove(OFFSETS_TOPIC, TopicId(Uuid::from_u128(1)));
    assert_eq!(stage.broker.groups().partition_of("g"), None);
}
