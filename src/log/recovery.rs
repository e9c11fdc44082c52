//! Loading a log: finish or undo what was half done, find the end, cut a torn tail, rebuild what depends on it.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::epochs::{self, Epochs};
use super::error::OpenError;
use super::index::txn::AbortedTxn;
use super::marker;
use super::metadata_file;
use super::names::{self, FileKind, Stage};
use super::partition_log::{Opening, PartitionLog};
use super::producers::{Producers, snapshot};
use super::scan::{Found, Scan};
use super::segment::Segment;
use super::swap;
use super::view::Ends;
use crate::disk::{self, Entry};
use crate::model::Offset;

/// What reading a log back has found.
struct Recovered {
    end: Offset,
    producers: Producers,
}

impl PartitionLog {
    /// Makes the directory and what an empty log has in it. False when there is a directory of that name already, or
    /// none to make it in.
    pub(super) fn make_files(&mut self) -> Result<bool, OpenError> {
        let disk = self.place.handles().shared_disk();
        let dir = self.dir();
        match disk.create_dir(&dir) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => return Ok(false),
            Err(e) => return Err(e.into()),
        }
        self.dirty.dir(dir.parent().unwrap_or(&dir).to_path_buf());
        let metadata = disk.open(&dir.join(metadata_file::FILE_NAME), disk::Open::Create)?;
        metadata.write_all_at(&[io::IoSlice::new(metadata_file::encode(self.topic_id).as_bytes())], 0)?;
        Segment::make_files(&self.place, Offset(0))?;
        self.dirty.dir(dir);
        self.names_at_risk = true;
        Ok(true)
    }

    /// Loads a log whose files were just made.
    pub(super) fn begin(&mut self, now_ms: i64) -> Result<(), OpenError> {
        let first = Segment::just_made(self.place.clone(), Offset(0), now_ms);
        self.take_over(vec![first], Offset(0), None, true, Opening::fresh(now_ms))
    }

    /// Loads the log from its directory, which is made when it is not there.
    pub(super) fn load(&mut self, opening: Opening) -> Result<(), OpenError> {
        self.prepare_dir()?;
        let disk = self.place.handles().shared_disk();
        let dir = self.dir();
        let list = || disk.list_sizing(&dir, &|name| has_size(name));
        let mut entries = list()?;
        if swap::settle(&*disk, &dir, &entries)? {
            self.dirty.dir(dir.clone());
            entries = list()?;
        }
        self.epochs = self.read_epochs(&entries)?;
        self.snapshots = entries
            .iter()
            .filter_map(|e| names::parse(&e.name))
            .filter_map(|(at, kind, stage)| (kind == FileKind::Snapshot && stage == Stage::Live).then_some(at))
            .collect();
        let mut segments = self.find_segments(&entries)?;
        // What was being removed when the broker stopped, in whatever order the removals got through.
        let dead = segments.iter().skip(1).take_while(|next| next.base() <= opening.log_start).count();
        if dead > 0 {
            self.keep_producers_of(&segments, dead, opening.now_ms)?;
            self.drop_files(segments.drain(..dead))?;
        }
        let (mut clean, mut end, mut producers) = (opening.clean, opening.log_start, None);
        if clean && let Some(last) = segments.last() {
            // A clean stop leaves whole batches. If it did not, do as after any other stop.
            match end_of(last).ok().filter(|end| *end >= opening.recovery_point) {
                Some(found) => end = found,
                None => clean = false,
            }
        }
        if !clean && let Some(recovered) = self.recover(&mut segments, &opening)? {
            end = recovered.end;
            producers = Some(recovered.producers);
        }
        if end < opening.log_start {
            producers = None;
            if !segments.is_empty() {
                tracing::warn!(
                    "{}: the log ends at {end}, before its start {}; beginning anew there",
                    self.topic_partition,
                    opening.log_start
                );
            }
            self.drop_files(segments.drain(..))?;
            end = opening.log_start;
        }
        if segments.is_empty() {
            segments.push(Segment::create(self.place.clone(), end, Stage::Live, opening.now_ms)?);
            self.dirty.dir(dir);
            self.names_at_risk = true;
        }
        self.take_over(segments, end, producers, clean, opening)
    }

    /// Without `producers` they are found in the log.
    fn take_over(
        &mut self,
        mut segments: Vec<Arc<Segment>>,
        end: Offset,
        producers: Option<Producers>,
        clean: bool,
        opening: Opening,
    ) -> Result<(), OpenError> {
        segments.shrink_to_fit();
        let first_base = segments.first().map_or(end, |s| s.base());
        let log_start = opening.log_start.max(first_base);
        self.epochs.truncate_end(end);
        self.epochs.truncate_start(log_start);
        self.remove_snapshots_beyond(end)?;
        self.producers = match producers {
            Some(found) => found,
            None => self.rebuild_producers(&segments, end, clean, opening.now_ms)?,
        };
        let active_bytes = segments.last().map_or(0, |s| s.size_bytes());
        let known = self.ends();
        let high_watermark = known.high_watermark.max(opening.high_watermark).clamp(log_start, end);
        self.producers.replicated_to(high_watermark);
        {
            let mut state = self.reader.0.0.lock();
            state.view.segments = Arc::new(segments);
            state.view.ends = Ends::at(log_start, end, high_watermark, active_bytes);
            state.loaded = true;
        }
        self.refresh_unstable();
        self.synced = if clean { end } else { self.synced.min(end) };
        self.recovery_point = self.recovery_point.min(end);
        self.began_segment(opening.now_ms);
        self.opening = None;
        Ok(())
    }

    fn prepare_dir(&mut self) -> Result<(), OpenError> {
        let disk = self.place.handles().shared_disk();
        let dir = self.dir();
        let path = dir.join(metadata_file::FILE_NAME);
        let found = disk::read_small(&*disk, &path)?.map(|bytes| metadata_file::decode(&bytes));
        if found.is_none() && disk.stat(&dir)?.is_none() {
            disk.create_dir_all(&dir)?;
            if let Some(parent) = dir.parent() {
                self.dirty.dir(parent.to_path_buf());
            }
        }
        match found {
            Some(Ok(found)) if found == self.topic_id => {}
            Some(Ok(found)) => return Err(OpenError::WrongTopic { found, expected: self.topic_id }),
            // Without the file, or with one that was torn, the directory's name says which topic it is.
            None | Some(Err(_)) => {
                let text = metadata_file::encode(self.topic_id);
                let file = disk.open(&path, disk::Open::Create)?;
                file.truncate(0)?;
                file.write_all_at(&[io::IoSlice::new(text.as_bytes())], 0)?;
                self.dirty.dir(dir);
            }
        }
        Ok(())
    }

    fn read_epochs(&self, entries: &[Entry]) -> Result<Epochs, OpenError> {
        if !entries.iter().any(|entry| entry.name == epochs::FILE_NAME) {
            return Ok(Epochs::default());
        }
        let path = self.place.path(epochs::FILE_NAME);
        let Some(bytes) = disk::read_small(self.place.handles().disk(), &path)? else { return Ok(Epochs::default()) };
        let text = String::from_utf8_lossy(&bytes);
        Ok(Epochs::from_text(&text).unwrap_or_else(|e| {
            tracing::warn!("{}: {e}; leader epochs are taken from the log", path.display());
            Epochs::default()
        }))
    }

    /// The segments by their `.log` files, in order. Indexes without a log are removed.
    fn find_segments(&mut self, entries: &[Entry]) -> Result<Vec<Arc<Segment>>, OpenError> {
        let disk = self.place.handles().shared_disk();
        let live = |kind: FileKind| {
            entries.iter().filter_map(move |e| match names::parse(&e.name) {
                Some((base, k, Stage::Live)) if k == kind && !e.is_dir => Some((base, e.size_bytes)),
                _ => None,
            })
        };
        let mut logs: Vec<_> = live(FileKind::Log).collect();
        logs.sort_unstable();
        let txns: Vec<_> = live(FileKind::TxnIndex).collect();
        for kind in [FileKind::OffsetIndex, FileKind::TimeIndex, FileKind::TxnIndex] {
            for (base, _) in live(kind).filter(|(base, _)| logs.binary_search_by_key(base, |l| l.0).is_err()) {
                disk.remove_file(&self.place.path(names::file(base, kind, Stage::Live)))?;
                self.dirty.dir(self.dir());
            }
        }
        let count = logs.len();
        let segment = |(n, (base, size)): (usize, (Offset, u64))| {
            let txn_bytes = txns.iter().find(|(b, _)| *b == base).map_or(0, |(_, bytes)| *bytes);
            Segment::existing(self.place.clone(), base, size, txn_bytes, n + 1 < count)
        };
        Ok(logs.into_iter().enumerate().map(segment).collect())
    }

    /// The first `dead` segments are about to go: sees to it that what they say about producers is in the snapshot
    /// behind them, as far as they are whole.
    fn keep_producers_of(&mut self, segments: &[Arc<Segment>], dead: usize, now_ms: i64) -> Result<(), OpenError> {
        let (gone, kept) = segments.split_at(dead);
        let Some(base) = kept.first().map(|s| s.base()) else { return Ok(()) };
        let path = self.place.path(names::file(base, FileKind::Snapshot, Stage::Live));
        let disk = self.place.handles().shared_disk();
        if disk::read_small(&*disk, &path)?.is_some_and(|bytes| snapshot::decode(&bytes).is_ok()) {
            return Ok(());
        }
        let ends = segments.iter().skip(1).map(|next| next.base());
        let first_whole = gone.iter().zip(ends).rposition(|(s, next)| end_of(s).ok() != Some(next));
        let whole = gone.get(first_whole.map_or(0, |n| n + 1)..).unwrap_or_default();
        if whole.is_empty() {
            return Ok(());
        }
        let producers = self.rebuild_producers(whole, base, false, now_ms)?;
        self.write_snapshot(&producers, base)?;
        disk.open(&path, disk::Open::Read)?.sync_data()?;
        disk.sync_dir(&self.dir())?;
        Ok(())
    }

    /// After an unclean stop: scans every segment that reaches beyond the recovery point, cuts where the bytes end to
    /// make sense, and rebuilds the indexes of what was scanned.
    fn recover(&mut self, segments: &mut Vec<Arc<Segment>>, opening: &Opening) -> Result<Option<Recovered>, OpenError> {
        // A segment that ends right at the point is scanned too: its indexes may be younger than the point.
        let from = segments.partition_point(|s| s.base() < opening.recovery_point).saturating_sub(1);
        let Some(first) = segments.get(from) else { return Ok(None) };
        // What the markers in the scanned part end began before it.
        let (head, _) = segments.split_at(from);
        let start = first.base();
        let mut producers = self.rebuild_producers(head, start, false, opening.now_ms)?;
        let mut end = start;
        let mut n = from;
        while let Some(segment) = segments.get(n).cloned() {
            // Behind a segment there may be a gap only where compaction has been: it has rewritten all that begin before
            // the offset it came to, and synced them. Elsewhere a crash took what was there.
            let before = n.checked_sub(1).and_then(|n| segments.get(n)).map(|s| s.base());
            let compacted = before.is_some_and(|base| base < opening.cleaned_to);
            let gap = n > from && segment.base() > end && !compacted;
            let overlap = n > from && segment.base() < end;
            if (gap && end >= opening.recovery_point) || overlap {
                if segment.base() < opening.recovery_point && segment.size_bytes() > 0 {
                    return Err(damaged(&segment, 0, "it does not follow the segment before it", opening));
                }
                tracing::warn!("{}: dropping segment {} which follows a gap", self.topic_partition, segment.base());
                self.drop_files(segments.drain(n..))?;
                break;
            }
            segment.unseal();
            if n > from {
                // The one that is there may be torn, and is only trusted below the recovery point.
                self.snapshots.remove(&end);
                self.write_snapshot(&producers, end)?;
            }
            let cut = self.recover_segment(&segment, &mut producers, &mut end, opening)?;
            if cut && n + 1 < segments.len() {
                tracing::warn!(
                    "{}: dropping {} segments behind the cut at offset {end}",
                    self.topic_partition,
                    segments.len() - n - 1
                );
                self.drop_files(segments.drain(n + 1..))?;
            }
            n += 1;
        }
        if end < opening.recovery_point
            && let Some(last) = segments.last()
        {
            return Err(damaged(last, last.size_bytes(), "it ends too early", opening));
        }
        let last = segments.len().saturating_sub(1);
        for segment in segments.iter().skip(from).take(last.saturating_sub(from)) {
            segment.seal()?;
            self.dirty.sealed(segment);
        }
        Ok(Some(Recovered { end, producers }))
    }

    /// Scans one segment. True when something was cut off.
    fn recover_segment(
        &mut self,
        segment: &Arc<Segment>,
        producers: &mut Producers,
        end: &mut Offset,
        opening: &Opening,
    ) -> Result<bool, OpenError> {
        let file = segment.log_file()?;
        let size = file.size_bytes()?;
        segment.begin_rebuild()?;
        *end = segment.base();
        let mut scan = Scan::new(&*file, size);
        let bad = loop {
            let found = match scan.next()? {
                Found::End => break None,
                Found::Damage(what) => break Some(what),
                Found::Batch(found) => found,
            };
            let header = found.header;
            if header.base_offset < *end || !segment.reaches(header.last_offset()) {
                break Some("offsets are out of order");
            }
            segment.wrote(&header, self.config.index_interval_bytes, opening.now_ms)?;
            self.epochs.assign(header.leader_epoch, header.base_offset);
            let ended = found.payload.and_then(|payload| marker::decode(&header, payload));
            if let Some(done) = producers.replay(&header, ended.as_ref()).filter(|done| done.aborted) {
                segment.add_aborted_txn(AbortedTxn {
                    producer_id: done.producer_id,
                    first_offset: done.first_offset,
                    last_offset: done.last_offset,
                    last_stable_offset: producers.stable_after(&done),
                })?;
            }
            *end = header.next_offset();
            self.place.handles().recovered_bytes.add(header.size_bytes() as u64);
        };
        let good = segment.size_bytes();
        if let Some(what) = bad {
            if *end < opening.recovery_point {
                return Err(damaged(segment, good, what, opening));
            }
            tracing::warn!(
                "{}: cutting segment {} at offset {end}, position {good} of {size}: {what}",
                self.topic_partition,
                segment.base()
            );
            file.truncate(good)?;
        }
        self.dirty.segment(segment);
        Ok(bad.is_some())
    }

    /// Removes segments that must not come back.
    pub(super) fn drop_files(&mut self, segments: impl Iterator<Item = Arc<Segment>>) -> Result<(), OpenError> {
        let disk = self.place.handles().shared_disk();
        for segment in segments {
            segment.close_files();
            for kind in FileKind::OF_SEGMENT {
                remove_if_there(&*disk, &segment.path(kind))?;
            }
            if self.snapshots.remove(&segment.base()) {
                let name = names::file(segment.base(), FileKind::Snapshot, Stage::Live);
                remove_if_there(&*disk, &self.place.path(name))?;
            }
            self.dirty.forget(&segment);
        }
        self.dirty.dir(self.dir());
        Ok(())
    }

    /// The producers as of `end`, from the newest usable snapshot and the headers behind it.
    fn rebuild_producers(
        &mut self,
        segments: &[Arc<Segment>],
        end: Offset,
        clean: bool,
        now_ms: i64,
    ) -> Result<Producers, OpenError> {
        let disk = self.place.handles().shared_disk();
        let mut producers = Producers::default();
        let mut from = segments.first().map_or(end, |s| s.base());
        // An older snapshot lacks what was in the segments that are gone, and would make gaps of what follows.
        let candidates: BTreeSet<Offset> = self.snapshots.range(from.min(end)..=end).copied().collect();
        // A log that never had a snapshot and was closed in order has no producers, as Kafka sees it.
        let mut trusted_empty = clean && self.snapshots.is_empty();
        for at in candidates.into_iter().rev() {
            let path = self.place.path(names::file(at, FileKind::Snapshot, Stage::Live));
            let Some(bytes) = disk::read_small(&*disk, &path)? else { continue };
            match snapshot::decode(&bytes) {
                Ok(entries) => {
                    producers.load(entries);
                    producers.expire(now_ms, self.config.producer_id_expiration_ms);
                    from = at;
                    trusted_empty = false;
                    break;
                }
                Err(e) => {
                    tracing::warn!("{}: {e}; taking an older one", path.display());
                    remove_if_there(&*disk, &path)?;
                    self.snapshots.remove(&at);
                }
            }
        }
        if !trusted_empty {
            replay(&mut producers, segments, from, end)?;
        }
        Ok(producers)
    }

    /// A snapshot of offsets that are no more would be taken for the truth once they are written again.
    fn remove_snapshots_beyond(&mut self, end: Offset) -> Result<(), OpenError> {
        let beyond = self.snapshots.split_off(&end.plus(1));
        for at in &beyond {
            let name = names::file(*at, FileKind::Snapshot, Stage::Live);
            remove_if_there(self.place.handles().disk(), &self.place.path(name))?;
        }
        if !beyond.is_empty() {
            self.dirty.dir(self.dir());
        }
        Ok(())
    }
}

