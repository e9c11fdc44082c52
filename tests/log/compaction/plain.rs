//! One log on a simulated disk, with keyed batches and passes when the test says so.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use ottla::disk::sim::SimDisk;
use ottla::log::cleaner::{CleanError, Cleaned, Limits, Pace, Pass, Survey, Unhurried};
use ottla::log::{AppendBatch, AppendCtx, DeadFiles, LogConfig, Opening, PartitionLog, UpTo};
use ottla::model::Offset;
use ottla::model::limits::BATCH_HEADER_BYTES;
use ottla::records::{BatchBuilder, BatchHeader, RecordIter};

use super::world::{Alone, batches};
use crate::support::{ctx, env, sync};

pub const DIR: &str = "/logs/t-0";

pub struct Plain {
    pub disk: SimDisk,
    pub log: RefCell<PartitionLog>,
    pub cleaned_to: Option<Offset>,
    pub dead: RefCell<Vec<DeadFiles>>,
}

pub fn compacted() -> LogConfig {
    LogConfig { compact: true, delete: false, segment_bytes: 4096, index_interval_bytes: 256, ..LogConfig::default() }
}

impl Plain {
    pub fn new(config: LogConfig) -> Plain {
        Plain::open(SimDisk::new(), config, Opening::fresh(0))
    }

    pub fn open(disk: SimDisk, config: LogConfig, opening: Opening) -> Plain {
        let mut log = PartitionLog::open(env(&disk.shared(), Path::new(DIR), &config), opening).unwrap();
        log.ensure_loaded().unwrap();
        Plain { disk, log: RefCell::new(log), cleaned_to: None, dead: RefCell::default() }
    }

    pub fn configure(&self, change: impl FnOnce(&mut LogConfig)) {
        let mut config = (**self.log.borrow().config()).clone();
        change(&mut config);
        self.log.borrow_mut().set_config(Arc::new(config));
    }

    /// One batch of these keys; the value is the offset it will have, or none.
    pub fn put(&self, records: &[(&str, Option<&str>)], timestamp_ms: i64) {
        let mut builder = BatchBuilder::new(Offset(0));
        for (key, value) in records {
            builder.append(timestamp_ms, Some(key.as_bytes()), value.map(str::as_bytes), &[]);
        }
        let bytes = builder.build();
        let header = BatchHeader::parse(&bytes).unwrap();
        let batch = AppendBatch { header: &header, payload: &bytes[BATCH_HEADER_BYTES..], guard: None };
        self.log.borrow_mut().append(batch, &AppendCtx { now_ms: timestamp_ms, ..ctx() }).unwrap();
    }

    pub fn roll(&self) {
        self.log.borrow_mut().roll(0).unwrap();
    }

    /// Everything so far durable, and what lies behind it complete.
    pub fn settle(&self) {
        let mut log = self.log.borrow_mut();
        sync(&mut log, &self.disk).unwrap();
        let end = log.log_end();
        log.advance_high_watermark(end);
        if let Some(work) = log.take_upkeep() {
            work.run(&self.disk).unwrap();
            log.upkept(&work);
        }
    }

    pub fn survey(&self, now_ms: i64) -> Survey {
        self.log.borrow_mut().to_clean().unwrap().survey(self.cleaned_to, now_ms).unwrap()
    }

    pub fn clean_at(&self, now_ms: i64, pace: &mut dyn Pace) -> Result<Cleaned, CleanError> {
        let log = self.log.borrow_mut().to_clean().unwrap();
        let survey = log.survey(self.cleaned_to, now_ms).unwrap();
        let limits = Limits { map_bytes: 1 << 20, map_load_factor: 0.9, io_buffer_bytes: 4096 };
        let pass = Pass { survey: &survey, limits: &limits, secret: (5, 6), now_ms };
        log.clean(&pass, &Alone(&self.log), pace, |dead| self.dead.borrow_mut().push(dead))
    }

    /// A whole pass, after which the files that went out of use are removed.
    pub fn clean(&mut self, now_ms: i64) -> Cleaned {
        self.settle();
        let cleaned = self.clean_at(now_ms, &mut Unhurried).unwrap();
        self.cleaned_to = Some(cleaned.up_to);
        for dead in self.dead.take() {
            dead.remove(&self.disk).unwrap();
        }
        cleaned
    }

    pub fn records(&self) -> Vec<(i64, String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut found = Vec::new();
        for (header, payload) in batches(&self.log.borrow().reader(), UpTo::LogEnd) {
            for record in RecordIter::new(&payload, header.record_count).map(Result::unwrap) {
                found.push((record.offset(&header).0, text(record.key.unwrap()), record.value.map(text)));
            }
        }
        found
    }

    pub fn segments(&self) -> usize {
        self.log.borrow().reader().segments().unwrap().len()
    }

    pub fn size_bytes(&self) -> u64 {
        self.log.borrow().reader().size_bytes().unwrap()
    }

    /// As the next start after a crash would find it.
    pub fn crashed(&self) -> Plain {
        let recovery_point = self.log.borrow_mut().recovery_point();
        let cleaned_to = self.cleaned_to.unwrap_or_default();
        let opening = Opening { clean: false, recovery_point, cleaned_to, ..Opening::fresh(0) };
        let again = Plain::open(self.disk.killed_image(), (**self.log.borrow().config()).clone(), opening);
        Plain { cleaned_to: self.cleaned_to, ..again }
    }
}
