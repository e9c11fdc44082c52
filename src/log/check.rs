//! Looking a partition's files over without changing anything: every checksum, every index entry, every small file. And
//! mending, when somebody asks for it: what is broken is taken out or removed, what is sound stays.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::epochs::{self, Epochs};
use super::index::Entry;
use super::index::offset::OffsetEntry;
use super::index::txn;
use super::names::{self, FileKind, Stage};
use super::producers::snapshot;
use super::scan::{Found, Scan};
use super::{header, metadata_file};
use crate::disk::{Disk, DiskFile, Open, fault, read_exact_at, read_small};
use crate::model::Offset;
use crate::model::limits::BATCH_HEADER_BYTES;

/// Bytes searched at a time for a sound batch behind a damaged one.
const SEARCH_BYTES: usize = 1 << 20;
/// Place of the magic byte in a batch, and what it must be.
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The next start deals with it.
    Note,
    /// Something that was safe once is not there any more, or stands in the way of a start.
    Damage,
}

/// What would put a finding in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// The file can be done without, or is built anew.
    Remove,
    /// These bytes are taken out of the log; batches behind them stay at their offsets.
    TakeOut(Vec<Range<u64>>),
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    pub severity: Severity,
    pub what: String,
    pub mend: Option<Mend>,
}

/// What a partition's files hold.
#[derive(Debug, Default)]
pub struct Checked {
    pub findings: Vec<Finding>,
    pub segments: usize,
    pub batches: u64,
    pub size_bytes: u64,
    /// Offset behind the last sound batch.
    pub end: Offset,
}

/// A segment's sound batches: position and last offset.
type Batches = Vec<(u64, Offset)>;

impl Checked {
    fn damage(&mut self, path: &Path, what: impl Into<String>, mend: Option<Mend>) {
        self.findings.push(Finding { path: path.into(), severity: Severity::Damage, what: what.into(), mend });
    }

    fn note(&mut self, path: &Path, what: impl Into<String>) {
        self.findings.push(Finding { path: path.into(), severity: Severity::Note, what: what.into(), mend: None });
    }

    pub fn is_damaged(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Damage)
    }
}

/// Checks all files of a partition's directory. What lies behind the recovery point may be torn; before it nothing may.
pub fn partition(disk: &dyn Disk, dir: &Path, recovery_point: Offset) -> io::Result<Checked> {
    let mut checked = Checked::default();
    let mut entries = disk.list(dir)?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let live = |name: &str, wanted: FileKind| match names::parse(name) {
        Some((base, kind, Stage::Live)) if kind == wanted => Some(base),
        _ => None,
    };
    let logs: Vec<Offset> = entries.iter().filter_map(|e| live(&e.name, FileKind::Log)).collect();
    for (n, base) in logs.iter().enumerate() {
        let batches = segment(disk, dir, *base, n + 1 == logs.len(), recovery_point, &mut checked)?;
        offset_index(disk, dir, *base, &batches, recovery_point, &mut checked)?;
    }
    for entry in entries.iter().filter(|e| !e.is_dir) {
        let path = dir.join(&entry.name);
        match names::parse(&entry.name) {
            Some((_, FileKind::Snapshot, Stage::Live)) => {
                let bytes = read_small(disk, &path)?.unwrap_or_default();
                if let Err(e) = snapshot::decode(&bytes) {
                    checked.damage(&path, e.to_string(), Some(Mend::Remove));
                }
            }
            Some((_, FileKind::TxnIndex, Stage::Live)) if entry.size_bytes % txn::ENTRY_BYTES as u64 != 0 => {
                checked.damage(&path, "it ends amid an entry: aborted records may be shown as committed ones", None);
            }
            Some((_, _, stage)) if stage != Stage::Live => {
                checked.note(&path, "left by a stop; the next start removes or finishes it")
            }
            _ => {}
        }
    }
    small_files(disk, dir, &mut checked)?;
    if checked.end < recovery_point {
        let what = format!("the log ends at offset {}, and was safe up to {recovery_point}", checked.end);
        checked.damage(dir, what, None);
    }
    Ok(checked)
}

fn small_files(disk: &dyn Disk, dir: &Path, checked: &mut Checked) -> io::Result<()> {
    let path = dir.join(epochs::FILE_NAME);
    if let Some(bytes) = read_small(disk, &path)?
        && let Err(e) = Epochs::from_text(&String::from_utf8_lossy(&bytes))
    {
        checked.damage(&path, e.to_string(), Some(Mend::Remove));
    }
    let path = dir.join(metadata_file::FILE_NAME);
    match read_small(disk, &path)?.map(|bytes| metadata_file::decode(&bytes)) {
        Some(Ok(_)) => {}
        _ => checked.note(&path, "missing or torn; the next start writes it"),
    }
    Ok(())
}

