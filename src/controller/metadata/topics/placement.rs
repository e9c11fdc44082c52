//! Which brokers and directories hold a partition.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::controller::metadata::event::ApiError;
use crate::controller::metadata::image::{BrokerImage, MetadataImage, PartitionImage};
use crate::model::ErrorCode;

/// Says that a broker has not chosen a directory yet.
const DIRECTORY_UNASSIGNED: Uuid = Uuid::from_u128(1);

/// Hands out replicas and directories, so that the directories of this node fill evenly.
pub(crate) struct Placement<'a> {
    image: &'a MetadataImage,
    /// Directories that take nothing new.
    cordoned: Vec<Uuid>,
    /// Partitions by directory, of each broker that has been asked for.
    loads: BTreeMap<i32, BTreeMap<Uuid, usize>>,
}

impl<'a> Placement<'a> {
    pub(crate) fn new(image: &'a MetadataImage, cordoned: Vec<Uuid>) -> Self {
        Placement { image, cordoned, loads: BTreeMap::new() }
    }

    /// Replicas for a new partition on as many brokers as asked for.
    pub(crate) fn place(&self, replication_factor: i16) -> Result<Vec<i32>, ApiError> {
        let refuse = |why: String| Err(ApiError::new(ErrorCode::InvalidReplicationFactor, why));
        if replication_factor <= 0 {
            return refuse(format!(
                "Invalid replication factor {replication_factor}: the replication factor must be positive."
            ));
        }
        let brokers: Vec<i32> =
            self.image.cluster.brokers.values().filter(|b| self.has_room(b)).map(|b| b.id).collect();
        if brokers.is_empty() {
            return refuse("All brokers are currently fenced, or have all their log directories cordoned.".into());
        }
        let wanted = replication_factor as usize;
        if wanted > brokers.len() {
            return refuse(format!(
                "The target replication factor of {wanted} cannot be reached because only {} broker(s) are registered \
                 or some brokers have all their log directories cordoned.",
                brokers.len()
            ));
        }
        Ok(brokers.into_iter().take(wanted).collect())
    }

    /// Active, with a directory that takes something new.
    fn has_room(&self, broker: &BrokerImage) -> bool {
        let open = |dir: &Uuid| !self.cordoned.contains(dir);
        broker.is_active() && (broker.log_dirs.is_empty() || broker.log_dirs.iter().any(open))
    }

    /// Checks an assignment that somebody made by hand, and the factor of its siblings.
    pub(crate) fn check(&self, replicas: &[i32], siblings: Option<usize>) -> Result<(), ApiError> {
        let refuse = |why: String| Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
        if replicas.is_empty() {
            return refuse("The manual partition assignment includes an empty replica list.".into());
        }
        let mut sorted = replicas.to_vec();
        sorted.sort_unstable();
        let mut previous = None;
        for broker in sorted {
            if !self.image.cluster.brokers.contains_key(&broker) {
                return refuse(format!(
                    "The manual partition assignment includes broker {broker}, but no such broker is registered."
                ));
            }
            if previous == Some(broker) {
                return refuse(format!("The manual partition assignment includes the broker {broker} more than once."));
            }
            previous = Some(broker);
        }
        match siblings {
            Some(factor) if factor != replicas.len() => refuse(format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
                 with previous partitions, which have {factor} replica(s).",
                replicas.len()
            )),
            _ => Ok(()),
        }
    }

    /// The replicas that can be in sync from the start.
    pub(crate) fn active(&self, replicas: &[i32]) -> Vec<i32> {
        let brokers = &self.image.cluster.brokers;
        replicas.iter().copied().filter(|id| brokers.get(id).is_some_and(|b| b.is_active())).collect()
    }

    /// A partition on these replicas. Their in-sync set must not be empty.
    pub(crate) fn partition(&mut self, index: i32, replicas: &[i32], isr: &[i32]) -> PartitionImage {
        let directories: Vec<Uuid> = replicas.iter().map(|broker| self.directory(*broker)).collect();
        PartitionImage::new(index, replicas, isr, &directories)
    }

    /// The directory of a broker that holds the fewest partitions.
    fn directory(&mut self, broker: i32) -> Uuid {
        let loads = self.loads.entry(broker).or_insert_with(|| directory_loads(self.image, broker, &self.cordoned));
        match loads.iter_mut().min_by_key(|(_, load)| **load) {
            Some((directory, load)) => {
                *load += 1;
                *directory
            }
            None => DIRECTORY_UNASSIGNED,
        }
    }
}

fn directory_loads(image: &MetadataImage, broker: i32, own: &[Uuid]) -> BTreeMap<Uuid, usize> {
    let Some(registration) = image.cluster.brokers.get(&broker) else { return BTreeMap::new() };
    let cordoned = registration.cordoned_log_dirs.as_deref().unwrap_or_default();
    let mut loads: BTreeMap<Uuid, usize> = registration
        .log_dirs
        .iter()
        .filter(|dir| !cordoned.contains(dir) && !own.contains(dir))
        .map(|dir| (*dir, 0))
        .collect();
    if loads.len() > 1 {
        for partition in image.topics.iter().flat_map(|topic| topic.partitions()) {
            for (replica, directory) in partition.replicas.iter().zip(&partition.directories) {
                if *replica == broker
                    && let Some(load) = loads.get_mut(directory)
                {
                    *load += 1;
                }
            }
        }
    }
    loads
}
