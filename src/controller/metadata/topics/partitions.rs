//! CreatePartitions: a topic grows.

use std::collections::BTreeMap;

use super::placement::Placement;
use super::{PARTITIONS_PER_REQUEST_MAX, wire_name};
use crate::controller::metadata::event::{ApiError, Caller, Deed};
use crate::controller::metadata::machine::MetadataMachine;
use crate::controller::records::MetadataRecord;
use crate::model::ErrorCode;
use crate::wire::messages::create_partitions_request::CreatePartitionsTopic;
use crate::wire::messages::create_partitions_response::CreatePartitionsTopicResult;
use crate::wire::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

/// Answers every topic by itself.
pub(crate) fn create_partitions(
    machine: &MetadataMachine,
    caller: &dyn Caller,
    request: CreatePartitionsRequest,
    records: &mut Vec<MetadataRecord>,
) -> CreatePartitionsResponse {
    let mut topics: BTreeMap<&str, (usize, &CreatePartitionsTopic)> = BTreeMap::new();
    for topic in &request.topics {
        topics.entry(&topic.name).or_insert((0, topic)).0 += 1;
    }
    let mut placement = Placement::new(machine.image(), machine.settings.rules.cordoned());
    let mut results = Vec::new();
    let mut room = PARTITIONS_PER_REQUEST_MAX;
    for (name, (count, topic)) in topics {
        let grown = if count > 1 {
            Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
        } else if !caller.may(Deed::Alter, name) {
            Err(ApiError::bare(ErrorCode::TopicAuthorizationFailed))
        } else {
            grow(machine, caller, topic, &mut placement, &mut room)
        };
        let mut result = CreatePartitionsTopicResult::default().with_name(wire_name(name)).with_error_message(None);
        match grown {
            Ok(made) if !request.validate_only => records.extend(made),
            Ok(_) => {}
            Err(error) => {
                result.error_code = error.code.code();
                result.error_message = error.wire_message();
            }
        }
        results.push(result);
    }
    CreatePartitionsResponse::default().with_results(results)
}

fn grow(
    machine: &MetadataMachine,
    caller: &dyn Caller,
    request: &CreatePartitionsTopic,
    placement: &mut Placement<'_>,
    room: &mut i64,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let unknown = || ApiError::bare(ErrorCode::UnknownTopicOrPartition);
    let topic = machine.image().topics.by_name(&request.name).ok_or_else(unknown)?;
    let present = topic.partition_count();
    if request.count == present {
        let why = format!("Topic already has {present} partition(s).");
        return Err(ApiError::new(ErrorCode::InvalidPartitions, why));
    }
    if request.count < present {
        let why = format!(
            "The topic {} currently has {present} partition(s); {} would not be an increase.",
            topic.name, request.count
        );
        return Err(ApiError::new(ErrorCode::InvalidPartitions, why));
    }
    let additional = request.count - present;
    if let Some(assignments) = &request.assignments
        && assignments.len() != additional as usize
    {
        let why = format!(
            "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
            assignments.len()
        );
        return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
    }
    *room -= i64::from(additional);
    if *room < 0 {
        let why = "Unable to perform excessively large batch operation.";
        return Err(ApiError::new(ErrorCode::PolicyViolation, why));
    }
    caller.charge(additional)?;
    let factor = topic.partitions().first().map_or(1, |partition| partition.replicas.len());
    let mut records = Vec::with_capacity(additional as usize);
    for (n, index) in (present..request.count).enumerate() {
        let replicas = match request.assignments.as_ref().and_then(|assignments| assignments.get(n)) {
            Some(assignment) => {
                let replicas: Vec<i32> = assignment.broker_ids.iter().map(|id| id.0).collect();
                placement.check(&replicas, Some(factor))?;
                replicas
            }
            None => placement.place(factor as i16)?,
        };
        let isr = placement.active(&replicas);
        if isr.is_empty() {
            let why = format!(
                "All brokers specified in the manual partition assignment for partition {index} are fenced or in \
                 controlled shutdown."
            );
            return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
        }
        records.push(placement.partition(index, &replicas, &isr).to_record(topic.id).into());
    }
    Ok(records)
}
