//! Which partitions this broker holds: made, changed and removed as the metadata says.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{error, info, warn};

use crate::config::TopicSettings;
use crate::controller::metadata::{MetadataImage, PartitionImage, TopicImage};
use crate::disk::{Disk, fault};
use crate::log::names::{self, DirState};
use crate::log::{LogConfig, LogEnv, OpenError, Opening, PartitionLog};
use crate::memory;
use crate::model::{LeaderEpoch, TopicId, TopicPartition};

use super::Broker;
use super::durability::Purpose;
use super::log_dirs::BrokerDir;
use super::opening::Left;
use super::partition::Partition;
use super::topic_settings::SettingsOf;

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

/// So many partitions that one change makes are made ready for their first producer: loaded, and with their names being
/// made durable behind the answer. Of more than that most are not written for long, and a sync of all their directories
/// would keep everyone else waiting.
const READY_AT_ONCE_MAX: usize = 64;

impl Broker {
    /// A directory that belongs to no topic: kept under another name, since it may be all that is left of something.
    pub(super) fn set_stray_aside(&self, name: &TopicPartition, dir: &BrokerDir) {
        let from = dir.dir.path().join(names::partition_dir(name));
        let to = dir.dir.path().join(names::partition_dir_as(name, DirState::Stray, self.random_uuid()));
        match self.disk().rename(&from, &to).and_then(|()| self.disk().sync_dir(dir.dir.path())) {
            Ok(()) => {
                warn!("{} is not used by this cluster; it was renamed to {}", from.display(), to.display())
            }
            Err(e) => error!("{} is not used by this cluster and cannot be renamed: {e}", from.display()),
        }
    }

    /// Opens a partition with the files that were left of it, or makes it.
    pub(super) fn open_partition(
        &self,
        topic: &TopicImage,
        partition: &PartitionImage,
        settings: &Arc<TopicSettings>,
        log_config: &Arc<LogConfig>,
        left: Option<Left>,
        of_many: bool,
    ) -> (usize, Option<Arc<Partition>>) {
        let name = TopicPartition::new(topic.name.clone(), partition.index);
        let index = usize::try_from(partition.index).unwrap_or(0);
        let now_ms = self.clock().now_ms();
        let found = left.as_ref().map(|left| left.dir.clone());
        let Some(dir) = found.or_else(|| self.dir_of(&name, partition)) else {
            return (index, None);
        };
        let env = LogEnv {
            handles: self.log_dirs().handles.clone(),
            dir: dir.dir.path().join(crate::log::names::partition_dir(&name)),
            topic_partition: name.clone(),
            topic_id: topic.id,
            config: log_config.clone(),
            // Topic ids are random already.
            jitter_seed: topic.id.0.as_u128() as u64 ^ (index as u64) << u32::BITS,
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
            None if !self.forget_namesake(&dir, &name) => {
                Err(io::Error::new(io::ErrorKind::StorageFull, "the checkpoints cannot be written").into())
            }
            None if of_many => PartitionLog::create_for_later(env, now_ms),
            None => PartitionLog::create(env, now_ms),
        };
        let opened = match opened {
            Ok(log) => {
                let epoch = LeaderEpoch(partition.leader_epoch);
                let partition = Partition::new(log, epoch, settings.clone(), dir.commit.clone());
                // A new one has nothing to settle, and its names are made durable with its first records.
                if opening.is_some() {
                    partition.settle(self.acks_from_page_cache());
                }
                Some(partition)
            }
            Err(e) => {
                self.tell_unopened(&name, &e, &dir, opening);
                let passes = matches!(&e, OpenError::Io(e) if fault::is_passing(e));
                if opening.is_none() && passes && !dir.commit.is_offline() {
                    self.unmade().lock().push((topic.id, partition.index));
                }
                None
            }
        };
        (index, opened)
    }

    fn tell_unopened(&self, name: &TopicPartition, e: &OpenError, dir: &BrokerDir, opening: Option<Opening>) {
        match opening {
            None => {
                error!("Partition {name} cannot be made: {e}. It is tried again when there is room, and at the start")
            }
            Some(opening) => {
                dir.unopened.lock().insert(name.clone(), opening);
                let path = dir.dir.path().display();
                error!("Partition {name} is offline: {e}. Look at it with: ottla storage check {path}");
            }
        }
    }

