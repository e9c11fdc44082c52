//! Produce requests that come right behind each other are appended together, and each is answered as if it had come
//! alone.

use std::io::Write;

use bytes::Bytes;
use ottla::model::{Offset, ProducerEpoch, ProducerId};
use ottla::records::BatchBuilder;
use ottla::wire::codec;
use ottla::wire::messages::create_topics_request::CreatableTopic;
use ottla::wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla::wire::messages::*;

use super::{ask, correlation, frame, start};

const VERSION: i16 = 9;
const CORRUPT_MESSAGE: i16 = 2;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;

/// So many records of an idempotent producer, from this sequence on.
fn records(count: usize, sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new(Offset(0)).producer(ProducerId(1000), ProducerEpoch(0), sequence);
    (0..count).for_each(|_| builder.append(1, None, Some(b"value"), &[]));
    builder.build()
}

fn damaged(records: Bytes) -> Bytes {
    let mut bytes = records.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes.into()
}

fn produce(correlation_id: i32, acks: i16, parts: &[(i32, Bytes)]) -> Bytes {
    let parts = parts.iter().map(|(partition, records)| {
        PartitionProduceData::default().with_index(*partition).with_records(Some(records.clone()))
    });
    let topic = TopicProduceData::default().with_name(TopicName("t".into())).with_partition_data(parts.collect());
    let request = ProduceRequest::default().with_acks(acks).with_timeout_ms(20_000).with_topic_data(vec![topic]);
    codec::encode_request(correlation_id, Some("me"), VERSION, &request).unwrap()
}

/// Partition, error and base offset of each part of an answer.
fn told(answer: Bytes) -> Vec<(i32, i16, i64)> {
    let (_, answer) = codec::decode_reply::<ProduceResponse>(VERSION, answer).unwrap();
    let parts = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    parts.map(|part| (part.index, part.error_code, part.base_offset)).collect()
}

#[test]
fn each_of_many_writes_keeps_its_own_offsets_and_errors() {
    for acks_all in ["fsync", "page-cache"] {
        let running = start(&[("ottla.acks.all", acks_all)]);
        let mut stream = running.connect();
        let topic = CreatableTopic::default().with_name(TopicName("t".into()));
        let topic = topic.with_num_partitions(2).with_replication_factor(1);
        let create = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        stream.write_all(&codec::encode_request(1, Some("me"), 5, &create).unwrap()).unwrap();
        frame(&mut stream).unwrap();
        let all = [
            produce(10, -1, &[(0, records(2, 0))]),
            produce(11, 1, &[(0, records(3, 2))]),
            produce(12, -1, &[(0, damaged(records(1, 5)))]),
            produce(13, -1, &[(1, records(4, 0)), (0, records(1, 5)), (7, records(1, 0))]),
            produce(14, 0, &[(1, records(1, 4))]),
            produce(15, -1, &[(0, records(2, 0))]),
            ask(16),
            produce(17, -1, &[(0, records(1, 99))]),
            produce(18, -1, &[(1, records(1, 5))]),
        ];
        stream.write_all(&all.concat()).unwrap();
        let mut next = || frame(&mut stream).unwrap();
        assert_eq!(told(next()), [(0, 0, 0)]);
        assert_eq!(told(next()), [(0, 0, 2)]);
        assert_eq!(told(next()), [(0, CORRUPT_MESSAGE, -1)]);
        assert_eq!(told(next()), [(1, 0, 0), (0, 0, 5), (7, UNKNOWN_TOPIC_OR_PARTITION, -1)]);
        // Without acks there is no answer; the next one repeats the first write and hears of its offset.
        assert_eq!(told(next()), [(0, 0, 0)]);
        assert_eq!(correlation(&next()), 16);
        assert_eq!(told(next()), [(0, OUT_OF_ORDER_SEQUENCE_NUMBER, -1)]);
        assert_eq!(told(next()), [(1, 0, 5)]);
    }
}
