//! Random administration against a model of a few maps, with the power lost at any operation of the disk: what was
//! answered is there after the next start, and what was under way is there whole or not at all.

use std::collections::BTreeMap;

use ottla::disk::SimDisk;

use super::node::Node;

/// Partitions and `retention.ms` of each topic.
type Model = BTreeMap<&'static str, (i32, Option<String>)>;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const STEPS: usize = 25;

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

/// One change, asked of the broker and made in the model. `None`: the power went before the answer.
fn step(random: &mut Random, node: &mut Node, model: &mut Model) -> Option<()> {
    let name = NAMES[random.below(NAMES.len() as u64) as usize];
    let exists = model.contains_key(name);
    match random.below(3) {
        0 if exists => {
            model.remove(name);
            node.delete(name)
        }
        _ if !exists => {
            let (partitions, retention) = (1 + random.below(4) as i32, random.below(1000).to_string());
            model.insert(name, (partitions, Some(retention.clone())));
            node.create(name, partitions, &[("retention.ms", &retention)]).map(|_| ())
        }
        _ => {
            let retention = random.below(1000).to_string();
            model.get_mut(name).unwrap().1 = Some(retention.clone());
            node.set_config(name, "retention.ms", &retention)
        }
    }
}

fn seen(node: &Node) -> Model {
    let image = node.broker.image();
    let topic = |name: &&'static str| {
        let topic = image.topics.by_name(name)?;
        let retention = image.configs.topic(name).and_then(|all| all.get("retention.ms")).cloned();
        Some((*name, (topic.partition_count(), retention)))
    };
    NAMES.iter().filter_map(topic).collect()
}

/// The model as it was answered last, and as it would be with what was under way.
fn run(disk: &SimDisk, seed: u64) -> (Model, Model) {
    let (mut answered, mut asked) = (Model::new(), Model::new());
    let Ok(mut node) = Node::start(disk) else { return (answered, asked) };
    let mut random = Random(seed);
    for _ in 0..STEPS {
        if step(&mut random, &mut node, &mut asked).is_none() {
            break;
        }
        answered = asked.clone();
        assert_eq!(seen(&node), answered, "seed {seed}");
    }
    (answered, asked)
}

#[test]
fn administration_survives_the_loss_of_power_at_any_operation() {
    let long = std::env::var_os("OTTLA_LONG_TESTS").is_some();
    for seed in 0..if long { 20 } else { 1 } {
        let disk = SimDisk::new();
        let (answered, asked) = run(&disk, seed);
        assert_eq!(answered, asked, "the workload runs without a crash");
        let total = disk.ops();
        let step = if long { 1 } else { total / 25 }.max(1);
        for at in (0..total).step_by(step as usize) {
            let disk = SimDisk::new();
            disk.crash_at(at);
            let (answered, asked) = run(&disk, seed);
            let what = format!("seed {seed}, crash at {at} of {total}");
            let node = Node::start(&disk.crash_image(at)).unwrap_or_else(|e| panic!("{what}: no start: {e}"));
            let found = seen(&node);
            assert!(found == answered || found == asked, "{what}: {found:?} is neither {answered:?} nor {asked:?}");
        }
    }
}

/// `--nocapture` prints the times; what is answered is checked.
#[test]
fn a_request_may_name_thousands_of_topics() {
    use super::client::{create_topic, text};
    use ottla::wire::messages::{CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest, metadata_request};
    let dir = tempfile::tempdir().unwrap();
    let mut node = Node::start_in(dir.path(), &[]).unwrap();
    let names: Vec<String> = (0..1000).map(|n| format!("topic-{n}")).collect();
    let topics = names.iter().map(|name| create_topic(name, 1, &[]).topics.remove(0)).collect();
    let begun = std::time::Instant::now();
    let answer = node.ask(7, &CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(60_000)).unwrap();
    println!("1000 topics made durably in {:?}", begun.elapsed());
    assert!(answer.topics.iter().all(|topic| topic.error_code == 0) && answer.topics.len() == 1000);
    let many = (0..10_000).map(|n| {
        let name = Some(text(&format!("topic-{n}")).into());
        metadata_request::MetadataRequestTopic::default().with_name(name)
    });
    let begun = std::time::Instant::now();
    let request = MetadataRequest::default().with_topics(Some(many.collect())).with_allow_auto_topic_creation(false);
    let answer = node.ask(12, &request).unwrap();
    println!("10000 topics described in {:?}", begun.elapsed());
    let known = answer.topics.iter().filter(|topic| topic.error_code == 0).count();
    assert_eq!((answer.topics.len(), known), (10_000, 1000));
    let delete = |topics: std::ops::Range<usize>| {
        let names = topics.map(|n| text(&format!("topic-{n}")).into()).collect();
        DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(60_000)
    };
    let answer = node.ask(5, &delete(0..10_000)).unwrap();
    let deleted = answer.responses.iter().filter(|response| response.error_code == 0).count();
    assert_eq!((answer.responses.len(), deleted), (10_000, 1000));
}