    /// Makes the partitions for which there was no room when their topic was created.
    pub fn make_missing_partitions(&self) {
        const EACH_NEEDS_BYTES: u64 = 64 << 10;
        let has_room = |dir: &Arc<BrokerDir>| {
            !dir.commit.is_offline() && dir.commit.room().admits(EACH_NEEDS_BYTES, Purpose::Clients)
        };
        if self.unmade().lock().is_empty() || !self.log_dirs().dirs.iter().any(has_room) {
            return;
        }
        let missing = std::mem::take(&mut *self.unmade().lock());
        let image = self.metadata().image();
        let mut settings = SettingsOf::new(self.config(), &image);
        for (id, index) in missing {
            let Some(topic) = image.topics.by_id(id) else { continue };
            let Some(partition) = topic.partition(index) else { continue };
            let (settings, log) = settings.topic(&topic.name);
            let opened = self.open_partition(topic, partition, &settings, &log, None, false);
            if opened.1.is_none() {
                continue;
            }
            info!("Partition {}-{index} is made now", topic.name);
            self.partitions().put(topic.name.clone(), topic.id, vec![opened]);
            // Whoever removed the topic meanwhile did not see this partition.
            if self.metadata().image().topics.by_id(id).is_none() {
                self.remove_topics(std::iter::once(&**topic));
            }
        }
    }

    /// The directory that the metadata names for a partition; a new one goes where the fewest are. `None` when the one
    /// it names is not here: an empty log in another would pass for the partition.
    fn dir_of(&self, name: &TopicPartition, partition: &PartitionImage) -> Option<Arc<BrokerDir>> {
        let dirs = self.log_dirs();
        if let [only] = dirs.dirs.as_slice() {
            return Some(only.clone());
        }
        let named = partition.directories.first().copied().filter(|id| !is_reserved(*id));
        if let Some(id) = named.map(TopicId) {
            if dirs.by_id(id).is_none() {
                error!(
                    "Partition {name} is offline: it lies in the log directory with directory.id {id}, which is not in log.dirs"
                );
            }
            return dirs.by_id(id).cloned();
        }
        let all = self.partitions().all();
        let held = |dir: &Arc<BrokerDir>| all.iter().filter(|p| p.is_in(dir)).count();
        let emptiest = dirs.dirs.iter().filter(|dir| !dir.commit.is_offline()).min_by_key(|dir| held(dir));
        emptiest.or(dirs.dirs.first()).cloned()
    }

    /// Follows a change of metadata: topics that came, grew, went, or have other settings.
    ///
    /// What is made here need not be durable: the metadata says that it exists, and a start that does not find it makes
    /// it anew. Its names are made durable by the first sync that an acknowledgement waits for.
    pub fn follow(&self, before: &MetadataImage, now: &MetadataImage) {
        let is_gone = |topic: &&Arc<TopicImage>| now.topics.by_id(topic.id).is_none();
        self.remove_topics(before.topics.iter().filter(is_gone).map(|topic| &**topic));
        let mut settings = SettingsOf::new(self.config(), now);
        let grown_by = now.topics.partition_count().saturating_sub(before.topics.partition_count());
        let of_many = grown_by > READY_AT_ONCE_MAX;
        let mut made = Vec::new();
        for topic in now.topics.iter() {
            let old = before.topics.by_id(topic.id);
            let same = old.is_some_and(|old| Arc::ptr_eq(old, topic));
            let reconfigured = old.is_some() && before.configs.topic(&topic.name) != now.configs.topic(&topic.name);
            if same && !reconfigured {
                continue;
            }
            let (settings, log) = settings.topic(&topic.name);
            let mut opened = Vec::new();
            for partition in topic.partitions() {
                match self.partition(&topic.name, partition.index) {
                    None => {
                        opened.push(self.open_partition(topic, partition, &settings, &log, None, of_many));
                    }
                    Some(open) => {
                        open.set_leader_epoch(LeaderEpoch(partition.leader_epoch));
                        if reconfigured {
                            self.ask_for_chores();
                            open.set_settings(settings.clone(), log.clone());
                        }
                    }
                }
            }
            if !opened.is_empty() {
                made.extend(opened.iter().filter_map(|(_, partition)| partition.clone()));
                self.partitions().put(topic.name.clone(), topic.id, opened);
            }
        }
        if !made.is_empty() {
            // The records of many partitions, and the request that asked for them, are no more.
            memory::note_freed();
        }
        if made.len() <= READY_AT_ONCE_MAX && !self.acks_from_page_cache() {
            made.iter().for_each(|partition| partition.request_sync());
        }
    }

