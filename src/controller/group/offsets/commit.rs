//! OffsetCommit, TxnOffsetCommit and OffsetDelete; and what topics that are deleted take with them.

use std::sync::Arc;

use crate::controller::group::GroupId;
use crate::controller::group::consumer::commits::CommitCheck;
use crate::controller::group::events::{Caller, GroupError};
use crate::controller::group::records::{Key, OffsetCommitValue, Record, Value};
use crate::controller::group::store::{Group, Store};
use crate::controller::group::turn::Turn;
use crate::controller::machine::Producer;
use crate::model::{ErrorCode, PartitionIndex, ProducerEpoch, ProducerId, TopicId, TopicName};
use crate::wire::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use crate::wire::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use crate::wire::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use crate::wire::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
};

/// Since this version a commit to a group that is not there says so; before it was an illegal generation.
const GROUP_ID_NOT_FOUND_SINCE: i16 = 9;

/// Who commits, in the words of all protocols.
pub struct Committer<'a> {
    pub member: &'a str,
    pub instance: Option<&'a str>,
    /// A KIP-848 member's epoch.
    pub generation: i32,
    pub transactional: bool,
    pub api_version: i16,
}

impl Store {
    /// Whether this member may commit now, and which partitions.
    fn validate_commit(&self, group: &str, by: &Committer<'_>) -> Result<CommitCheck, GroupError> {
        match self.groups.get(group) {
            Some(Group::Classic(group)) => {
                group.validate_commit(by.member, by.instance, by.generation, by.transactional)?;
                Ok(CommitCheck::All)
            }
            Some(Group::Consumer(group)) => Ok(by.check_in(group)?),
            // A commit by hand makes the group.
            None if by.generation < 0 => Ok(CommitCheck::All),
            None if by.transactional || by.api_version < GROUP_ID_NOT_FOUND_SINCE => {
                Err(ErrorCode::IllegalGeneration.into())
            }
            None => Err(not_found(group)),
        }
    }

