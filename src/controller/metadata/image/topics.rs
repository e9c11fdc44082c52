//! Topics and their partitions.

use std::sync::Arc;

use uuid::Uuid;

use crate::controller::metadata::shared_map::SharedMap;
use crate::controller::records::{PartitionChange, PartitionRecord};
use crate::model::{TopicId, TopicName};

/// The leader of a partition that has none.
pub const NO_LEADER: i32 = -1;

/// Every topic, by name and by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicsImage {
    by_name: SharedMap<TopicName, Arc<TopicImage>>,
    names: SharedMap<TopicId, TopicName>,
    /// Names with a dot or an underscore, both written as an underscore, and the topics that share one: metrics and
    /// folders of such topics could be mistaken for each other.
    alike: SharedMap<String, Vec<TopicName>>,
    partition_count: usize,
}

/// One topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicImage {
    pub name: TopicName,
    pub id: TopicId,
    /// In order of their numbers, which are 0 to n - 1 once the topic is whole.
    partitions: Vec<PartitionImage>,
}

/// One partition. What hardly any partition of one node has lies behind a pointer.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionImage {
    pub index: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub replicas: Box<[i32]>,
    pub isr: Box<[i32]>,
    /// The log directory of each replica, in the order of `replicas`.
    pub directories: Box<[Uuid]>,
    rare: Option<Box<Rare>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Rare {
    recovering: bool,
    removing_replicas: Vec<i32>,
    adding_replicas: Vec<i32>,
    eligible_leader_replicas: Vec<i32>,
    last_known_elr: Vec<i32>,
}

impl Rare {
    fn boxed(self) -> Option<Box<Rare>> {
        (self != Rare::default()).then(|| Box::new(self))
    }
}

impl TopicsImage {
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Partitions of all topics together.
    pub fn partition_count(&self) -> usize {
        self.partition_count
    }

    pub fn by_name(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.by_name.get(name)
    }

    pub fn by_id(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.by_name.get(&**self.names.get(&id)?)
    }

    /// A topic whose name differs at most in dots and underscores.
    pub fn alike(&self, name: &str) -> Option<&TopicName> {
        self.alike.get(&unified(name)?)?.first()
    }

    /// In order of names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.by_name.values()
    }

    /// In order of names, from the first that is not below `name`.
    pub fn iter_from<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<TopicImage>> {
        self.by_name.iter_from(name).map(|(_, topic)| topic)
    }

    /// False when the name or the id is taken.
    pub(super) fn add(&mut self, name: TopicName, id: TopicId) -> bool {
        if self.by_name.contains(&*name) || self.names.contains(&id) {
            return false;
        }
        self.names.insert(id, name.clone());
        if let Some(unified) = unified(&name) {
            match self.alike.get_mut(&unified) {
                Some(names) => names.push(name.clone()),
                None => {
                    self.alike.insert(unified, vec![name.clone()]);
                }
            }
        }
        self.by_name.insert(name.clone(), Arc::new(TopicImage { name, id, partitions: Vec::new() }));
        true
    }

    pub(super) fn remove(&mut self, id: TopicId) -> Option<Arc<TopicImage>> {
        let name = self.names.remove(&id)?;
        let topic = self.by_name.remove(&*name)?;
        self.partition_count -= topic.partitions.len();
        if let Some(unified) = unified(&name)
            && let Some(names) = self.alike.get_mut(&unified)
        {
            names.retain(|other| *other != name);
            if names.is_empty() {
                self.alike.remove(&unified);
            }
        }
        Some(topic)
    }

    fn topic_mut(&mut self, id: TopicId) -> Option<&mut TopicImage> {
        let name = self.names.get(&id)?.clone();
        self.by_name.get_mut(&*name).map(Arc::make_mut)
    }

    /// Adds a partition, or replaces it. False when there is no such topic.
    pub(super) fn put_partition(&mut self, record: &PartitionRecord) -> bool {
        let Some(topic) = self.topic_mut(record.topic_id) else { return false };
        let partition = PartitionImage::from_record(record);
        match topic.partitions.binary_search_by_key(&record.partition, |p| p.index) {
            Ok(at) => {
                if let Some(slot) = topic.partitions.get_mut(at) {
                    *slot = partition;
                }
            }
            Err(at) => {
                if at == 0 {
                    // Most topics of a broker that has many have one.
                    topic.partitions.reserve_exact(1);
                }
                topic.partitions.insert(at, partition);
                self.partition_count += 1;
            }
        }
        true
    }

    pub(super) fn partition_mut(&mut self, id: TopicId, index: i32) -> Option<&mut PartitionImage> {
        let topic = self.topic_mut(id)?;
        let at = topic.partitions.binary_search_by_key(&index, |p| p.index).ok()?;
        topic.partitions.get_mut(at)
    }
}

