use std::io;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::broker::acks::{AckGroup, AllDurable};
use crate::broker::partition::Partition;
use crate::config::{BrokerConfig, Origin, Settings};
use crate::disk::SimDisk;
use crate::disk::sim::Op;
use crate::log::{Handles, LogConfig, LogEnv, Origin as Writer, PartitionLog};
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{ErrorCode, LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::records::{BatchBuilder, BatchHeader, ValidBatch};

const DIR: &str = "/d";

/// A commit queue and partitions on a simulated disk, whose first sync has been.
struct Stage {
    sim: SimDisk,
    commit: Arc<GroupCommit>,
    partitions: Vec<Arc<Partition>>,
}

fn batch() -> ValidBatch {
    let mut builder = BatchBuilder::new(Offset(0));
    builder.append(1, None, Some(b"value"), &[]);
    let bytes = builder.build();
    ValidBatch {
        header: BatchHeader::parse(&bytes).unwrap(),
        payload: bytes.slice(BATCH_HEADER_BYTES..),
        record_count: 1,
        max_timestamp: 1,
        offset_delta_of_max_timestamp: 0,
        log_append_ms: None,
    }
}

async fn stage(count: i32) -> Stage {
    let sim = SimDisk::new();
    sim.create_dir_all(Path::new(DIR)).unwrap();
    let mut settings = Settings::new();
    settings.set("node.id", "1", Origin::CommandLine);
    let topic = Arc::new(BrokerConfig::read(settings).0.unwrap().topic(&Default::default()));
    let commit = Arc::new(GroupCommit::new(sim.shared(), DIR.into()));
    let handles = Handles::new(sim.shared(), 8);
    let partition = |n: i32| {
        let name = TopicPartition::new("t", n);
        let env = LogEnv {
            handles: handles.clone(),
            dir: Path::new(DIR).join(name.to_string()),
            topic_partition: name,
            topic_id: TopicId(Uuid::from_u128(1)),
            config: Arc::new(LogConfig::default()),
            jitter_seed: 0,
        };
        let log = PartitionLog::create(env, 0).unwrap();
        Partition::new(log, LeaderEpoch(0), topic.clone(), commit.clone())
    };
    let stage = Stage { sim: sim.clone(), partitions: (0..count).map(partition).collect(), commit: commit.clone() };
    let group = stage.append_to_all();
    assert_eq!(AllDurable(group).await, vec![]);
    sim.take_trace();
    stage
}

impl Stage {
    fn append(&self, n: usize, group: &Arc<AckGroup>) {
        let appended = self.partitions[n].append(&batch(), None, Writer::Client, 1, false).unwrap();
        self.partitions[n].when_durable(appended.last_offset.plus(1), n, group);
    }

    fn append_to_all(&self) -> Arc<AckGroup> {
        let group = AckGroup::new();
        (0..self.partitions.len()).for_each(|n| self.append(n, &group));
        group
    }

    /// A round that has begun with this partition and cannot end before syncs are let go.
    fn begin_round(&self, n: usize) -> Arc<AckGroup> {
        self.sim.hold_syncs(true);
        let group = AckGroup::new();
        self.append(n, &group);
        self.sim.wait_for_held_syncs(1);
        group
    }

    fn syncs(&self) -> Vec<String> {
        let path = |op: Op| match op {
            Op::SyncData(path) | Op::SyncDir(path) => Some(path.display().to_string()),
            Op::SyncFileSystem => Some("all".into()),
            _ => None,
        };
        self.sim.take_trace().into_iter().filter_map(path).collect()
    }
}

#[tokio::test]
async fn whoever_comes_while_a_sync_is_under_way_shares_the_next() {
    let stage = stage(3).await;
    let rounds = stage.commit.rounds();
    let first = stage.begin_round(0);
    let crowd: Vec<Arc<AckGroup>> = (0..10).map(|_| stage.append_to_all()).collect();
    assert!(!first.is_complete());
    stage.sim.hold_syncs(false);
    for group in crowd.into_iter().chain([first]) {
        assert_eq!(AllDurable(group).await, vec![]);
    }
    assert_eq!(stage.commit.rounds() - rounds, 2);
    let mut synced = stage.syncs();
    assert_eq!(synced.len(), 1 + 3, "{synced:?}");
    synced.sort();
    synced.dedup();
    assert_eq!(synced.len(), 3);
}

#[tokio::test]
async fn a_burst_over_many_partitions_is_one_round() {
    let stage = stage(100).await;
    let rounds = stage.commit.rounds();
    let first = stage.begin_round(0);
    let burst = stage.append_to_all();
    stage.sim.hold_syncs(false);
    assert_eq!(AllDurable(first).await, vec![]);
    assert_eq!(AllDurable(burst).await, vec![]);
    assert_eq!(stage.commit.rounds() - rounds, 2);
    assert_eq!(stage.syncs(), ["/d/t-0/00000000000000000000.log", "all"]);
}

#[tokio::test]
async fn a_burst_does_not_wait_for_what_others_have_to_write() {
    let stage = stage(100).await;
    stage.sim.set_others_unwritten(1 << 30);
    let first = stage.begin_round(0);
    let burst = stage.append_to_all();
    stage.sim.hold_syncs(false);
    assert_eq!(AllDurable(first).await, vec![]);
    assert_eq!(AllDurable(burst).await, vec![]);
    let synced = stage.syncs();
    assert!(synced.len() == 101 && !synced.contains(&"all".to_string()), "{synced:?}");
}

#[tokio::test]
async fn a_failed_sync_of_everything_fails_everyone() {
    let stage = stage(40).await;
    let first = stage.begin_round(0);
    let burst = stage.append_to_all();
    stage.sim.let_held_syncs_go();
    assert_eq!(AllDurable(first).await, vec![]);
    stage.sim.wait_for_held_syncs(1);
    stage.sim.fail_next_sync("");
    stage.sim.hold_syncs(false);
    assert_eq!(AllDurable(burst).await.len(), 40);
    assert!(stage.commit.is_offline());
}

#[tokio::test]
async fn files_of_one_round_are_waited_for_together() {
    let stage = stage(20).await;
    stage.sim.set_others_unwritten(1 << 30);
    let first = stage.begin_round(0);
    let crowd = stage.append_to_all();
    // The first round holds one sync; once it is through, the second holds as many as there are threads.
    stage.sim.let_held_syncs_go();
    assert_eq!(AllDurable(first).await, vec![]);
    stage.sim.wait_for_held_syncs(8);
    stage.sim.hold_syncs(false);
    assert_eq!(AllDurable(crowd).await, vec![]);
}

#[tokio::test]
async fn a_failed_sync_fails_everyone_and_is_never_tried_again() {
    let stage = stage(3).await;
    stage.sim.fail_next_sync("t-1");
    let first = stage.begin_round(0);
    let group = stage.append_to_all();
    stage.sim.hold_syncs(false);
    assert_eq!(AllDurable(first).await, vec![]);
    let failed: Vec<ErrorCode> = AllDurable(group).await.into_iter().map(|(_, code)| code).collect();
    assert_eq!(failed, [ErrorCode::KafkaStorageError; 3]);
    assert!(stage.commit.is_offline() && stage.partitions.iter().all(|p| p.is_offline()));
    stage.syncs();
    let group = AckGroup::new();
    stage.partitions[2].request_sync();
    stage.partitions[2].when_durable(Offset(100), 0, &group);
    assert_eq!(AllDurable(group).await, vec![(0, ErrorCode::KafkaStorageError)]);
    assert_eq!(stage.syncs(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_deleted_during_a_sync_does_no_harm() {
    let stage = stage(4).await;
    let first = stage.begin_round(0);
    let group = stage.append_to_all();
    for n in [0, 2] {
        let aside = stage.partitions[n].close_for_deletion(Uuid::from_u128(n as u128)).unwrap();
        stage.sim.remove_dir_all(&aside).unwrap();
    }
    stage.sim.hold_syncs(false);
    AllDurable(first).await;
    let failed = AllDurable(group).await;
    assert!(failed.iter().all(|(slot, code)| [0, 2].contains(slot) && *code == ErrorCode::UnknownTopicOrPartition));
    assert!(!stage.commit.is_offline());
}

#[tokio::test]
async fn a_full_disk_refuses_clients_first_and_takes_them_again_when_there_is_room() {
    let stage = stage(1).await;
    let used = 1 << 20;
    stage.sim.set_capacity(Some(used + 10_000));
    let filler = stage.sim.open(Path::new("/d/filler"), crate::disk::Open::Create).unwrap();
    filler.write_all_at(&[io::IoSlice::new(&vec![0; used as usize])], 0).unwrap();
    stage.commit.room().set_reserve(9_990);
    let partition = &stage.partitions[0];
    let append = |writer| partition.append(&batch(), None, writer, 1, false).map(|_| ()).map_err(|e| e.code());
    assert_eq!(append(Writer::Client), Err(ErrorCode::KafkaStorageError));
    assert!(stage.commit.room().is_short());
    append(Writer::Coordinator).unwrap();
    filler.truncate(1000).unwrap();
    append(Writer::Client).unwrap();
    stage.commit.room().look();
    assert!(!stage.commit.room().is_short() && !stage.commit.is_offline());
}
