//! The cleaner in a running broker on a directory of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::pace::Stop;
use super::threads::CleanerThreads;
use super::work::Next;
use crate::broker::Broker;
use crate::broker::partition::Partition;
use crate::clock::SystemClock;
use crate::config::{BrokerConfig, Origin as SetBy, Settings};
use crate::controller::metadata::Request;
use crate::disk::{Disk, RealDisk};
use crate::log::names::FileKind;
use crate::log::{AppendBatch, AppendCtx, Origin};
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{LeaderEpoch, Offset, TopicPartition};
use crate::records::{BatchBuilder, BatchHeader};
use crate::wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::wire::messages::delete_topics_request::DeleteTopicState;
use crate::wire::messages::{CreateTopicsRequest, DeleteTopicsRequest, StrBytes};

fn broker(dir: &Path) -> Arc<Broker> {
    let mut all = Settings::new();
    for (key, value) in [("node.id", "1"), ("log.dirs", dir.to_str().unwrap()), ("log.cleaner.backoff.ms", "50")] {
        all.set(key, value, SetBy::CommandLine);
    }
    let config = BrokerConfig::read(all).0.unwrap();
    let broker = crate::broker::start::start(config, Arc::new(SystemClock::new()), Arc::new(RealDisk)).unwrap();
    broker.load_cleaner_checkpoints();
    broker
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

async fn create(broker: &Broker, name: &str) -> Arc<Partition> {
    let configs = [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01")]
        .map(|(key, value)| CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value))));
    let topic = CreatableTopic::default()
        .with_name(text(name).into())
        .with_num_partitions(1)
        .with_replication_factor(1)
        .with_configs(configs.to_vec());
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    assert!(broker.metadata().ask(Request::CreateTopics(request)).await.is_ok());
    broker.partition(name, 0).unwrap()
}

async fn delete(broker: &Broker, name: &str) {
    let topic = DeleteTopicState::default().with_name(Some(text(name).into()));
    let request = DeleteTopicsRequest::default().with_topics(vec![topic]);
    assert!(broker.metadata().ask(Request::DeleteTopics(request)).await.is_ok());
    assert!(broker.partition(name, 0).is_none());
}

/// Ten batches under one key, in a segment that has ended and is on stable storage.
fn fill(partition: &Partition) {
    let mut log = partition.log();
    let ctx = AppendCtx { leader_epoch: LeaderEpoch(0), origin: Origin::Client, now_ms: 1_000 };
    for n in 0..10 {
        let mut builder = BatchBuilder::new(Offset(0));
        builder.append(1_000, Some(b"key"), Some(format!("{n}").as_bytes()), &[]);
        let batch = builder.build();
        let header = BatchHeader::parse(&batch).unwrap();
        log.append(AppendBatch { header: &header, payload: &batch[BATCH_HEADER_BYTES..], guard: None }, &ctx).unwrap();
    }
    log.roll(1_000).unwrap();
    if let Some(work) = log.take_unsynced() {
        work.run(&RealDisk).unwrap();
        log.synced(work.up_to);
    }
    let end = log.log_end();
    log.advance_high_watermark(end);
}

fn checkpoint(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("cleaner-offset-checkpoint")).unwrap()
}

#[tokio::test]
async fn what_is_clean_is_remembered_until_the_topic_goes() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker(dir.path());
    let stop = Arc::new(Stop::default());
    assert_eq!(broker.clean_next(&stop), Next::Nothing);
    let partition = create(&broker, "t").await;
    fill(&partition);
    let dirty_bytes = partition.reader().size_bytes().unwrap();
    assert_eq!(broker.clean_next(&stop), Next::Cleaned);
    assert!(partition.reader().size_bytes().unwrap() < dirty_bytes / 5);
    assert_eq!(broker.clean_next(&stop), Next::Nothing);
    assert_eq!(checkpoint(dir.path()), "0\n1\nt 0 10\n");
    drop((partition, broker));
    let again = self::broker(dir.path());
    assert_eq!(again.cleaner().cleaned_to(&TopicPartition::new("t", 0)), Some(Offset(10)));
    delete(&again, "t").await;
    assert_eq!(checkpoint(dir.path()), "0\n0\n");
    assert_eq!(again.cleaner().cleaned_to(&TopicPartition::new("t", 0)), None);
}

#[tokio::test]
async fn a_damaged_log_is_left_alone_and_the_others_are_cleaned() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker(dir.path());
    let stop = Arc::new(Stop::default());
    let (bad, good) = (create(&broker, "bad").await, create(&broker, "good").await);
    fill(&bad);
    fill(&good);
    let path = bad.reader().segments().unwrap()[0].path(FileKind::Log);
    let file = RealDisk.open(&path, crate::disk::Open::ReadWrite).unwrap();
    file.write_all_at(&[std::io::IoSlice::new(b"\xff")], 70).unwrap();
    let results: Vec<Next> = (0..3).map(|_| broker.clean_next(&stop)).collect();
    assert!(results.contains(&Next::Cleaned), "{results:?}");
    assert_eq!(broker.clean_next(&stop), Next::Nothing);
    assert_eq!(broker.cleaner().uncleanable(), [TopicPartition::new("bad", 0)]);
    assert_eq!(checkpoint(dir.path()), "0\n1\ngood 0 10\n");
    delete(&broker, "bad").await;
    assert!(broker.cleaner().uncleanable().is_empty());
}

#[tokio::test]
async fn threads_come_and_go_and_clean_when_nudged() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker(dir.path());
    let mut threads = CleanerThreads::new(&broker);
    threads.resize(3);
    threads.resize(1);
    let partition = create(&broker, "t").await;
    fill(&partition);
    threads.nudge();
    while broker.cleaner().cleaned_to(partition.name()) != Some(Offset(10)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    threads.resize(0);
}
