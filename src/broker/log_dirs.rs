//! The broker's log directories: opened, identified, each with its own group commit.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use tracing::{info, warn};

use crate::config::BrokerConfig;
use crate::disk::{Disk, Together};
use crate::log::dir::directory_id;
use crate::log::{DirError, Handles, Identity, LogDir, Opening};
use crate::model::{TopicId, TopicPartition};

use super::durability::GroupCommit;

/// Share of the process's open files that logs may hold; the rest is for connections.
const LOG_FILES_PERCENT: u64 = 60;
const LOG_FILES_MIN: usize = 64;

/// One log directory in use.
pub struct BrokerDir {
    pub dir: LogDir,
    /// `directory.id`, by which the metadata names it.
    pub id: TopicId,
    pub commit: Arc<GroupCommit>,
    /// Whether the last stop left everything in order.
    pub was_clean: bool,
    /// What the checkpoints say of partitions that could not be opened. It is kept: without it the next start would
    /// take damage for the trace of a crash and cut it away.
    pub unopened: Mutex<HashMap<TopicPartition, Opening>>,
    /// Whether all partitions are open: before that, checkpoints written anew would forget those that are not.
    pub opened: AtomicBool,
    /// Partitions that the checkpoint files name.
    pub checkpointed: Mutex<HashSet<TopicPartition>>,
}

/// All of them, in the order of `log.dirs`.
pub struct LogDirs {
    pub dirs: Vec<Arc<BrokerDir>>,
    pub handles: Arc<Handles>,
    pub cluster_id: String,
}

/// Why the log directories cannot be used together.
#[derive(Debug, thiserror::Error)]
pub enum LogDirsError {
    #[error(transparent)]
    Dir(#[from] DirError),
    #[error(
        "{dir} belongs to node {found}, and node.id is {expected}: use that node's directory, or set node.id={found}"
    )]
    OtherNode { dir: PathBuf, found: i32, expected: i32 },
    #[error("{dir} belongs to cluster {found}, but {other_dir} to {other}: they cannot be used together")]
    OtherCluster { dir: PathBuf, found: String, other_dir: PathBuf, other: String },
}

impl LogDirs {
    /// Locks and identifies every directory; formats those that are new. What is changed is to be committed before
    /// anything else changes.
    pub fn open(
        config: &BrokerConfig,
        disk: &Arc<dyn Disk>,
        mut random: impl FnMut() -> u128,
        together: &mut Together,
    ) -> Result<LogDirs, LogDirsError> {
        let mut opened = Vec::new();
        for path in &config.log_dirs {
            let dir = LogDir::open_together(disk.clone(), path, together)?;
            let identity = dir.identity()?;
            if let Some(found) = identity.as_ref().map(|i| i.node_id)
                && found != config.node_id
            {
                return Err(LogDirsError::OtherNode { dir: path.clone(), found: found.0, expected: config.node_id.0 });
            }
            opened.push((dir, identity));
        }
        let cluster_id = agree_on_cluster(config, &opened, &mut random)?;
        let mut dirs = Vec::new();
        for (dir, identity) in opened {
            dirs.push(Arc::new(take(config, disk, dir, identity, &cluster_id, random(), together)?));
        }
        let handles = Handles::new(disk.clone(), open_files_for_logs());
        Ok(LogDirs { dirs, handles, cluster_id })
    }

    pub fn by_id(&self, id: TopicId) -> Option<&Arc<BrokerDir>> {
        self.dirs.iter().find(|dir| dir.id == id)
    }

    pub fn by_path(&self, path: &Path) -> Option<&Arc<BrokerDir>> {
        self.dirs.iter().find(|dir| dir.dir.path() == path)
    }
}

type Opened = Vec<(LogDir, Option<Identity>)>;

fn agree_on_cluster(
    config: &BrokerConfig,
    opened: &Opened,
    random: &mut impl FnMut() -> u128,
) -> Result<String, LogDirsError> {
    let mut known = opened.iter().filter_map(|(dir, id)| Some((dir.path(), id.as_ref()?.cluster_id.clone())));
    let Some((first_dir, first)) = known.next() else {
        return Ok(config.cluster_id.clone().unwrap_or_else(|| directory_id(random()).to_string()));
    };
    for (dir, found) in known {
        if found != first {
            let (dir, other_dir) = (dir.to_path_buf(), first_dir.to_path_buf());
            return Err(LogDirsError::OtherCluster { dir, found, other_dir, other: first });
        }
    }
    if let Some(wanted) = config.cluster_id.as_ref().filter(|wanted| **wanted != first) {
        warn!("CLUSTER_ID is {wanted}, but the data belongs to cluster {first}, whose id is kept");
    }
    Ok(first)
}

fn take(
    config: &BrokerConfig,
    disk: &Arc<dyn Disk>,
    dir: LogDir,
    identity: Option<Identity>,
    cluster_id: &str,
    random: u128,
    together: &mut Together,
) -> Result<BrokerDir, LogDirsError> {
    let path = dir.path().to_path_buf();
    let id = match identity.as_ref().and_then(|identity| identity.directory_id) {
        Some(id) => id,
        None => {
            let id = directory_id(random);
            let cluster = cluster_id.to_string();
            let now = Identity { cluster_id: cluster, node_id: config.node_id, directory_id: Some(id) };
            dir.set_identity_together(&now, together)?;
            if identity.is_none() {
                info!("Formatted {} for cluster {cluster_id}", path.display());
            }
            id
        }
    };
    let was_clean = dir.take_clean_mark(together).map_err(|source| DirError::Io { dir: path.clone(), source })?;
    let commit = GroupCommit::new(disk.clone(), path);
    commit.room().set_reserve(config.durability.disk_reserve_bytes);
    let (unopened, checkpointed, opened) = Default::default();
    Ok(BrokerDir { dir, id, commit: Arc::new(commit), was_clean, unopened, opened, checkpointed })
}

fn open_files_for_logs() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(1024);
    usize::try_from(limit.saturating_mul(LOG_FILES_PERCENT) / 100).unwrap_or(usize::MAX).max(LOG_FILES_MIN)
}
