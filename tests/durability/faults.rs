//! Disks that fail and fill up under a running broker: each has a defined answer.

use std::path::Path;

use ottla::disk::{Disk, Open, SimDisk};

use super::client::*;
use super::node::Node;

fn node() -> Node {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 1, &[]).unwrap();
    node.create("u", 1, &[]).unwrap();
    node.produce("t", 0, None, &["safe"]).unwrap();
    node.produce("u", 0, None, &["safe"]).unwrap();
    node
}

fn code(node: &mut Node, topic: &str) -> i16 {
    let answer = node.ask(PRODUCE, &produce(topic, 0, None, &["value"])).unwrap();
    answer.responses[0].partition_responses[0].error_code
}

const KAFKA_STORAGE_ERROR: i16 = 56;

#[test]
fn a_failed_sync_takes_the_directory_offline_until_the_next_start_finds_what_was_safe() {
    let mut node = node();
    node.disk.fail_next_sync("/t-0/");
    assert_eq!(code(&mut node, "t"), KAFKA_STORAGE_ERROR);
    assert_eq!(code(&mut node, "t"), KAFKA_STORAGE_ERROR);
    assert_eq!(code(&mut node, "u"), KAFKA_STORAGE_ERROR);
    for seed in 0..5 {
        let again = Node::start(&node.disk.crash_image(seed)).unwrap();
        assert_eq!(again.read("t", 0, false)[0], (0, "safe".to_string()));
        assert_eq!(again.read("u", 0, false)[0], (0, "safe".to_string()));
    }
}

#[test]
fn a_failed_write_takes_the_directory_offline() {
    let mut node = node();
    node.disk.fail_next_write("/t-0/");
    assert_eq!(code(&mut node, "t"), KAFKA_STORAGE_ERROR);
    assert_eq!(code(&mut node, "u"), KAFKA_STORAGE_ERROR);
}

/// The partition that fails is one of those whose sync is due.
#[test]
fn a_failed_write_beside_a_sync_that_is_due_ends_both() {
    let mut node = node();
    node.disk.hold_syncs(true);
    let send = |node: &mut Node| node.send(PRODUCE, &produce("t", 0, None, &["value"]));
    send(&mut node);
    node.disk.wait_for_held_syncs(1);
    send(&mut node);
    let partition = node.broker.partition("t", 0).unwrap();
    while partition.ends().log_end.0 < 3 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    node.disk.fail_next_write("/t-0/");
    send(&mut node);
    while !partition.is_offline() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    node.disk.hold_syncs(false);
    let mut answered = || produced(Some(node.receive::<ottla::wire::messages::ProduceRequest>(PRODUCE).unwrap()));
    // The first may have been synced before anybody noticed.
    let first = answered();
    assert!(first.is_none_or(|offset| offset == 1));
    assert_eq!((answered(), answered()), (None, None));
}

#[test]
fn another_directory_goes_on() {
    let disk = SimDisk::new();
    let mut node = Node::start_with(&disk, &[("log.dirs", "/one,/two"), ("num.partitions", "4")]).unwrap();
    node.create("t", 4, &[]).unwrap();
    let dir_of = |node: &Node, n| node.broker.partition("t", n).unwrap().commit().dir().to_path_buf();
    let (lost, other) = (0, (1..4).find(|n| dir_of(&node, *n) != dir_of(&node, 0)).expect("both are used"));
    disk.fail_next_sync(&format!("/t-{lost}/"));
    assert_eq!(node.produce("t", lost, None, &["value"]), None);
    assert_eq!(node.produce("t", other, None, &["value"]), Some(0));
}

#[test]
fn a_failed_read_is_an_error_and_no_end() {
    let mut node = node();
    node.disk.fail_reads("/t-0/");
    let partition = node.broker.partition("t", 0).unwrap();
    assert!(partition.read(ottla::model::Offset(0), 100, ottla::log::UpTo::LogEnd, true).is_err());
    assert_eq!(code(&mut node, "u"), 0);
}