/// Headers of `from..end`, told to the producers.
fn replay(producers: &mut Producers, segments: &[Arc<Segment>], from: Offset, end: Offset) -> Result<(), OpenError> {
    let skip = segments.partition_point(|s| s.base() <= from).saturating_sub(1);
    for segment in segments.iter().skip(skip) {
        if segment.base() >= end {
            break;
        }
        let size = segment.size_bytes();
        let Some((start, _)) = segment.locate(from, size)? else { continue };
        let file = segment.log_file()?;
        let mut walk = segment.walk_from(&*file, start, size);
        while let Some((position, header)) = walk.next()? {
            if header.base_offset >= end {
                return Ok(());
            }
            let ended = match header.is_control() {
                true => {
                    let mut payload = vec![0; header.payload_bytes().min(CONTROL_BYTES_MAX)];
                    let at = position + crate::model::limits::BATCH_HEADER_BYTES as u64;
                    disk::read_exact_at(&*file, &mut payload, at)?;
                    marker::decode(&header, &payload)
                }
                false => None,
            };
            producers.replay(&header, ended.as_ref());
        }
    }
    Ok(())
}

/// Files whose size says something: the indexes are asked for theirs when they are loaded.
fn has_size(name: &str) -> bool {
    [FileKind::Log, FileKind::TxnIndex].into_iter().any(|kind| name.ends_with(kind.suffix()))
}

/// A control batch holds one small record.
const CONTROL_BYTES_MAX: usize = 4096;

/// The offset behind the last batch of a segment.
fn end_of(segment: &Segment) -> io::Result<Offset> {
    let size = segment.size_bytes();
    let file = segment.log_file()?;
    let start = segment.floor_by_position(size).unwrap_or(0);
    let from = |at| -> io::Result<Offset> {
        let mut walk = segment.walk_from(&*file, at, size);
        let mut end = segment.base();
        while let Some((_, header)) = walk.next()? {
            end = header.next_offset();
        }
        Ok(end)
    };
    match from(start) {
        Ok(end) => Ok(end),
        Err(e) if e.kind() == io::ErrorKind::InvalidData && start > 0 => from(0),
        Err(e) => Err(e),
    }
}

fn damaged(segment: &Segment, position: u64, what: &str, opening: &Opening) -> OpenError {
    OpenError::Damaged {
        segment: segment.path(FileKind::Log).display().to_string(),
        position,
        what: what.into(),
        known_good: opening.recovery_point,
    }
}

fn remove_if_there(disk: &dyn disk::Disk, path: &std::path::Path) -> io::Result<()> {
    match disk.remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
