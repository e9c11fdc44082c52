//! A compacted log on a simulated disk, with the checkpoints that a broker keeps of it.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use bytes::Bytes;
use ottla::disk::Disk;
use ottla::disk::sim::{Rng, SimDisk};
use ottla::log::checkpoint::{self, Offsets};
use ottla::log::cleaner::{CleanError, Home, Limits, Pass, Unhurried};
use ottla::log::{EndTxn, LogConfig, LogDir, Opening, PartitionLog, UpTo};
use ottla::model::limits::BATCH_HEADER_BYTES;
use ottla::model::{Offset, ProducerEpoch, ProducerId, TopicPartition};
use ottla::records::{BatchBuilder, BatchHeader, BatchIter, Codec, Compression, ControlKind, RecordIter, Scratch};

use super::model::{Model, Record, Txn};
use crate::support::{append, ctx, env, sync};

const LOGS: &str = "/logs";
const DELETE_RETENTION_MS: i64 = 1_000;

pub struct World {
    pub disk: SimDisk,
    pub log: RefCell<PartitionLog>,
    pub model: Model,
    dir: LogDir,
    cleaned_to: Option<Offset>,
    tag: u64,
}

/// The log behind the lock of this test, which needs none.
pub struct Alone<'a>(pub &'a RefCell<PartitionLog>);

impl Home for Alone<'_> {
    fn with_log<T>(&self, f: impl FnOnce(&mut PartitionLog) -> T) -> T {
        f(&mut self.0.borrow_mut())
    }
}

/// A record as it was read: offset, key, value, timestamp.
pub type Found = (Offset, Option<String>, Option<String>, i64);

pub fn config() -> LogConfig {
    LogConfig {
        segment_bytes: 1024,
        index_interval_bytes: 150,
        verify_transactions: false,
        delete: false,
        compact: true,
        delete_retention_ms: DELETE_RETENTION_MS,
        ..LogConfig::default()
    }
}

fn tp() -> TopicPartition {
    TopicPartition::new("t", 0)
}

impl World {
    pub fn open(disk: SimDisk, model: Model) -> Result<World, String> {
        let dir = LogDir::open(disk.shared(), Path::new(LOGS)).map_err(|e| e.to_string())?;
        let read = |file| dir.checkpoint(file).map(|(offsets, _)| offsets.get(&tp()).copied());
        let recovery_point = read(checkpoint::RECOVERY_POINT).map_err(|e| e.to_string())?.unwrap_or_default();
        let cleaned_to = read(checkpoint::CLEANER).map_err(|e| e.to_string())?;
        let none = Opening::fresh(1_000);
        let opening = Opening { clean: false, recovery_point, cleaned_to: cleaned_to.unwrap_or_default(), ..none };
        let mut log = PartitionLog::open(env(&disk.shared(), &dir.path().join("t-0"), &config()), opening)
            .map_err(|e| e.to_string())?;
        log.ensure_loaded().map_err(|e| e.to_string())?;
        Ok(World { disk, log: RefCell::new(log), model, dir, cleaned_to, tag: 0 })
    }

    fn end(&self) -> Offset {
        self.log.borrow().log_end()
    }

    fn checkpoint(&self, file: &str, offset: Offset) -> Result<(), String> {
        let offsets: Offsets = [(tp(), offset)].into();
        self.dir.set_checkpoint(file, &offsets).map_err(|e| e.to_string())
    }

    /// One random step; an error means that power is lost.
    pub fn step(&mut self, rng: &mut Rng) -> Result<(), String> {
        self.tag += 1;
        match rng.below(20) {
            0..=9 => self.produce(rng)?,
            10..=12 => self.end_txn(3 + rng.below(2) as i64, rng.coin())?,
            13..=14 => self.sync()?,
            15 => self.log.borrow_mut().roll(1_000).map_err(|e| e.to_string())?,
            16 => self.model.now_ms += rng.below(1_500) as i64,
            _ => {
                self.sync()?;
                self.clean(rng)?;
            }
        }
        Ok(())
    }

