//! How a partition is read: batches from an offset, records by time, and where leader epochs end.

use std::io;
use std::sync::atomic::Ordering;

use tracing::warn;

use crate::disk::fault;
use crate::log::{FoundRecord, LogReader, LogSlice, OpenError, ReadError, UpTo};
use crate::model::{ErrorCode, LeaderEpoch, Offset};

use super::Partition;

/// A record found by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    pub offset: Offset,
    pub timestamp_ms: i64,
    pub leader_epoch: LeaderEpoch,
}

impl Partition {
    /// A producer with acks=1 or 0 counts everything below `end` as written.
    pub fn acknowledge(&self, end: Offset) {
        self.acknowledged.fetch_max(end.0, Ordering::AcqRel);
    }

    /// Up to where a consumer must be able to read what a producer was told is written, if it cannot yet.
    pub fn acknowledged_beyond_watermark(&self) -> Option<Offset> {
        let end = Offset(self.acknowledged.load(Ordering::Acquire));
        (end > self.durable() && end > self.ends().high_watermark).then_some(end)
    }

    /// As [`Partition::read`], but cut at `max_bytes` even within a batch, as Kafka answers a fetch.
    pub fn read_for_fetch(
        &self,
        from: Offset,
        max_bytes: u64,
        up_to: UpTo,
        min_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        self.loaded(|reader| reader.read_cut(from, max_bytes, up_to, min_one))
    }

    /// Whole batches from `from` on; see [`LogReader::read`].
    pub fn read(
        &self,
        from: Offset,
        max_bytes: u64,
        up_to: UpTo,
        min_one: bool,
    ) -> Result<Option<LogSlice>, ReadError> {
        self.loaded(|reader| reader.read(from, max_bytes, up_to, min_one))
    }

    /// The first record whose timestamp is not before the one given. Reads the disk.
    pub fn first_from(&self, timestamp_ms: i64) -> Result<Option<Located>, ErrorCode> {
        self.search(|reader| reader.offset_for_time(timestamp_ms))
    }

    /// The record with the largest timestamp. Reads the disk.
    pub fn max_timestamp(&self) -> Result<Option<Located>, ErrorCode> {
        self.search(LogReader::max_timestamp)
    }

    fn search(
        &self,
        look: impl Fn(&LogReader) -> Result<Option<FoundRecord>, ReadError>,
    ) -> Result<Option<Located>, ErrorCode> {
        let found = self.loaded(look).map_err(|e| {
            self.report_read_error(&e);
            e.code()
        })?;
        Ok(found.map(|f| Located { offset: f.offset, timestamp_ms: f.timestamp_ms, leader_epoch: f.leader_epoch }))
    }

    /// Looks into the log, opening its files first if this is their first use after a clean start.
    fn loaded<T>(&self, look: impl Fn(&LogReader) -> Result<T, ReadError>) -> Result<T, ReadError> {
        match look(&self.reader) {
            Err(ReadError::NotLoaded) => self.load().and_then(|()| look(&self.reader)),
            other => other,
        }
    }

    fn load(&self) -> Result<(), ReadError> {
        self.log.lock().ensure_loaded().map_err(|e| {
            self.open_failed(&e);
            ReadError::Io(io::Error::other(e.to_string()))
        })
    }

    /// A log that was left clean and yet cannot be opened.
    fn open_failed(&self, e: &OpenError) {
        match e {
            OpenError::Io(e) if fault::is_passing(e) => warn!("Cannot open {} now: {e}", self.name),
            other => self.go_offline(&other.to_string()),
        }
    }

    /// Logs what a reader ran into; a read error is no reason to stop the partition.
    pub fn report_read_error(&self, e: &ReadError) {
        warn!("Cannot read {}: {e}", self.name);
    }

    /// Where the client's log and this one part ways, if they do (KIP-595).
    pub fn divergence(
        &self,
        last_fetched: LeaderEpoch,
        offset: Offset,
    ) -> Result<Option<(LeaderEpoch, Offset)>, ErrorCode> {
        if last_fetched == LeaderEpoch::NONE {
            return Ok(None);
        }
        let (epoch, end) = self.end_of_epoch(last_fetched).ok_or(ErrorCode::OffsetOutOfRange)?;
        if offset < self.ends().log_start {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        Ok((epoch < last_fetched || end < offset).then_some((epoch, end)))
    }

    /// The greatest epoch not above the one asked for, and where it ends. An epoch before all that are known ends where
    /// the first of those begins.
    pub fn end_of_epoch(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let current = self.leader_epoch();
        if asked == LeaderEpoch::NONE || asked > current {
            return None;
        }
        let mut log = self.log.lock();
        log.ensure_loaded().ok()?;
        if asked == current {
            return Some((asked, log.log_end()));
        }
        let first = log.epochs().entries().first().map_or(log.log_end(), |(_, start)| *start);
        log.end_of_epoch(asked).or(Some((asked, first)))
    }

    /// The leader epoch in which an offset was written; the present one at the end of the log.
    pub fn epoch_of(&self, offset: Offset) -> LeaderEpoch {
        let mut log = self.log.lock();
        if log.ensure_loaded().is_err() {
            return LeaderEpoch::NONE;
        }
        log.epochs().of_offset(offset).unwrap_or_else(|| self.leader_epoch())
    }
}
