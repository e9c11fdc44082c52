//! The same faults on a real file system that is small, where the machine lets a test mount one: a process of its own, in
//! a mount namespace of its own.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use super::client::*;
use super::node::Node;

const SIZE_BYTES: usize = 96 << 20;
const RESERVE_BYTES: usize = 8 << 20;
const KAFKA_STORAGE_ERROR: i16 = 56;

#[test]
fn a_small_file_system_fills_fails_and_goes() {
    let unshared = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]).args(arguments);
        command
    };
    let mounts = unshared(&["mount", "-t", "tmpfs", "none", "/tmp"]).output().is_ok_and(|done| done.status.success());
    if !mounts {
        return eprintln!("left out: no file system can be mounted here");
    }
    let me = std::env::current_exe().unwrap();
    let inside = ["real::inside", "--exact", "--ignored", "--nocapture"];
    let done = unshared(&[me.to_str().unwrap()]).args(inside).output().unwrap();
    let (out, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}{errors}");
}

#[test]
#[ignore = "runs in a mount namespace, started by the test above"]
fn inside() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    mount(root, &format!("size={SIZE_BYTES}"));
    let data = root.join("data");
    let mut node = start(&data);
    for topic in ["t", "u"] {
        node.create(topic, 1, &[("segment.bytes", "1048576")]).unwrap();
        assert_eq!(node.produce(topic, 0, None, &["safe"]), Some(0));
    }
    node.find_coordinator(0, "g").unwrap();
    node.commit_offset("g", "t", 1).unwrap();
    fills(&mut node, root);
    drop(node);
    is_read_only(root, &data);
    goes(root, &data);
}

fn mount(at: &Path, options: &str) {
    let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(at).status().unwrap();
    assert!(done.success());
}

fn start(data: &Path) -> Node {
    Node::start_in(data, &[("ottla.disk.reserve.bytes", &RESERVE_BYTES.to_string())]).unwrap()
}

fn code(node: &mut Node, topic: &str) -> i16 {
    let answer = node.ask(PRODUCE, &produce(topic, 0, None, &["value"])).unwrap();
    answer.responses[0].partition_responses[0].error_code
}

fn is_healthy(node: &Node) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(["health", "--timeout-ms", "60000", "-b", &node.address()]).status().unwrap().success()
}

/// First up to half of the reserve, then to the last block.
fn fills(node: &mut Node, root: &Path) {
    let mut filler = fs::File::create(root.join("filler")).unwrap();
    while filler.write_all(&[1; 64 << 10]).is_ok() {}
    let full_bytes = filler.metadata().unwrap().len();
    filler.set_len(full_bytes - RESERVE_BYTES as u64 / 2).unwrap();
    let room = |node: &Node| node.broker.log_dirs().dirs[0].commit.room().look();
    room(node);
    assert_eq!(code(node, "t"), KAFKA_STORAGE_ERROR);
    node.commit_offset("g", "t", 2).unwrap();
    node.create("v", 1, &[]).unwrap();
    node.delete_records("u", 0, 1).unwrap();
    assert_eq!(node.read("t", 0, false), [(0, "safe".to_string())]);

    let mut rest = fs::File::create(root.join("rest")).unwrap();
    while rest.write_all(&[1; 4096]).is_ok() {}
    room(node);
    assert_eq!(code(node, "t"), KAFKA_STORAGE_ERROR);
    // The last page of the metadata log may have room for it.
    let created = node.create("w", 1, &[]);
    assert_eq!(node.read("t", 0, false), [(0, "safe".to_string())]);
    assert!(is_healthy(node), "a full disk passes");
    rest.set_len(0).unwrap();
    filler.set_len(0).unwrap();
    assert_eq!(node.produce("t", 0, None, &["again"]), Some(1));
    if created.is_none() {
        node.create("w", 1, &[]).unwrap();
    }
    node.broker.make_missing_partitions();
    assert_eq!(node.produce("w", 0, None, &["value"]), Some(0));
}

fn is_read_only(root: &Path, data: &Path) {
    let remount = |how: &str| {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(root).status().unwrap();
        assert!(done.success(), "remount,{how}");
    };
    remount("ro");
    let refused = Node::start_in(data, &[]).map(|_| ()).unwrap_err();
    assert!(refused.contains("data") && refused.to_lowercase().contains("read-only"), "{refused}");
    remount("rw");
    let node = start(data);
    assert_eq!(node.read("t", 0, false), [(0, "safe".to_string()), (1, "again".to_string())]);
    assert_eq!(node.broker.partition("u", 0).unwrap().ends().log_start.0, 1);
}

/// The directory disappears under a running broker, which meets that when it makes a file.
fn goes(root: &Path, data: &Path) {
    let mut node = start(data);
    assert!(is_healthy(&node));
    let large = "x".repeat(700 << 10);
    assert_eq!(node.produce("t", 0, None, &[&large]), Some(2));
    let away = root.join("away");
    fs::rename(data, &away).unwrap();
    assert_eq!(node.produce("t", 0, None, &[&large]), None);
    assert_eq!((code(&mut node, "t"), code(&mut node, "u")), (KAFKA_STORAGE_ERROR, KAFKA_STORAGE_ERROR));
    assert!(!is_healthy(&node), "a lost directory does not pass");
    drop(node);
    fs::rename(&away, data).unwrap();
    let mut node = start(data);
    assert_eq!(node.read("t", 0, false).len(), 3);
    assert_eq!(node.produce("t", 0, None, &["on"]), Some(3));
}
