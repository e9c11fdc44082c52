//! OffsetFetch.

use super::Committed;
use crate::controller::group::consumer::commits;
use crate::controller::group::events;
use crate::controller::group::store::Store;
use crate::model::{ErrorCode, TopicId};
use crate::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::wire::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};

impl Store {
    /// An unknown group has no offsets, which is no error.
    pub fn fetch_offsets(&self, request: &OffsetFetchRequestGroup, require_stable: bool) -> OffsetFetchResponseGroup {
        let group = &**request.group_id;
        if let Some(consumers) = self.consumer(group) {
            let member = request.member_id.as_deref();
            if let Err(error) = commits::validate_fetch(consumers, member, request.member_epoch) {
                return OffsetFetchResponseGroup::default()
                    .with_group_id(request.group_id.clone())
                    .with_error_code(error.code());
            }
        }
        let topics = match &request.topics {
            Some(topics) => topics.iter().map(|topic| self.fetch_topic(group, topic, require_stable)).collect(),
            None => self.fetch_all(group, require_stable),
        };
        OffsetFetchResponseGroup::default().with_group_id(request.group_id.clone()).with_topics(topics)
    }

    fn fetch_topic(
        &self,
        group: &str,
        asked: &OffsetFetchRequestTopics,
        require_stable: bool,
    ) -> OffsetFetchResponseTopics {
        let asked_id = TopicId(asked.topic_id);
        // A topic of the same name that was deleted since left nothing to a client that knows the new one's id.
        let is_of_topic = |commit: &&Committed| {
            let id = commit.value.topic_id;
            id.is_zero() || asked_id.is_zero() || id == asked_id
        };
        let partitions = asked
            .partition_indexes
            .iter()
            .map(|&partition| {
                let commit = self.offsets.committed(group, &asked.name, partition).filter(is_of_topic);
                self.fetched(group, &asked.name, partition, commit, require_stable)
            })
            .collect();
        OffsetFetchResponseTopics::default()
            .with_name(asked.name.clone())
            .with_topic_id(asked.topic_id)
            .with_partitions(partitions)
    }

    fn fetch_all(&self, group: &str, require_stable: bool) -> Vec<OffsetFetchResponseTopics> {
        if !self.groups.contains_key(group) {
            return Vec::new();
        }
        self.offsets
            .of_group(group)
            .map(|(topic, partitions)| {
                let fetched = |(partition, commit): (&i32, &Committed)| {
                    self.fetched(group, topic, *partition, Some(commit), require_stable)
                };
                OffsetFetchResponseTopics::default()
                    .with_name(events::text(topic).into())
                    .with_partitions(partitions.iter().map(fetched).collect())
            })
            .collect()
    }

    fn fetched(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        commit: Option<&Committed>,
        require_stable: bool,
    ) -> OffsetFetchResponsePartitions {
        let answer = OffsetFetchResponsePartitions::default()
            .with_partition_index(partition)
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(events::text("")));
        if require_stable && self.offsets.has_pending(group, topic, partition) {
            return answer.with_error_code(ErrorCode::UnstableOffsetCommit.code());
        }
        match commit {
            None => answer,
            Some(Committed { value, .. }) => answer
                .with_committed_offset(value.offset)
                .with_committed_leader_epoch(value.leader_epoch)
                .with_metadata(Some(events::text(&value.metadata))),
        }
    }
}