#[test]
fn a_full_disk_refuses_producers_first_and_serves_again_without_a_restart() {
    let mut node = node();
    node.find_coordinator(0, "g").unwrap();
    node.commit_offset("g", "t", 1).unwrap();
    // Others fill the disk up to half of the reserve.
    let reserve = 64 << 20;
    node.disk.set_capacity(Some(node.disk.space(Path::new("/")).unwrap().total_bytes.min(256 << 20)));
    let filler = node.disk.open(Path::new("/filler"), Open::Create).unwrap();
    let room = node.disk.space(Path::new("/")).unwrap().usable_bytes;
    filler.truncate(room - reserve / 2).unwrap();
    node.broker.log_dirs().dirs[0].commit.room().look();
    assert_eq!(code(&mut node, "t"), KAFKA_STORAGE_ERROR);
    // What the broker writes for itself goes on, and so do reading and deleting.
    node.commit_offset("g", "t", 2).unwrap();
    node.create("v", 1, &[]).unwrap();
    node.delete_records("t", 0, 1).unwrap();
    node.delete("u").unwrap();
    assert_eq!(node.broker.partition("t", 0).unwrap().ends().log_start.0, 1);
    filler.truncate(0).unwrap();
    assert_eq!(code(&mut node, "t"), 0);
}

#[test]
fn without_any_room_metadata_changes_are_refused_and_taken_again() {
    let mut node = node();
    node.disk.set_capacity(Some(0));
    for _ in 0..3 {
        assert_eq!(node.create("v", 1, &[]), None);
    }
    node.disk.set_capacity(None);
    let id = node.create("v", 1, &[]);
    assert!(id.is_some());
    let again = Node::start(&node.disk.crash_image(1)).unwrap();
    assert_eq!(again.broker.image().topics.by_name("v").map(|topic| topic.id.0), id);
}

#[test]
fn a_partition_that_found_no_room_is_made_when_there_is_some() {
    let mut node = node();
    node.disk.fill_on_next_write("/v-0/partition.metadata");
    let id = node.create("v", 2, &[]);
    assert!(id.is_some(), "the metadata had room");
    assert!(node.produce("v", 1, None, &["value"]).is_some());
    assert_eq!(code(&mut node, "v"), KAFKA_STORAGE_ERROR);
    node.broker.make_missing_partitions();
    assert_eq!(node.produce("v", 0, None, &["value"]), Some(0));
    let again = Node::start(&node.disk.crash_image(1)).unwrap();
    assert_eq!(again.read("v", 0, false).len(), 1);
}

#[test]
fn what_retention_gives_up_leaves_the_disk_at_once() {
    let mut node = node();
    for value in ["one", "two", "three"] {
        node.roll("t").unwrap();
        node.produce("t", 0, None, &[value]).unwrap();
    }
    node.set_config("t", "retention.bytes", "1").unwrap();
    node.broker.retain();
    node.broker.graveyard().sweep(&node.disk, i64::MAX);
    let mut names: Vec<String> = node.disk.list(Path::new("/data/t-0")).unwrap().into_iter().map(|e| e.name).collect();
    names.retain(|name| name.contains(".log"));
    assert_eq!(names, ["00000000000000000003.log"]);
    assert_eq!(node.read("t", 0, false), [(3, "three".to_string())]);
}

#[test]
fn a_lost_metadata_log_takes_no_changes_and_says_so() {
    let mut node = node();
    node.disk.fail_next_sync("__cluster_metadata");
    assert_eq!(node.create("v", 1, &[]), None);
    assert_eq!(node.create("w", 1, &[]), None);
    assert!(node.broker.metadata().is_lost());
    assert_eq!(code(&mut node, "t"), KAFKA_STORAGE_ERROR);
    let again = Node::start(&node.disk.crash_image(1)).unwrap();
    assert_eq!(again.read("t", 0, false), [(0, "safe".to_string())]);
}
