//! Every codec: what is read by assignment is byte for byte what was produced.

use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{LONG, config, create_topic, read_all};

const PARTITIONS: i32 = 3;
const RECORDS: usize = 900;

#[derive(Debug, PartialEq)]
struct Record {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    timestamp_ms: i64,
    header: Option<Vec<u8>>,
}

/// Keys and values that are missing, empty, dull and hard to compress.
fn record(number: usize) -> Record {
    let noise = |length: usize| (0..length).map(|n| (n * n * 31 + number * 17) as u8).collect::<Vec<u8>>();
    Record {
        key: [None, Some(Vec::new()), Some(noise(9))][number % 3].clone(),
        value: [None, Some(Vec::new()), Some(vec![b'x'; 2000]), Some(noise(number))][number % 4].clone(),
        timestamp_ms: 1_700_000_000_000 + number as i64,
        header: [None, Some(Vec::new()), Some(noise(20))][number / 3 % 3].clone(),
    }
}

fn seen(message: &OwnedMessage) -> Record {
    let header = message.headers().map(|headers| {
        assert_eq!(headers.get(0).key, "h");
        headers.get(0).value.unwrap().to_vec()
    });
    Record {
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp_ms: message.timestamp().to_millis().unwrap(),
        header,
    }
}

pub fn run(server: &str) {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("rust-{codec}");
        create_topic(server, &topic, PARTITIONS);
        produce(server, &topic, codec);
        for (partition, messages) in read_all(server, &topic, PARTITIONS, "read_committed").iter().enumerate() {
            let wanted: Vec<Record> = (partition..RECORDS).step_by(PARTITIONS as usize).map(record).collect();
            let read: Vec<Record> = messages.iter().map(seen).collect();
            assert!(read == wanted, "{codec}: partition {partition} does not hold what was produced");
            assert!(messages.iter().enumerate().all(|(n, message)| message.offset() == n as i64));
        }
    }
}

fn produce(server: &str, topic: &str, codec: &str) {
    let producer: BaseProducer = config(server)
        .set("compression.type", codec)
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .create()
        .unwrap();
    for number in 0..RECORDS {
        let Record { key, value, timestamp_ms, header } = record(number);
        let mut sent = BaseRecord::<[u8], [u8]>::to(topic).partition((number % PARTITIONS as usize) as i32);
        sent = sent.timestamp(timestamp_ms);
        sent.key = key.as_deref();
        sent.payload = value.as_deref();
        sent.headers = header.map(|value| OwnedHeaders::new().insert(Header { key: "h", value: Some(&value) }));
        producer.send(sent).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(LONG).unwrap();
}
