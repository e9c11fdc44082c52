//! Which of this node's log directories holds a partition, as the node has it.

use uuid::Uuid;

use super::image::PartitionImage;
use super::machine::MetadataMachine;
use crate::controller::records::{MetadataRecord, PartitionChange};
use crate::model::TopicId;

/// The first level whose partitions name their directories.
const NAMES_DIRECTORIES_FROM: i16 = 17;

impl MetadataMachine {
    /// Writes down that a partition lies in a directory. Nothing when the partition went, or it is known.
    pub(super) fn assign_directory(
        &self,
        topic_id: TopicId,
        index: i32,
        directory: Uuid,
        records: &mut Vec<MetadataRecord>,
    ) {
        let topic = self.image.topics.by_id(topic_id);
        let Some(partition) = topic.and_then(|topic| topic.partition(index)) else { return };
        let node = self.settings.node_id;
        let Some(position) = partition.replicas.iter().position(|replica| *replica == node) else { return };
        if self.image.metadata_version() < NAMES_DIRECTORIES_FROM
            || partition.directories.get(position) == Some(&directory)
        {
            return;
        }
        let directories = Some(with_directory(partition, position, directory));
        records.push(PartitionChange { partition: index, topic_id, directories, ..Default::default() }.into());
    }
}

/// A partition's directories with the one of a replica replaced.
pub(super) fn with_directory(partition: &PartitionImage, position: usize, directory: Uuid) -> Vec<Uuid> {
    let mut directories = partition.directories.to_vec();
    directories.resize(partition.replicas.len(), Uuid::nil());
    if let Some(held) = directories.get_mut(position) {
        *held = directory;
    }
    directories
}
