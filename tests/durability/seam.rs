//! Between the receipt of a request and its acknowledgement lies a sync of the very bytes. Shown from both sides: with
//! the disk's word, and without it, when nothing may be acknowledged.

use kafka_protocol::protocol::{Decodable, Encodable};
use ottla::disk::sim::Op;
use ottla::disk::{Disk, SimDisk};
use ottla::wire::codec::WireRequest;
use ottla::wire::messages::write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic};
use ottla::wire::messages::{self, ProduceResponse, WriteTxnMarkersRequest};

use super::client::*;
use super::node::Node;

/// A broker with topic `t`, coordinators, and everything written so far durable.
fn ready() -> (Node, Writer) {
    let disk = SimDisk::new();
    let mut node = Node::start(&disk).unwrap();
    node.create("t", 1, &[]).unwrap();
    node.produce("t", 0, None, &["first"]).unwrap();
    node.find_coordinator(0, "g").unwrap();
    node.commit_offset("g", "t", 1).unwrap();
    let writer = node.init_producer(Some("x")).unwrap();
    node.produce("t", 0, Some((&writer, 0)), &["open"]).unwrap();
    (node, writer)
}

/// `log`: the file that holds what is acknowledged.
fn shows<Q: WireRequest + Encodable>(
    version: i16,
    log: &str,
    request: impl Fn(&Writer) -> Q,
    code: impl Fn(&Q::Response) -> i16,
) where
    Q::Response: Decodable,
{
    let (mut node, writer) = ready();
    node.disk.take_trace();
    let answer = node.ask(version, &request(&writer)).expect("an answer");
    let trace = node.disk.take_trace();
    assert_eq!(code(&answer), 0, "{log}");
    let named =
        |path: &std::path::Path| path.to_string_lossy().contains(log) && path.extension().is_some_and(|e| e == "log");
    let mut wrote = trace.iter().skip_while(|op| !matches!(op, Op::Write { path, .. } if named(path)));
    let synced = wrote.any(|op| matches!(op, Op::SyncData(path) if named(path)));
    assert!(synced, "{log}: {trace:?}");

    // The sync has begun, power goes, and the sync comes back with an error: no acknowledgement may follow.
    let (mut node, writer) = ready();
    node.disk.hold_syncs(true);
    node.send(version, &request(&writer));
    node.disk.wait_for_held_syncs(1);
    node.disk.crash_at(node.disk.ops());
    node.disk.hold_syncs(false);
    let answer = node.receive::<Q>(version);
    assert!(answer.is_none_or(|answer| code(&answer) != 0), "{log}: acknowledged without the disk");
}

fn produce_code(answer: &ProduceResponse) -> i16 {
    answer.responses[0].partition_responses[0].error_code
}

#[test]
fn of_records() {
    shows(PRODUCE, "/t-0/", |_| produce("t", 0, None, &["value"]), produce_code);
}

#[test]
fn of_offset_commits() {
    shows(OFFSET_COMMIT, "/__consumer_offsets-0/", |_| offset_commit("g", "t", 7), commit_code);
}

#[test]
fn of_decided_transactions() {
    let end = |writer: &Writer| {
        messages::EndTxnRequest::default()
            .with_transactional_id(messages::TransactionalId(text("x")))
            .with_producer_id(messages::ProducerId(writer.id))
            .with_producer_epoch(writer.epoch)
            .with_committed(true)
    };
    shows(END_TXN, "/__transaction_state-0/", end, |answer| answer.error_code);
}

#[test]
fn of_transaction_markers() {
    let markers = |writer: &Writer| {
        let topic = WritableTxnMarkerTopic { name: text("t").into(), partition_indexes: vec![0] };
        let marker = WritableTxnMarker {
            producer_id: messages::ProducerId(writer.id),
            producer_epoch: writer.epoch,
            transaction_result: true,
            topics: vec![topic],
            ..Default::default()
        };
        WriteTxnMarkersRequest { markers: vec![marker] }
    };
    shows(1, "/t-0/", markers, |answer| answer.markers[0].topics[0].partitions[0].error_code);
}

