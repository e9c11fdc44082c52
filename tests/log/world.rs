//! A log directory with one partition on a simulated disk, driven by random steps beside a naive model of it.

use std::collections::HashMap;
use std::path::Path;

use bytes::Bytes;
use ottla::disk::Together;
use ottla::disk::sim::{Rng, SimDisk};
use ottla::log::checkpoint::{self, Offsets};
use ottla::log::{AppendError, EndTxn, LogConfig, LogDir, Opening, PartitionLog, UpTo};
use ottla::model::{Offset, ProducerEpoch, ProducerId, TopicPartition};
use ottla::records::BatchHeader;

use super::support::*;

const LOGS: &str = "/logs";

/// A batch as the model remembers it.
#[derive(Clone, Debug)]
pub struct Remembered {
    pub base: Offset,
    pub next: Offset,
    pub payload: Vec<u8>,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Plain,
    Produced { id: i64, sequence: i32, records: i32, transactional: bool },
    Marker { id: i64, commit: bool },
}

/// What must and what may be found after a crash.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub batches: Vec<Remembered>,
    /// Acknowledged as durable.
    pub synced: Offset,
    /// The log start that was promised, and the furthest that was asked for.
    pub start: Offset,
    pub start_asked: Offset,
}

/// Producers and transactions, as a prefix of the batches makes them.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// Last batch of each producer: sequence, records, base offset.
    pub last: HashMap<i64, (i32, i32, Offset)>,
    pub open: HashMap<i64, Offset>,
    pub aborted: Vec<(i64, Offset, Offset)>,
}

impl Model {
    pub fn outcome(&self, end: Offset) -> Outcome {
        let mut out = Outcome::default();
        for b in self.batches.iter().filter(|b| b.next <= end) {
            match b.kind {
                Kind::Plain => {}
                Kind::Produced { id, sequence, records, transactional } => {
                    out.last.insert(id, (sequence, records, b.base));
                    if transactional {
                        out.open.entry(id).or_insert(b.base);
                    }
                }
                Kind::Marker { id, commit } => {
                    if let Some(first) = out.open.remove(&id).filter(|_| !commit) {
                        out.aborted.push((id, first, b.base));
                    }
                }
            }
        }
        out
    }
}

pub struct World {
    pub disk: SimDisk,
    pub dir: LogDir,
    pub log: PartitionLog,
    pub model: Model,
    tag: u64,
}

pub fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1024,
        index_interval_bytes: 150,
        retention_bytes: 3000,
        verify_transactions: false,
        ..LogConfig::default()
    }
}

fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn checkpointed(dir: &LogDir, file: &str) -> Offset {
    let (offsets, problem) = dir.checkpoint(file).unwrap();
    assert_eq!(problem, None, "{file}");
    offsets.get(&tp()).copied().unwrap_or_default()
}

impl World {
    /// Opens whatever is on the disk, as a starting broker would.
    pub fn open(disk: SimDisk, model: Model) -> Result<World, String> {
        let text = |e: &dyn std::fmt::Display| e.to_string();
        let dir = LogDir::open(disk.shared(), Path::new(LOGS)).map_err(|e| text(&e))?;
        let recovery_point = checkpointed(&dir, checkpoint::RECOVERY_POINT);
        let log_start = checkpointed(&dir, checkpoint::LOG_START);
        let mut together = Together::new(disk.shared());
        let clean = dir.take_clean_mark(&mut together).map_err(|e| text(&e))?;
        together.commit().map_err(|e| text(&e))?;
        let opening = Opening { clean, recovery_point, log_start, ..Opening::fresh(1_000) };
        let env = env(&disk.shared(), &dir.path().join("t-0"), &config());
        let mut log = PartitionLog::open(env, opening).map_err(|e| text(&e))?;
        log.ensure_loaded().map_err(|e| text(&e))?;
        Ok(World { disk, dir, log, model, tag: 0 })
    }

    fn remember(&mut self, base: Offset, last: Offset, payload: Vec<u8>, kind: Kind) {
        self.model.batches.push(Remembered { base, next: last.plus(1), payload, kind });
    }

    /// A batch whose append fails with the power may be on the disk all the same, so it is remembered first.
    fn append(&mut self, bytes: &Bytes, kind: Kind) -> Result<(), String> {
        let base = self.log.log_end();
        let records = BatchHeader::parse(bytes).unwrap().record_count;
        self.remember(base, base.plus(i64::from(records) - 1), payload(bytes), kind);
        let done = append(&mut self.log, bytes).map_err(|e| e.to_string())?;
        assert_eq!((done.duplicate, done.base_offset), (false, base), "{kind:?}");
        Ok(())
    }

