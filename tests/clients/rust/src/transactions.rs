//! Reads, transforms and writes with the offsets in the transaction; some transactions are aborted and done again.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::OwnedMessage;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::support::{LONG, config, create_topic, read_all};

const PARTITIONS: i32 = 2;
const RECORDS: usize = 300;

fn transactional(server: &str, id: &str) -> BaseProducer {
    let producer: BaseProducer = config(server).set("transactional.id", id).create().unwrap();
    producer.init_transactions(LONG).unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, partition: i32, value: &str) {
    let record = BaseRecord::<(), str>::to(topic).payload(value).partition(partition);
    producer.send(record).map_err(|(error, _)| error).unwrap();
}

fn values(messages: &[OwnedMessage]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.payload().unwrap().to_vec()).unwrap()).collect()
}

pub fn run(server: &str) {
    let (from, to) = ("rust-in", "rust-out");
    create_topic(server, from, PARTITIONS);
    create_topic(server, to, PARTITIONS);
    fill(server, from);
    let copies = copy(server, from, to);
    for partition in 0..PARTITIONS as usize {
        let sources = values(&read_all(server, from, PARTITIONS, "read_committed")[partition]);
        let wanted: Vec<String> = sources.iter().map(|value| format!("copy of {value}")).collect();
        assert_eq!(values(&read_all(server, to, PARTITIONS, "read_committed")[partition]), wanted);
    }
    let all: usize = read_all(server, to, PARTITIONS, "read_uncommitted").iter().map(Vec::len).sum();
    assert!(all > RECORDS, "no aborted copy is in the log after {copies} transactions");
    fence(server, to);
}

/// Every third transaction is aborted: its records must not be seen.
fn fill(server: &str, topic: &str) {
    let producer = transactional(server, "rust-filler");
    let mut next = 0;
    for round in 0.. {
        if next == RECORDS {
            break;
        }
        producer.begin_transaction().unwrap();
        for n in next..next + 10 {
            send(&producer, topic, (n % PARTITIONS as usize) as i32, &n.to_string());
        }
        producer.flush(LONG).unwrap();
        match round % 3 {
            2 => producer.abort_transaction(LONG).unwrap(),
            _ => {
                producer.commit_transaction(LONG).unwrap();
                next += 10;
            }
        }
    }
}

fn copy(server: &str, from: &str, to: &str) -> usize {
    let consumer: BaseConsumer = config(server)
        .set("group.id", "rust-copier")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    consumer.subscribe(&[from]).unwrap();
    let producer = transactional(server, "rust-copier");
    let (mut copied, mut rounds, end) = (0, 0, Instant::now() + LONG);
    while copied < RECORDS {
        assert!(Instant::now() < end, "only {copied} records were copied");
        let batch: Vec<OwnedMessage> = std::iter::from_fn(|| consumer.poll(Duration::from_millis(100)))
            .take(20)
            .map(|message| message.unwrap().detach())
            .collect();
        if batch.is_empty() {
            continue;
        }
        rounds += 1;
        producer.begin_transaction().unwrap();
        for (message, value) in batch.iter().zip(values(&batch)) {
            send(&producer, to, message.partition(), &format!("copy of {value}"));
        }
        producer.send_offsets_to_transaction(&after(from, &batch), &consumer.group_metadata().unwrap(), LONG).unwrap();
        if rounds % 4 == 2 {
            producer.flush(LONG).unwrap();
            producer.abort_transaction(LONG).unwrap();
            rewind(&consumer, from, &batch);
        } else {
            producer.commit_transaction(LONG).unwrap();
            copied += batch.len();
        }
    }
    rounds
}

fn after(topic: &str, batch: &[OwnedMessage]) -> TopicPartitionList {
    let mut offsets = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        if let Some(last) = batch.iter().rfind(|message| message.partition() == partition) {
            offsets.add_partition_offset(topic, partition, Offset::Offset(last.offset() + 1)).unwrap();
        }
    }
    offsets
}

fn rewind(consumer: &BaseConsumer, topic: &str, batch: &[OwnedMessage]) {
    for partition in 0..PARTITIONS {
        if let Some(first) = batch.iter().find(|message| message.partition() == partition) {
            consumer.seek(topic, partition, Offset::Offset(first.offset()), LONG).unwrap();
        }
    }
}

/// A second producer of the same id ends what the first has open, and the first can do no more.
fn fence(server: &str, topic: &str) {
    let first = transactional(server, "rust-fenced");
    first.begin_transaction().unwrap();
    send(&first, topic, 0, "never to be seen");
    first.flush(LONG).unwrap();
    let second = transactional(server, "rust-fenced");
    let error = first.commit_transaction(LONG).unwrap_err();
    assert!(matches!(&error, rdkafka::error::KafkaError::Transaction(why) if why.is_fatal()), "{error}");
    second.begin_transaction().unwrap();
    send(&second, topic, 0, "the end");
    second.commit_transaction(LONG).unwrap();
    assert_eq!(values(&read_all(server, topic, PARTITIONS, "read_committed")[0]).last().unwrap(), "the end");
}