#[test]
fn of_new_topics() {
    shows(
        CREATE_TOPICS,
        "/__cluster_metadata-0/",
        |_| create_topic("new", 1, &[]),
        |answer| answer.topics[0].error_code,
    );
}

/// With acks=1, and from the page cache, `flush.messages` still has the last word.
#[test]
fn of_every_record_where_flush_messages_asks_for_it() {
    for lost in [false, true] {
        let mut node = Node::start_with(&SimDisk::new(), &[("ottla.acks.all", "page-cache")]).unwrap();
        node.create("t", 1, &[("flush.messages", "2")]).unwrap();
        assert_eq!(produced(node.ask(PRODUCE, &produce("t", 0, None, &["first"]).with_acks(1))), Some(0));
        node.disk.hold_syncs(true);
        node.send(PRODUCE, &produce("t", 0, None, &["second"]).with_acks(1));
        node.disk.wait_for_held_syncs(1);
        if lost {
            node.disk.crash_at(node.disk.ops());
        }
        node.disk.hold_syncs(false);
        assert_eq!(produced(node.receive::<messages::ProduceRequest>(PRODUCE)), (!lost).then_some(1));
    }
}

/// What `acks=all` waits for may be changed while the broker runs, both ways.
#[test]
fn of_what_acks_all_asks_for_at_the_moment() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 1, &[]).unwrap();
    node.set_broker_config("ottla.acks.all", "page-cache").unwrap();
    node.disk.hold_syncs(true);
    assert_eq!(produced(node.ask(PRODUCE, &produce("t", 0, None, &["first"]))), Some(0));
    assert_eq!(node.read("t", 0, false), [(0, "first".to_string())]);
    node.disk.hold_syncs(false);
    node.set_broker_config("ottla.acks.all", "fsync").unwrap();
    assert_eq!(produced(node.ask(PRODUCE, &produce("t", 0, None, &["second"]))), Some(1));
    node.disk.hold_syncs(true);
    node.send(PRODUCE, &produce("t", 0, None, &["third"]));
    node.disk.wait_for_held_syncs(1);
    assert_eq!(node.read("t", 0, false).len(), 2, "a consumer sees what a crash may take");
    node.disk.crash_at(node.disk.ops());
    node.disk.hold_syncs(false);
    assert_eq!(produced(node.receive::<messages::ProduceRequest>(PRODUCE)), None);
}

/// `flush.ms` bounds how long a record acknowledged from the page cache may wait for the disk.
#[test]
fn of_every_record_that_has_waited_for_flush_ms() {
    let settings = [
        ("log.initial.task.delay.ms", "0"),
        ("log.flush.scheduler.interval.ms", "1"),
        // The upkeep that comes with these syncs everything.
        ("log.flush.offset.checkpoint.interval.ms", "100000000"),
    ];
    let mut node = Node::start_with(&SimDisk::new(), &settings).unwrap();
    node.create("t", 1, &[("flush.ms", "10")]).unwrap();
    node.create("u", 1, &[("flush.ms", "100000000")]).unwrap();
    let keeps_house = ottla::broker::housekeeping::Housekeeping::start(&node.broker).unwrap();
    let until = |done: &dyn Fn() -> bool| {
        while !done() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    until(&|| node.disk.stat(std::path::Path::new("/data/recovery-point-offset-checkpoint")).unwrap().is_some());
    // So far everything is durable, and no sync is on its way that would do it by chance.
    for topic in ["u", "t"] {
        assert_eq!(node.produce(topic, 0, None, &["first"]), Some(0));
    }
    node.set_broker_config("ottla.acks.all", "page-cache").unwrap();
    for topic in ["u", "t"] {
        assert_eq!(node.produce(topic, 0, None, &["second"]), Some(1));
    }
    let durable = |topic| node.broker.partition(topic, 0).unwrap().durable().0;
    until(&|| durable("t") == 2);
    assert_eq!(durable("u"), 1, "nobody asked for that");
    drop(keeps_house);
}