/// Tries every checksum of a segment.
fn segment(
    disk: &dyn Disk,
    dir: &Path,
    base: Offset,
    last: bool,
    recovery_point: Offset,
    checked: &mut Checked,
) -> io::Result<Batches> {
    let path = dir.join(names::file(base, FileKind::Log, Stage::Live));
    let file = disk.open(&path, Open::Read)?;
    let size_bytes = file.size_bytes()?;
    if base < checked.end && size_bytes > 0 {
        checked.damage(
            &path,
            format!("it begins before offset {}, where the segment before it ends", checked.end),
            None,
        );
    }
    let mut end = base;
    let mut batches = Batches::new();
    let mut bad: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    let mut scan = Scan::new(&*file, size_bytes);
    loop {
        let what = match scan.next()? {
            Found::End => break,
            Found::Batch(found) if found.header.base_offset >= end => {
                end = found.header.next_offset();
                batches.push((at, found.header.last_offset()));
                at += found.header.size_bytes() as u64;
                continue;
            }
            Found::Batch(_) => "offsets are out of order",
            Found::Damage(what) => what,
        };
        let next = next_sound(&*file, at + 1, size_bytes, end)?;
        let torn_tail = next.is_none() && last && end >= recovery_point;
        let until = next.unwrap_or(size_bytes);
        let what = format!("{what} at position {at}, offset {end}; {} bytes are unreadable", until - at);
        match torn_tail {
            true => checked.note(&path, format!("{what}, never acknowledged as durable; the next start cuts them off")),
            false => {
                checked.damage(&path, what, None);
                bad.push(at..until);
            }
        }
        at = until;
        scan.skip_to(at);
    }
    if !bad.is_empty()
        && let Some(first) =
            checked.findings.iter_mut().find(|finding| finding.path == path && finding.severity == Severity::Damage)
    {
        first.mend = Some(Mend::TakeOut(bad));
    }
    checked.segments += 1;
    checked.batches += batches.len() as u64;
    checked.size_bytes += size_bytes;
    checked.end = checked.end.max(end);
    Ok(batches)
}

/// Where the next sound batch begins whose offsets are not before `least`.
fn next_sound(file: &dyn DiskFile, from: u64, size_bytes: u64, least: Offset) -> io::Result<Option<u64>> {
    let mut block = vec![0; SEARCH_BYTES];
    let mut at = from;
    while at + BATCH_HEADER_BYTES as u64 <= size_bytes {
        let n = (size_bytes - at).min(SEARCH_BYTES as u64) as usize;
        block.truncate(n);
        read_exact_at(file, &mut block, at)?;
        for (n, window) in block.windows(BATCH_HEADER_BYTES).enumerate() {
            if window.get(MAGIC_AT) != Some(&MAGIC) || header::parse(window).is_none_or(|h| h.base_offset < least) {
                continue;
            }
            let mut scan = Scan::new(file, size_bytes);
            scan.skip_to(at + n as u64);
            if matches!(scan.next()?, Found::Batch(_)) {
                return Ok(Some(at + n as u64));
            }
        }
        at += (n + 1 - BATCH_HEADER_BYTES.min(n)) as u64;
    }
    Ok(None)
}

/// Entries must point to batches. A segment that was not closed may have fewer of them, or room behind them.
fn offset_index(
    disk: &dyn Disk,
    dir: &Path,
    base: Offset,
    batches: &Batches,
    recovery_point: Offset,
    checked: &mut Checked,
) -> io::Result<()> {
    let path = dir.join(names::file(base, FileKind::OffsetIndex, Stage::Live));
    // One that is missing is built when it is needed.
    let Some(bytes) = read_small(disk, &path)? else { return Ok(()) };
    for (n, entry) in bytes.chunks_exact(OffsetEntry::BYTES).map(OffsetEntry::get).enumerate() {
        if n > 0 && entry.relative == 0 && entry.position == 0 {
            break;
        }
        let position = u64::from(entry.position);
        let found = batches.binary_search_by_key(&position, |(at, _)| *at).ok().and_then(|n| batches.get(n));
        if found.is_none_or(|(_, last)| last.0 != base.0 + i64::from(entry.relative)) {
            let what = format!("entry {n} points to no batch");
            match checked.end > recovery_point {
                true => checked.note(&path, format!("{what}; the next start builds it anew")),
                false => checked.damage(&path, what, Some(Mend::Remove)),
            }
            break;
        }
    }
    Ok(())
}

/// Does what a finding asks for. The file as it was is kept beside it, as `….damaged`, unless it can be built anew.
pub fn mend(disk: &dyn Disk, finding: &Finding) -> io::Result<()> {
    let dir = finding.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    match &finding.mend {
        None => return Ok(()),
        Some(Mend::Remove) => disk.remove_file(&finding.path)?,
        Some(Mend::TakeOut(bad)) => {
            take_out(disk, &finding.path, bad)?;
            // Their positions are those of the old file.
            for kind in [FileKind::OffsetIndex, FileKind::TimeIndex] {
                let index = finding.path.with_extension(kind.suffix().trim_start_matches('.'));
                if disk.stat(&index)?.is_some() {
                    disk.remove_file(&index)?;
                }
            }
        }
    }
    disk.sync_dir(dir).map_err(fault::of_sync)
}

fn take_out(disk: &dyn Disk, path: &Path, bad: &[Range<u64>]) -> io::Result<()> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let old = disk.open(path, Open::Read)?;
    let size_bytes = old.size_bytes()?;
    let new = disk.open(&with(".mended"), Open::Create)?;
    new.truncate(0)?;
    let mut block = Vec::new();
    let mut at = 0;
    let mut written = 0;
    let bounds = bad.iter().map(|bad| (bad.start, bad.end)).chain(std::iter::once((size_bytes, size_bytes)));
    for (sound_until, go_on_at) in bounds {
        while at < sound_until {
            block.resize((sound_until - at).min(SEARCH_BYTES as u64) as usize, 0);
            read_exact_at(&*old, &mut block, at)?;
            new.write_all_at(&[IoSlice::new(&block)], written)?;
            at += block.len() as u64;
            written += block.len() as u64;
        }
        at = go_on_at;
    }
    new.sync_data().map_err(fault::of_sync)?;
    disk.rename(path, &with(".damaged"))?;
    disk.rename(&with(".mended"), path)
}
