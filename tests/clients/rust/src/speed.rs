//! How fast this client moves records; no test, but a cross-check for the benchmark.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

use crate::support::{LONG, config};

const BATCH_BYTES: &str = "65536";
const NUMBER: &str = "a number of records, and of bytes";

/// When the producer holds as many as it may.
const PAUSE: Duration = Duration::from_millis(10);

/// Counts what was acknowledged.
#[derive(Default)]
struct Acknowledged(AtomicUsize);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        self.0.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
    }
}

/// Produces records without keys to partition 0 and prints MB/s until the last is acknowledged.
pub fn produce(server: &str, topic: &str, records: &str, bytes: &str) {
    let (records, bytes): (usize, usize) = (records.parse().expect(NUMBER), bytes.parse().expect(NUMBER));
    let mut config = config(server);
    config.set("acks", "all").set("batch.size", BATCH_BYTES).set("linger.ms", "5");
    let producer: BaseProducer<Acknowledged> = config.create_with_context(Acknowledged::default()).unwrap();
    let value = vec![b'x'; bytes];
    let begin = Instant::now();
    for _ in 0..records {
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(&value);
        while let Err((error, given_back)) = producer.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            producer.poll(PAUSE);
            record = given_back;
        }
    }
    producer.flush(LONG).unwrap();
    assert_eq!(producer.context().0.load(Ordering::Relaxed), records, "so many were acknowledged");
    tell(records * bytes, begin);
}

/// Reads so many records from partition 0 and prints MB/s.
pub fn consume(server: &str, topic: &str, records: &str) {
    let records: usize = records.parse().expect(NUMBER);
    let consumer: BaseConsumer =
        config(server).set("group.id", "speed").set("enable.auto.commit", "false").create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    let begin = Instant::now();
    consumer.assign(&list).unwrap();
    let mut bytes = 0;
    for _ in 0..records {
        let message = consumer.poll(LONG).expect("a record came too late").unwrap();
        bytes += message.payload_len();
    }
    tell(bytes, begin);
}

fn tell(bytes: usize, begin: Instant) {
    println!("{}", bytes as f64 / 1e6 / begin.elapsed().as_secs_f64());
}
