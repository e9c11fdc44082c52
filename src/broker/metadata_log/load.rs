//! Loading: the newest snapshot, then the log behind it. Nothing on the disk is changed here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FOLDER;
use super::batches::{self, Content};
use super::error::MetadataLogError;
use super::format::BOOTSTRAP;
use super::{quorum, segments, snapshot};
use crate::controller::machine::{Machine, Now};
use crate::controller::metadata::{MetadataImage, MetadataMachine, Settings};
use crate::controller::records::MetadataRecord;
use crate::disk::Disk;
use crate::model::{NodeId, TopicId, TopicName};
use crate::records::{BatchHeader, ControlRecord, Voter};

/// What a metadata log is opened with.
#[derive(Clone)]
pub struct Opening {
    pub disk: Arc<dyn Disk>,
    /// The log directory that the metadata log lies in (`metadata.log.dir`).
    pub log_dir: PathBuf,
    pub settings: Settings,
    /// `metadata.log.max.record.bytes.between.snapshots`
    pub snapshot_after_bytes: u64,
}

/// What the quorum's own records say.
#[derive(Clone, Debug, Default)]
pub struct Quorum {
    /// 0 when voters are configured, 1 when the log names them.
    pub kraft_version: i16,
    /// Voters that the log names.
    pub voters: Vec<Voter>,
    /// They stand in the log or in a snapshot of it, and not only in what the directory was formatted with.
    pub is_logged: bool,
}

impl Quorum {
    /// The control records that say so; none while the voters are configured.
    pub fn records(&self) -> Vec<ControlRecord> {
        match self.kraft_version {
            0 => Vec::new(),
            version => vec![ControlRecord::KraftVersion(version), ControlRecord::KraftVoters(self.voters.clone())],
        }
    }
}

/// A log that has been read and applied.
pub struct Loaded {
    pub(super) opening: Opening,
    pub(super) folder: PathBuf,
    pub(super) machine: MetadataMachine,
    pub(super) quorum: Quorum,
    /// The highest epoch that was ever led in.
    pub(super) epoch: i32,
    /// Where each epoch of the log begins.
    pub(super) epochs: Vec<(i32, i64)>,
    /// Base offset and good bytes of the last segment.
    pub(super) active: (i64, u64),
    pub(super) last_record_ms: i64,
    /// Bytes of records since the newest snapshot.
    pub(super) bytes_since_snapshot: u64,
    /// Records of `bootstrap.checkpoint`.
    pub(super) bootstrap: Vec<MetadataRecord>,
    /// Topics that were deleted since the newest snapshot, by name and id.
    removed_topics: Vec<(TopicName, TopicId)>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Loaded {{ folder: {:?}, epoch: {}, active: {:?} }}", self.folder, self.epoch, self.active)
    }
}

impl Opening {
    /// Reads the log. Damage, unknown records and a quorum of others are refused with the file and place.
    pub fn load(self) -> Result<Loaded, MetadataLogError> {
        let folder = self.log_dir.join(FOLDER);
        let mut loaded = Loaded {
            machine: MetadataMachine::new(self.settings.clone()),
            folder,
            quorum: Quorum::default(),
            epoch: 0,
            epochs: Vec::new(),
            active: (0, 0),
            last_record_ms: 0,
            bytes_since_snapshot: 0,
            bootstrap: Vec::new(),
            removed_topics: Vec::new(),
            opening: self,
        };
        loaded.read_quorum_state()?;
        loaded.read_snapshot()?;
        loaded.read_log()?;
        loaded.read_bootstrap()?;
        loaded.machine.set_kraft_version(loaded.quorum.kraft_version);
        Ok(loaded)
    }
}

impl Loaded {
    /// The metadata as the log has it, before this node has registered itself.
    pub fn image(&self) -> &MetadataImage {
        self.machine.image()
    }

    /// Whether there is neither metadata nor the file that says what it is to begin with: a new directory, or one whose
    /// first start was cut off.
    pub fn lacks_beginning(&self) -> bool {
        self.bootstrap.is_empty() && self.image().features.metadata_version.is_none()
    }

    /// Whether nobody has ever led here.
    pub(super) fn is_new(&self) -> bool {
        self.epoch == 0 && self.epochs.is_empty() && self.image().next_offset == 0
    }

    /// Topics that were deleted since the newest snapshot. A stop may have come before their files were set aside.
    pub fn removed_topics(&self) -> Vec<(TopicName, TopicId)> {
        self.removed_topics.clone()
    }

    fn node(&self) -> i32 {
        self.opening.settings.node_id
    }

    fn check_voters(&self, path: &Path, voters: &[i32]) -> Result<(), MetadataLogError> {
        if voters.iter().all(|voter| *voter == self.node()) {
            return Ok(());
        }
        Err(MetadataLogError::Voters { path: path.to_owned(), voters: voters.to_vec(), node_id: self.node() })
    }

    fn read_quorum_state(&mut self) -> Result<(), MetadataLogError> {
        if let Some(state) = quorum::read_state(&*self.opening.disk, &self.folder)? {
            self.check_voters(&self.folder, &state.voters)?;
            self.epoch = state.leader_epoch;
        }
        Ok(())
    }

