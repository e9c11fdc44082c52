//! Transactions, forgetting, and many logs at once.

use std::path::Path;
use std::sync::Arc;

use ottla::disk::{Disk, Open, RealDisk, SimDisk};
use ottla::log::names::DirState;
use ottla::log::{AppendCtx, EndTxn, Handles, LogConfig, LogEnv, Opening, Origin, PartitionLog, ReadError, UpTo, Why};
use ottla::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TopicId, TopicPartition};

use super::support::*;

const DIR: &str = "/logs/t-0";

fn new_log(disk: &SimDisk, config: &LogConfig) -> PartitionLog {
    PartitionLog::create(env(&disk.shared(), Path::new(DIR), config), 0).unwrap()
}

fn end(id: i64, commit: bool) -> EndTxn {
    EndTxn {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(0),
        commit,
        coordinator_epoch: 0,
        transaction_version: 1,
    }
}

fn fill_log(log: &mut PartitionLog, batches: std::ops::Range<u64>, make: impl Fn(u64) -> bytes::Bytes) {
    for n in batches {
        append(log, &make(n)).unwrap();
    }
}

fn names(disk: &SimDisk, suffix: &str) -> Vec<String> {
    let mut names: Vec<_> = disk.list(Path::new(DIR)).unwrap().into_iter().map(|e| e.name).collect();
    names.retain(|n| n.ends_with(suffix));
    names.sort();
    names
}

#[test]
fn committed_readers_stop_at_open_transactions_and_learn_of_aborted_ones() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &small_segments());
    append(&mut log, &batch(0, 2, 0)).unwrap();
    append(&mut log, &produced(1, 3, 7, 0, 0, true)).unwrap();
    append(&mut log, &produced(2, 1, 8, 0, 0, true)).unwrap();
    log.advance_high_watermark(log.log_end());
    assert_eq!(log.ends().last_stable(), Offset(2));
    assert_eq!(read_all(&log.reader(), Offset(0), 1 << 20, UpTo::LastStable).len(), 1);

    assert_eq!(log.append_marker(&end(7, false), &ctx()).unwrap().base_offset, Offset(6));
    log.advance_high_watermark(log.log_end());
    assert_eq!(log.ends().last_stable(), Offset(5), "the other transaction is open");
    log.append_marker(&end(8, true), &ctx()).unwrap();
    assert_eq!(log.ends().last_stable(), Offset(5), "its end is not replicated");
    log.advance_high_watermark(log.log_end());
    assert_eq!(log.ends().last_stable(), Offset(8));

    let aborted = log.reader().aborted_txns(Offset(0), Offset(8)).unwrap();
    assert_eq!(aborted.len(), 1);
    assert_eq!((aborted[0].producer_id, aborted[0].first_offset), (ProducerId(7), Offset(2)));
    assert_eq!((aborted[0].last_offset, aborted[0].last_stable_offset), (Offset(6), Offset(5)));
    assert_eq!(log.reader().aborted_txns(Offset(7), Offset(8)).unwrap(), []);
    assert_eq!(log.reader().aborted_txns(Offset(0), Offset(2)).unwrap(), []);

    // The same after an unclean and after a clean start.
    let opening = Opening { clean: false, ..Opening::fresh(0) };
    let mut unclean =
        PartitionLog::open(env(&disk.killed_image().shared(), Path::new(DIR), &small_segments()), opening).unwrap();
    unclean.advance_high_watermark(Offset(8));
    assert_eq!(unclean.reader().aborted_txns(Offset(0), Offset(8)).unwrap(), aborted);
    assert_eq!(unclean.ends().last_stable(), Offset(8));
    let opening = close(&mut log, &disk);
    let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening).unwrap();
    log.ensure_loaded().unwrap();
    assert_eq!(log.reader().aborted_txns(Offset(0), Offset(8)).unwrap(), aborted);
    assert_eq!(log.ends().last_stable(), Offset(8));
}

#[test]
fn a_slice_names_the_aborted_transactions_of_its_own_batches_only() {
    let disk = SimDisk::new();
    let config = LogConfig { segment_bytes: 1 << 20, ..small_segments() };
    let mut log = new_log(&disk, &config);
    for n in 0..300 {
        append(&mut log, &produced(n, 1, 7, 0, n as i32, true)).unwrap();
        log.append_marker(&end(7, n % 2 == 1), &ctx()).unwrap();
    }
    log.advance_high_watermark(log.log_end());
    let reader = log.reader();
    let mut at = Offset(0);
    while let Some(slice) = reader.read_cut(at, 1500, UpTo::LastStable, true).unwrap() {
        let whole = reader.read(at, 1500, UpTo::LastStable, true).unwrap().unwrap();
        let named: Vec<i64> = slice.aborted_txns(at).unwrap().iter().map(|txn| txn.first_offset.0).collect();
        // Every fourth offset begins a transaction that is aborted, and its marker follows.
        let expected = (0..600).step_by(4).filter(|first| first + 1 >= at.0 && *first < whole.end_offset.0);
        assert_eq!(named, expected.collect::<Vec<_>>(), "from {at}");
        at = whole.end_offset;
    }
    assert_eq!(at, Offset(600));
}

