//! A partition that moves from one log directory to another is always whole in one of them: when power is lost at any
//! step of it, and when it is written, read, shortened and compacted meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ottla::broker::log_dirs::BrokerDir;
use ottla::disk::SimDisk;

use super::client::Writer;
use super::node::Node;

const TWO_DIRS: &[(&str, &str)] = &[("log.dirs", "/data,/more")];

#[derive(Default)]
struct Promised {
    /// Acknowledged values of `m`, from offset 0 on.
    values: Vec<String>,
    log_start: i64,
    last: Option<(Writer, i32)>,
    /// Whether `k` has been compacted down to its newest record.
    newest: Option<&'static str>,
}

impl Promised {
    fn produce(&mut self, node: &mut Node, count: usize) -> Option<()> {
        for _ in 0..count {
            let writer = match &self.last {
                Some((writer, _)) => writer.clone(),
                None => node.init_producer(None)?,
            };
            let sequence = self.last.as_ref().map_or(0, |(_, sequence)| sequence + 1);
            let value = format!("value {}", self.values.len());
            let offset = node.produce("m", 0, Some((&writer, sequence)), &[&value])?;
            assert_eq!(offset, self.values.len() as i64);
            self.values.push(value);
            self.last = Some((writer, sequence));
        }
        Some(())
    }
}

fn other_dir(node: &Node, topic: &str) -> Arc<BrokerDir> {
    let partition = node.broker.partition(topic, 0).unwrap();
    node.broker.log_dirs().dirs.iter().find(|dir| !partition.is_in(dir)).unwrap().clone()
}

fn move_away(node: &Node, topic: &str) -> Option<()> {
    let to = other_dir(node, topic);
    let partition = node.broker.partition(topic, 0).unwrap();
    node.broker.ask_to_move(&partition, &to).ok()?;
    node.broker.work_off_moves();
    partition.is_in(&to).then_some(())
}

fn prepare(node: &mut Node, promised: &mut Promised) -> Option<()> {
    node.create("m", 1, &[])?;
    node.create("k", 1, &[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01")])?;
    promised.produce(node, 3)?;
    node.roll("m")?;
    promised.produce(node, 2)?;
    node.delete_records("m", 0, 2)?;
    promised.log_start = 2;
    for value in ["x1", "x2", "x3"] {
        node.produce_key("k", "x", value)?;
        node.roll("k")?;
    }
    for _ in 0..5_000 {
        node.broker.clean_what_is_due();
        if node.read("k", 0, false).len() == 1 {
            promised.newest = Some("x3");
            return Some(());
        }
        if node.disk.has_lost_power() {
            return None;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("k-0 is not compacted");
}

fn work(node: &mut Node, promised: &mut Promised) -> Option<()> {
    move_away(node, "m")?;
    promised.produce(node, 2)?;
    move_away(node, "k")?;
    node.produce_key("k", "x", "x4")?;
    promised.newest = Some("x4");
    node.delete_records("m", 0, 4)?;
    promised.log_start = 4;
    move_away(node, "m")?;
    promised.produce(node, 2)
}

fn check(disk: &SimDisk, promised: &mut Promised, what: &str) {
    let mut node = Node::start_with(disk, TWO_DIRS).unwrap_or_else(|e| panic!("{what}: no start: {e}"));
    if promised.values.is_empty() {
        return;
    }
    for (offset, value) in node.read("m", 0, false) {
        if let Some(promised) = promised.values.get(offset as usize) {
            assert_eq!(*promised, value, "{what}: at {offset}");
        }
    }
    let ends = node.broker.partition("m", 0).unwrap_or_else(|| panic!("{what}: m is offline")).ends();
    assert!(ends.log_start.0 >= promised.log_start, "{what}: deleted records are back, from {}", ends.log_start);
    assert!(ends.log_end.0 >= promised.values.len() as i64, "{what}: {} of {:?}", ends.log_end, promised.values);
    if let Some(newest) = promised.newest {
        let shown: Vec<String> = node.read("k", 0, false).into_iter().map(|(_, value)| value).collect();
        assert!(shown.iter().any(|value| value.as_str() >= newest), "{what}: {newest} is missing from {shown:?}");
    }
    // Somewhere a crash left the metadata behind; it is corrected, and the partition can go on and move.
    assert!(move_away(&node, "m").is_some(), "{what}: it does not move");
    assert!(node.produce("m", 0, None, &["on"]).is_some(), "{what}: it takes no records");
    for topic in ["m", "k"] {
        let holds =
            |dir: &&Arc<BrokerDir>| node.broker.disk().stat(&dir.dir.path().join(format!("{topic}-0"))).unwrap();
        let found = node.broker.log_dirs().dirs.iter().filter(|dir| holds(dir).is_some()).count();
        assert_eq!(found, 1, "{what}: {topic} lies in {found} directories");
    }
}

#[test]
fn a_moving_partition_survives_the_loss_of_power_at_any_operation() {
    let long = std::env::var_os("OTTLA_LONG_TESTS").is_some();
    let run = |crash_at: Option<u64>| {
        let (disk, mut promised) = (SimDisk::new(), Promised::default());
        let mut node = Node::start_with(&disk, TWO_DIRS).unwrap();
        prepare(&mut node, &mut promised).unwrap();
        let begun = disk.ops();
        crash_at.into_iter().for_each(|at| disk.crash_at(begun + at));
        let done = work(&mut node, &mut promised).is_some();
        (disk.clone(), promised, done, disk.ops() - begun)
    };
    let (disk, mut promised, done, total) = run(None);
    assert!(done, "the workload runs without a crash");
    check(&disk.crash_image(1), &mut promised, "after everything");
    let step = if long { 1 } else { total / 20 }.max(1);
    for at in (0..total).step_by(step as usize) {
        let (disk, mut promised, ..) = run(Some(at));
        for survival in 0..if long { 10 } else { 1 } {
            check(
                &disk.crash_image(survival),
                &mut promised,
                &format!("crash at {at} of {total}, survival {survival}"),
            );
        }
        check(&disk.killed_image(), &mut promised, &format!("kill at {at} of {total}"));
    }
}

#[test]
fn a_partition_is_written_and_read_while_it_moves() {
    let (disk, mut promised) = (SimDisk::new(), Promised::default());
    let mut node = Node::start_with(&disk, TWO_DIRS).unwrap();
    prepare(&mut node, &mut promised).unwrap();
    let done = AtomicBool::new(false);
    let broker = node.broker.clone();
    std::thread::scope(|scope| {
        let mover = scope.spawn(|| {
            let mut moves = 0;
            while !done.load(Ordering::Acquire) || moves < 4 {
                let partition = broker.partition("m", 0).unwrap();
                let to = broker.log_dirs().dirs.iter().find(|dir| !partition.is_in(dir)).unwrap();
                assert_eq!(broker.ask_to_move(&partition, to), Ok(true));
                broker.work_off_moves();
                assert!(partition.is_in(to));
                moves += 1;
            }
            moves
        });
        for _ in 0..30 {
            promised.produce(&mut node, 5).unwrap();
            node.roll("m").unwrap();
            let read = node.read("m", 0, false);
            assert_eq!(read.len() as i64, promised.values.len() as i64 - promised.log_start);
        }
        done.store(true, Ordering::Release);
        println!("{} moves", mover.join().unwrap());
    });
    drop(node);
    check(&disk.killed_image(), &mut promised, "after all moves");
}
