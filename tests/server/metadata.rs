//! Metadata of many topics, asked for again and again: the same for everyone until something changes.

use std::io::{Error, Write};

use bytes::Bytes;
use ottla::wire::codec::{self, WireRequest};
use ottla::wire::messages::create_topics_request::CreatableTopic;
use ottla::wire::messages::*;

use super::*;

const TOPICS: usize = 700;
const LEADER_NOT_AVAILABLE: i16 = 5;

fn call<Q: WireRequest + kafka_protocol::protocol::Encodable>(
    stream: &mut TcpStream,
    id: i32,
    version: i16,
    request: &Q,
) -> Bytes {
    stream.write_all(&codec::encode_request(id, Some("me"), version, request).unwrap()).unwrap();
    let answer = frame(stream).expect("an answer");
    assert_eq!(correlation(&answer), id);
    answer
}

fn create(stream: &mut TcpStream, names: impl Iterator<Item = String>) {
    let topic = |name: String| {
        let name = StrBytes::from_string(name).into();
        CreatableTopic::default().with_name(name).with_num_partitions(1).with_replication_factor(1)
    };
    let request = CreateTopicsRequest::default().with_topics(names.map(topic).collect()).with_timeout_ms(60_000);
    let (_, answer) = codec::decode_reply::<CreateTopicsResponse>(7, call(stream, 1, 7, &request)).unwrap();
    assert!(answer.topics.iter().all(|topic| topic.error_code == 0));
}

#[test]
fn metadata_of_all_topics_is_right_however_often_it_is_asked_for() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let dir = tempfile::tempdir().unwrap();
    let broker = broker(dir.path(), &[("ottla.acks.all", "page-cache")]);
    let server = Server::new(broker.clone());
    let address = server.listen("PLAINTEXT", "127.0.0.1:0".parse().unwrap(), 50).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    create(&mut stream, (0..TOPICS).map(|n| format!("t{n}")));
    let everything = MetadataRequest::default().with_topics(None);
    let ask = |stream: &mut TcpStream, id, version| {
        let answer = call(stream, id, version, &everything);
        (answer.slice(4..), codec::decode_reply::<MetadataResponse>(version, answer).unwrap().1)
    };
    for version in [1, 3, 8, 9, 12, 13] {
        let (first, answer) = ask(&mut stream, 7, version);
        assert_eq!(answer.topics.len(), TOPICS, "version {version}");
        assert_eq!(answer.brokers[0].port, i32::from(address.port()));
        assert_eq!(ask(&mut stream, 8, version).0, first, "version {version}");
    }
    create(&mut stream, std::iter::once("another".to_string()));
    assert_eq!(ask(&mut stream, 9, 12).1.topics.len(), TOPICS + 1);
    // From another address the broker is found at another.
    let other = server.listen("PLAINTEXT", "127.0.0.1:0".parse().unwrap(), 50).unwrap();
    let mut second = TcpStream::connect(other).unwrap();
    second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(ask(&mut second, 10, 12).1.brokers[0].port, i32::from(other.port()));
    assert_eq!(ask(&mut stream, 11, 12).1.brokers[0].port, i32::from(address.port()));
    broker.log_dirs().dirs[0].commit.take_offline(&Error::other("pulled out"));
    let (_, answer) = ask(&mut stream, 12, 12);
    assert!(answer.topics.iter().all(|topic| topic.partitions[0].error_code == LEADER_NOT_AVAILABLE));
}