#[test]
fn deleted_records_stay_deleted_and_their_segments_go() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &small_segments());
    fill_log(&mut log, 0..100, |n| batch(n, 2, 0));
    assert!(matches!(log.delete_records(Offset(50)), Err(ReadError::OutOfRange { .. })), "beyond the high watermark");
    sync(&mut log, &disk).unwrap();
    log.advance_high_watermark(log.log_end());
    assert_eq!(log.delete_records(Offset(101)).unwrap(), Offset(101));
    assert_eq!(log.delete_records(Offset(7)).unwrap(), Offset(101));
    assert!(matches!(log.reader().read(Offset(100), 10, UpTo::LogEnd, true), Err(ReadError::OutOfRange { .. })));
    let slice = log.reader().read(Offset(101), 10, UpTo::LogEnd, true).unwrap().unwrap();
    assert_eq!(slice.base_offset, Offset(100), "batches are not cut");

    assert!(log.drop_dead_segments().unwrap().is_empty(), "their upkeep is not done");
    let upkeep = log.take_upkeep().unwrap();
    upkeep.run(&disk).unwrap();
    log.upkept(&upkeep);
    let before = names(&disk, ".log").len();
    let dead = log.drop_dead_segments().unwrap();
    assert!(!dead.is_empty());
    assert!(!names(&disk, ".deleted").is_empty());
    dead.remove(&disk).unwrap();
    assert!(names(&disk, ".deleted").is_empty());
    assert!(names(&disk, ".log").len() < before);
    assert!(names(&disk, ".log")[0].as_str() <= "00000000000000000101.log");
    let opening = close(&mut log, &disk);
    let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &small_segments()), opening).unwrap();
    assert_eq!(log.log_start(), Offset(101));
    log.ensure_loaded().unwrap();
    assert_eq!(log.log_start(), Offset(101));
    assert_eq!(read_all(&log.reader(), Offset(101), 999, UpTo::LogEnd).len(), 50);
}

#[test]
fn a_reader_keeps_what_it_has_while_segments_go() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &small_segments());
    fill_log(&mut log, 0..60, |n| batch(n, 2, 0));
    let slice = log.reader().read(Offset(0), 500, UpTo::LogEnd, true).unwrap().unwrap();
    sync(&mut log, &disk).unwrap();
    let upkeep = log.take_upkeep().unwrap();
    log.upkept(&upkeep);
    log.advance_high_watermark(log.log_end());
    log.delete_records(Offset(100)).unwrap();
    log.drop_dead_segments().unwrap().remove(&disk).unwrap();
    let mut bytes = vec![0; slice.size_bytes as usize];
    ottla::disk::read_exact_at(&*slice.file, &mut bytes, slice.position).unwrap();
    assert!(ottla::records::BatchIter::new(&bytes).checking_crc().all(|b| b.is_ok()));
}

#[test]
fn retention_gives_up_by_time_and_by_size() {
    let disk = SimDisk::new();
    let config = LogConfig { retention_ms: 1_000, ..small_segments() };
    let mut log = new_log(&disk, &config);
    fill_log(&mut log, 0..100, |n| batch(n, 2, n as i64 * 10));
    assert_eq!(log.apply_retention(5_000).unwrap(), [], "nothing is replicated");
    log.advance_high_watermark(log.log_end());
    assert_eq!(log.apply_retention(1_000).unwrap(), []);
    let given_up = log.apply_retention(1_500).unwrap();
    assert!(!given_up.is_empty() && given_up.iter().all(|g| g.why == Why::Time));
    let first = log.reader().offset_for_time(500).unwrap().unwrap().offset;
    assert!(log.log_start() <= first, "a segment with a record still young is kept");

    let size = log.reader().size_bytes().unwrap();
    log.set_config(Arc::new(LogConfig { retention_ms: -1, retention_bytes: size as i64 / 2, ..config.clone() }));
    let by_size = log.apply_retention(1_500).unwrap();
    assert!(!by_size.is_empty() && by_size.iter().all(|g| g.why == Why::Size));
    let left: u64 = size - by_size.iter().map(|g| g.size_bytes).sum::<u64>();
    assert!(left >= size / 2);

    // Everything has expired: the active segment ends and goes too.
    log.set_config(Arc::new(config));
    let end = log.log_end();
    log.apply_retention(1_000_000).unwrap();
    assert_eq!((log.log_start(), log.log_end()), (end, end));
    assert_eq!(append(&mut log, &batch(1, 1, 0)).unwrap().base_offset, end);
}

