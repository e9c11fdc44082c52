//! Many topics made and removed by one request: what that costs in syncs, and that nothing which was acknowledged is
//! lost with the directories that were not durable yet.

use std::collections::BTreeMap;

use ottla::disk::SimDisk;
use ottla::disk::sim::Op;
use ottla::wire::messages::create_topics_request::CreatableTopic;
use ottla::wire::messages::{CreateTopicsRequest, DeleteTopicsRequest};
use uuid::Uuid;

use super::client::{CREATE_TOPICS, text};
use super::node::Node;

const TOPICS: usize = 70;

fn name(n: usize) -> String {
    format!("m{n}")
}

impl Node {
    /// Their ids, once they are acknowledged.
    fn create_many(&mut self, topics: &[String]) -> Option<Vec<Uuid>> {
        let topic = |name: &String| {
            CreatableTopic::default().with_name(text(name).into()).with_num_partitions(1).with_replication_factor(1)
        };
        let request =
            CreateTopicsRequest::default().with_topics(topics.iter().map(topic).collect()).with_timeout_ms(30_000);
        let answer = self.ask(CREATE_TOPICS, &request)?;
        answer.topics.iter().map(|topic| (topic.error_code == 0).then_some(topic.topic_id)).collect()
    }

    fn delete_many(&mut self, topics: &[String]) -> Option<()> {
        let names = topics.iter().map(|name| text(name).into()).collect();
        let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(30_000);
        self.ask(5, &request)?.responses.iter().all(|topic| topic.error_code == 0).then_some(())
    }
}

fn syncs(disk: &SimDisk) -> Vec<String> {
    let path = |op| match op {
        Op::SyncData(path) | Op::SyncDir(path) => Some(path.display().to_string()),
        Op::SyncFileSystem => Some("all".into()),
        _ => None,
    };
    disk.take_trace().into_iter().filter_map(path).collect()
}

#[test]
fn a_request_for_many_topics_waits_for_one_sync() {
    const METADATA: &str = "/data/__cluster_metadata-0/00000000000000000000.log";
    let disk = SimDisk::new();
    let mut node = Node::start(&disk).unwrap();
    let all: Vec<String> = (0..TOPICS).map(name).collect();
    disk.take_trace();
    node.create_many(&all).unwrap();
    assert_eq!(syncs(&disk), [METADATA]);
    node.produce("m5", 0, None, &["one"]).unwrap();
    assert_eq!(syncs(&disk), ["/data/m5-0/00000000000000000000.log", "/data", "/data/m5-0"]);
    node.delete_many(&all).unwrap();
    assert_eq!(syncs(&disk), [METADATA, "/data"]);
}

/// What was acknowledged: topics with their ids, or as deleted, and the record in them.
type Promised = BTreeMap<String, (Option<Uuid>, Option<&'static str>)>;

/// Makes many, writes to some, deletes others, and makes some of those again, until power is lost.
fn work(node: &mut Node, promised: &mut Promised) -> Option<()> {
    let all: Vec<String> = (0..TOPICS).map(name).collect();
    for (name, id) in all.iter().zip(node.create_many(&all)?) {
        promised.insert(name.clone(), (Some(id), None));
    }
    for name in all.iter().step_by(7) {
        node.produce(name, 0, None, &["old"])?;
        promised.get_mut(name)?.1 = Some("old");
    }
    node.broker.write_checkpoints();
    let (gone, _) = all.split_at(TOPICS / 2);
    promised.retain(|name, _| !gone.contains(name));
    node.delete_many(gone)?;
    promised.extend(gone.iter().map(|name| (name.clone(), (None, None))));
    let again: Vec<String> = gone.iter().step_by(2).cloned().collect();
    promised.retain(|name, _| !again.contains(name));
    for (name, id) in again.iter().zip(node.create_many(&again)?) {
        promised.insert(name.clone(), (Some(id), None));
    }
    for name in again.iter().step_by(3) {
        node.produce(name, 0, None, &["new"])?;
        promised.get_mut(name)?.1 = Some("new");
    }
    Some(())
}

fn check(disk: &SimDisk, promised: &Promised, what: &str) {
    let mut node = Node::start(disk).unwrap_or_else(|e| panic!("{what}: no start: {e}"));
    let image = node.broker.image();
    let mut unwritten = Vec::new();
    for (name, (id, record)) in promised {
        assert_eq!(image.topics.by_name(name).map(|topic| topic.id.0), *id, "{what}: topic {name}");
        if id.is_none() {
            continue;
        }
        let found: Vec<String> = node.read(name, 0, false).into_iter().map(|(_, value)| value).collect();
        match record {
            Some(record) => assert_eq!(found.first().map(String::as_str), Some(*record), "{what}: {name}"),
            None => {
                // One that was sent may be there. A namesake's is not.
                assert!(found.len() <= 1, "{what}: {name} holds {found:?}");
                unwritten.push(name);
            }
        }
    }
    for topic in image.topics.iter() {
        assert!(node.broker.partition(&topic.name, 0).is_some(), "{what}: {} is offline", topic.name);
    }
    if let Some(name) = unwritten.last() {
        assert!(node.produce(name, 0, None, &["on"]).is_some(), "{what}: a record in {name}");
    }
}

#[test]
fn many_topics_of_one_request_survive_the_loss_of_power_at_any_operation() {
    let long = std::env::var_os("OTTLA_LONG_TESTS").is_some();
    let first: u64 = std::env::var("OTTLA_FIRST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let run = |disk: &SimDisk| {
        let mut promised = Promised::new();
        let done = Node::start(disk).is_ok_and(|mut node| work(&mut node, &mut promised).is_some());
        (promised, done)
    };
    let disk = SimDisk::new();
    let (promised, done) = run(&disk);
    assert!(done, "the workload runs without a crash");
    let total = disk.ops();
    let (every, survivals) = if long { (1, 10) } else { (total / 15, 2) };
    for at in (first % every..total).step_by(every as usize) {
        let disk = SimDisk::new();
        disk.crash_at(at);
        let (promised, _) = run(&disk);
        for seed in first..first + survivals {
            check(&disk.crash_image(seed), &promised, &format!("crash at {at} of {total}, survival {seed}"));
        }
    }
    for seed in first..first + survivals {
        check(&disk.crash_image(seed), &promised, &format!("after everything, survival {seed}"));
    }
}

#[test]
fn many_topics_survive_a_loss_of_power_after_a_clean_stop() {
    let (disk, mut promised) = (SimDisk::new(), Promised::new());
    let mut node = Node::start(&disk).unwrap();
    work(&mut node, &mut promised).unwrap();
    node.broker.stop();
    for seed in 0..3 {
        check(&disk.crash_image(seed), &promised, &format!("stopped, survival {seed}"));
    }
}
