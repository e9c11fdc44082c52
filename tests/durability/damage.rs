//! Bytes that were safe once and are wrong now: the partition is not served until somebody has mended it.

use std::io::IoSlice;
use std::path::Path;

use ottla::disk::{Disk, Open, SimDisk};
use ottla::log::check;
use ottla::model::Offset;

use super::client::*;
use super::node::Node;

const KAFKA_STORAGE_ERROR: i16 = 56;
const SEGMENT: &str = "/data/t-0/00000000000000000000.log";

/// A killed broker's disk, on which a sealed segment of `t` is damaged in its middle.
fn damaged() -> SimDisk {
    let mut node = Node::start(&SimDisk::new()).unwrap();
    for topic in ["t", "u"] {
        node.create(topic, 1, &[]).unwrap();
        for value in ["zero", "one", "two"] {
            node.produce(topic, 0, None, &[value]).unwrap();
        }
    }
    node.roll("t").unwrap();
    let partition = node.broker.partition("t", 0).unwrap();
    let upkeep = partition.log().take_upkeep().unwrap();
    upkeep.run(&node.disk).unwrap();
    partition.log().upkept(&upkeep);
    node.broker.write_checkpoints();
    node.produce("t", 0, None, &["three"]).unwrap();
    let disk = node.disk.killed_image();
    let file = disk.open(Path::new(SEGMENT), Open::ReadWrite).unwrap();
    let middle = file.size_bytes().unwrap() / 2;
    let mut byte = [0];
    file.read_at(&mut byte, middle).unwrap();
    file.write_all_at(&[IoSlice::new(&[byte[0] ^ 0x40])], middle).unwrap();
    disk
}

fn code(node: &mut Node, topic: &str) -> i16 {
    let answer = node.ask(PRODUCE, &produce(topic, 0, None, &["more"])).unwrap();
    answer.responses[0].partition_responses[0].error_code
}

#[test]
fn a_partition_damaged_amid_a_sealed_segment_is_offline_until_it_is_mended() {
    let disk = damaged();
    let size = disk.stat(Path::new(SEGMENT)).unwrap().unwrap().size_bytes;
    // Again and again: neither a start nor a clean stop changes anything of it, or makes anyone forget it.
    for _ in 0..3 {
        let mut node = Node::start(&disk).unwrap();
        assert!(node.broker.partition("t", 0).is_none());
        assert_eq!((code(&mut node, "t"), code(&mut node, "u")), (KAFKA_STORAGE_ERROR, 0));
        node.broker.write_checkpoints();
        assert_eq!(disk.stat(Path::new(SEGMENT)).unwrap().unwrap().size_bytes, size);
        node.broker.stop();
    }
    let found = check::partition(&disk, Path::new("/data/t-0"), Offset(3)).unwrap();
    assert!(found.is_damaged());
    found.findings.iter().for_each(|finding| check::mend(&disk, finding).unwrap());
    let mut node = Node::start(&disk).unwrap();
    let left = [(0, "zero".to_string()), (2, "two".to_string()), (3, "three".to_string())];
    assert_eq!(node.read("t", 0, false), left);
    assert_eq!(node.produce("t", 0, None, &["four"]), Some(4));
}