    fn read_snapshot(&mut self) -> Result<(), MetadataLogError> {
        let disk = self.opening.disk.clone();
        let found = snapshot::list(&*disk, &self.folder).map_err(|e| MetadataLogError::io(&self.folder, e))?;
        let Some(newest) = found.last() else { return Ok(()) };
        let machine = &mut self.machine;
        let preface =
            snapshot::read(&*disk, &newest.path, |offset, record| apply(machine, &newest.path, offset, 0, &record))?;
        self.machine.move_to(newest.offset);
        self.active = (newest.offset, 0);
        self.epoch = self.epoch.max(newest.epoch);
        self.last_record_ms = preface.last_contained_log_ms;
        self.quorum.kraft_version = preface.kraft_version.unwrap_or(0);
        if let Some(voters) = preface.voters {
            self.set_voters(&newest.path, voters)?;
            self.quorum.is_logged = newest.offset > 0;
        }
        Ok(())
    }

    fn set_voters(&mut self, path: &Path, voters: Vec<Voter>) -> Result<(), MetadataLogError> {
        let ids: Vec<i32> = voters.iter().map(|voter| voter.id.0).collect();
        self.check_voters(path, &ids)?;
        self.quorum.voters = voters;
        Ok(())
    }

    fn read_log(&mut self) -> Result<(), MetadataLogError> {
        let disk = self.opening.disk.clone();
        let found = segments::list(&*disk, &self.folder).map_err(|e| MetadataLogError::io(&self.folder, e))?;
        if let Some(first) = found.first()
            && first.base > self.machine.image().next_offset
        {
            return Err(MetadataLogError::Gap { path: self.folder.clone(), log_start: first.base });
        }
        let (applied, mut end) = (self.machine.image().next_offset, 0);
        for (n, segment) in found.iter().enumerate() {
            let last = n + 1 == found.len();
            end = end.max(segment.base);
            let good = segments::read(&*disk, segment, last, |header, batch| {
                end = header.next_offset().0;
                self.read_batch(&segment.path, header, batch, applied)
            })?;
            // A segment that ends before the snapshot does was left by a snapshot that replaced it.
            if last && end >= applied {
                self.active = (segment.base, good);
            }
        }
        Ok(())
    }

    fn read_batch(
        &mut self,
        path: &Path,
        header: &BatchHeader,
        batch: &[u8],
        applied: i64,
    ) -> Result<(), MetadataLogError> {
        let (base, epoch) = (header.base_offset.0, header.leader_epoch.0);
        if self.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            self.epochs.push((epoch, base));
        }
        self.epoch = self.epoch.max(epoch);
        if header.next_offset().0 <= applied {
            return Ok(());
        }
        self.bytes_since_snapshot += batch.len() as u64;
        self.last_record_ms = self.last_record_ms.max(header.max_timestamp);
        let content = batches::read(header, batch).map_err(|e| snapshot::content_error(path, 0, base, e))?;
        match content {
            Content::Control(controls) => {
                for control in controls {
                    self.read_control(path, control)?;
                }
                self.machine.move_to(header.next_offset().0);
            }
            Content::Metadata(records) => {
                for (record, offset) in records.iter().zip(base..).filter(|(_, offset)| *offset >= applied) {
                    self.machine.move_to(offset);
                    if let MetadataRecord::RemoveTopic(removed) = record
                        && let Some(topic) = self.machine.image().topics.by_id(removed.topic_id)
                    {
                        self.removed_topics.push((topic.name.clone(), topic.id));
                    }
                    apply(&mut self.machine, path, offset, header.max_timestamp, record)?;
                }
                self.machine.move_to(header.next_offset().0);
            }
        }
        Ok(())
    }

    fn read_control(&mut self, path: &Path, control: ControlRecord) -> Result<(), MetadataLogError> {
        match control {
            ControlRecord::LeaderChange { voters, .. } => {
                let ids: Vec<i32> = voters.iter().map(|NodeId(id)| *id).collect();
                self.check_voters(path, &ids)
            }
            ControlRecord::KraftVoters(voters) => {
                self.quorum.is_logged = true;
                self.set_voters(path, voters)
            }
            ControlRecord::KraftVersion(version) => {
                self.quorum.kraft_version = version;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_bootstrap(&mut self) -> Result<(), MetadataLogError> {
        let path = self.opening.log_dir.join(BOOTSTRAP);
        let disk = self.opening.disk.clone();
        if disk.stat(&path).map_err(|e| MetadataLogError::io(&path, e))?.is_none() {
            return Ok(());
        }
        let bootstrap = &mut self.bootstrap;
        snapshot::read(&*disk, &path, |_, record| {
            bootstrap.push(record);
            Ok(())
        })?;
        Ok(())
    }
}

fn apply(
    machine: &mut MetadataMachine,
    path: &Path,
    offset: i64,
    wall_ms: i64,
    record: &MetadataRecord,
) -> Result<(), MetadataLogError> {
    machine.apply(Now { wall_ms, monotonic_ms: 0 }, record);
    match machine.fault() {
        None => Ok(()),
        Some(fault) => Err(MetadataLogError::Misfit { path: path.to_owned(), offset, source: fault.clone() }),
    }
}