    fn produce(&mut self, rng: &mut Rng) -> Result<(), String> {
        let base = self.end();
        let id = rng.below(5) as i64;
        let transactional = id >= 3;
        let codec = Codec::ALL[rng.below(5) as usize];
        let mut builder = BatchBuilder::new(Offset(0)).compression(Compression::from(codec));
        if id > 0 {
            let sequence = self.model.sequences.get(&id).copied().unwrap_or(0);
            builder = builder.producer(ProducerId(id), ProducerEpoch(0), sequence).transactional(transactional);
        }
        let log_append_ms = (rng.below(4) == 0).then_some(5_000 + self.tag as i64);
        if let Some(now_ms) = log_append_ms {
            builder = builder.log_append_time(now_ms);
        }
        let txn = transactional.then(|| {
            let new = self.model.txns.len();
            let txn = *self.model.open.entry(id).or_insert(new);
            if txn == new {
                self.model.txns.push(Txn { first: base, end: None });
            }
            txn
        });
        let count = 1 + rng.below(4);
        for n in 0..count {
            let key = (rng.below(25) != 0).then(|| format!("key-{}", rng.below(12)));
            let value = (rng.below(5) != 0).then(|| format!("{}/{n}{}", self.tag, "x".repeat(rng.below(40) as usize)));
            let timestamp_ms = 1_000 + self.tag as i64 * 3 + n as i64;
            builder.append(timestamp_ms, key.as_deref().map(str::as_bytes), value.as_deref().map(str::as_bytes), &[]);
            let timestamp_ms = log_append_ms.unwrap_or(timestamp_ms);
            self.model.records.insert(base.plus(n as i64), Record { key, value, timestamp_ms, txn });
        }
        *self.model.sequences.entry(id).or_insert(0) += count as i32;
        append(&mut self.log.borrow_mut(), &builder.build()).map_err(|e| e.to_string())?;
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
        if let Some(txn) = self.model.open.remove(&id) {
            self.model.txns[txn].end = Some((commit, self.end()));
        }
        self.log.borrow_mut().append_marker(&end, &ctx()).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), String> {
        let mut log = self.log.borrow_mut();
        let end = log.log_end();
        sync(&mut log, &self.disk).map_err(|e| e.to_string())?;
        log.advance_high_watermark(end);
        if let Some(work) = log.take_upkeep() {
            work.run(&self.disk).map_err(|e| e.to_string())?;
            log.upkept(&work);
        }
        let point = log.recovery_point();
        drop(log);
        self.model.synced = self.model.synced.max(end);
        self.checkpoint(checkpoint::RECOVERY_POINT, point)
    }