fn unified(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

impl TopicImage {
    pub fn partition_count(&self) -> i32 {
        self.partitions.len() as i32
    }

    pub fn partitions(&self) -> &[PartitionImage] {
        &self.partitions
    }

    pub fn partition(&self, index: i32) -> Option<&PartitionImage> {
        self.partitions.binary_search_by_key(&index, |p| p.index).ok().and_then(|at| self.partitions.get(at))
    }
}

impl PartitionImage {
    /// A new partition that its first replica leads.
    pub fn new(index: i32, replicas: &[i32], isr: &[i32], directories: &[Uuid]) -> Self {
        PartitionImage {
            index,
            leader: isr.first().copied().unwrap_or(NO_LEADER),
            leader_epoch: 0,
            partition_epoch: 0,
            replicas: replicas.into(),
            isr: isr.into(),
            directories: directories.into(),
            rare: None,
        }
    }

    fn from_record(record: &PartitionRecord) -> Self {
        PartitionImage {
            index: record.partition,
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            replicas: record.replicas.as_slice().into(),
            isr: record.isr.as_slice().into(),
            directories: record.directories.as_slice().into(),
            rare: Rare {
                recovering: record.leader_recovery_state != 0,
                removing_replicas: record.removing_replicas.clone(),
                adding_replicas: record.adding_replicas.clone(),
                eligible_leader_replicas: record.eligible_leader_replicas.clone().unwrap_or_default(),
                last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
            }
            .boxed(),
        }
    }

    /// The partition as a record, for a snapshot or for its creation.
    pub fn to_record(&self, topic_id: TopicId) -> PartitionRecord {
        let some = |list: &[i32]| (!list.is_empty()).then(|| list.to_vec());
        PartitionRecord {
            partition: self.index,
            topic_id,
            replicas: self.replicas.to_vec(),
            isr: self.isr.to_vec(),
            removing_replicas: self.removing_replicas().to_vec(),
            adding_replicas: self.adding_replicas().to_vec(),
            leader: self.leader,
            leader_recovery_state: i8::from(self.rare.as_ref().is_some_and(|rare| rare.recovering)),
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: self.directories.to_vec(),
            eligible_leader_replicas: some(self.eligible_leader_replicas()),
            last_known_elr: some(self.last_known_elr()),
        }
    }

    /// Every change counts in the partition's epoch, and one that names a leader in the leader's.
    pub(super) fn change(&mut self, change: &PartitionChange) {
        let mut rare = self.rare.take().map(|rare| *rare).unwrap_or_default();
        set(&mut self.isr, &change.isr);
        set(&mut self.replicas, &change.replicas);
        set(&mut self.directories, &change.directories);
        set(&mut rare.removing_replicas, &change.removing_replicas);
        set(&mut rare.adding_replicas, &change.adding_replicas);
        set(&mut rare.eligible_leader_replicas, &change.eligible_leader_replicas);
        set(&mut rare.last_known_elr, &change.last_known_elr);
        if let Some(leader) = change.leader {
            self.leader = leader;
            self.leader_epoch += 1;
        }
        if let Some(state) = change.leader_recovery_state {
            rare.recovering = state != 0;
        }
        self.partition_epoch += 1;
        self.rare = rare.boxed();
    }

    pub(super) fn clear_eligible_replicas(&mut self) {
        if let Some(mut rare) = self.rare.take() {
            rare.eligible_leader_replicas.clear();
            rare.last_known_elr.clear();
            self.rare = rare.boxed();
        }
    }

    pub fn removing_replicas(&self) -> &[i32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.removing_replicas)
    }

    pub fn adding_replicas(&self) -> &[i32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.adding_replicas)
    }

    pub fn eligible_leader_replicas(&self) -> &[i32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.eligible_leader_replicas)
    }

    pub fn last_known_elr(&self) -> &[i32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.last_known_elr)
    }

    pub fn is_recovering(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.recovering)
    }
}

fn set<T: Clone, L: for<'a> From<&'a [T]>>(list: &mut L, change: &Option<Vec<T>>) {
    if let Some(new) = change {
        *list = L::from(new.as_slice());
    }
}
