//! Between the receipt of a request and its acknowledgement lies a sync of the very bytes. Shown from both sides: with
//! the disk's word, and without it, when nothing may be acknowledged.

use kafka_protocol::protocol::{Decodable, Encodable};
use ottla::disk::SimDisk;
use ottla::disk::sim::Op;
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
