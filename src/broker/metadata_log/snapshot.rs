//! Snapshots: all metadata of one moment in a file of its own, named after the offset behind it and the epoch.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use super::batches::{self, Batcher, Content, ContentError};
use super::error::MetadataLogError;
use super::load::Quorum;
use crate::controller::metadata::MetadataImage;
use crate::controller::records::MetadataRecord;
use crate::disk::{Disk, Open, fault, read_small};
use crate::model::LeaderEpoch;
use crate::records::{BatchIter, ControlRecord, RecordsError};

const SUFFIX: &str = ".checkpoint";
/// A snapshot while it is written.
const PART: &str = ".checkpoint.part";
/// Digits of offset and epoch in the name.
const OFFSET_DIGITS: usize = 20;
const EPOCH_DIGITS: usize = 10;

/// One snapshot file. The newest is the greatest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Snapshot {
    /// Offset of the first record that is not in it.
    pub offset: i64,
    pub epoch: i32,
    pub path: PathBuf,
}

/// What a snapshot says besides its records.
#[derive(Debug, Default)]
pub struct Preface {
    pub kraft_version: Option<i16>,
    pub voters: Option<Vec<crate::records::Voter>>,
    pub last_contained_log_ms: i64,
}

fn parse_name(name: &str) -> Option<(i64, i32)> {
    let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(offset, OFFSET_DIGITS) || !digits(epoch, EPOCH_DIGITS) {
        return None;
    }
    Some((offset.parse().ok()?, epoch.parse().ok()?))
}

fn file_name(offset: i64, epoch: i32, suffix: &str) -> String {
    format!("{offset:0width$}-{epoch:0epoch_width$}{suffix}", width = OFFSET_DIGITS, epoch_width = EPOCH_DIGITS)
}