#[test]
fn time_rolls_a_segment_by_the_records_clock() {
    let disk = SimDisk::new();
    let config = LogConfig { segment_ms: 100, ..LogConfig::default() };
    let mut log = new_log(&disk, &config);
    for timestamp in [1_000, 1_050, 1_100, 1_101, 1_150, 900] {
        append(&mut log, &batch(0, 1, timestamp)).unwrap();
    }
    let bases: Vec<_> = log.reader().segments().unwrap().iter().map(|s| s.base().0).collect();
    assert_eq!(bases, [0, 3]);
}

#[test]
fn jitter_ends_segments_early_but_never_late() {
    let disk = SimDisk::new();
    let config = LogConfig { segment_ms: 1_000, segment_jitter_ms: 500, ..LogConfig::default() };
    let mut waits = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let dir = format!("/logs/t-{seed}");
        let mut env = env(&disk.shared(), Path::new(&dir), &config);
        env.jitter_seed = seed;
        let mut log = PartitionLog::create(env, 0).unwrap();
        let segments = |log: &PartitionLog| log.reader().segments().unwrap().len();
        append(&mut log, &batch(0, 1, 10_000)).unwrap();
        let ended = (10_400..12_000).step_by(50).find(|at| {
            append(&mut log, &batch(0, 1, *at)).unwrap();
            segments(&log) == 2
        });
        let waited = ended.unwrap() - 10_000;
        assert!((500..=1_050).contains(&waited), "seed {seed}: {waited}");
        waits.insert(waited);
    }
    assert!(waits.len() > 3, "{waits:?}");
}

#[test]
fn a_full_index_ends_its_segment() {
    let disk = SimDisk::new();
    let config = LogConfig { index_interval_bytes: 1, segment_index_bytes: 96, ..LogConfig::default() };
    let mut log = new_log(&disk, &config);
    fill_log(&mut log, 0..100, |n| batch(n, 1, n as i64));
    let segments = log.reader().segments().unwrap();
    assert!(segments.len() > 8, "{} segments", segments.len());
    for segment in segments.iter() {
        let (offsets, times) = segment.index_bytes().unwrap();
        assert!(offsets <= 96 && times <= 96, "{offsets} and {times} bytes");
    }
    assert_eq!(read_all(&log.reader(), Offset(0), 100, UpTo::LogEnd).len(), 100);
}

#[test]
fn an_empty_log_has_nothing_to_give_up() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &LogConfig { retention_ms: 0, retention_bytes: 0, ..small_segments() });
    for now_ms in [0, i64::MAX] {
        assert_eq!(log.apply_retention(now_ms).unwrap(), []);
    }
    assert_eq!(names(&disk, ".log"), ["00000000000000000000.log"]);
}

#[test]
fn a_round_of_batches_is_one_write_and_each_stands_for_itself() {
    use ottla::disk::sim::Op;
    use ottla::log::AppendBatch;
    use ottla::records::BatchHeader;
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &LogConfig { verify_transactions: false, ..LogConfig::default() });
    let round = [
        batch(0, 1, 0),
        produced(1, 2, 5, 0, 0, false),
        produced(2, 2, 5, 0, 2, false),
        produced(3, 2, 5, 0, 9, false),
        produced(1, 2, 5, 0, 0, false),
        batch(4, 3, 0),
    ];
    let headers: Vec<_> = round.iter().map(|b| BatchHeader::parse(b).unwrap()).collect();
    let batches: Vec<_> =
        headers.iter().zip(&round).map(|(header, b)| AppendBatch { header, payload: &b[61..], guard: None }).collect();
    disk.take_trace();
    let results = log.append_all(&batches, &ctx());
    let writes = disk.take_trace().iter().filter(|op| matches!(op, Op::Write { .. })).count();
    assert_eq!(writes, 1);
    let offsets: Vec<_> = results.iter().map(|r| r.as_ref().ok().map(|a| (a.base_offset.0, a.duplicate))).collect();
    let expected = [Some((0, false)), Some((1, false)), Some((3, false)), None, Some((1, true)), Some((5, false))];
    assert_eq!(offsets, expected);
    assert_eq!(log.log_end(), Offset(8));
}

