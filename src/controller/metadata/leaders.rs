//! ElectLeaders and partition reassignments: on one node both mostly say that nothing is to be done.

use super::event::ApiError;
use super::image::{NO_LEADER, PartitionImage, TopicImage};
use super::machine::MetadataMachine;
use super::topics::Placement;
use crate::controller::records::{MetadataRecord, PartitionChange};
use crate::model::ErrorCode;
use crate::wire::messages::alter_partition_reassignments_request::ReassignablePartition;
use crate::wire::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use crate::wire::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use crate::wire::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ElectLeadersRequest, ElectLeadersResponse,
    StrBytes,
};

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

impl MetadataMachine {
    /// Answers every partition by itself. Asked for all, it lists every topic but only the partitions that had an
    /// election.
    pub(super) fn elect_leaders(
        &self,
        request: ElectLeadersRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<ElectLeadersResponse, ApiError> {
        let kind = request.election_type;
        if !matches!(kind, PREFERRED | UNCLEAN) {
            return Err(ApiError::new(ErrorCode::InvalidRequest, format!("Unknown election type {kind}")));
        }
        let mut results = Vec::new();
        match &request.topic_partitions {
            Some(topics) => {
                for topic in topics {
                    let result = |index: &i32| self.elect(&topic.topic, *index, kind, records);
                    let partitions = topic.partitions.iter().map(result).collect();
                    results.push(
                        ReplicaElectionResult::default()
                            .with_topic(topic.topic.clone())
                            .with_partition_result(partitions),
                    );
                }
            }
            None => {
                for topic in self.image.topics.iter() {
                    let partitions = (0..topic.partition_count())
                        .map(|index| self.elect(&topic.name, index, kind, records))
                        .filter(|result| result.error_code != ErrorCode::ElectionNotNeeded.code())
                        .collect();
                    let name = StrBytes::from_string(topic.name.to_string());
                    results.push(
                        ReplicaElectionResult::default().with_topic(name.into()).with_partition_result(partitions),
                    );
                }
            }
        }
        Ok(ElectLeadersResponse::default().with_replica_election_results(results))
    }

    fn elect(&self, topic: &str, index: i32, kind: i8, records: &mut Vec<MetadataRecord>) -> PartitionResult {
        let result = PartitionResult::default().with_partition_id(index).with_error_message(None);
        match self.election(topic, index, kind) {
            Ok(change) => {
                records.push(change.into());
                result
            }
            Err(error) => result.with_error_code(error.code.code()).with_error_message(error.wire_message()),
        }
    }

    fn election(&self, topic: &str, index: i32, kind: i8) -> Result<PartitionChange, ApiError> {
        let (topic, partition) = self.partition(topic, index)?;
        let preferred = partition.replicas.first().copied().unwrap_or(NO_LEADER);
        let needed = match kind {
            PREFERRED => partition.leader != preferred,
            _ => partition.leader == NO_LEADER,
        };
        if !needed {
            return Err(ApiError::usual(ErrorCode::ElectionNotNeeded));
        }
        let alive = |id: i32| self.image.cluster.brokers.get(&id).is_some_and(|broker| broker.is_active());
        let change = PartitionChange { partition: index, topic_id: topic.id, ..Default::default() };
        match kind {
            PREFERRED if partition.isr.contains(&preferred) && alive(preferred) => {
                Ok(PartitionChange { leader: Some(preferred), ..change })
            }
            PREFERRED => Err(ApiError::usual(ErrorCode::PreferredLeaderNotAvailable)),
            _ => {
                let leader = partition.replicas.iter().copied().find(|id| alive(*id));
                let leader = leader.ok_or_else(|| ApiError::usual(ErrorCode::EligibleLeadersNotAvailable))?;
                Ok(PartitionChange { leader: Some(leader), isr: Some(vec![leader]), ..change })
            }
        }
    }

    fn partition(&self, topic: &str, index: i32) -> Result<(&TopicImage, &PartitionImage), ApiError> {
        let unknown = |why: String| ApiError::new(ErrorCode::UnknownTopicOrPartition, why);
        let found = self.image.topics.by_name(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
        let partition =
            found.partition(index).ok_or_else(|| unknown(format!("No such partition as {topic}-{index}")))?;
        Ok((found, partition))
    }

    /// Answers every partition by itself.
    pub(super) fn reassign(
        &self,
        request: AlterPartitionReassignmentsRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> AlterPartitionReassignmentsResponse {
        let may_change_factor = request.allow_replication_factor_change;
        let mut responses = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for target in &topic.partitions {
                let mut response = ReassignablePartitionResponse::default()
                    .with_partition_index(target.partition_index)
                    .with_error_message(None);
                match self.reassignment(&topic.name, target, may_change_factor) {
                    Ok(change) => records.extend(change.map(MetadataRecord::from)),
                    Err(error) => {
                        response.error_code = error.code.code();
                        response.error_message = error.wire_message();
                    }
                }
                partitions.push(response);
            }
            responses
                .push(ReassignableTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions));
        }
        AlterPartitionReassignmentsResponse::default()
            .with_allow_replication_factor_change(may_change_factor)
            // Kafka does not come so far as to say null when nothing is asked.
            .with_error_message(request.topics.is_empty().then(StrBytes::default))
            .with_responses(responses)
    }

    /// Moves happen at once or not at all: no other broker is alive to copy to, so a move can only leave brokers out.
    fn reassignment(
        &self,
        topic: &str,
        target: &ReassignablePartition,
        may_change_factor: bool,
    ) -> Result<Option<PartitionChange>, ApiError> {
        let index = target.partition_index;
        let unknown = |why: String| ApiError::new(ErrorCode::UnknownTopicOrPartition, why);
        let found = self.image.topics.by_name(topic);
        let found = found.ok_or_else(|| unknown(format!("Unable to find a topic named {topic}.")))?;
        let partition =
            found.partition(index).ok_or_else(|| unknown(format!("Unable to find partition {topic}:{index}.")))?;
        let Some(replicas) = &target.replicas else {
            return Err(ApiError::bare(ErrorCode::NoReassignmentInProgress));
        };
        let replicas: Vec<i32> = replicas.iter().map(|id| id.0).collect();
        Placement::new(&self.image, Vec::new()).check(&replicas, None)?;
        if !may_change_factor && replicas.len() != partition.replicas.len() {
            let why =
                format!("The replication factor is changed from {} to {}", partition.replicas.len(), replicas.len());
            return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, why));
        }
        if *replicas == *partition.replicas {
            return Ok(None);
        }
        if let Some(out_of_sync) = replicas.iter().find(|id| !partition.isr.contains(id)) {
            let why = format!("Broker {out_of_sync} is not alive to take the partition");
            return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
        }
        Ok(Some(without_others(found, partition, replicas)))
    }
}

/// A partition's move to some of its in-sync replicas.
fn without_others(topic: &TopicImage, partition: &PartitionImage, replicas: Vec<i32>) -> PartitionChange {
    let position = |id: &i32| partition.replicas.iter().position(|replica| replica == id);
    let directories =
        replicas.iter().filter_map(|id| partition.directories.get(position(id)?).copied()).collect::<Vec<_>>();
    PartitionChange {
        partition: partition.index,
        topic_id: topic.id,
        leader: Some(if replicas.contains(&partition.leader) {
            partition.leader
        } else {
            replicas.first().copied().unwrap_or(NO_LEADER)
        }),
        isr: Some(replicas.clone()),
        directories: Some(directories).filter(|directories| directories.len() == replicas.len()),
        replicas: Some(replicas),
        removing_replicas: (!partition.removing_replicas().is_empty()).then(Vec::new),
        adding_replicas: (!partition.adding_replicas().is_empty()).then(Vec::new),
        ..Default::default()
    }
}
