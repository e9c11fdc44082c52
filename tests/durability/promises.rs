//! Where a one-node Apache Kafka breaks its word after it was killed, this broker keeps it.

use ottla::disk::sim::Op;
use ottla::disk::{Disk, SimDisk};

use super::node::Node;

fn killed(node: Node) -> Node {
    let disk = node.disk.killed_image();
    drop(node);
    Node::start(&disk).unwrap()
}

#[test]
fn a_committed_transaction_ends_everywhere_whenever_the_broker_dies() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 4, &[]).unwrap();
    let mut writer = node.init_producer(Some("x")).unwrap();
    for round in 0..3 {
        let value = format!("round {round}");
        for partition in 0..4 {
            node.produce("t", partition, Some((&writer, 0)), &[&value]).unwrap();
        }
        node.end_transaction(&writer, true).unwrap();
        // At once: the markers are still being written.
        node = killed(node);
        writer = node.init_producer(Some("x")).unwrap();
        for partition in 0..4 {
            let shown: Vec<String> = node.read("t", partition, true).into_iter().map(|(_, value)| value).collect();
            assert_eq!(shown.len(), round + 1, "partition {partition}: {shown:?}");
        }
    }
}

/// The same at every operation of the disk between the request and the last marker.
#[test]
fn a_decided_transaction_is_whole_wherever_between_decision_and_markers_the_broker_dies() {
    for cut in 0..16 {
        let mut node = Node::start(&SimDisk::new()).unwrap();
        node.create("t", 3, &[]).unwrap();
        let writer = node.init_producer(Some("x")).unwrap();
        for partition in 0..3 {
            node.produce("t", partition, Some((&writer, 0)), &["value"]).unwrap();
        }
        node.disk.crash_at(node.disk.ops() + cut);
        let committed = node.end_transaction(&writer, true).is_some();
        let mut node = killed(node);
        node.init_producer(Some("x")).unwrap();
        let shown: Vec<usize> = (0..3).map(|partition| node.read("t", partition, true).len()).collect();
        assert!(shown == [1; 3] || (!committed && shown == [0; 3]), "cut {cut}: {committed}, {shown:?}");
        for partition in 0..3 {
            let ends = node.broker.partition("t", partition).unwrap().ends();
            assert_eq!(ends.last_stable(), ends.log_end, "cut {cut}: a transaction is left open");
        }
    }
}

#[test]
fn a_later_commit_does_not_publish_what_was_aborted_before_the_broker_died() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 2, &[]).unwrap();
    let writer = node.init_producer(Some("x")).unwrap();
    for partition in 0..2 {
        node.produce("t", partition, Some((&writer, 0)), &["aborted"]).unwrap();
    }
    node.end_transaction(&writer, false).unwrap();
    let mut node = killed(node);
    let writer = node.init_producer(Some("x")).unwrap();
    for partition in 0..2 {
        node.produce("t", partition, Some((&writer, 0)), &["committed"]).unwrap();
    }
    node.end_transaction(&writer, true).unwrap();
    node.init_producer(Some("x")).unwrap();
    for partition in 0..2 {
        let shown: Vec<String> = node.read("t", partition, true).into_iter().map(|(_, value)| value).collect();
        assert_eq!(shown, ["committed"], "partition {partition}");
    }
}

#[test]
fn a_recreated_topic_has_its_own_settings_and_records() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 1, &[("retention.ms", "1234")]).unwrap();
    node.produce("t", 0, None, &["old"; 10]).unwrap();
    node.broker.write_checkpoints();
    node.delete("t").unwrap();
    node.create("t", 1, &[]).unwrap();
    node.produce("t", 0, None, &["new"]).unwrap();
    let node = killed(node);
    assert!(node.broker.image().configs.topic("t").is_none_or(|own| own.is_empty()));
    assert_eq!(node.read("t", 0, false), [(0, "new".to_string())]);
}

#[test]
fn deleted_records_stay_deleted() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 1, &[]).unwrap();
    node.produce("t", 0, None, &["a", "b", "c"]).unwrap();
    node.delete_records("t", 0, 2).unwrap();
    let node = killed(node);
    assert_eq!(node.broker.partition("t", 0).unwrap().ends().log_start.0, 2);
}

