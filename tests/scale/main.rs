//! Many partitions on few descriptors: created, written, read, and found again after a clean stop and after `kill -9`.
//!
//! `OTTLA_TEST_PARTITIONS=10000` takes as many, with 1024 descriptors, and prints times and memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ottla::model::Offset;
use ottla::records::BatchBuilder;
use ottla::wire::codec;
use ottla::wire::messages::create_topics_request::CreatableTopic;
use ottla::wire::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla::wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla::wire::messages::{
    CreateTopicsRequest, CreateTopicsResponse, FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, StrBytes,
    TopicName,
};
use uuid::Uuid;

const TOPIC_PARTITIONS: i32 = 1000;

fn partitions() -> i32 {
    std::env::var("OTTLA_TEST_PARTITIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(120)
}

/// The broker process, allowed to open so many files.
struct Broker {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Broker {
    fn start(dir: &Path, files: u32) -> Broker {
        let begin = Instant::now();
        let program = env!("CARGO_BIN_EXE_ottla");
        let settings = "--override listeners=PLAINTEXT://127.0.0.1:0 --override log.dirs=data";
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -n {files}; exec {program} start {settings}")])
            .current_dir(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (mut line, mut address) = (String::new(), String::new());
        while !line.contains("Kafka Server started") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the broker ended");
            if line.trim_start().starts_with("listens") {
                address = line.split_whitespace().last().unwrap().to_string();
            }
        }
        println!("started in {:?}", begin.elapsed());
        Broker { child, output, address }
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    fn report(&self, when: &str) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
        println!("{when}: {} open files, {resident}", self.open_files());
    }

    /// Asks it to stop, and waits.
    fn stop(mut self) {
        let begin = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        println!("stopped in {:?}", begin.elapsed());
        assert!(!rest.contains("ERROR"), "{rest}");
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client(TcpStream);

impl Client {
    fn connect(broker: &Broker) -> Client {
        let stream = TcpStream::connect(&broker.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
        Client(stream)
    }

    fn ask(&mut self, frame: &Bytes) -> Bytes {
        self.0.write_all(frame).unwrap();
        let mut size = [0; 4];
        self.0.read_exact(&mut size).unwrap();
        let mut body = vec![0; u32::from_be_bytes(size) as usize];
        self.0.read_exact(&mut body).unwrap();
        body.into()
    }

    fn create(&mut self, name: &str, partitions: i32) -> Topic {
        let topic = CreatableTopic::default()
            .with_name(TopicName(StrBytes::from_string(name.to_string())))
            .with_num_partitions(partitions)
            .with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(60_000);
        let answer = self.ask(&codec::encode_request(1, None, 7, &request).unwrap());
        let (_, answer) = codec::decode_reply::<CreateTopicsResponse>(7, answer).unwrap();
        assert_eq!(answer.topics[0].error_code, 0);
        Topic { id: answer.topics[0].topic_id, partitions }
    }

    /// A record to each partition. A partition may need a moment to be there.
    fn write(&mut self, topic: &Topic) {
        let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
        let mut builder = BatchBuilder::new(Offset(0));
        builder.append(now_ms, None, Some(&[7; 100]), &[]);
        let batch = builder.build();
        let mut left: Vec<i32> = (0..topic.partitions).collect();
        while !left.is_empty() {
            let data =
                left.iter().map(|p| PartitionProduceData::default().with_index(*p).with_records(Some(batch.clone())));
            let data = TopicProduceData::default().with_topic_id(topic.id).with_partition_data(data.collect());
            let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(60_000).with_topic_data(vec![data]);
            let answer = self.ask(&codec::encode_request(1, None, 13, &request).unwrap());
            let (_, answer) = codec::decode_reply::<ProduceResponse>(13, answer).unwrap();
            left.clear();
            for partition in &answer.responses[0].partition_responses {
                match partition.error_code {
                    0 => {}
                    3 | 100 => left.push(partition.index),
                    code => panic!("partition {} answers {code}", partition.index),
                }
            }
        }
    }

    /// Reads every partition from its start until each has given so many records.
    fn read(&mut self, topic: &Topic, records: i64) {
        let mut next: Vec<i64> = vec![0; topic.partitions as usize];
        while next.iter().any(|n| *n < records) {
            let asks = next.iter().enumerate().filter(|(_, n)| **n < records).map(|(p, n)| {
                FetchPartition::default()
                    .with_partition(p as i32)
                    .with_fetch_offset(*n)
                    .with_partition_max_bytes(1 << 20)
            });
            let asks = FetchTopic::default().with_topic_id(topic.id).with_partitions(asks.collect());
            let request = FetchRequest::default()
                .with_max_wait_ms(1000)
                .with_min_bytes(1)
                .with_max_bytes(50 << 20)
                .with_session_epoch(-1)
                .with_topics(vec![asks]);
            let answer = self.ask(&codec::encode_request(1, None, 17, &request).unwrap());
            let (_, answer) = codec::decode_reply::<FetchResponse>(17, answer).unwrap();
            for partition in &answer.responses[0].partitions {
                let (index, code) = (partition.partition_index, partition.error_code);
                assert_eq!(code, 0, "partition {index}");
                // Each record was a batch of its own, all of one size.
                let bytes = partition.records.as_ref().map_or(0, Bytes::len);
                next[index as usize] += (bytes / BATCH_BYTES) as i64;
            }
        }
        assert!(next.iter().all(|n| *n == records), "more records than were written: {next:?}");
    }
}

/// Of a batch with one record of 100 bytes.
const BATCH_BYTES: usize = 61 + 109;

struct Topic {
    id: Uuid,
    partitions: i32,
}

#[test]
fn many_partitions_live_on_few_descriptors_through_a_clean_stop_and_a_kill() {
    let wanted = partitions();
    // Three files a partition are far more than this.
    let files = if wanted >= 1000 { 1024 } else { 200 };
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path(), files);
    let mut client = Client::connect(&broker);
    let begin = Instant::now();
    let mut topics = Vec::new();
    let mut left = wanted;
    while left > 0 {
        let count = left.min(TOPIC_PARTITIONS);
        topics.push(client.create(&format!("t{}", topics.len()), count));
        left -= count;
    }
    println!("created in {:?}", begin.elapsed());
    let work = |broker: &Broker, records: i64| {
        let mut client = Client::connect(broker);
        let begin = Instant::now();
        topics.iter().for_each(|topic| client.read(topic, records - 1));
        topics.iter().for_each(|topic| client.write(topic));
        topics.iter().for_each(|topic| client.read(topic, records));
        println!("read, written and read in {:?}", begin.elapsed());
        broker.report("after it");
        assert!(broker.open_files() < files as usize);
    };
    work(&broker, 1);
    broker.stop();
    let broker = Broker::start(dir.path(), files);
    broker.report("after a clean stop");
    work(&broker, 2);
    broker.kill();
    let broker = Broker::start(dir.path(), files);
    broker.report("after a kill");
    work(&broker, 3);
    broker.stop();
}
