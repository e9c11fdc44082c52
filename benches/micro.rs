//! The hot paths one by one: `cargo bench --bench micro [-- FILTER]`. For judging a change where whole-broker figures
//! drown in noise.

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ottla::disk::RealDisk;
use ottla::log::cleaner::offset_map::OffsetMap;
use ottla::log::{AppendBatch, AppendCtx, Handles, LogConfig, LogEnv, Origin, PartitionLog, UpTo};
use ottla::model::{LeaderEpoch, Offset, TopicId, TopicPartition};
use ottla::records::{BatchBuilder, BatchHeader, BatchIter, ProduceRules, Scratch, validate, verify_crc};
use ottla::wire::codec::{decode, encode_request};
use ottla::wire::extra::fetch_response::{self, FetchPartition, FetchReply, FetchTopic};
use ottla::wire::frame::FrameSplitter;
use ottla::wire::header;
use ottla::wire::messages::ProduceRequest;
use ottla::wire::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla::wire::reply::Piece;
use uuid::Uuid;

const TIMESTAMP_MS: i64 = 1_780_000_000_000;
const PRODUCE_VERSION: i16 = 13;
const FETCH_VERSION: i16 = 17;
const TOPIC: Uuid = Uuid::from_u128(7);
const SIZES: [usize; 2] = [16 << 10, 64 << 10];

/// A batch of 1000-byte records of about this size.
fn batch(bytes: usize) -> Bytes {
    let value = vec![0x5a; 1000];
    let mut builder = BatchBuilder::new(Offset(0));
    while builder.size_bytes() + value.len() < bytes {
        builder.append(TIMESTAMP_MS, None, Some(&value), &[]);
    }
    builder.build()
}

/// A whole Produce request as it comes from the socket.
fn produce_frame(records: Bytes) -> Bytes {
    let partition = PartitionProduceData::default().with_records(Some(records));
    let topic = TopicProduceData::default().with_topic_id(TOPIC).with_partition_data(vec![partition]);
    let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(30_000).with_topic_data(vec![topic]);
    encode_request(1, Some("bench"), PRODUCE_VERSION, &request).expect("a request that can be encoded")
}

fn rules() -> ProduceRules {
    ProduceRules { now_ms: TIMESTAMP_MS, api_version: PRODUCE_VERSION, ..ProduceRules::default() }
}

/// From the read buffer to a header and a body.
fn frames(c: &mut Criterion) {
    let splitter = FrameSplitter::new(100 << 20);
    let frame = produce_frame(batch(0));
    c.bench_function("frame to header", |b| {
        b.iter_batched(
            || BytesMut::from(&frame[..]),
            |mut buffer| {
                let frame = splitter.next(&mut buffer).expect("a sound size").expect("a whole frame");
                header::parse(frame).expect("a sound header")
            },
            BatchSize::SmallInput,
        );
    });
}

/// From a body to a batch that may be appended.
fn produce(c: &mut Criterion) {
    let mut group = c.benchmark_group("produce decode and validate");
    for size in SIZES {
        let frame = produce_frame(batch(size)).slice(4..);
        group.throughput(Throughput::Bytes(size as u64));
        let mut scratch = Scratch::new();
        let rules = rules();
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let (header, body) = header::parse(frame.clone()).expect("a sound header");
                let mut request: ProduceRequest = decode(header.version, body).expect("a sound body");
                let partition = request.topic_data.first_mut().and_then(|t| t.partition_data.first_mut());
                let records = partition.and_then(|p| p.records.take()).expect("records");
                validate(&records, &rules, &mut scratch).expect("a sound batch")
            });
        });
    }
    group.finish();
}

fn batches(c: &mut Criterion) {
    let mut group = c.benchmark_group("batch");
    for size in SIZES {
        let batch = batch(size);
        group.throughput(Throughput::Bytes(batch.len() as u64));
        group.bench_function(BenchmarkId::new("header", size), |b| b.iter(|| BatchHeader::parse(black_box(&batch))));
        group.bench_function(BenchmarkId::new("checksum", size), |b| b.iter(|| verify_crc(black_box(&batch))));
        let many: Vec<u8> = batch.repeat(64);
        group
            .bench_function(BenchmarkId::new("walk 64", size), |b| b.iter(|| BatchIter::new(black_box(&many)).count()));
    }
    group.finish();
}