#[test]
fn a_user_that_was_created_again_is_remembered() {
    use ottla::wire::messages::alter_user_scram_credentials_request::{
        ScramCredentialDeletion, ScramCredentialUpsertion,
    };
    use ottla::wire::messages::{AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse};
    let name = || super::client::text("alice");
    let upsert = AlterUserScramCredentialsRequest::default().with_upsertions(vec![
        ScramCredentialUpsertion::default()
            .with_name(name())
            .with_mechanism(1)
            .with_iterations(4096)
            .with_salt(bytes::Bytes::from_static(b"salt"))
            .with_salted_password(bytes::Bytes::from_static(&[7; 32])),
    ]);
    let delete = AlterUserScramCredentialsRequest::default()
        .with_deletions(vec![ScramCredentialDeletion::default().with_name(name()).with_mechanism(1)]);
    let code = |answer: Option<AlterUserScramCredentialsResponse>| answer.unwrap().results[0].error_code;
    let mut node = Node::start(&SimDisk::new()).unwrap();
    for request in [&upsert, &delete, &upsert] {
        assert_eq!(code(node.ask(0, request)), 0);
    }
    let mut node = killed(node);
    // Only who is known can be deleted.
    assert_eq!(code(node.ask(0, &delete)), 0);
    assert_ne!(code(node.ask(0, &delete)), 0);
}

#[test]
fn the_first_request_after_the_start_finds_every_partition_led() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 20, &[]).unwrap();
    let mut node = killed(node);
    for partition in 0..20 {
        assert!(node.produce("t", partition, None, &["value"]).is_some(), "partition {partition}");
    }
}

#[test]
fn files_of_a_deleted_topic_go_though_the_stop_came_first() {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    node.create("t", 1, &[]).unwrap();
    node.produce("t", 0, None, &["old"]).unwrap();
    let before = node.disk.killed_image();
    node.delete("t").unwrap();
    node.create("t", 1, &[]).unwrap();
    // The metadata of now with the directory of then, as if the renaming had not come through.
    let disk = node.disk.killed_image();
    drop(node);
    copy(&before, &disk, std::path::Path::new("/data/t-0"));
    let mut node = Node::start(&disk).unwrap();
    assert_eq!(node.produce("t", 0, None, &["new"]), Some(0));
    let names: Vec<String> = disk.list(std::path::Path::new("/data")).unwrap().into_iter().map(|e| e.name).collect();
    assert!(!names.iter().any(|name| name.ends_with("-stray")), "{names:?}");
}

/// Makes a directory what it is on another disk.
fn copy(from: &SimDisk, to: &SimDisk, dir: &std::path::Path) {
    to.remove_dir_all(dir).unwrap();
    to.create_dir_all(dir).unwrap();
    for entry in from.list(dir).unwrap() {
        let path = dir.join(entry.name);
        let bytes = ottla::disk::read_small(from, &path).unwrap().unwrap();
        ottla::disk::write_atomically(to, &path, &bytes).unwrap();
    }
}

/// Whether the file system can be synced as a whole or only file by file: everything is on the disk and the next start
/// has nothing to look through.
#[test]
fn a_clean_stop_leaves_every_partition_on_the_disk() {
    for only_singly in [false, true] {
        let disk = SimDisk::new();
        let mut node = Node::start_with(&disk, &[("ottla.acks.all", "page-cache")]).unwrap();
        node.create("t", 40, &[]).unwrap();
        for partition in 0..40 {
            node.produce("t", partition, None, &["value"]).unwrap();
        }
        if only_singly {
            disk.set_only_singly();
        }
        disk.take_trace();
        node.broker.stop();
        let whole = disk.take_trace().contains(&Op::SyncFileSystem);
        assert_eq!(whole, !only_singly);
        for seed in 0..5 {
            let node = Node::start(&disk.crash_image(seed)).unwrap();
            assert!(node.broker.log_dirs().dirs[0].was_clean);
            for partition in 0..40 {
                assert_eq!(node.read("t", partition, false), [(0, "value".to_string())], "seed {seed}");
            }
        }
    }
}