    pub fn commit(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        request: &OffsetCommitRequest,
    ) -> Result<OffsetCommitResponse, GroupError> {
        let group: GroupId = Arc::from(&**request.group_id);
        let by = Committer {
            member: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            generation: request.generation_id_or_member_epoch,
            transactional: false,
            api_version: caller.api_version,
        };
        let check = self.validate_commit(&group, &by)?;
        if let Some(group) = self.classic(&group) {
            group.heard_by_commit(by.member, turn);
        }
        let expire_timestamp_ms = match request.retention_time_ms {
            -1 => -1,
            retention_ms => turn.now.wall_ms.saturating_add(retention_ms),
        };
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            let name: TopicName = Arc::from(&**topic.name);
            let id = id_of(turn, &check, TopicId(topic.topic_id), &name);
            for partition in &topic.partitions {
                let value = OffsetCommitValue {
                    offset: partition.committed_offset,
                    leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.committed_metadata.as_deref().unwrap_or("").into(),
                    commit_timestamp_ms: turn.now.wall_ms,
                    expire_timestamp_ms,
                    topic_id: TopicId(topic.topic_id),
                };
                let index = partition.partition_index;
                let error = match check.check(id, PartitionIndex(index)) {
                    Ok(()) => write_commit(turn, &group, &name, index, value, None),
                    Err(error) => error,
                };
                partitions.push(
                    OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(error.code()),
                );
            }
            topics.push(
                OffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_topic_id(topic.topic_id)
                    .with_partitions(partitions),
            );
        }
        Ok(OffsetCommitResponse::default().with_topics(topics))
    }

    pub fn commit_in_transaction(
        &mut self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        request: &TxnOffsetCommitRequest,
    ) -> Result<TxnOffsetCommitResponse, GroupError> {
        let group: GroupId = Arc::from(&**request.group_id);
        let by = Committer {
            member: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            generation: request.generation_id,
            transactional: true,
            api_version: caller.api_version,
        };
        let check = self.validate_commit(&group, &by)?;
        let producer = Producer { id: ProducerId(*request.producer_id), epoch: ProducerEpoch(request.producer_epoch) };
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            let name: TopicName = Arc::from(&**topic.name);
            let id = id_of(turn, &check, TopicId::ZERO, &name);
            for partition in &topic.partitions {
                let value = OffsetCommitValue {
                    offset: partition.committed_offset,
                    leader_epoch: partition.committed_leader_epoch,
                    metadata: partition.committed_metadata.as_deref().unwrap_or("").into(),
                    commit_timestamp_ms: turn.now.wall_ms,
                    expire_timestamp_ms: -1,
                    topic_id: TopicId::ZERO,
                };
                let index = partition.partition_index;
                let error = match check.check(id, PartitionIndex(index)) {
                    Ok(()) => write_commit(turn, &group, &name, index, value, Some(producer)),
                    Err(error) => error,
                };
                partitions.push(
                    TxnOffsetCommitResponsePartition::default()
                        .with_partition_index(index)
                        .with_error_code(error.code()),
                );
            }
            topics.push(
                TxnOffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions),
            );
        }
        Ok(TxnOffsetCommitResponse::default().with_topics(topics))
    }

    pub fn delete_offsets(
        &mut self,
        turn: &mut Turn<'_>,
        request: &OffsetDeleteRequest,
    ) -> Result<OffsetDeleteResponse, GroupError> {
        let id: GroupId = Arc::from(&**request.group_id);
        let group = self.groups.get(&id).ok_or_else(|| not_found(&id))?;
        match group {
            // What members of other protocols use cannot be known.
            Group::Classic(group) if !group.is_empty() && !group.is_consumer_type() => {
                return Err(ErrorCode::NonEmptyGroup.into());
            }
            Group::Classic(_) | Group::Consumer(_) => {}
        }
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let name: TopicName = Arc::from(&**topic.name);
            let error = if group.is_subscribed_to(&name) { ErrorCode::GroupSubscribedToTopic } else { ErrorCode::None };
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for partition in &topic.partitions {
                let index = partition.partition_index;
                let exists =
                    self.offsets.committed(&id, &name, index).is_some() || self.offsets.has_pending(&id, &name, index);
                if exists && error == ErrorCode::None {
                    forget(turn, &id, &name, index);
                }
                partitions.push(
                    OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(error.code()),
                );
            }
            topics.push(OffsetDeleteResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions));
        }
        Ok(OffsetDeleteResponse::default().with_topics(topics))
    }

    /// Deleted topics take their offsets with them: those committed with their id, or with none.
    pub fn on_topics_deleted(&self, turn: &mut Turn<'_>, deleted: &[(TopicName, TopicId)]) {
        for (group, offsets) in &self.offsets.groups {
            for (topic, id) in deleted {
                let is_theirs =
                    |commit: &super::Committed| commit.value.topic_id.is_zero() || commit.value.topic_id == *id;
                let committed = offsets.committed.get(topic).into_iter().flatten();
                let committed = committed.filter(|(_, commit)| is_theirs(commit)).map(|(partition, _)| *partition);
                let pending = offsets.pending.get(topic).into_iter().flatten();
                let pending =
                    pending.filter(|(_, commits)| commits.values().any(is_theirs)).map(|(partition, _)| *partition);
                let partitions: std::collections::BTreeSet<i32> = committed.chain(pending).collect();
                for partition in partitions {
                    forget(turn, group, topic, partition);
                }
            }
        }
    }
}

/// Needed only where partitions are looked up by topic; older requests name it.
fn id_of(turn: &Turn<'_>, check: &CommitCheck, asked: TopicId, name: &str) -> TopicId {
    match check {
        CommitCheck::HeldSince { .. } if asked.is_zero() => turn.topics.by_name(name).map_or(asked, |(id, _)| id),
        _ => asked,
    }
}

pub(super) fn not_found(group: &str) -> GroupError {
    GroupError::with_message(ErrorCode::GroupIdNotFound, format!("Group {group} not found."))
}

pub(in crate::controller::group) fn forget(turn: &mut Turn<'_>, group: &GroupId, topic: &TopicName, partition: i32) {
    turn.record(Record::tombstone(Key::OffsetCommit { group: group.clone(), topic: topic.clone(), partition }));
}

fn write_commit(
    turn: &mut Turn<'_>,
    group: &GroupId,
    topic: &TopicName,
    partition: i32,
    value: OffsetCommitValue,
    producer: Option<Producer>,
) -> ErrorCode {
    // Kafka counts characters as Java does; no text has more of them than bytes.
    let limit = turn.config.offset_metadata_max;
    if value.metadata.len() > limit && value.metadata.encode_utf16().count() > limit {
        return ErrorCode::OffsetMetadataTooLarge;
    }
    let key = Key::OffsetCommit { group: group.clone(), topic: topic.clone(), partition };
    let record = Record::put(key, Value::OffsetCommit(value));
    match producer {
        Some(producer) => turn.transactional_record(record, producer),
        None => turn.record(record),
    }
    ErrorCode::None
}
