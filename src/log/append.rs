//! Appending: check the producer, give offsets, one positional write, then indexes, producers and ends.

use std::io::{self, IoSlice};

use super::error::AppendError;
use super::header;
use super::index::txn::AbortedTxn;
use super::marker;
use super::partition_log::{PartitionLog, into_append_error};
use super::producers::check::{Origin, Verdict};
use super::producers::{CompletedTxn, EndTxn, Plan, Undo, VerificationGuard};
use crate::disk::{DiskFile, fault};
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{LeaderEpoch, Offset};
use crate::records::{BatchHeader, TimestampType};

/// A valid batch: its checksum has been seen to hold and its records are in order.
#[derive(Clone, Copy)]
pub struct AppendBatch<'a> {
    pub header: &'a BatchHeader,
    /// The bytes behind the header.
    pub payload: &'a [u8],
    /// From [`PartitionLog::begin_verification`], for the first batch of a transaction.
    pub guard: Option<VerificationGuard>,
}

/// How batches are appended.
#[derive(Clone, Copy, Debug)]
pub struct AppendCtx {
    pub leader_epoch: LeaderEpoch,
    pub origin: Origin,
    pub now_ms: i64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub base_offset: Offset,
    pub last_offset: Offset,
    /// It was in the log already; these are the offsets it got then.
    pub duplicate: bool,
    /// As an answer says it: -1 unless the broker stamped the batch or it is a duplicate.
    pub log_append_time_ms: i64,
    pub log_start: Offset,
}

/// A batch that has its offsets and waits for the write.
struct Staged<'a> {
    index: usize,
    header: BatchHeader,
    head: [u8; BATCH_HEADER_BYTES],
    payload: &'a [u8],
    undo: Option<Undo>,
    completed: Option<CompletedTxn>,
}

impl PartitionLog {
    /// Appends one batch. After an error nothing of it is in the log.
    pub fn append(&mut self, batch: AppendBatch<'_>, ctx: &AppendCtx) -> Result<Appended, AppendError> {
        let mut results = self.append_all(&[batch], ctx);
        results.pop().unwrap_or(Err(AppendError::Invalid("no batch")))
    }

