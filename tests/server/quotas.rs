//! Clients above their quotas are told to wait, and made to.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use ottla::wire::codec::{self, WireRequest};
use ottla::wire::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use ottla::wire::messages::create_topics_request::CreatableTopic;
use ottla::wire::messages::*;

use super::{Running, ask, frame, start};

const CLIENT: &str = "me";
const THROTTLING_QUOTA_EXCEEDED: i16 = 89;

macro_rules! call {
    ($stream:expr, $version:expr, $request:expr => $response:ty) => {{
        let stream = &mut $stream;
        send(stream, $version, &$request);
        codec::decode_reply::<$response>($version, frame(stream).unwrap()).unwrap().1
    }};
}

fn send<Q: WireRequest + kafka_protocol::protocol::Encodable>(stream: &mut TcpStream, version: i16, request: &Q) {
    stream.write_all(&codec::encode_request(1, Some(CLIENT), version, request).unwrap()).unwrap();
}

fn limit(running: &Running, key: &'static str, value: f64) {
    let entity = EntityData::default().with_entity_type("client-id".into()).with_entity_name(Some(CLIENT.into()));
    let op = OpData::default().with_key(key.into()).with_value(value);
    let entry = EntryData::default().with_entity(vec![entity]).with_ops(vec![op]);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let answer = call!(running.connect(), 1, request => AlterClientQuotasResponse);
    assert_eq!(answer.entries[0].error_code, 0);
}

fn create(running: &Running, version: i16, name: &'static str, partitions: i32) -> CreateTopicsResponse {
    let topic = CreatableTopic::default().with_name(TopicName(name.into()));
    let topic = topic.with_num_partitions(partitions).with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    call!(running.connect(), version, request => CreateTopicsResponse)
}

#[test]
fn a_producer_above_its_rate_is_told_to_wait_and_not_read() {
    let running = start(&[]);
    limit(&running, "producer_byte_rate", 1.0);
    let mut stream = running.connect();
    let topic = produce_request::TopicProduceData::default().with_name(TopicName("x".repeat(200).into()));
    let request = ProduceRequest::default().with_acks(1).with_topic_data(vec![topic]);
    let answer = call!(stream, 9, request => ProduceResponse);
    // More than 200 bytes in ten seconds, at one byte a second.
    assert!(answer.throttle_time_ms > 190_000, "{}", answer.throttle_time_ms);
    stream.write_all(&ask(2)).unwrap();
    let mut other = running.connect();
    other.write_all(&ask(3)).unwrap();
    assert!(frame(&mut other).is_some());
    stream.set_nonblocking(true).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn changes_of_the_metadata_are_refused_above_the_rate_and_older_clients_only_wait() {
    let running = start(&[]);
    limit(&running, "controller_mutation_rate", 0.1);
    // The bucket holds 1.1; it may be overdrawn once.
    let first = create(&running, 7, "first", 20);
    assert_eq!((first.topics[0].error_code, first.throttle_time_ms), (0, 0));
    let second = create(&running, 7, "second", 1);
    assert_eq!(second.topics[0].error_code, THROTTLING_QUOTA_EXCEEDED);
    assert!(second.throttle_time_ms > 100_000, "{}", second.throttle_time_ms);
    let older = create(&running, 5, "second", 1);
    assert_eq!(older.topics[0].error_code, 0);
    assert!(older.throttle_time_ms > 100_000, "{}", older.throttle_time_ms);
}

#[test]
fn whoever_takes_too_much_time_waits_a_second_at_most() {
    let running = start(&[]);
    limit(&running, "request_percentage", 1e-9);
    let answer = call!(running.connect(), 12, MetadataRequest::default() => MetadataResponse);
    assert!((1..=1000).contains(&answer.throttle_time_ms), "{}", answer.throttle_time_ms);
}
