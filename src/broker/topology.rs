//! Which partitions this broker holds: made, changed and removed as the metadata says.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::config::broker::BrokerConfig;
use crate::config::topic::TimestampType as TopicTimestamps;
use crate::config::{Overrides, TopicSettings};
use crate::controller::metadata::{MetadataImage, PartitionImage, TopicImage};
use crate::disk::Disk;
use crate::log::names::DirState;
use crate::log::{LogConfig, LogEnv, OpenError, Opening, PartitionLog};
use crate::model::{LeaderEpoch, TopicId, TopicPartition};
use crate::records::TimestampType;

use super::Broker;
use super::log_dirs::BrokerDir;
use super::partition::Partition;

/// Directories and files that are out of use and go when their time has come.
#[derive(Default)]
pub struct Graveyard {
    dead: Mutex<Vec<(i64, Dead)>>,
}

enum Dead {
    Dir(PathBuf),
    Files(crate::log::DeadFiles),
}

impl Graveyard {
    pub fn dir(&self, due_ms: i64, path: PathBuf) {
        self.dead.lock().push((due_ms, Dead::Dir(path)));
    }

    pub fn files(&self, due_ms: i64, files: crate::log::DeadFiles) {
        if !files.is_empty() {
            self.dead.lock().push((due_ms, Dead::Files(files)));
        }
    }

    /// Removes what is due.
    pub fn sweep(&self, disk: &dyn Disk, now_ms: i64) {
        let due: Vec<Dead> = self.dead.lock().extract_if(.., |(due_ms, _)| *due_ms <= now_ms).map(|(_, d)| d).collect();
        for dead in due {
            let removed = match &dead {
                Dead::Dir(path) => disk.remove_dir_all(path),
                Dead::Files(files) => files.remove(disk),
            };
            if let Err(e) = removed
                && e.kind() != std::io::ErrorKind::NotFound
            {
                warn!("Cannot remove files that are out of use, the next start will: {e}");
            }
        }
    }
}

/// Where a partition's files were found at start, and what the checkpoints say of them.
pub struct Left {
    pub dir: Arc<BrokerDir>,
    pub opening: Opening,
}

/// Everything found at start, by name.
pub type LeftBehind = HashMap<TopicPartition, Left>;

/// A topic's settings from its overrides, typed for the broker and for the log.
pub fn settings_of(config: &BrokerConfig, image: &MetadataImage, topic: &str) -> (Arc<TopicSettings>, Arc<LogConfig>) {
    let none = Overrides::new();
    let settings = match image.configs.topic(topic) {
        Some(overrides) => config.topic(overrides),
        None => config.topic(&none),
    };
    let log = log_config(config, &settings);
    (Arc::new(settings), Arc::new(log))
}

fn log_config(config: &BrokerConfig, settings: &TopicSettings) -> LogConfig {
    let unsigned = |n: i32| u32::try_from(n).unwrap_or(0);
    LogConfig {
        segment_bytes: unsigned(settings.segment_bytes),
        segment_ms: settings.segment_ms,
        segment_jitter_ms: settings.segment_jitter_ms,
        segment_index_bytes: unsigned(settings.segment_index_bytes),
        index_interval_bytes: unsigned(settings.index_interval_bytes),
        retention_ms: settings.retention_ms,
        retention_bytes: settings.retention_bytes,
        delete: settings.cleanup_delete,
        compact: settings.cleanup_compact,
        max_message_bytes: unsigned(settings.max_message_bytes),
        timestamp_type: match settings.timestamp_type {
            TopicTimestamps::CreateTime => TimestampType::CreateTime,
            TopicTimestamps::LogAppendTime => TimestampType::LogAppendTime,
        },
        flush_messages: settings.flush_messages,
        flush_ms: settings.flush_ms,
        file_delete_delay_ms: settings.file_delete_delay_ms,
        preallocate: settings.preallocate,
        delete_retention_ms: settings.delete_retention_ms,
        min_compaction_lag_ms: settings.min_compaction_lag_ms,
        max_compaction_lag_ms: settings.max_compaction_lag_ms,
        min_cleanable_dirty_ratio: settings.min_cleanable_dirty_ratio,
        producer_id_expiration_ms: i64::from(config.transactions.producer_id_expiration_ms),
        verify_transactions: config.transactions.partition_verification,
    }
}

impl Broker {
    /// Opens every partition that the image knows, at start. Damaged ones stay offline and the rest goes on.
    pub fn open_partitions(&self, image: &MetadataImage, mut left: LeftBehind) {
        let config = self.config();
        for topic in image.topics.iter() {
            let (settings, log) = settings_of(&config, image, &topic.name);
            for partition in topic.partitions() {
                let name = TopicPartition::new(topic.name.clone(), partition.index);
                let found = left.remove(&name);
                self.open_partition(topic, partition, &settings, &log, found);
            }
        }
        for (name, stray) in left {
            self.set_stray_aside(&name, &stray.dir);
        }
    }

    /// A directory that belongs to no topic: kept under another name, since it may be all that is left of something.
    fn set_stray_aside(&self, name: &TopicPartition, dir: &BrokerDir) {
        use crate::log::names;
        let from = dir.dir.path().join(names::partition_dir(name));
        let to = dir.dir.path().join(names::partition_dir_as(name, DirState::Stray, self.random_uuid()));
        match self.disk().rename(&from, &to).and_then(|()| self.disk().sync_dir(dir.dir.path())) {
            Ok(()) => {
                warn!("{} belongs to no topic of this cluster; it was renamed to {}", from.display(), to.display())
            }
            Err(e) => error!("{} belongs to no topic of this cluster and cannot be renamed: {e}", from.display()),
        }
    }