    /// Appends batches in order with as few writes as the segments allow, usually one. Each stands for itself: one that
    /// is refused does not keep out the next. The results are in the order of the batches.
    pub fn append_all(&mut self, batches: &[AppendBatch<'_>], ctx: &AppendCtx) -> Vec<Result<Appended, AppendError>> {
        let mut results = Vec::with_capacity(batches.len());
        if let Err(e) = self.ready_to_append(ctx) {
            results.resize_with(batches.len(), || Err(again(&e)));
            return results;
        }
        let mut staged = Vec::with_capacity(batches.len());
        let mut staged_bytes = 0;
        let mut next = self.log_end();
        for (index, batch) in batches.iter().enumerate() {
            let mut header = *batch.header;
            header.base_offset = next;
            header.leader_epoch = ctx.leader_epoch;
            match self.check(&header, batch, ctx) {
                Err(e) => results.push(Err(e)),
                Ok(Checked::Duplicate(answer)) => results.push(Ok(answer)),
                Ok(Checked::Append(plan)) => {
                    match self.make_room(&header, &mut staged, &mut staged_bytes, &mut results, ctx) {
                        Ok(()) => {}
                        Err(e) => {
                            results.push(Err(e));
                            next = self.log_end();
                            continue;
                        }
                    }
                    let completed = plan.as_ref().and_then(|p| p.completed);
                    let undo = plan.map(|plan| self.producers.apply(&plan));
                    results.push(Ok(self.answer(&header)));
                    next = header.next_offset();
                    staged_bytes += header.size_bytes() as u64;
                    let head = header.to_bytes();
                    staged.push(Staged { index, header, head, payload: batch.payload, undo, completed });
                }
            }
        }
        self.write_staged(&mut staged, &mut results, ctx);
        results
    }

    /// Writes the marker that ends a producer's transaction here. Answers also when the producer has none open.
    pub fn append_marker(&mut self, end: &EndTxn, ctx: &AppendCtx) -> Result<Appended, AppendError> {
        self.ready_to_append(ctx)?;
        let bytes = marker::encode(end, self.log_end(), ctx.leader_epoch, ctx.now_ms);
        let header = header::parse(&bytes).ok_or(AppendError::Invalid("marker"))?;
        let plan = self.producers.plan_marker(&header, end)?;
        let mut results = vec![Ok(self.answer(&header))];
        let (mut staged, mut staged_bytes) = (Vec::new(), 0);
        self.make_room(&header, &mut staged, &mut staged_bytes, &mut results, ctx)?;
        let completed = plan.completed;
        let undo = Some(self.producers.apply(&plan));
        let payload = bytes.get(BATCH_HEADER_BYTES..).unwrap_or_default();
        staged.push(Staged { index: 0, header, head: header.to_bytes(), payload, undo, completed });
        self.write_staged(&mut staged, &mut results, ctx);
        results.pop().unwrap_or(Err(AppendError::Invalid("marker")))
    }

    fn ready_to_append(&mut self, ctx: &AppendCtx) -> Result<(), AppendError> {
        if let Some(why) = &self.failed {
            return Err(AppendError::Failed(why.clone()));
        }
        self.ensure_loaded().map_err(into_append_error)?;
        match self.epochs.latest() {
            Some(current) if ctx.leader_epoch < current => {
                Err(AppendError::StaleLeaderEpoch { given: ctx.leader_epoch, current })
            }
            _ => Ok(()),
        }
    }

    fn check(&self, header: &BatchHeader, batch: &AppendBatch<'_>, ctx: &AppendCtx) -> Result<Checked, AppendError> {
        let size_bytes = header.size_bytes();
        if !header::is_sound(header) || size_bytes != BATCH_HEADER_BYTES + batch.payload.len() {
            return Err(AppendError::Invalid("its header and its bytes differ"));
        }
        if size_bytes > self.config.max_message_bytes as usize && ctx.origin == Origin::Client {
            return Err(AppendError::MessageTooLarge { size_bytes, limit_bytes: self.config.max_message_bytes });
        }
        if size_bytes > self.config.segment_bytes as usize {
            return Err(AppendError::BatchTooLarge { size_bytes, limit_bytes: self.config.segment_bytes });
        }
        if !header.has_producer_id() {
            return Ok(Checked::Append(None));
        }
        match self.producers.plan_data(header, ctx.origin, batch.guard, self.config.verify_transactions)? {
            Verdict::Append(plan) => Ok(Checked::Append(Some(plan))),
            Verdict::Duplicate(first) => Ok(Checked::Duplicate(Appended {
                base_offset: first.first_offset(),
                last_offset: first.last_offset,
                duplicate: true,
                log_append_time_ms: first.timestamp_ms,
                log_start: self.log_start(),
            })),
        }
    }

    fn answer(&self, header: &BatchHeader) -> Appended {
        let stamped = header.timestamp_type() == TimestampType::LogAppendTime;
        Appended {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            duplicate: false,
            log_append_time_ms: if stamped { header.max_timestamp } else { -1 },
            log_start: self.log_start(),
        }
    }

    /// Rolls when this batch must not go into the active segment, after writing what is staged for it.
    fn make_room(
        &mut self,
        header: &BatchHeader,
        staged: &mut Vec<Staged<'_>>,
        staged_bytes: &mut u64,
        results: &mut [Result<Appended, AppendError>],
        ctx: &AppendCtx,
    ) -> Result<(), AppendError> {
        // So many more entries may fill an index, and only what is written is counted.
        let counts = !staged.is_empty() && self.fills_index(staged.len() as u64)?;
        if !counts && !self.should_roll(header, staged, *staged_bytes, ctx.now_ms)? {
            return Ok(());
        }
        *staged_bytes = 0;
        // What was planned for this batch counts on those before it.
        if !self.write_staged(staged, results, ctx) {
            return Err(AppendError::Io(io::Error::other("the batches before it could not be written")));
        }
        if counts && !self.should_roll(header, staged, 0, ctx.now_ms)? {
            return Ok(());
        }
        self.roll(ctx.now_ms)
    }

    fn fills_index(&self, more: u64) -> io::Result<bool> {
        self.active().map_or(Ok(false), |active| active.index_is_full(self.config.segment_index_bytes, more))
    }

    fn should_roll(
        &mut self,
        header: &BatchHeader,
        staged: &[Staged<'_>],
        staged_bytes: u64,
        now_ms: i64,
    ) -> Result<bool, AppendError> {
        let Some(active) = self.active() else { return Ok(false) };
        let size = active.size_bytes() + staged_bytes;
        if size == 0 {
            return Ok(false);
        }
        let full = size + header.size_bytes() as u64 > u64::from(self.config.segment_bytes);
        if full || !active.reaches(header.last_offset()) || self.fills_index(0)? {
            return Ok(true);
        }
        if self.active_first_ms.is_none() {
            self.active_first_ms = active.first_timestamp()?;
        }
        // Time is counted on the records' clock, which may not be ours; without timestamps on ours.
        let first_ms = self.active_first_ms.or(staged.first().map(|first| first.header.max_timestamp));
        let waited = match first_ms {
            Some(first) if first >= 0 => header.max_timestamp.saturating_sub(first),
            _ => now_ms.saturating_sub(self.active_created_ms),
        };
        Ok(waited > self.config.segment_max_ms().saturating_sub(self.roll_jitter_ms))
    }

    /// One write for all that is staged. When it fails, all of it never happened.
    fn write_staged(
        &mut self,
        staged: &mut Vec<Staged<'_>>,
        results: &mut [Result<Appended, AppendError>],
        ctx: &AppendCtx,
    ) -> bool {
        if staged.is_empty() {
            return true;
        }
        let written = self.write_aborted(staged).and_then(|()| self.try_write(staged, ctx));
        let written = written.inspect_err(|e| self.take_aborted_back(e)).and_then(|()| self.wrote(staged, ctx));
        if let Err(e) = &written {
            let from = staged.first().map_or(results.len(), |first| first.index);
            staged.drain(..).rev().filter_map(|s| s.undo).for_each(|undo| self.producers.undo(undo));
            // Also those that were taken for duplicates, perhaps of what is not there now.
            for result in results.iter_mut().skip(from).filter(|result| result.is_ok()) {
                *result = Err(AppendError::Io(fault::copy(e)));
            }
        }
        staged.clear();
        written.is_ok()
    }

    /// Entries of the aborted transactions that end with what is staged. They are written first: without them readers
    /// would take aborted records for committed ones. They count once their markers are written.
    fn write_aborted(&mut self, staged: &[Staged<'_>]) -> io::Result<()> {
        let active = self.active().ok_or(io::ErrorKind::NotFound)?;
        let aborted = staged.iter().filter_map(|s| s.completed.filter(|done| done.aborted));
        for (n, done) in aborted.enumerate() {
            let txn = AbortedTxn {
                producer_id: done.producer_id,
                first_offset: done.first_offset,
                last_offset: done.last_offset,
                last_stable_offset: self.producers.stable_after(&done),
            };
            active.write_aborted_txn(n, txn)?;
        }
        Ok(())
    }

    fn take_aborted_back(&mut self, why: &io::Error) {
        if let Some(Err(cut)) = self.active().map(|active| active.cut_uncounted_aborted_txns()) {
            self.fail(format!("a failed write ({why}) could not be taken back from the transaction index ({cut})"));
        }
    }

    fn try_write(&mut self, staged: &[Staged<'_>], ctx: &AppendCtx) -> io::Result<()> {
        let active = self.active().ok_or(io::ErrorKind::NotFound)?;
        let at = active.size_bytes();
        let file = active.log_file()?;
        self.reserve(&*file, at, staged.iter().map(|s| s.header.size_bytes() as u64).sum());
        let mut slices = Vec::with_capacity(staged.len() * 2);
        for s in staged {
            slices.push(IoSlice::new(&s.head));
            slices.push(IoSlice::new(s.payload));
        }
        if let Err(e) = file.write_all_at(&slices, at) {
            // A part may have been written. It must not be found by a recovery, nor lie behind a shorter batch.
            if let Err(cut) = file.truncate(at) {
                self.fail(format!("a failed write ({e}) could not be taken back ({cut})"));
            }
            return Err(e);
        }
        for s in staged {
            if self.epochs.assign(ctx.leader_epoch, s.header.base_offset) {
                self.dirty.epochs = true;
            }
        }
        self.dirty.segment(&active);
        Ok(())
    }

    /// Counts written batches in. When this fails the log stops: what was written stays invisible, and the next start
    /// finds it or not, as with any write that was not acknowledged.
    fn wrote(&mut self, staged: &[Staged<'_>], ctx: &AppendCtx) -> io::Result<()> {
        let active = self.active().ok_or(io::ErrorKind::NotFound)?;
        for s in staged {
            if self.active_first_ms.is_none() && active.size_bytes() == 0 {
                self.active_first_ms = Some(s.header.max_timestamp);
            }
            active
                .wrote(&s.header, self.config.index_interval_bytes, ctx.now_ms)
                .inspect_err(|e| self.fail(format!("index of {} cannot be kept: {e}", self.topic_partition)))?;
            if s.completed.is_some_and(|done| done.aborted) {
                active.count_aborted_txn();
            }
        }
        let first = self.producers.first_unstable();
        if let Some(last) = staged.last() {
            let bytes = active.size_bytes();
            self.update_ends(|ends| {
                ends.set_end(last.header.next_offset(), bytes);
                ends.first_unstable = first.map(|o| o.max(ends.log_start));
            });
        }
        Ok(())
    }

    /// Reserves blocks ahead of a partition that keeps being written, with `preallocate` a whole segment at once: it makes
    /// writing cheaper, and nothing depends on it. What is left over is given back when the segment ends.
    fn reserve(&mut self, file: &dyn DiskFile, at: u64, need: u64) {
        const FROM_BYTES: u64 = 1 << 20;
        const CHUNK_BYTES_MAX: u64 = 64 << 20;
        let whole = self.config.preallocate;
        if (at < FROM_BYTES && !whole) || at + need <= self.reserved_bytes {
            return;
        }
        let chunk = if whole { u64::MAX } else { at.min(CHUNK_BYTES_MAX) };
        let until = (at + need).saturating_add(chunk).min(u64::from(self.config.segment_bytes));
        if until > at + need && file.allocate(until, false).is_ok() {
            self.reserved_bytes = until;
        }
    }
}

enum Checked {
    Duplicate(Appended),
    Append(Option<Plan>),
}

/// The same error once more, for another batch of the round.
fn again(e: &AppendError) -> AppendError {
    match e {
        AppendError::StaleLeaderEpoch { given, current } => {
            AppendError::StaleLeaderEpoch { given: *given, current: *current }
        }
        AppendError::Io(e) => AppendError::Io(fault::copy(e)),
        AppendError::NoRoom => AppendError::NoRoom,
        other => AppendError::Failed(other.to_string()),
    }
}
