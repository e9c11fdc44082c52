//! Connections over loopback: what any bytes on the socket lead to.

mod controller;
mod metadata;
mod pipelined;
mod quotas;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla::broker::Broker;
use ottla::clock::SystemClock;
use ottla::config::{BrokerConfig, Origin, Settings};
use ottla::disk::real::RealDisk;
use ottla::server::Server;
use ottla::wire::codec;
use ottla::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};

/// A server on a free loopback port, for as long as the value lives.
struct Running {
    address: SocketAddr,
    server: Server,
    _runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

/// A broker on a directory of its own, with these settings over the defaults.
fn broker(dir: &std::path::Path, settings: &[(&str, &str)]) -> Arc<Broker> {
    let mut all = Settings::new();
    all.set("node.id", "1", Origin::CommandLine);
    all.set("log.dirs", dir.to_str().unwrap(), Origin::CommandLine);
    for (key, value) in settings {
        all.set(*key, *value, Origin::CommandLine);
    }
    let config = BrokerConfig::read(all).0.unwrap();
    ottla::broker::start::start(config, Arc::new(SystemClock::new()), Arc::new(RealDisk)).unwrap()
}

fn start(settings: &[(&str, &str)]) -> Running {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(broker(dir.path(), settings));
    let address = server.listen("PLAINTEXT", "127.0.0.1:0".parse().unwrap(), 50).unwrap();
    Running { address, server, _runtime: runtime, _dir: dir }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }
}

fn ask(correlation_id: i32) -> Bytes {
    let mut request = ApiVersionsRequest::default();
    request.client_software_name = "test".into();
    request.client_software_version = "1".into();
    codec::encode_request(correlation_id, Some("me"), 3, &request).unwrap()
}

/// The next answer's frame, or `None` when the broker has closed the connection.
fn frame(stream: &mut TcpStream) -> Option<Bytes> {
    let mut size = [0; 4];
    stream.read_exact(&mut size).ok()?;
    let mut body = vec![0; i32::from_be_bytes(size) as usize];
    stream.read_exact(&mut body).ok()?;
    Some(body.into())
}

fn correlation(frame: &Bytes) -> i32 {
    i32::from_be_bytes(frame[..4].try_into().unwrap())
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let running = start(&[]);
    let mut stream = running.connect();
    let all: Vec<u8> = (0..200).flat_map(ask).collect();
    stream.write_all(&all).unwrap();
    for n in 0..200 {
        assert_eq!(correlation(&frame(&mut stream).unwrap()), n);
    }
}

#[test]
fn an_answer_lists_itself_among_the_served_apis() {
    let running = start(&[]);
    let mut stream = running.connect();
    stream.write_all(&ask(7)).unwrap();
    let (id, answer) = codec::decode_reply::<ApiVersionsResponse>(3, frame(&mut stream).unwrap()).unwrap();
    assert_eq!(id, 7);
    assert!(answer.api_keys.iter().any(|api| api.api_key == 18 && api.max_version == 4));
}

#[test]
fn a_good_request_is_answered_before_a_bad_one_closes_the_connection() {
    let running = start(&[]);
    let mut stream = running.connect();
    let unknown_api = [0, 0, 0, 10, 3, 231, 0, 0, 0, 0, 0, 9, 255, 255];
    stream.write_all(&[&ask(1)[..], &unknown_api].concat()).unwrap();
    assert_eq!(correlation(&frame(&mut stream).unwrap()), 1);
    assert!(frame(&mut stream).is_none());
}

#[test]
fn a_frame_over_the_limit_closes_and_one_at_the_limit_does_not() {
    let whole = ask(1);
    let size = whole.len() - 4;
    for (limit, answered) in [(size, true), (size - 1, false)] {
        let running = start(&[("socket.request.max.bytes", &limit.to_string())]);
        let mut stream = running.connect();
        stream.write_all(&whole).unwrap();
        assert_eq!(frame(&mut stream).is_some(), answered, "limit {limit}");
    }
}

#[test]
fn the_limit_of_connections_refuses_one_more_and_a_place_is_given_back() {
    let running = start(&[("max.connections", "1")]);
    let mut first = running.connect();
    first.write_all(&ask(1)).unwrap();
    assert!(frame(&mut first).is_some());
    let mut second = running.connect();
    let _ = second.write_all(&ask(2));
    assert!(frame(&mut second).is_none());
    drop(first);
    // The place is free once the broker has noticed that the first one left.
    let served = (0..2000).any(|_| {
        let mut again = running.connect();
        again.write_all(&ask(3)).is_ok() && frame(&mut again).is_some()
    });
    assert!(served);
}

#[test]
fn a_stopping_server_closes_idle_connections() {
    let running = start(&[]);
    let mut stream = running.connect();
    stream.write_all(&ask(1)).unwrap();
    assert!(frame(&mut stream).is_some());
    running.server.stop();
    assert!(frame(&mut stream).is_none());
}