#[test]
fn leader_epochs_are_kept_and_an_old_one_is_refused() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &LogConfig::default());
    let with_epoch = |log: &mut PartitionLog, epoch: i32| {
        let ctx = AppendCtx { leader_epoch: LeaderEpoch(epoch), origin: Origin::Client, now_ms: 0 };
        let bytes = batch(0, 2, 0);
        let header = ottla::records::BatchHeader::parse(&bytes).unwrap();
        log.append(ottla::log::AppendBatch { header: &header, payload: &bytes[61..], guard: None }, &ctx)
    };
    for epoch in [3, 3, 5] {
        with_epoch(&mut log, epoch).unwrap();
    }
    assert!(with_epoch(&mut log, 4).is_err());
    for _ in 0..2 {
        assert_eq!(log.end_of_epoch(LeaderEpoch(3)), Some((LeaderEpoch(3), Offset(4))));
        assert_eq!(log.end_of_epoch(LeaderEpoch(5)), Some((LeaderEpoch(5), Offset(6))));
        let opening = close(&mut log, &disk);
        log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &LogConfig::default()), opening).unwrap();
        log.ensure_loaded().unwrap();
    }
}

#[test]
fn a_deleted_log_is_set_aside_and_its_readers_go_on() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &small_segments());
    fill_log(&mut log, 0..50, |n| batch(n, 2, 0));
    let reader = log.reader();
    let moved = log.set_aside(DirState::Delete, uuid::Uuid::from_u128(9)).unwrap();
    assert_eq!(moved, Path::new("/logs/t-0.00000000000000000000000000000009-delete"));
    assert!(append(&mut log, &batch(1, 1, 0)).is_err());
    assert_eq!(read_all(&reader, Offset(0), 700, UpTo::LogEnd).len(), 50);
    disk.remove_dir_all(&moved).unwrap();
    assert!(disk.list(Path::new("/logs")).unwrap().is_empty());
}

#[test]
fn many_logs_share_few_open_files_and_open_without_touching_any() {
    let root = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let open_files = || std::fs::read_dir("/proc/self/fd").map(|d| d.count());
    let handles = Handles::new(disk.clone(), 20);
    let env_of = |n: i32| LogEnv {
        handles: handles.clone(),
        dir: root.path().join(format!("t-{n}")),
        topic_partition: TopicPartition::new("t", n),
        topic_id: TopicId(uuid::Uuid::from_u128(1)),
        config: Arc::new(LogConfig::default()),
        jitter_seed: 0,
    };
    let before = open_files().unwrap_or(0);
    let mut openings = Vec::new();
    let mut logs: Vec<_> = (0..300).map(|n| PartitionLog::create(env_of(n), 0).unwrap()).collect();
    for log in &mut logs {
        append(log, &batch(1, 3, 0)).unwrap();
    }
    for log in &mut logs {
        assert_eq!(read_all(&log.reader(), Offset(0), 100, UpTo::LogEnd).len(), 1);
        openings.push(close(log, &*disk));
    }
    let grown = open_files().unwrap_or(0).saturating_sub(before);
    // Other tests of this process open files at the same time.
    assert!(grown < 150, "{grown} files are open");
    drop(logs);
    let logs: Vec<_> =
        openings.iter().enumerate().map(|(n, o)| PartitionLog::open(env_of(n as i32), *o).unwrap()).collect();
    assert!(logs.iter().all(|log| !log.is_loaded() && log.log_end() == Offset(3)));
}

#[test]
fn a_preallocated_segment_has_its_blocks_at_once_and_gives_back_what_it_did_not_need() {
    use std::os::unix::fs::MetadataExt;
    const SEGMENT_BYTES: u32 = 4 << 20;
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let allocated = |dir: &Path| {
        let found = std::fs::metadata(dir.join("00000000000000000000.log")).unwrap();
        (found.len(), found.blocks() * 512)
    };
    let probe = disk.open(&dir.path().join("probe"), Open::Create).unwrap();
    probe.allocate(u64::from(SEGMENT_BYTES), false).unwrap();
    let reserves = std::fs::metadata(dir.path().join("probe")).unwrap().blocks() * 512 >= u64::from(SEGMENT_BYTES);
    let config = LogConfig { segment_bytes: SEGMENT_BYTES, preallocate: true, ..LogConfig::default() };
    let mut log = PartitionLog::create(env(&disk, &dir.path().join("t-0"), &config), 0).unwrap();
    append(&mut log, &batch(1, 3, 1_000)).unwrap();
    let (size, blocks) = allocated(&log.dir());
    assert_eq!(size, batch(1, 3, 1_000).len() as u64);
    // Some file systems cannot reserve.
    assert!(!reserves || blocks >= u64::from(SEGMENT_BYTES));
    close(&mut log, &*disk);
    let (size, blocks) = allocated(&log.dir());
    assert_eq!(size, batch(1, 3, 1_000).len() as u64);
    assert!(!reserves || blocks < u64::from(SEGMENT_BYTES), "{blocks} bytes are still reserved");
}