    /// Gives every partition its settings anew: the broker's own, on which they rest, have changed.
    pub fn refresh_settings(&self, image: &MetadataImage) {
        let mut settings = SettingsOf::new(self.config(), image);
        self.ask_for_chores();
        for topic in image.topics.iter() {
            let (settings, log) = settings.topic(&topic.name);
            for partition in topic.partitions() {
                if let Some(open) = self.partition(&topic.name, partition.index) {
                    open.set_settings(settings.clone(), log.clone());
                }
            }
        }
    }

    /// Takes topics out of service. When this returns their directories have their new names for good: a crash does not
    /// bring them back.
    fn remove_topics<'a>(&self, topics: impl Iterator<Item = &'a TopicImage>) {
        let (mut touched, mut closed) = (Vec::new(), Vec::new());
        for topic in topics {
            self.set_topic_aside(topic, &mut touched, &mut closed);
        }
        for dir in touched.iter().filter(|dir| !dir.commit.is_offline()) {
            if let Err(e) = self.disk().sync_dir(dir.dir.path()) {
                dir.commit.take_offline(&fault::of_sync(e));
            }
        }
        self.forget_cleaned(&closed);
    }

    /// Gives the directories of a topic's partitions their new names. Which log directories these lie in is added to
    /// `touched`.
    fn set_topic_aside(&self, topic: &TopicImage, touched: &mut Vec<Arc<BrokerDir>>, closed: &mut Vec<Arc<Partition>>) {
        let Some(gone) = self.partitions().remove(&topic.name, topic.id) else { return };
        let mut touch = |dir: &Arc<BrokerDir>| {
            if !touched.iter().any(|known| Arc::ptr_eq(known, dir)) {
                touched.push(dir.clone());
            }
        };
        for (index, partition) in gone.partitions.into_iter().enumerate() {
            let Some(partition) = partition else {
                let name = TopicPartition::new(topic.name.clone(), i32::try_from(index).unwrap_or(i32::MAX));
                self.remove_unopened(&name).iter().for_each(&mut touch);
                continue;
            };
            let delay_ms = partition.settings().file_delete_delay_ms;
            let aside = partition.close_for_deletion(self.random_uuid());
            match aside {
                Ok(path) => self.graveyard().dir(self.clock().monotonic_ms() + delay_ms, path),
                Err(e) => error!("Cannot set the files of {} aside: {e}; the next start will", partition.name()),
            }
            self.log_dirs().dirs.iter().find(|dir| partition.is_in(dir)).into_iter().for_each(&mut touch);
            closed.push(partition);
        }
        info!("Deleted topic {} (id {})", topic.name, topic.id);
    }

    /// Sets the files of a partition aside that could not be opened, wherever they lie.
    pub(super) fn remove_unopened(&self, name: &TopicPartition) -> Vec<Arc<BrokerDir>> {
        let mut touched = Vec::new();
        for dir in &self.log_dirs().dirs {
            dir.unopened.lock().remove(name);
            let from = dir.dir.path().join(names::partition_dir(name));
            if !matches!(self.disk().stat(&from), Ok(Some(_))) {
                continue;
            }
            let to = dir.dir.path().join(names::partition_dir_as(name, DirState::Delete, self.random_uuid()));
            match self.disk().rename(&from, &to) {
                Ok(()) => self.graveyard().dir(self.clock().monotonic_ms(), to),
                Err(e) => error!("Cannot set the files of {name} aside: {e}; the next start will"),
            }
            touched.push(dir.clone());
        }
        touched
    }
}

/// Ids that stand for no directory: unassigned, lost, migrating and their kin.
fn is_reserved(id: uuid::Uuid) -> bool {
    const RESERVED_BELOW: u128 = 100;
    id.as_u128() < RESERVED_BELOW
}
