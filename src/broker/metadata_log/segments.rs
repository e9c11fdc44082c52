//! The segment files of the metadata log. Only one batch is ever written between two syncs, so a batch that does not
//! read is the end of a cut write if nothing readable stands behind it, and damage if something does.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::MetadataLogError;
use crate::disk::{Disk, DiskFile, Open, Together, fault, read_small};
use crate::records::{BatchHeader, BatchIter, RecordsError, verify_crc};

const LOG: &str = ".log";
/// Files beside a segment's log that belong to it.
const COMPANIONS: &[&str] = &[LOG, ".index", ".timeindex", ".txnindex", ".snapshot"];
/// Digits of an offset in a file name.
const OFFSET_DIGITS: usize = 20;
/// Bytes at the front of a batch that damage is looked for behind: its base offset, length, epoch and magic.
const MAGIC_AT: usize = 16;

/// One segment as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub base: i64,
    pub path: PathBuf,
}

fn file_name(base: i64, suffix: &str) -> String {
    format!("{base:0width$}{suffix}", width = OFFSET_DIGITS)
}

fn parse_name(name: &str, suffix: &str) -> Option<i64> {
    let digits = name.strip_suffix(suffix)?;
    (digits.len() == OFFSET_DIGITS && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// The segments of a folder in order of offsets; none when the folder does not exist.
pub fn list(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<Segment>> {
    if disk.stat(folder)?.is_none() {
        return Ok(Vec::new());
    }
    let mut found: Vec<Segment> = disk
        .list(folder)?
        .into_iter()
        .filter_map(|entry| Some(Segment { base: parse_name(&entry.name, LOG)?, path: folder.join(entry.name) }))
        .collect();
    found.sort_by_key(|segment| segment.base);
    Ok(found)
}

/// Gives every batch of a segment to `visit` and returns how many bytes of the file are good. Only the last segment
/// may end in a cut write.
pub fn read(
    disk: &dyn Disk,
    segment: &Segment,
    last: bool,
    mut visit: impl FnMut(&BatchHeader, &[u8]) -> Result<(), MetadataLogError>,
) -> Result<u64, MetadataLogError> {
    let path = &segment.path;
    let bytes = read_small(disk, path).map_err(|e| MetadataLogError::io(path, e))?.unwrap_or_default();
    let mut next_offset = segment.base;
    let mut batches = BatchIter::new(&bytes).checking_crc();
    let mut good = 0;
    while let Some(step) = batches.next() {
        // The checksum does not cover the offset: of a cut write only that may be missing.
        let step = step.and_then(|(position, header)| match header.base_offset.0 < next_offset {
            true => Err(RecordsError::BadRecord("offsets go back")),
            false => Ok((position, header)),
        });
        let (position, header) = match step {
            Ok(step) => step,
            Err(error) if !last || stands_behind(&bytes, good, next_offset) => {
                return Err(MetadataLogError::damaged(path, good as u64, next_offset, &error));
            }
            Err(_) => return Ok(good as u64),
        };
        good = batches.position();
        let batch = bytes.get(position..position + header.size_bytes()).unwrap_or_default();
        visit(&header, batch)?;
        next_offset = header.next_offset().0;
    }
    Ok(bytes.len() as u64)
}

/// Whether a sound batch of a later offset stands anywhere behind a bad place.
fn stands_behind(bytes: &[u8], bad_at: usize, offset: i64) -> bool {
    const FURTHEST: i64 = 1 << 32;
    let tail = bytes.get(bad_at + 1..).unwrap_or_default();
    tail.windows(MAGIC_AT + 1).enumerate().any(|(at, window)| {
        let base = window.first_chunk::<8>().map_or(-1, |bytes| i64::from_be_bytes(*bytes));
        window.last() == Some(&2)
            && (offset..offset + FURTHEST).contains(&base)
            && verify_crc(tail.get(at..).unwrap_or_default()).is_ok()
    })
}

/// The segment that is appended to.
pub struct Active {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    file: Arc<dyn DiskFile>,
    pub base: i64,
    pub size_bytes: u64,
}

impl Active {
    /// Opens the last segment behind its good bytes, cutting off the rest, or makes the first, whose name is durable
    /// once its folder is synced.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, base: i64, good_bytes: u64) -> io::Result<Active> {
        let file = disk.open(&folder.join(file_name(base, LOG)), Open::Create)?;
        if file.size_bytes()? > good_bytes {
            file.truncate(good_bytes)?;
            file.sync_data().map_err(fault::of_sync)?;
        }
        Ok(Active { disk, folder: folder.to_owned(), file, base, size_bytes: good_bytes })
    }

    /// Appends one batch and makes it durable.
    pub fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        self.write(batch)?;
        self.file.sync_data().map_err(fault::of_sync)
    }

    /// Appends one batch that is durable, with the name of the file, when all is committed. Nothing may be appended
    /// before that.
    pub fn append_together(&mut self, batch: &[u8], together: &mut Together) -> io::Result<()> {
        self.write(batch)?;
        together.bytes_of(self.file.clone());
        together.names_in(&self.folder);
        Ok(())
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        self.file.write_all_at(&[IoSlice::new(batch)], self.size_bytes)?;
        self.size_bytes += batch.len() as u64;
        Ok(())
    }

    /// Takes back everything behind the first bytes, half-written or not, for good.
    pub fn cut_back(&mut self, size_bytes: u64) -> io::Result<()> {
        self.file.truncate(size_bytes)?;
        self.size_bytes = size_bytes;
        self.file.sync_data().map_err(fault::of_sync)
    }

    /// Goes on in a new segment that begins at this offset.
    pub fn roll(&mut self, base: i64) -> io::Result<()> {
        if base != self.base {
            *self = Active::open(self.disk.clone(), &self.folder, base, 0)?;
            self.disk.sync_dir(&self.folder).map_err(fault::of_sync)?;
        }
        Ok(())
    }
}

/// Removes every segment of which a snapshot up to `offset` holds everything, except the last.
pub fn remove_before(disk: &dyn Disk, folder: &Path, offset: i64) -> io::Result<()> {
    let segments = list(disk, folder)?;
    for pair in segments.windows(2) {
        if let [old, next] = pair
            && next.base <= offset
        {
            for suffix in COMPANIONS {
                let path = folder.join(file_name(old.base, suffix));
                if disk.stat(&path)?.is_some() {
                    disk.remove_file(&path)?;
                }
            }
        }
    }
    disk.sync_dir(folder).map_err(fault::of_sync)
}
