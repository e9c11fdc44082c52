//! A log directory: its lock, its identity in `meta.properties`, how it was left, and which partitions lie in it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::checkpoint::{self, Offsets};
use super::names::{self, DirState};
use crate::disk::{self, DirLock, Disk, Together};
use crate::model::{NodeId, TopicId, TopicPartition};

const LOCK: &str = ".lock";
const META_PROPERTIES: &str = "meta.properties";
const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
/// Its format since KRaft.
const META_VERSION: &str = "1";

/// What `meta.properties` says of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub cluster_id: String,
    pub node_id: NodeId,
    /// Older formats have none; it is given on the next start.
    pub directory_id: Option<TopicId>,
}

impl Identity {
    fn to_text(&self) -> String {
        let mut text = format!("version={META_VERSION}\ncluster.id={}\nnode.id={}\n", self.cluster_id, self.node_id);
        if let Some(id) = self.directory_id {
            text.push_str(&format!("directory.id={id}\n"));
        }
        text
    }

    fn from_text(text: &str) -> Result<Identity, String> {
        let value = |key: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
            lines.filter_map(|line| line.split_once('=')).find(|(k, _)| k.trim() == key).map(|(_, v)| v.trim())
        };
        let version = value("version").ok_or("it has no version")?;
        if version != META_VERSION {
            return Err(format!("it has version {version}, and only version {META_VERSION} can be read"));
        }
        let node = value("node.id").ok_or("it has no node.id")?;
        let directory = value("directory.id").map(|id| id.parse().map_err(|_| format!("{id} is no directory id")));
        Ok(Identity {
            cluster_id: value("cluster.id").ok_or("it has no cluster.id")?.to_string(),
            node_id: NodeId(node.parse().map_err(|_| format!("{node} is no node id"))?),
            directory_id: directory.transpose()?,
        })
    }
}

/// Why a log directory cannot be used. Nothing in it has been touched.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    #[error("{dir} is in use by another process ({holder}); stop that one, or choose another directory with log.dirs")]
    Locked { dir: PathBuf, holder: String },
    #[error("{dir}/meta.properties cannot be used: {what}")]
    BadIdentity { dir: PathBuf, what: String },
    #[error("{dir} cannot be used: {source}; check that it exists and may be written, or choose another with log.dirs")]
    Io { dir: PathBuf, source: io::Error },
}

/// An open, locked log directory.
pub struct LogDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    _lock: Box<dyn DirLock>,
}

/// A partition's directory as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPartition {
    pub name: TopicPartition,
    pub state: DirState,
    pub path: PathBuf,
}

impl LogDir {
    /// Locks the directory, making it if it is not there.
    pub fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<LogDir, DirError> {
        let mut together = Together::new(disk.clone());
        let dir = LogDir::open_together(disk, path, &mut together)?;
        together.commit().map_err(|source| DirError::Io { dir: path.into(), source })?;
        Ok(dir)
    }

