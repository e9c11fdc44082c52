//! A broker on a simulated disk, with one client connected over loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, Encodable};
use ottla::broker::Broker;
use ottla::clock::SystemClock;
use ottla::config::{BrokerConfig, Origin, Settings};
use ottla::disk::{Disk, RealDisk, SimDisk};
use ottla::server::Server;
use ottla::wire::codec::{self, WireRequest};

pub struct Node {
    pub disk: SimDisk,
    pub broker: Arc<Broker>,
    stream: TcpStream,
    _server: Server,
    _runtime: tokio::runtime::Runtime,
}

const SETTINGS: &[(&str, &str)] = &[
    ("node.id", "1"),
    ("log.dirs", "/data"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("offsets.topic.num.partitions", "1"),
    ("transaction.state.log.num.partitions", "1"),
    ("file.delete.delay.ms", "0"),
];

impl Node {
    pub fn start(disk: &SimDisk) -> Result<Node, String> {
        Node::start_with(disk, &[])
    }

    pub fn start_with(disk: &SimDisk, more: &[(&str, &str)]) -> Result<Node, String> {
        Node::start_on(disk.shared(), disk, more)
    }

    /// On a directory of the machine.
    pub fn start_in(dir: &std::path::Path, more: &[(&str, &str)]) -> Result<Node, String> {
        let mut settings = vec![("log.dirs", dir.to_str().unwrap())];
        settings.extend(more);
        Node::start_on(Arc::new(RealDisk), &SimDisk::new(), &settings)
    }

    fn start_on(on: Arc<dyn Disk>, disk: &SimDisk, more: &[(&str, &str)]) -> Result<Node, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let _inside = runtime.enter();
        let mut settings = Settings::new();
        for (key, value) in SETTINGS.iter().chain(more) {
            settings.set(*key, *value, Origin::CommandLine);
        }
        let config = BrokerConfig::read(settings).0.unwrap();
        let started = ottla::broker::start::start(config, Arc::new(SystemClock::new()), on);
        let broker = started.map_err(|e| e.to_string())?;
        broker.load_cleaner_checkpoints();
        let server = Server::new(broker.clone());
        let address = server.listen("PLAINTEXT", "127.0.0.1:0".parse().unwrap(), 50).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Ok(Node { disk: disk.clone(), broker, stream, _server: server, _runtime: runtime })
    }

    pub fn address(&self) -> String {
        self.stream.peer_addr().unwrap().to_string()
    }

    pub fn send<Q: WireRequest + Encodable>(&mut self, version: i16, request: &Q) {
        self.stream.write_all(&codec::encode_request(1, Some("me"), version, request).unwrap()).unwrap();
    }

    /// The answer to what was sent; `None` when the broker closed the connection instead.
    pub fn receive<Q: WireRequest>(&mut self, version: i16) -> Option<Q::Response>
    where
        Q::Response: Decodable,
    {
        let mut size = [0; 4];
        self.stream.read_exact(&mut size).ok()?;
        let mut body = vec![0; i32::from_be_bytes(size) as usize];
        self.stream.read_exact(&mut body).ok()?;
        Some(codec::decode_reply::<Q::Response>(version, Bytes::from(body)).unwrap().1)
    }

    pub fn ask<Q: WireRequest + Encodable>(&mut self, version: i16, request: &Q) -> Option<Q::Response>
    where
        Q::Response: Decodable,
    {
        self.send(version, request);
        self.receive::<Q>(version)
    }

    /// Asks until the answer is not one that says "not yet", which a starting coordinator gives.
    pub fn ask_until<Q: WireRequest + Encodable>(
        &mut self,
        version: i16,
        request: &Q,
        code: impl Fn(&Q::Response) -> i16,
    ) -> Option<Q::Response>
    where
        Q::Response: Decodable,
    {
        const NOT_YET: [i16; 3] = [14, 15, 51];
        for _ in 0..2_000 {
            let answer = self.ask(version, request)?;
            if !NOT_YET.contains(&code(&answer)) {
                return Some(answer);
            }
            if self.disk.has_lost_power() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }
}