/// The answer to a fetch whose records stay where they are.
fn fetch_encode(c: &mut Criterion) {
    let records = batch(64 << 10);
    c.bench_function("fetch encode", |b| {
        b.iter(|| {
            let mut partition = FetchPartition::<()>::empty(0, 0);
            partition.records.push(Piece::Bytes(records.clone()));
            let topic = FetchTopic { name: Default::default(), id: TOPIC, partitions: vec![partition] };
            let reply = FetchReply { topics: vec![topic], ..FetchReply::default() };
            fetch_response::encode(1, FETCH_VERSION, reply).expect("an answer that can be encoded")
        });
    });
}

fn open_log(dir: PathBuf, segment_bytes: u32) -> PartitionLog {
    let env = LogEnv {
        handles: Handles::new(Arc::new(RealDisk), 64),
        dir,
        topic_partition: TopicPartition::new("bench", 0),
        topic_id: TopicId(TOPIC),
        config: Arc::new(LogConfig { segment_bytes, ..LogConfig::default() }),
        jitter_seed: 1,
    };
    PartitionLog::create(env, TIMESTAMP_MS).expect("a log in a fresh directory")
}

fn append(log: &mut PartitionLog, batch: &Bytes) {
    let header = BatchHeader::parse(batch).expect("a sound batch");
    let payload = &batch[batch.len() - header.payload_bytes()..];
    let ctx = AppendCtx { leader_epoch: LeaderEpoch(0), origin: Origin::Client, now_ms: TIMESTAMP_MS };
    log.append(AppendBatch { header: &header, payload, guard: None }, &ctx).expect("room on the disk");
}

/// Appending to the page cache, in a log that is kept small, and finding batches in it.
fn log(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut group = c.benchmark_group("log");
    for size in SIZES {
        let batch = batch(size);
        group.throughput(Throughput::Bytes(batch.len() as u64));
        let mut log = open_log(dir.path().join(format!("append-{size}")), 64 << 20);
        group.bench_function(BenchmarkId::new("append", size), |b| {
            b.iter(|| {
                append(&mut log, &batch);
                if log.log_end().0 - log.log_start().0 > 200_000 {
                    log.advance_high_watermark(log.log_end());
                    log.delete_records(log.log_end()).expect("offsets in range");
                    let dead = log.drop_dead_segments().expect("segments that can be dropped");
                    dead.remove(&RealDisk).expect("files that can be removed");
                }
            });
        });
    }
    let mut log = open_log(dir.path().join("read"), 64 << 20);
    for _ in 0..4096 {
        append(&mut log, &batch(16 << 10));
    }
    let (reader, end) = (log.reader(), log.log_end().0);
    let mut at = 0;
    group.throughput(Throughput::Elements(1));
    group.bench_function("find 1 MiB to read", |b| {
        b.iter(|| {
            at = (at + 7919) % end;
            reader.read(Offset(at), 1 << 20, UpTo::LogEnd, true).expect("a readable log")
        });
    });
    group.finish();
}

/// The cleaner's map from keys to offsets, filled and asked.
fn compaction_map(c: &mut Criterion) {
    const KEYS: u64 = 100_000;
    let keys: Vec<[u8; 16]> = (0..KEYS).map(|n| u128::from(n).to_be_bytes()).collect();
    let mut group = c.benchmark_group("compaction map");
    group.throughput(Throughput::Elements(KEYS));
    let filled = || {
        let mut map = OffsetMap::new(8 << 20, 0.9, KEYS, (1, 2));
        for (key, offset) in keys.iter().zip(0..) {
            map.put(key, Offset(offset));
        }
        map
    };
    group.bench_function("put", |b| b.iter(filled));
    let map = filled();
    group.bench_function("get", |b| b.iter(|| keys.iter().filter_map(|key| map.get(black_box(key))).count()));
    group.finish();
}

criterion_group!(hot_paths, frames, produce, batches, fetch_encode, log, compaction_map);
criterion_main!(hot_paths);
