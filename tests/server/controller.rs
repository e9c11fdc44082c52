//! The controller's own listener: fewer APIs, and controllers instead of brokers.

use std::io::Write;
use std::net::TcpStream;

use kafka_protocol::protocol::{Decodable, Encodable};
use ottla::wire::codec::{self, WireRequest, WireResponse};
use ottla::wire::messages::*;

use super::{ask, frame, start};

const MISMATCHED_ENDPOINT_TYPE: i16 = 114;

fn call<Q: WireRequest + Encodable, R: WireResponse + Decodable>(to: &mut TcpStream, version: i16, request: &Q) -> R {
    to.write_all(&codec::encode_request(1, Some("me"), version, request).unwrap()).unwrap();
    codec::decode_reply::<R>(version, frame(to).unwrap()).unwrap().1
}

#[test]
fn a_controller_listener_tells_of_controllers_and_serves_no_data() {
    let running = start(&[
        ("process.roles", "broker,controller"),
        ("listeners", "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"),
        ("controller.listener.names", "CONTROLLER"),
        ("controller.quorum.voters", "1@127.0.0.1:19093"),
    ]);
    let _inside = running._runtime.enter();
    let address = running.server.listen("CONTROLLER", "127.0.0.1:0".parse().unwrap(), 50).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&ask(1)).unwrap();
    let (_, told) = codec::decode_reply::<ApiVersionsResponse>(3, frame(&mut stream).unwrap()).unwrap();
    let has = |key: i16| told.api_keys.iter().any(|api| api.api_key == key);
    assert!(has(60) && has(19) && !has(0) && !has(3), "DescribeCluster and CreateTopics, not Produce and Metadata");

    let of = |endpoint_type: i8| DescribeClusterRequest::default().with_endpoint_type(endpoint_type);
    let controllers: DescribeClusterResponse = call(&mut stream, 2, &of(2));
    assert_eq!((controllers.error_code, controllers.endpoint_type), (0, 2));
    let nodes: Vec<_> = controllers.brokers.iter().map(|b| (b.broker_id.0, b.port)).collect();
    // As it is registered, whatever port the test listens on.
    assert_eq!(nodes, [(1, 19093)]);
    let brokers: DescribeClusterResponse = call(&mut stream, 2, &of(1));
    assert_eq!(brokers.error_code, MISMATCHED_ENDPOINT_TYPE);

    stream.write_all(&codec::encode_request(1, None, 12, &MetadataRequest::default()).unwrap()).unwrap();
    assert!(frame(&mut stream).is_none(), "what is not served there closes the connection");
}

#[test]
fn a_broker_whose_directories_are_all_cordoned_takes_no_topics() {
    const INVALID_REPLICATION_FACTOR: i16 = 38;
    for (cordoned, code) in [("", 0), ("*", INVALID_REPLICATION_FACTOR)] {
        let running = start(&[("cordoned.log.dirs", cordoned)]);
        let topic = create_topics_request::CreatableTopic::default().with_name(TopicName("t".into()));
        let topic = topic.with_num_partitions(1).with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
        let created: CreateTopicsResponse = call(&mut running.connect(), 7, &request);
        assert_eq!(created.topics[0].error_code, code, "{cordoned:?}");
    }
}