    fn open_partition(
        &self,
        topic: &TopicImage,
        partition: &PartitionImage,
        settings: &Arc<TopicSettings>,
        log_config: &Arc<LogConfig>,
        left: Option<Left>,
    ) {
        let name = TopicPartition::new(topic.name.clone(), partition.index);
        let now_ms = self.clock().now_ms();
        let dir = left.as_ref().map_or_else(|| self.dir_of(partition), |left| left.dir.clone());
        let env = LogEnv {
            handles: self.log_dirs().handles.clone(),
            dir: dir.dir.path().join(crate::log::names::partition_dir(&name)),
            topic_partition: name.clone(),
            topic_id: topic.id,
            config: log_config.clone(),
            jitter_seed: self.random() as u64,
        };
        let opening = left.as_ref().map(|left| left.opening);
        let opened = match left {
            Some(left) => match PartitionLog::open(env.clone(), left.opening) {
                Err(OpenError::WrongTopic { found, .. }) => {
                    info!("{name} still had the files of a deleted topic (id {found}); they are set aside");
                    self.set_stray_aside(&name, &dir);
                    PartitionLog::create(env, now_ms)
                }
                other => other,
            },
            None => PartitionLog::create(env, now_ms),
        };
        let index = usize::try_from(partition.index).unwrap_or(0);
        let opened = match opened {
            Ok(log) => {
                let epoch = LeaderEpoch(partition.leader_epoch);
                let partition = Partition::new(log, epoch, settings.clone(), dir.commit.clone());
                partition.settle(self.acks_from_page_cache());
                Some(partition)
            }
            Err(e) => {
                if let Some(opening) = opening {
                    dir.unopened.lock().insert(name.clone(), opening);
                }
                error!(
                    "Partition {name} is offline: {e}. Look at it with: ottla storage check {}",
                    dir.dir.path().display()
                );
                None
            }
        };
        self.partitions().put(topic.name.clone(), topic.id, index, opened);
    }

    /// The directory that the metadata names for a partition; a new one goes where the fewest are.
    fn dir_of(&self, partition: &PartitionImage) -> Arc<BrokerDir> {
        let dirs = self.log_dirs();
        let named = partition.directories.first().and_then(|id| dirs.by_id(TopicId(*id)));
        let emptiest = || {
            let all = self.partitions().all();
            let held = |dir: &Arc<BrokerDir>| all.iter().filter(|p| Arc::ptr_eq(p.commit(), &dir.commit)).count();
            dirs.dirs.iter().filter(|dir| !dir.commit.is_offline()).min_by_key(|dir| held(dir))
        };
        match named.or_else(|| if dirs.dirs.len() == 1 { dirs.dirs.first() } else { emptiest() }) {
            Some(dir) => dir.clone(),
            None => dirs.dirs[0].clone(),
        }
    }

    /// Follows a change of metadata: topics that came, grew, went, or have other settings.
    pub fn follow(&self, before: &MetadataImage, now: &MetadataImage) {
        let config = self.config();
        for topic in before.topics.iter() {
            if now.topics.by_id(topic.id).is_none() {
                self.remove_topic(topic);
            }
        }
        for topic in now.topics.iter() {
            let old = before.topics.by_id(topic.id);
            let same = old.is_some_and(|old| Arc::ptr_eq(old, topic));
            let configs = |image: &MetadataImage| image.configs.topic(&topic.name).cloned();
            let reconfigured = old.is_some() && configs(before) != configs(now);
            if same && !reconfigured {
                continue;
            }
            let (settings, log) = settings_of(&config, now, &topic.name);
            for partition in topic.partitions() {
                match self.partition(&topic.name, partition.index) {
                    None => self.open_partition(topic, partition, &settings, &log, None),
                    Some(open) => {
                        open.set_leader_epoch(LeaderEpoch(partition.leader_epoch));
                        if reconfigured {
                            open.set_settings(settings.clone(), log.clone());
                        }
                    }
                }
            }
        }
    }

    /// Gives every partition its settings anew: the broker's own, on which they rest, have changed.
    pub fn refresh_settings(&self, image: &MetadataImage) {
        let config = self.config();
        for topic in image.topics.iter() {
            let (settings, log) = settings_of(&config, image, &topic.name);
            for partition in topic.partitions() {
                if let Some(open) = self.partition(&topic.name, partition.index) {
                    open.set_settings(settings.clone(), log.clone());
                }
            }
        }
    }

    fn remove_topic(&self, topic: &TopicImage) {
        let Some(gone) = self.partitions().remove(&topic.name, topic.id) else { return };
        for partition in gone.partitions.into_iter().flatten() {
            let delay_ms = partition.settings().file_delete_delay_ms;
            let aside = partition.close_for_deletion(self.random_uuid());
            match aside {
                Ok(path) => self.graveyard().dir(self.clock().monotonic_ms() + delay_ms, path),
                Err(e) => error!("Cannot set the files of {} aside: {e}; the next start will", partition.name()),
            }
        }
        info!("Deleted topic {} (id {})", topic.name, topic.id);
    }
}
