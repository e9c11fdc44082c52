//! Batches that are appended together end up as if each had come alone.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use ottla::disk::sim::Rng;
use ottla::disk::{Disk, SimDisk, read_small};
use ottla::log::{AppendBatch, AppendError, Appended, LogConfig, PartitionLog};
use ottla::model::Offset;
use ottla::records::BatchHeader;

use super::support::{batch, ctx, env, produced};

const DIR: &str = "/logs/t-0";

fn new_log(disk: &SimDisk, config: &LogConfig) -> PartitionLog {
    PartitionLog::create(env(&disk.shared(), Path::new(DIR), config), 0).unwrap()
}

fn append_all(log: &mut PartitionLog, batches: &[Bytes]) -> Vec<Result<Appended, AppendError>> {
    let headers: Vec<_> = batches.iter().map(|b| BatchHeader::parse(b).unwrap()).collect();
    let batches: Vec<_> =
        headers.iter().zip(batches).map(|(header, b)| AppendBatch { header, payload: &b[61..], guard: None }).collect();
    log.append_all(&batches, &ctx())
}

/// What a log has on the disk, but for the snapshots: in them producers stand in any order.
fn files(disk: &SimDisk) -> BTreeMap<String, Vec<u8>> {
    let dir = Path::new(DIR);
    let names = disk.list(dir).unwrap().into_iter().map(|entry| entry.name).filter(|name| !name.ends_with(".snapshot"));
    names.map(|name| (name.clone(), read_small(disk, &dir.join(&name)).unwrap().unwrap())).collect()
}

/// Batches of nobody and of two producers, some sent twice, some out of order, some much later on their own clock.
fn traffic(random: &mut Rng, count: u64) -> Vec<Bytes> {
    let mut sequences = [0, 0];
    let mut clock_ms = 0;
    let mut sent: Vec<Bytes> = Vec::new();
    for tag in 0..count {
        let records = 1 + random.below(4) as usize;
        let producer = random.below(3) as usize;
        clock_ms += if random.below(12) == 0 { 5_000 } else { 1 };
        let next = match (random.below(8), sequences.get_mut(producer)) {
            (0, _) if !sent.is_empty() => sent[random.below(sent.len() as u64) as usize].clone(),
            (1, Some(sequence)) => produced(tag, records, producer as i64, 0, *sequence + 7, false),
            (_, Some(sequence)) => {
                let batch = produced(tag, records, producer as i64, 0, *sequence, false);
                *sequence += records as i32;
                batch
            }
            (_, None) => batch(tag, records, clock_ms),
        };
        sent.push(next);
    }
    sent
}

#[test]
fn together_or_one_by_one_leaves_the_same_files_and_answers() {
    for seed in 0..60 {
        let mut random = Rng::new(seed);
        let config = LogConfig {
            segment_bytes: [700, 4_000, 1 << 20][random.below(3) as usize],
            segment_index_bytes: [48, 10 << 20][random.below(2) as usize],
            index_interval_bytes: 100,
            segment_ms: 4_000,
            segment_jitter_ms: 0,
            ..LogConfig::default()
        };
        let (alone, together) = (SimDisk::new(), SimDisk::new());
        let (mut one, mut all) = (new_log(&alone, &config), new_log(&together, &config));
        let sent = traffic(&mut random, 80);
        let mut rest = sent.as_slice();
        while !rest.is_empty() {
            let (round, behind) = rest.split_at(rest.len().min(1 + random.below(9) as usize));
            rest = behind;
            let expected: Vec<_> = round.iter().flat_map(|b| append_all(&mut one, std::slice::from_ref(b))).collect();
            let found = append_all(&mut all, round);
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "seed {seed}");
        }
        assert_eq!(all.ends(), one.ends(), "seed {seed}");
        assert!(files(&together) == files(&alone), "seed {seed}");
    }
}

#[test]
fn a_duplicate_of_what_could_not_be_written_is_no_success() {
    let disk = SimDisk::new();
    let mut log = new_log(&disk, &LogConfig::default());
    let first = produced(0, 2, 5, 0, 0, false);
    disk.set_capacity(Some(0));
    let refused = append_all(&mut log, &[first.clone(), first.clone(), batch(1, 1, 0)]);
    assert!(refused.iter().all(Result::is_err), "{refused:?}");
    assert_eq!(log.log_end(), Offset(0));
    disk.set_capacity(None);
    let taken = append_all(&mut log, &[first.clone(), first]);
    let offsets: Vec<_> = taken.iter().map(|r| r.as_ref().ok().map(|a| (a.base_offset.0, a.duplicate))).collect();
    assert_eq!(offsets, [Some((0, false)), Some((0, true))]);
}