    /// Syncs everything appended so far; what was appended before is then promised.
    pub fn sync(&mut self) -> Result<(), String> {
        let end = self.log.log_end();
        sync(&mut self.log, &self.disk).map_err(|e| e.to_string())?;
        self.model.synced = self.model.synced.max(end);
        self.log.advance_high_watermark(end);
        Ok(())
    }

    fn checkpoint(&mut self, file: &str, offset: Offset) -> Result<(), String> {
        let offsets: Offsets = [(tp(), offset)].into();
        self.dir.set_checkpoint(file, &offsets).map_err(|e| e.to_string())
    }

    fn upkeep(&mut self) -> Result<(), String> {
        if let Some(work) = self.log.take_upkeep() {
            work.run(&self.disk).map_err(|e| e.to_string())?;
            self.log.upkept(&work);
        }
        let point = self.log.recovery_point();
        self.checkpoint(checkpoint::RECOVERY_POINT, point)
    }

    fn save_start(&mut self) -> Result<(), String> {
        let start = self.log.log_start();
        self.model.start_asked = self.model.start_asked.max(start);
        self.checkpoint(checkpoint::LOG_START, start)?;
        self.model.start = self.model.start.max(start);
        Ok(())
    }

    fn drop_dead(&mut self, remove: bool) -> Result<(), String> {
        let dead = self.log.drop_dead_segments().map_err(|e| e.to_string())?;
        if remove {
            dead.remove(&self.disk).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    fn end_txn(&mut self, id: i64, commit: bool) -> Result<(), String> {
        let end = EndTxn {
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(0),
            commit,
            coordinator_epoch: 0,
            transaction_version: 0,
        };
        let base = self.log.log_end();
        let marker = ottla::log::marker::encode(&end, base, ctx().leader_epoch, ctx().now_ms);
        self.remember(base, base, payload(&marker), Kind::Marker { id, commit });
        let done = self.log.append_marker(&end, &ctx()).map_err(|e| e.to_string())?;
        assert_eq!(done.base_offset, base);
        Ok(())
    }

    /// Closes in order and opens again.
    fn restart(mut self) -> Result<World, String> {
        if let Some((sync, upkeep)) = self.log.close().map_err(|e| e.to_string())? {
            sync.run(&self.disk).map_err(|e| e.to_string())?;
            self.log.synced(sync.up_to);
            self.model.synced = self.model.synced.max(sync.up_to);
            upkeep.run(&self.disk).map_err(|e| e.to_string())?;
            self.log.upkept(&upkeep);
        }
        let point = self.log.recovery_point();
        assert_eq!(point, self.log.log_end(), "a clean stop is recovered to its end");
        self.checkpoint(checkpoint::RECOVERY_POINT, point)?;
        self.save_start()?;
        self.dir.leave_clean_mark(1).map_err(|e| e.to_string())?;
        let World { disk, dir, log, model, tag } = self;
        drop((dir, log));
        let mut world = World::open(disk, model)?;
        world.tag = tag;
        Ok(world)
    }

    /// One random step. On an error the machine has lost power, and the model says what was promised by then.
    pub fn step(mut self, rng: &mut Rng) -> Result<World, (Model, String)> {
        let kept = self.model.clone();
        match self.try_step(rng) {
            Ok(true) => {
                let kept = self.model.clone();
                self.restart().map_err(|why| (kept, why))
            }
            Ok(false) => Ok(self),
            Err(why) => {
                // What a step had promised before it failed stays promised.
                let synced = self.model.synced.max(kept.synced);
                Err((Model { synced, ..self.model }, why))
            }
        }
    }

    /// True asks for a restart.
    fn try_step(&mut self, rng: &mut Rng) -> Result<bool, String> {
        self.tag += 1;
        let tag = self.tag;
        let records = 1 + rng.below(4) as usize;
        let outcome = self.model.outcome(Offset(i64::MAX));
        match rng.below(20) {
            0..=4 => self.append(&batch(tag, records, 1_000 + tag as i64), Kind::Plain)?,
            5..=11 => {
                let id = rng.below(4) as i64;
                let transactional = id >= 2;
                let sequence = outcome.last.get(&id).map_or(0, |(s, n, _)| s + n);
                let bytes = produced(tag, records, id, 0, sequence, transactional);
                self.append(&bytes, Kind::Produced { id, sequence, records: records as i32, transactional })?;
            }
            12..=13 => self.end_txn(2 + rng.below(2) as i64, rng.coin())?,
            14..=15 => self.sync()?,
            16 => self.upkeep()?,
            17 => {
                let high = self.log.ends().high_watermark;
                let to = Offset(rng.below(high.0 as u64 + 1) as i64);
                self.log.delete_records(to).map_err(|e| e.to_string())?;
                self.save_start()?;
                self.drop_dead(rng.coin())?;
            }
            18 => match rng.below(4) {
                0 => {
                    self.log.apply_retention(1_000).map_err(|e: AppendError| e.to_string())?;
                    self.save_start()?;
                    self.drop_dead(rng.coin())?;
                }
                _ => self.log.roll(1_000).map_err(|e| e.to_string())?,
            },
            _ => return Ok(rng.below(3) == 0),
        }
        Ok(false)
    }

    /// Everything promised is there, nothing is there by halves, and what follows from the batches agrees with them.
    pub fn check(&mut self, what: &str) {
        let end = self.log.log_end();
        let start = self.log.log_start();
        let model = &self.model;
        assert!(end >= model.synced, "{what}: ends at {end}, promised {}", model.synced);
        assert!(start >= model.start, "{what}: starts at {start}, promised {}", model.start);
        let asked = model.start_asked.max(model.start);
        assert!(start <= asked, "{what}: starts at {start}, asked for {asked}");
        let all_ends = model.batches.last().map_or(Offset(0), |b| b.next);
        assert!(end <= all_ends.max(start), "{what}: ends at {end} after {all_ends}");
        let found = read_all(&self.log.reader(), start, 700, UpTo::LogEnd);
        let expected: Vec<_> = model
            .batches
            .iter()
            .filter(|b| b.next > start && b.next <= end)
            .map(|b| (b.base, b.payload.clone()))
            .collect();
        assert_eq!(found, expected, "{what}: batches of {start}..{end}");
        let outcome = model.outcome(end);
        self.check_transactions(&outcome, start, what);
        self.check_producers(&outcome, start, what);
    }

    fn check_transactions(&mut self, outcome: &Outcome, start: Offset, what: &str) {
        let end = self.log.log_end();
        self.log.advance_high_watermark(end);
        let stable = self.log.ends().last_stable();
        // Of a transaction whose first records were deleted the rest is what counts, if it is known at all.
        let kept = |id: i64, first: Offset| {
            let of_txn = |b: &&Remembered| matches!(b.kind, Kind::Produced { id: i, .. } if i == id);
            let mut batches = self.model.batches.iter().filter(of_txn).filter(|b| b.base >= first && b.next <= end);
            batches.find(|b| b.base >= start).map(|b| b.base)
        };
        let least = outcome.open.values().map(|first| (*first).max(start)).min().unwrap_or(end);
        let most = outcome.open.iter().filter_map(|(id, first)| kept(*id, *first)).min().unwrap_or(end);
        assert!(least <= stable && stable <= most, "{what}: last stable {stable}, not in {least}..={most}");
        let whole = |last: &Offset, first: &Offset| *last >= start && *first >= start;
        let found = self.log.reader().aborted_txns(start, end).unwrap();
        let mut found: Vec<_> = (found.iter().map(|t| (t.producer_id.0, t.first_offset, t.last_offset)))
            .filter(|(id, first, last)| {
                // One that began with deleted records may be listed from those that are left.
                let began_before = |a: &(i64, Offset, Offset)| a.0 == *id && a.2 == *last && a.1 < start;
                whole(last, first) && !outcome.aborted.iter().any(began_before)
            })
            .collect();
        let mut expected: Vec<_> = outcome.aborted.iter().filter(|(_, f, l)| whole(l, f)).copied().collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{what}: aborted transactions from {start}");
    }

    fn check_producers(&mut self, outcome: &Outcome, start: Offset, what: &str) {
        for (id, (sequence, records, base)) in &outcome.last {
            let known = self.log.producers().find(|(p, _)| p.0 == *id).map(|(_, e)| *e);
            // Deleted records may take their producers with them.
            if *base < start && known.is_none_or(|e| e.is_empty()) {
                continue;
            }
            let known = known.unwrap_or_else(|| panic!("{what}: producer {id} is forgotten"));
            assert_eq!(known.last_sequence(), sequence + records - 1, "{what}: producer {id}");
            assert_eq!(known.last_batch().map(|b| b.first_offset()), Some(*base), "{what}: producer {id}");
        }
        let unknown: Vec<_> =
            self.log.producers().filter(|(p, e)| !e.is_empty() && !outcome.last.contains_key(&p.0)).collect();
        assert!(unknown.is_empty(), "{what}: producers out of nowhere: {unknown:?}");
    }

    /// Forgets what the crash took, so that the next steps count from here.
    pub fn settle(&mut self) {
        let end = self.log.log_end();
        self.model.batches.retain(|b| b.next <= end);
        self.model.start = self.log.log_start();
        self.model.start_asked = self.model.start;
    }
}