/// The snapshots of a folder, oldest first.
pub fn list(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<Snapshot>> {
    if disk.stat(folder)?.is_none() {
        return Ok(Vec::new());
    }
    let found = disk.list(folder)?.into_iter().filter_map(|entry| {
        let (offset, epoch) = parse_name(&entry.name)?;
        Some(Snapshot { offset, epoch, path: folder.join(entry.name) })
    });
    let mut found: Vec<Snapshot> = found.collect();
    found.sort();
    Ok(found)
}

/// Reads a snapshot file, which must be whole: header, records, footer. Gives every record to `visit`.
pub fn read(
    disk: &dyn Disk,
    path: &Path,
    mut visit: impl FnMut(i64, MetadataRecord) -> Result<(), MetadataLogError>,
) -> Result<Preface, MetadataLogError> {
    let bytes = read_small(disk, path).map_err(|e| MetadataLogError::io(path, e))?.unwrap_or_default();
    let mut preface = Preface::default();
    let (mut begun, mut ended) = (false, false);
    let mut offset = 0;
    for step in BatchIter::new(&bytes).checking_crc() {
        let damaged = |position: usize, e: &RecordsError| MetadataLogError::damaged(path, position as u64, offset, e);
        let (position, header) = step.map_err(|e| damaged(0, &e))?;
        if ended {
            return Err(damaged(position, &RecordsError::BadRecord("batches behind the snapshot's footer")));
        }
        let batch = bytes.get(position..position + header.size_bytes()).unwrap_or_default();
        let content = batches::read(&header, batch).map_err(|e| content_error(path, position as u64, offset, e))?;
        match content {
            Content::Control(controls) => {
                for control in controls {
                    match control {
                        ControlRecord::SnapshotHeader { last_contained_log_ms } => {
                            begun = true;
                            preface.last_contained_log_ms = last_contained_log_ms;
                        }
                        ControlRecord::SnapshotFooter => ended = true,
                        ControlRecord::KraftVersion(version) => preface.kraft_version = Some(version),
                        ControlRecord::KraftVoters(voters) => preface.voters = Some(voters),
                        _ => {}
                    }
                }
            }
            Content::Metadata(_) if !begun => {
                return Err(damaged(position, &RecordsError::BadRecord("records before the snapshot's header")));
            }
            Content::Metadata(records) => {
                for (record, at) in records.into_iter().zip(header.base_offset.0..) {
                    visit(at, record)?;
                }
            }
        }
        offset = header.next_offset().0;
    }
    match ended {
        true => Ok(preface),
        false => Err(MetadataLogError::malformed(path, "the snapshot's footer is missing")),
    }
}

pub fn content_error(path: &Path, position: u64, offset: i64, error: ContentError) -> MetadataLogError {
    match error {
        ContentError::Batch(e) => MetadataLogError::damaged(path, position, offset, &e),
        ContentError::Record(offset, source) => MetadataLogError::Unknown { path: path.to_owned(), offset, source },
    }
}

/// Writes the image as the snapshot of everything below its next offset. It is there whole, or not at all.
pub fn write(
    disk: &dyn Disk,
    folder: &Path,
    image: &MetadataImage,
    epoch: LeaderEpoch,
    quorum: &Quorum,
    last_contained_log_ms: i64,
    now_ms: i64,
) -> io::Result<()> {
    let mut file = Part::create(disk, folder, image.next_offset, epoch.0)?;
    let mut batcher = Batcher::new(0, epoch, image.metadata_version(), now_ms);
    batcher.control(&header(quorum, last_contained_log_ms));
    let mut failed = None;
    image.for_each_record(|record| {
        batcher.push(&record);
        if failed.is_none() {
            failed = file.append(batcher.take_done()).err();
        }
    });
    if let Some(e) = failed {
        return Err(e);
    }
    batcher.control(&[ControlRecord::SnapshotFooter]);
    file.append(batcher.finish())?;
    file.publish(SUFFIX)
}

/// Control records that a snapshot opens with.
pub fn header(quorum: &Quorum, last_contained_log_ms: i64) -> Vec<ControlRecord> {
    let mut records = vec![ControlRecord::SnapshotHeader { last_contained_log_ms }];
    records.extend(quorum.records());
    records
}

/// A snapshot that is being written.
struct Part<'a> {
    disk: &'a dyn Disk,
    folder: &'a Path,
    offset: i64,
    epoch: i32,
    file: std::sync::Arc<dyn crate::disk::DiskFile>,
    size_bytes: u64,
}

impl<'a> Part<'a> {
    fn create(disk: &'a dyn Disk, folder: &'a Path, offset: i64, epoch: i32) -> io::Result<Self> {
        let file = disk.open(&folder.join(file_name(offset, epoch, PART)), Open::Create)?;
        file.truncate(0)?;
        Ok(Part { disk, folder, offset, epoch, file, size_bytes: 0 })
    }

    fn append(&mut self, batches: Vec<bytes::Bytes>) -> io::Result<()> {
        for batch in batches {
            self.file.write_all_at(&[IoSlice::new(&batch)], self.size_bytes)?;
            self.size_bytes += batch.len() as u64;
        }
        Ok(())
    }

    fn publish(self, suffix: &str) -> io::Result<()> {
        self.file.sync_data().map_err(fault::of_sync)?;
        let name = |suffix| self.folder.join(file_name(self.offset, self.epoch, suffix));
        self.disk.rename(&name(PART), &name(suffix))?;
        self.disk.sync_dir(self.folder).map_err(fault::of_sync)
    }
}

/// Removes all snapshots but the newest, and what an interrupted writer left.
pub fn remove_old(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let mut snapshots = list(disk, folder)?;
    snapshots.pop();
    for old in snapshots {
        disk.remove_file(&old.path)?;
    }
    for entry in disk.list(folder)? {
        if entry.name.ends_with(PART) || entry.name.ends_with(".checkpoint.deleted") {
            disk.remove_file(&folder.join(entry.name))?;
        }
    }
    disk.sync_dir(folder).map_err(fault::of_sync)
}
