//! What every client here needs.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, OwnedMessage};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

/// More than any step takes on a busy machine: reaching it is a failure.
pub const LONG: Duration = Duration::from_secs(90);

pub fn config(server: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server);
    config
}

pub fn create_topic(server: &str, name: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = config(server).create().unwrap();
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let created = wait_for(admin.create_topics(&[topic], &AdminOptions::new())).unwrap();
    created.into_iter().for_each(|result| drop(result.unwrap()));
}

/// Runs a future that a thread of the client completes.
fn wait_for<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let end = Instant::now() + LONG;
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        assert!(Instant::now() < end, "the administrator's request was never answered");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// All that the partitions of a topic show to such a reader, each partition in its order.
pub fn read_all(server: &str, topic: &str, partitions: i32, isolation: &str) -> Vec<Vec<OwnedMessage>> {
    let consumer: BaseConsumer = config(server)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut read = vec![Vec::new(); partitions as usize];
    let mut ended = 0;
    while ended < partitions {
        match consumer.poll(LONG).unwrap_or_else(|| panic!("{topic} has no end")) {
            Ok(message) => read[message.partition() as usize].push(message.detach()),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{topic}: {error}"),
        }
    }
    read
}

pub fn number(message: &BorrowedMessage<'_>) -> u64 {
    std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap()
}
