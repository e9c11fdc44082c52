//! Compaction and retention by themselves: `cargo bench --bench cleaner`. Prints megabytes a second of dirty log for one
//! thread, nanoseconds for a key of the map, and the CPU time of a retention pass over 10 000 partitions.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ottla::disk::{Disk, RealDisk};
use ottla::log::cleaner::offset_map::OffsetMap;
use ottla::log::cleaner::{Cleaned, Home, Limits, Pass, Unhurried};
use ottla::log::{AppendBatch, AppendCtx, Handles, LogConfig, LogEnv, Origin, PartitionLog};
use ottla::model::limits::BATCH_HEADER_BYTES;
use ottla::model::{LeaderEpoch, Offset, TopicId, TopicPartition};
use ottla::records::{BatchBuilder, BatchHeader, Codec, Compression};
use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

const LOG_BYTES: u64 = 256 << 20;
const BATCH_BYTES: usize = 16 << 10;
const PARTITIONS: i32 = 10_000;
const NOW_MS: i64 = 1_780_000_000_000;
const LIMITS: Limits = Limits { map_bytes: 128 << 20, map_load_factor: 0.9, io_buffer_bytes: 256 << 10 };

struct Locked(Mutex<PartitionLog>);

impl Home for Locked {
    fn with_log<T>(&self, f: impl FnOnce(&mut PartitionLog) -> T) -> T {
        f(&mut self.0.lock())
    }
}

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn log(handles: &Arc<Handles>, dir: &Path, partition: i32, config: LogConfig) -> PartitionLog {
    let env = LogEnv {
        handles: handles.clone(),
        dir: dir.join(format!("t-{partition}")),
        topic_partition: TopicPartition::new("t", partition),
        topic_id: TopicId(Uuid::from_u128(1)),
        config: Arc::new(config),
        jitter_seed: 1,
    };
    PartitionLog::create(env, NOW_MS).expect("a new log")
}

fn append(log: &mut PartitionLog, builder: BatchBuilder) -> u64 {
    let ctx = AppendCtx { leader_epoch: LeaderEpoch(0), origin: Origin::Client, now_ms: NOW_MS };
    let batch = builder.build();
    let header = BatchHeader::parse(&batch).expect("a batch");
    log.append(AppendBatch { header: &header, payload: &batch[BATCH_HEADER_BYTES..], guard: None }, &ctx)
        .expect("appended");
    batch.len() as u64
}

/// Records of `value_bytes` under keys that come again and again; `keys` different ones.
fn compaction(what: &str, value_bytes: usize, keys: u64, codec: Codec) {
    let dir = tempfile::tempdir().expect("a directory");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let config = LogConfig { segment_bytes: 64 << 20, compact: true, ..LogConfig::default() };
    let mut log = log(&Handles::new(disk, 1000), dir.path(), 0, config);
    let value: Vec<u8> = (0..value_bytes).map(|n| (n * 7 % 251) as u8).collect();
    let (mut written, mut n) = (0, 0u64);
    while written < LOG_BYTES {
        let mut builder = BatchBuilder::new(Offset(0)).compression(Compression::from(codec));
        while builder.size_bytes() + value_bytes < BATCH_BYTES {
            // Some keys come much more often than others.
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = format!("key-{:012}", (n >> 33) % keys);
            builder.append(NOW_MS, Some(key.as_bytes()), Some(&value), &[]);
        }
        written += append(&mut log, builder);
    }
    log.roll(NOW_MS).expect("rolled");
    let work = log.take_unsynced().expect("work");
    work.run(&RealDisk).expect("synced");
    log.synced(work.up_to);
    let end = log.log_end();
    log.advance_high_watermark(end);
    let upkeep = log.take_upkeep().expect("upkeep");
    upkeep.run(&RealDisk).expect("upkeep");
    log.upkept(&upkeep);
    let home = Locked(Mutex::new(log));
    let to_clean = home.with_log(|log| log.to_clean()).expect("a loaded log");
    let survey = to_clean.survey(None, NOW_MS).expect("a survey");
    let pass = Pass { survey: &survey, limits: &LIMITS, secret: (1, 2), now_ms: NOW_MS };
    let (began, cpu_before) = (Instant::now(), cpu());
    let Cleaned { stats, .. } = to_clean.clean(&pass, &home, &mut Unhurried, drop).expect("cleaned");
    let (took, cpu_took) = (began.elapsed(), cpu() - cpu_before);
    let rate = |time: Duration| stats.bytes_read as f64 / 1e6 / time.as_secs_f64();
    println!(
        "compact {what}: {:.0} MB/s of dirty log ({:.0} MB/s of CPU time), kept {} of {} records, {} keys in {} KB",
        rate(took),
        rate(cpu_took),
        stats.records_kept,
        stats.records_read,
        stats.keys,
        stats.map_bytes / 1024
    );
}

fn map() {
    const KEYS: u64 = 4_000_000;
    let mut map = OffsetMap::new(128 << 20, 0.9, KEYS, (3, 4));
    let began = Instant::now();
    for n in 0..KEYS {
        black_box(map.put(&n.to_le_bytes(), Offset(n as i64)));
    }
    let put = began.elapsed();
    let began = Instant::now();
    for n in 0..KEYS {
        black_box(map.get(&(n * 2).to_le_bytes()));
    }
    let get = began.elapsed();
    let each = |time: Duration| time.as_nanos() as f64 / KEYS as f64;
    println!("map: {:.0} ns a put, {:.0} ns a get, half of them of unknown keys", each(put), each(get));
}

fn retention() {
    let dir = tempfile::tempdir().expect("a directory");
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let handles = Handles::new(disk, 500);
    let config = LogConfig { retention_ms: 3_600_000, retention_bytes: 1 << 30, ..LogConfig::default() };
    let mut logs = Vec::new();
    for partition in 0..PARTITIONS {
        let mut log = log(&handles, dir.path(), partition, config.clone());
        for _ in 0..2 {
            let mut builder = BatchBuilder::new(Offset(0));
            builder.append(NOW_MS, None, Some(b"value"), &[]);
            append(&mut log, builder);
            log.roll(NOW_MS).expect("rolled");
        }
        let end = log.log_end();
        log.advance_high_watermark(end);
        logs.push(Mutex::new(log));
    }
    for pass in 0..3 {
        let before = cpu();
        let given_up: usize =
            logs.iter().map(|log| log.lock().apply_retention(NOW_MS + pass).expect("looked at").len()).sum();
        assert_eq!(given_up, 0);
        println!("retention over {PARTITIONS} partitions: {:.1} ms of CPU time", (cpu() - before).as_secs_f64() * 1e3);
    }
}

fn main() {
    map();
    compaction("values of 200 bytes, uncompressed, few records stay", 200, 20_000, Codec::None);
    compaction("values of 200 bytes, uncompressed, most records stay", 200, 1_000_000_000, Codec::None);
    compaction("values of 1000 bytes, uncompressed, few records stay", 1000, 20_000, Codec::None);
    compaction("values of 200 bytes, lz4, few records stay", 200, 20_000, Codec::Lz4);
    compaction("values of 200 bytes, zstd, few records stay", 200, 20_000, Codec::Zstd);
    retention();
}