    /// One pass, sometimes with a map that holds only a few keys.
    fn clean(&mut self, rng: &mut Rng) -> Result<(), String> {
        let log = self.log.borrow_mut().to_clean().map_err(|e| e.to_string())?;
        let now_ms = self.model.now_ms;
        let survey = log.survey(self.cleaned_to, now_ms).map_err(|e| e.to_string())?;
        assert!(survey.first_uncleanable <= self.log.borrow().ends().last_stable(), "beyond the last stable offset");
        for (offset, record) in self.model.records.range(..survey.first_uncleanable) {
            if record.value.is_none() {
                self.model.passed_ms.entry(*offset).or_insert(now_ms);
            }
        }
        let map_bytes = if rng.below(3) == 0 { 24 * 5 } else { 1 << 16 };
        let limits = Limits { map_bytes, map_load_factor: 0.9, io_buffer_bytes: 4096 };
        let pass = Pass { survey: &survey, limits: &limits, secret: (1, 2), now_ms };
        let mut dead = Vec::new();
        let cleaned = log.clean(&pass, &Alone(&self.log), &mut Unhurried, |files| dead.push(files));
        let cleaned = cleaned.map_err(|e: CleanError| e.to_string())?;
        assert!(cleaned.up_to <= survey.first_uncleanable);
        let is_further = survey.first_dirty < survey.first_uncleanable;
        assert!(!is_further || cleaned.up_to > survey.first_dirty, "a pass gets on: {survey:?}");
        self.checkpoint(checkpoint::CLEANER, cleaned.up_to)?;
        self.cleaned_to = Some(cleaned.up_to);
        if rng.coin() {
            for files in dead {
                files.remove(&self.disk).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    /// Every record in the log, and those that a reader of committed records gets.
    fn read(&self) -> (Vec<Found>, Vec<Found>) {
        let reader = self.log.borrow().reader();
        let ends = reader.ends();
        let mut aborted = reader.aborted_txns(Offset(0), ends.last_stable()).unwrap();
        aborted.sort_by_key(|t| t.first_offset);
        let mut aborted = aborted.into_iter().peekable();
        let mut aborting = HashSet::new();
        let (mut all, mut committed) = (Vec::new(), Vec::new());
        for (header, payload) in batches(&reader, UpTo::LogEnd) {
            while let Some(txn) = aborted.next_if(|t| t.first_offset <= header.last_offset()) {
                aborting.insert(txn.producer_id);
            }
            let mut scratch = Scratch::new();
            let records = scratch.records(header.codec().unwrap(), &payload, 1 << 20).unwrap();
            for record in RecordIter::new(records, header.record_count) {
                let record = record.unwrap();
                if header.is_control() {
                    if ControlKind::parse(record.key.unwrap()).unwrap() == ControlKind::Abort {
                        aborting.remove(&header.producer_id);
                    }
                    continue;
                }
                let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
                let found = (record.offset(&header), text(record.key), text(record.value), record.timestamp(&header));
                let skipped = header.is_transactional() && aborting.contains(&header.producer_id);
                if !skipped && header.last_offset() < ends.last_stable() {
                    committed.push(found.clone());
                }
                all.push(found);
            }
        }
        (all, committed)
    }

    pub fn check(&mut self, what: &str) {
        let end = self.end();
        assert!(end >= self.model.synced, "{what}: ends at {end}, promised {}", self.model.synced);
        self.model.cut(end);
        self.log.borrow_mut().advance_high_watermark(end);
        let model = &self.model;
        assert_eq!(self.log.borrow().ends().last_stable(), model.last_stable(end), "{what}: last stable offset");
        let (all, committed) = self.read();
        for (offset, key, value, timestamp_ms) in &all {
            let was =
                model.records.get(offset).unwrap_or_else(|| panic!("{what}: a record out of nowhere at {offset}"));
            let expected = (&was.key, &was.value, &was.timestamp_ms);
            assert_eq!((key, value, timestamp_ms), expected, "{what}: record {offset}");
        }
        let newest = model.newest(end);
        let mut seen: HashMap<&str, &Found> = HashMap::new();
        for found in &committed {
            assert!(!model.is_aborted(&model.records[&found.0]), "{what}: aborted record {} is read", found.0);
            found.1.as_deref().map(|key| seen.insert(key, found));
        }
        for (key, (offset, record)) in newest {
            let spent = |at: &i64| at + DELETE_RETENTION_MS <= model.now_ms;
            match seen.remove(key) {
                Some(found) => assert_eq!(found.0, offset, "{what}: newest record of {key}"),
                None => assert!(
                    record.value.is_none() && model.passed_ms.get(&offset).is_some_and(spent),
                    "{what}: {key} is lost, its newest record was at {offset}"
                ),
            }
        }
        assert!(seen.is_empty(), "{what}: {seen:?}");
        self.check_clean(&all, end, what);
    }

    /// Below what a pass has done nothing is left that it should have taken.
    fn check_clean(&self, all: &[Found], end: Offset, what: &str) {
        let Some(to) = self.cleaned_to else { return };
        let model = &self.model;
        let mut newest: HashMap<&str, Offset> = HashMap::new();
        for (offset, record) in model.committed(end).into_iter().filter(|(offset, _)| *offset < to) {
            record.key.as_deref().map(|key| newest.insert(key, offset));
        }
        for (offset, key, ..) in all.iter().filter(|found| found.0 < to) {
            let key = key.as_deref().unwrap_or_else(|| panic!("{what}: a record without a key stays at {offset}"));
            assert!(!model.is_aborted(&model.records[offset]), "{what}: aborted record {offset} stays");
            assert_eq!(newest.get(key), Some(offset), "{what}: a stale record of {key} stays at {offset}");
        }
    }

    /// Opened anew without its snapshots and scanned whole, the log says the same of producers.
    pub fn check_producers(&self, what: &str) {
        let disk = self.disk.killed_image();
        let dir = self.dir.path().join("t-0");
        for entry in disk.list(&dir).unwrap() {
            if entry.name.ends_with(".snapshot") {
                disk.remove_file(&dir.join(entry.name)).unwrap();
            }
        }
        let cleaned_to = self.cleaned_to.unwrap_or_default();
        let opening = Opening { clean: false, cleaned_to, ..Opening::fresh(1_000) };
        let mut again = PartitionLog::open(env(&disk.shared(), &dir, &config()), opening).unwrap();
        let end = again.log_end();
        again.advance_high_watermark(end);
        let log = self.log.borrow();
        assert_eq!(end, log.log_end(), "{what}");
        let of = |log: &PartitionLog| {
            let known = log.producers().map(|(id, e)| (id.0, e.epoch, e.last_sequence()));
            let mut known: Vec<_> = known.collect();
            known.sort_unstable();
            known
        };
        assert_eq!(of(&again), of(&log), "{what}: last sequences");
        let stable = |log: &PartitionLog| log.ends().last_stable();
        if log.ends().high_watermark == end {
            assert_eq!(stable(&again), stable(&log), "{what}: last stable offset");
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.disk.list(&self.dir.path().join("t-0")).unwrap().into_iter().map(|e| e.name).collect()
    }
}

/// Headers and payloads of the whole log, in order.
pub fn batches(reader: &ottla::log::LogReader, up_to: UpTo) -> Vec<(BatchHeader, Bytes)> {
    let mut found = Vec::new();
    let mut at = reader.ends().log_start;
    while let Some(slice) = reader.read(at, 700, up_to, true).unwrap() {
        let mut bytes = vec![0; slice.size_bytes as usize];
        ottla::disk::read_exact_at(&*slice.file, &mut bytes, slice.position).unwrap();
        let bytes = Bytes::from(bytes);
        for batch in BatchIter::new(&bytes).checking_crc() {
            let (position, header) = batch.unwrap();
            assert!(header.base_offset >= at || found.is_empty() || header.last_offset() >= at);
            found.push((header, bytes.slice(position + BATCH_HEADER_BYTES..position + header.size_bytes())));
            at = header.next_offset();
        }
    }
    found
}
