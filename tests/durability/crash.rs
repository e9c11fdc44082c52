//! Power is lost at operation after operation of a workload that uses the whole broker. Whatever was acknowledged by
//! then is there after the next start; whatever was not is there whole or not at all. `OTTLA_LONG_TESTS=1` tries every
//! operation with many survivals, `OTTLA_FIRST_SEED=n` others.

use std::collections::BTreeMap;

use ottla::disk::SimDisk;
use ottla::model::{Offset, TopicPartition};
use uuid::Uuid;

use super::client::Writer;
use super::node::Node;

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
struct Promised {
    topics: BTreeMap<&'static str, Option<Uuid>>,
    /// Values by partition and offset.
    records: BTreeMap<(&'static str, i32), BTreeMap<i64, String>>,
    /// Values that committed-only readers see, or never see.
    committed: Vec<&'static str>,
    aborted: Vec<&'static str>,
    offset: i64,
    retention_ms: Option<&'static str>,
    log_start: i64,
    /// The last batch of the idempotent producer: sequence, value, offset.
    last: Option<(Writer, i32, &'static str, i64)>,
    /// The newest number written under each key of the compacted topic.
    newest: BTreeMap<&'static str, u32>,
}

impl Promised {
    fn wrote(&mut self, topic: &'static str, partition: i32, offset: i64, value: &str) {
        self.records.entry((topic, partition)).or_default().insert(offset, value.into());
    }
}

/// Runs until power is lost or everything is done; every step stands in `promised` as soon as it is acknowledged.
fn work(node: &mut Node, promised: &mut Promised) -> Option<()> {
    let id = node.create("a", 2, &[("retention.ms", "-1")])?;
    promised.topics.insert("a", Some(id));
    let writer = node.init_producer(None)?;
    for (sequence, value) in ["one", "two", "three"].into_iter().enumerate() {
        let offset = node.produce("a", 0, Some((&writer, sequence as i32)), &[value])?;
        promised.wrote("a", 0, offset, value);
        promised.last = Some((writer.clone(), sequence as i32, value, offset));
        let offset = node.produce("a", 1, None, &[value])?;
        promised.wrote("a", 1, offset, value);
    }
    node.find_coordinator(0, "g")?;
    for offset in 1..4 {
        node.commit_offset("g", "a", offset)?;
        promised.offset = offset;
    }
    old_and_new_topic(node, promised)?;
    transactions(node, promised)?;
    compaction(node, promised)?;
    retention(node, promised)?;
    node.broker.write_checkpoints();
    node.set_config("a", "retention.ms", "99000")?;
    promised.retention_ms = Some("99000");
    // From here on the first records may be gone.
    let kept = promised.records.get_mut(&("a", 1)).unwrap().split_off(&2);
    promised.records.insert(("a", 1), kept);
    node.delete_records("a", 1, 2)?;
    promised.log_start = 2;
    let offset = node.produce("a", 1, None, &["last"])?;
    promised.wrote("a", 1, offset, "last");
    Some(())
}

/// A topic with more records and settings than its namesake that follows it.
fn old_and_new_topic(node: &mut Node, promised: &mut Promised) -> Option<()> {
    let id = node.create("b", 1, &[("retention.bytes", "1000000")])?;
    promised.topics.insert("b", Some(id));
    let many = ["old"; 50];
    let offset = node.produce("b", 0, None, &many)?;
    promised.wrote("b", 0, offset, "old");
    node.broker.write_checkpoints();
    promised.topics.remove("b");
    promised.records.remove(&("b", 0));
    node.delete("b")?;
    promised.topics.insert("b", None);
    promised.topics.remove("b");
    let id = node.create("b", 1, &[])?;
    promised.topics.insert("b", Some(id));
    for value in ["new", "newer"] {
        let offset = node.produce("b", 0, None, &[value])?;
        promised.wrote("b", 0, offset, value);
    }
    let id = node.create("c", 1, &[])?;
    promised.topics.insert("c", Some(id));
    promised.topics.remove("c");
    node.delete("c")?;
    promised.topics.insert("c", None);
    Some(())
}

/// Three keys that come again and again over segments, of which a pass leaves the newest.
fn compaction(node: &mut Node, promised: &mut Promised) -> Option<()> {
    let id = node.create("k", 1, &[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01")])?;
    promised.topics.insert("k", Some(id));
    for n in 0..9 {
        let key = ["x", "y", "z"][n as usize % 3];
        node.produce_key("k", key, &format!("{key}{n}"))?;
        promised.newest.insert(key, n);
        if n % 3 == 2 {
            node.roll("k")?;
        }
    }
    let name = TopicPartition::new("k", 0);
    for _ in 0..5_000 {
        node.broker.clean_what_is_due();
        if node.disk.has_lost_power() {
            return None;
        }
        if node.broker.cleaner().cleaned_to(&name) == Some(Offset(9)) {
            return Some(());
        }
        // Its sync is on the way.
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("k-0 is not compacted");
}

/// Four segments, of which one may stay.
fn retention(node: &mut Node, promised: &mut Promised) -> Option<()> {
    let id = node.create("r", 1, &[])?;
    promised.topics.insert("r", Some(id));
    for value in ["zero", "one", "two", "three"] {
        let offset = node.produce("r", 0, None, &[value])?;
        promised.wrote("r", 0, offset, value);
        node.roll("r")?;
    }
    let kept = promised.records.get_mut(&("r", 0)).unwrap().split_off(&3);
    promised.records.insert(("r", 0), kept);
    node.set_config("r", "retention.bytes", "1")?;
    node.broker.retain();
    node.broker.graveyard().sweep(&**node.broker.disk(), i64::MAX);
    let offset = node.produce("r", 0, None, &["four"])?;
    assert_eq!(offset, 4);
    promised.wrote("r", 0, offset, "four");
    Some(())
}

fn transactions(node: &mut Node, promised: &mut Promised) -> Option<()> {
    let writer = node.init_producer(Some("x"))?;
    node.produce("a", 0, Some((&writer, 0)), &["committed"])?;
    let writer = node.end_transaction(&writer, true)?;
    promised.committed.push("committed");
    node.produce("a", 0, Some((&writer, 0)), &["aborted"])?;
    // Whether it comes to be or not: it is never shown as committed.
    promised.aborted.push("aborted");
    let writer = node.end_transaction(&writer, false)?;
    node.produce("a", 0, Some((&writer, 0)), &["committed too"])?;
    node.end_transaction(&writer, true)?;
    promised.committed.push("committed too");
    Some(())
}

/// Starts on what is left and compares it with what was promised.
fn check(disk: &SimDisk, promised: &Promised, what: &str) {
    let mut node = Node::start(disk).unwrap_or_else(|e| panic!("{what}: no start: {e}"));
    let image = node.broker.image();
    for (name, id) in &promised.topics {
        let found = image.topics.by_name(name).map(|topic| topic.id.0);
        assert_eq!(found, *id, "{what}: topic {name}");
    }
    let old_settings = image.configs.topic("b").cloned().unwrap_or_default();
    if promised.records.get(&("b", 0)).is_some_and(|all| all.values().any(|v| v == "new")) {
        assert!(old_settings.is_empty(), "{what}: b has the settings of its namesake: {old_settings:?}");
    }
    if let Some(value) = promised.retention_ms {
        assert_eq!(image.configs.topic("a").and_then(|all| all.get("retention.ms")).map(String::as_str), Some(value));
    }
    for topic in image.topics.iter() {
        for partition in topic.partitions() {
            settle(&node, &topic.name, partition.index, what);
        }
    }
    for ((topic, partition), records) in &promised.records {
        let found: BTreeMap<i64, String> = node.read(topic, *partition, false).into_iter().collect();
        for (offset, value) in records {
            assert_eq!(found.get(offset), Some(value), "{what}: {topic}-{partition} at {offset} of {found:?}");
        }
        assert!(
            !(*topic == "b" && records.values().any(|v| v == "new") && found.values().any(|v| v == "old")),
            "{what}: b holds the records of its namesake"
        );
    }
    if image.topics.by_name("a").is_some() {
        let start = node.broker.partition("a", 1).expect("a-1").ends().log_start.0;
        assert!(start >= promised.log_start, "{what}: deleted records are back, from {start}");
    }
    if promised.offset > 0 {
        let found = node.committed_offset("g", "a");
        assert!(found >= promised.offset, "{what}: offset {found} is committed, {} was promised", promised.offset);
    }
    check_newest(&node, promised, what);
    check_transactions(&mut node, promised, what);
    go_on(&mut node, promised, what);
}

/// Of every key the newest record is there; an even newer one may have come through unacknowledged.
fn check_newest(node: &Node, promised: &Promised, what: &str) {
    if promised.newest.is_empty() {
        return;
    }
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for (_, value) in node.read("k", 0, false) {
        let (key, number) = value.split_at(1);
        let before = found.insert(key.to_string(), number.parse().unwrap());
        assert!(before < found.get(key).copied(), "{what}: {key} goes back from {before:?}");
    }
    for (key, number) in &promised.newest {
        assert!(found.get(*key) >= Some(number), "{what}: {key} was {number}, found {found:?}");
    }
}

/// Waits until what was found is durable and shown.
fn settle(node: &Node, topic: &str, partition: i32, what: &str) {
    let partition = node.broker.partition(topic, partition).unwrap_or_else(|| panic!("{what}: {topic} is offline"));
    for _ in 0..5_000 {
        if partition.ends().high_watermark == partition.ends().log_end {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{what}: {topic} does not show what it holds");
}

fn check_transactions(node: &mut Node, promised: &Promised, what: &str) {
    if promised.aborted.is_empty() && promised.committed.is_empty() {
        return;
    }
    // The next of its name ends what was left open, and waits for what was decided.
    let next = node.init_producer(Some("x"));
    assert!(next.is_some(), "{what}: no producer follows");
    settle(node, "a", 0, what);
    let partition = node.broker.partition("a", 0).unwrap();
    assert_eq!(partition.ends().last_stable(), partition.ends().log_end, "{what}: a transaction is left open");
    let shown: Vec<String> = node.read("a", 0, true).into_iter().map(|(_, value)| value).collect();
    for value in &promised.committed {
        assert_eq!(shown.iter().filter(|v| v == value).count(), 1, "{what}: {value:?} was committed; {shown:?}");
    }
    for value in &promised.aborted {
        assert!(!shown.iter().any(|v| v == value), "{what}: {value:?} is shown");
    }
}

/// The broker still works, forgetting and compacting too, and a producer that sends its last batch again makes no duplicate.
fn go_on(node: &mut Node, promised: &Promised, what: &str) {
    if let Some((writer, sequence, value, offset)) = &promised.last {
        let again = node.produce("a", 0, Some((writer, *sequence)), &[value]);
        assert_eq!(again, Some(*offset), "{what}: the last batch, sent again");
        assert!(node.produce("a", 0, Some((writer, sequence + 1)), &["on"]).is_some(), "{what}: the next batch");
    }
    node.broker.retain();
    node.broker.clean_what_is_due();
    check_newest(node, promised, what);
    assert!(node.create("later", 1, &[]).is_some(), "{what}: a new topic");
    assert!(node.produce("later", 0, None, &["on"]).is_some(), "{what}: a record in it");
}

fn run(disk: &SimDisk) -> (Promised, bool) {
    let mut promised = Promised::default();
    let done = match Node::start(disk) {
        Ok(mut node) => work(&mut node, &mut promised).is_some(),
        Err(_) => false,
    };
    (promised, done)
}

#[test]
fn whatever_was_acknowledged_survives_the_loss_of_power_at_any_operation() {
    let long = std::env::var_os("OTTLA_LONG_TESTS").is_some();
    let first: u64 = std::env::var("OTTLA_FIRST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let disk = SimDisk::new();
    let (promised, done) = run(&disk);
    assert!(done, "the workload runs without a crash");
    let total = disk.ops();
    check(&disk.crash_image(first), &promised, "after everything");
    check(&disk.killed_image(), &promised, "killed after everything");
    let (every, survivals) = if long { (1, 20) } else { (total / 40, 2) };
    let mut points = 0;
    let mut at = first % every.max(1);
    while at < total {
        let disk = SimDisk::new();
        disk.crash_at(at);
        let (promised, _) = run(&disk);
        for survival in first..first + survivals {
            check(&disk.crash_image(survival), &promised, &format!("crash at {at} of {total}, survival {survival}"));
            points += 1;
        }
        at += every.max(1);
    }
    println!("{points} crash points, survivals from seed {first} on");
    assert!(points >= 80, "only {points} crash points");
}
