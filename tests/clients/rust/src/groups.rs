//! A group whose members come and go while records arrive: no partition has two owners, nothing is missed, and a static
//! member that comes back disturbs nobody.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{LONG, config, create_topic, number};

const PARTITIONS: i32 = 6;

#[derive(Default)]
struct Watch {
    revoked: AtomicUsize,
    assigned: AtomicUsize,
}

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.assigned.fetch_add(list.count(), Ordering::Relaxed),
            Rebalance::Revoke(list) => self.revoked.fetch_add(list.count(), Ordering::Relaxed),
            Rebalance::Error(error) => panic!("{error}"),
        };
    }
}

type Member = BaseConsumer<Watch>;

struct Group<'a> {
    server: &'a str,
    assignment: &'a str,
    topic: String,
    seen: BTreeSet<u64>,
}

impl Group<'_> {
    fn member(&self, instance: &str) -> Member {
        let mut config = config(self.server);
        config.set("group.id", &self.topic).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
        config.set("group.instance.id", instance);
        if self.assignment == "consumer" {
            config.set("group.protocol", "consumer");
        } else {
            config.set("partition.assignment.strategy", self.assignment);
            config.set("heartbeat.interval.ms", "100").set("session.timeout.ms", "30000");
        }
        let member: Member = config.create_with_context(Watch::default()).unwrap();
        member.subscribe(&[&self.topic]).unwrap();
        member
    }

    /// Polls everybody until it is so.
    fn until(&mut self, what: &str, members: &[&Member], mut good: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + LONG;
        while !good(self) {
            let have: Vec<_> = members.iter().map(|member| owned(member)).collect();
            assert!(Instant::now() < end, "{}: never happened: {what}; {have:?}", self.assignment);
            for member in members {
                match member.poll(Duration::from_millis(10)) {
                    Some(Ok(message)) => drop(self.seen.insert(number(&message))),
                    // Coordinators move and topics appear; what lasts is caught by the deadline.
                    Some(Err(error)) => println!("{}: {error}", self.assignment),
                    None => {}
                }
            }
        }
    }

    fn until_shared(&mut self, members: &[&Member]) {
        let share = PARTITIONS as usize / members.len();
        self.until(&format!("{share} partitions each"), members, |_| {
            let owned: Vec<BTreeSet<i32>> = members.iter().map(|member| owned(member)).collect();
            let all: BTreeSet<i32> = owned.iter().flatten().copied().collect();
            owned.iter().all(|one| one.len() == share) && all.len() == PARTITIONS as usize
        });
    }
}

fn owned(member: &Member) -> BTreeSet<i32> {
    member.assignment().unwrap().elements().iter().map(|element| element.partition()).collect()
}

fn produce_until(server: &str, topic: &str, stop: &AtomicBool, produced: &AtomicU64) {
    let producer: BaseProducer = config(server).set("linger.ms", "1").create().unwrap();
    while !stop.load(Ordering::Relaxed) {
        let next = produced.load(Ordering::Relaxed);
        for value in next..next + 6 {
            let text = value.to_string();
            let record = BaseRecord::<(), str>::to(topic).payload(&text).partition((value % PARTITIONS as u64) as i32);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(LONG).unwrap();
        produced.store(next + 6, Ordering::Relaxed);
    }
}

pub fn run(server: &str, assignment: &str) {
    let topic = format!("rust-{assignment}");
    create_topic(server, &topic, PARTITIONS);
    let (stop, produced) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut group = Group { server, assignment, topic: topic.clone(), seen: BTreeSet::new() };
    let members = std::thread::scope(|scope| {
        scope.spawn(|| produce_until(server, &topic, &stop, &produced));
        // Also when an assertion fails, so that the producer ends.
        let _stop = StopAtEnd(&stop);
        come_and_go(&mut group)
    });
    let produced = produced.load(Ordering::Relaxed);
    let members: Vec<&Member> = members.iter().collect();
    group.until("everything read", &members, |group| group.seen.len() as u64 == produced);
}

struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn come_and_go(group: &mut Group<'_>) -> [Member; 3] {
    let a = group.member("a");
    group.until_shared(&[&a]);
    let b = group.member("b");
    group.until_shared(&[&a, &b]);
    let c = group.member("c");
    group.until_shared(&[&a, &b, &c]);
    if group.assignment != "range" {
        // Only what others were to have was taken from it: half for the second member, one more for the third.
        assert_eq!(a.context().revoked.load(Ordering::Relaxed), 4, "{} took more than it gave away", group.assignment);
    }

    // A static member goes and comes again as another process would: the same partitions, and the others see nothing.
    let before = (owned(&a), owned(&b), owned(&c));
    let changes = |member: &Member| (counted(&member.context().revoked), counted(&member.context().assigned));
    let undisturbed = (changes(&a), changes(&b));
    match c.commit_consumer_state(CommitMode::Sync) {
        // It may have read nothing yet.
        Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
        Err(error) => panic!("{error}"),
    }
    drop(c);
    let c = group.member("c");
    group.until_shared(&[&a, &b, &c]);
    let after = (owned(&a), owned(&b), owned(&c));
    assert_eq!(before, after, "{}: a static member's return moved partitions", group.assignment);
    assert_eq!(undisturbed, (changes(&a), changes(&b)), "{}: the others were disturbed", group.assignment);
    let goal = group.seen.len() + 60;
    group.until("records go on", &[&a, &b, &c], |group| group.seen.len() >= goal);
    [a, b, c]
}

fn counted(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::Relaxed)
}