    /// The same; a directory that is new is durable with what else is committed.
    pub fn open_together(disk: Arc<dyn Disk>, path: &Path, together: &mut Together) -> Result<LogDir, DirError> {
        let broken = |source| DirError::Io { dir: path.into(), source };
        together.make_dir(path).map_err(broken)?;
        let lock = disk.lock(&path.join(LOCK)).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => DirError::Locked { dir: path.into(), holder: e.to_string() },
            _ => broken(e),
        })?;
        Ok(LogDir { disk, path: path.into(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Who the directory belongs to; `None` when it is not formatted.
    pub fn identity(&self) -> Result<Option<Identity>, DirError> {
        read_identity(&*self.disk, &self.path)
    }

    /// Formats the directory, or writes its identity anew. Durable on return.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), DirError> {
        write_identity(&*self.disk, &self.path, identity)
    }

    /// The same, durable with what else is committed.
    pub fn set_identity_together(&self, identity: &Identity, together: &mut Together) -> Result<(), DirError> {
        let written = together.replace(&self.path.join(META_PROPERTIES), identity.to_text().as_bytes());
        written.map_err(|source| DirError::Io { dir: self.path.clone(), source })
    }

    /// Whether the last stop was a clean one. The mark is taken away: the next stop has to earn it again. Nothing in the
    /// directory may be changed before that is committed.
    pub fn take_clean_mark(&self, together: &mut Together) -> io::Result<bool> {
        let mark = self.path.join(CLEAN_SHUTDOWN);
        if self.disk.stat(&mark)?.is_none() {
            return Ok(false);
        }
        self.disk.remove_file(&mark)?;
        together.names_in(&self.path);
        Ok(true)
    }

    /// Says that everything is on disk as it should be. The last thing a stop does.
    pub fn leave_clean_mark(&self, broker_epoch: i64) -> io::Result<()> {
        let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
        disk::write_atomically(&*self.disk, &self.path.join(CLEAN_SHUTDOWN), text.as_bytes())
    }

    /// Every partition directory, whatever its state.
    pub fn partitions(&self) -> io::Result<Vec<FoundPartition>> {
        let mut found = Vec::new();
        for entry in self.disk.list_sizing(&self.path, &|_| false)? {
            if !entry.is_dir {
                continue;
            }
            if let Some((name, state)) = names::parse_partition_dir(&entry.name) {
                found.push(FoundPartition { name, state, path: self.path.join(&entry.name) });
            }
        }
        Ok(found)
    }

    /// A checkpoint's offsets; one that cannot be read counts as empty, and the second value says what was wrong.
    pub fn checkpoint(&self, file: &str) -> io::Result<(Offsets, Option<String>)> {
        Ok(match checkpoint::read(&*self.disk, &self.path.join(file))? {
            Ok(offsets) => (offsets, None),
            Err(e) => (Offsets::default(), Some(e.to_string())),
        })
    }

    /// Replaces a checkpoint. Durable on return.
    pub fn set_checkpoint(&self, file: &str, offsets: &Offsets) -> io::Result<()> {
        checkpoint::write(&*self.disk, &self.path.join(file), offsets)
    }
}

/// The identity of a directory that may not be locked by us.
pub fn read_identity(disk: &dyn Disk, dir: &Path) -> Result<Option<Identity>, DirError> {
    let read = disk::read_small(disk, &dir.join(META_PROPERTIES));
    let Some(bytes) = read.map_err(|source| DirError::Io { dir: dir.into(), source })? else { return Ok(None) };
    let bad = |what: String| DirError::BadIdentity { dir: dir.into(), what };
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is not text".into()))?;
    Identity::from_text(text).map(Some).map_err(bad)
}

/// Writes a directory's identity. Durable on return.
pub fn write_identity(disk: &dyn Disk, dir: &Path, identity: &Identity) -> Result<(), DirError> {
    let written = disk::write_atomically(disk, &dir.join(META_PROPERTIES), identity.to_text().as_bytes());
    written.map_err(|source| DirError::Io { dir: dir.into(), source })
}

/// A new directory id from random bits, avoiding the ones that Kafka reserves.
pub fn directory_id(random: u128) -> TopicId {
    const RESERVED_BELOW: u128 = 100;
    let id = uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid();
    if id.as_u128() < RESERVED_BELOW { TopicId(Uuid::from_u128(u128::MAX - id.as_u128())) } else { TopicId(id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::real::RealDisk;

    fn identity() -> Identity {
        Identity { cluster_id: "c".into(), node_id: NodeId(7), directory_id: Some(directory_id(12345)) }
    }

    #[test]
    fn an_identity_reads_back_and_a_directory_without_one_is_not_formatted() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = LogDir::open(Arc::new(RealDisk), &tmp.path().join("new")).unwrap();
        assert_eq!(dir.identity().unwrap(), None);
        dir.set_identity(&identity()).unwrap();
        assert_eq!(dir.identity().unwrap(), Some(identity()));
    }

    #[test]
    fn kafkas_own_file_is_read() {
        let text = "#\n#Sat Nov 21 10:00:00 UTC 2026\nnode.id=1\ndirectory.id=ASNFZ4mrze8BI0VniavN7w\nversion=1\ncluster.id=x\n";
        let read = Identity::from_text(text).unwrap();
        assert_eq!((read.node_id, read.cluster_id.as_str()), (NodeId(1), "x"));
    }

    #[test]
    fn a_newer_format_is_refused() {
        assert!(Identity::from_text("version=2\nnode.id=1\ncluster.id=x\n").unwrap_err().contains("version 2"));
    }

    #[test]
    fn a_second_opening_is_told_who_holds_the_directory() {
        let tmp = tempfile::tempdir().unwrap();
        let _held = LogDir::open(Arc::new(RealDisk), tmp.path()).unwrap();
        let refused = LogDir::open(Arc::new(RealDisk), tmp.path()).map(|_| ()).unwrap_err();
        assert!(matches!(&refused, DirError::Locked { .. }), "{refused}");
    }

    #[test]
    fn the_clean_mark_counts_once() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = LogDir::open(Arc::new(RealDisk), tmp.path()).unwrap();
        let mut together = Together::new(Arc::new(RealDisk));
        assert!(!dir.take_clean_mark(&mut together).unwrap());
        dir.leave_clean_mark(5).unwrap();
        assert!(dir.take_clean_mark(&mut together).unwrap());
        assert!(!dir.take_clean_mark(&mut together).unwrap());
    }
}
