//! CreateTopics.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::names::{CLUSTER_METADATA_TOPIC, validate_topic_name};
use super::placement::Placement;
use super::{PARTITIONS_PER_REQUEST_MAX, wire_name};
use crate::controller::metadata::event::{ApiError, Caller, Deed, IdSource};
use crate::controller::metadata::image::{ConfigKind, ConfigResource, PartitionImage};
use crate::controller::metadata::machine::MetadataMachine;
use crate::controller::metadata::rules::EffectiveConfig;
use crate::controller::records::{ConfigRecord, MetadataRecord, TopicRecord};
use crate::model::{ErrorCode, TopicId};
use crate::wire::messages::create_topics_request::CreatableTopic;
use crate::wire::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use crate::wire::messages::{CreateTopicsRequest, CreateTopicsResponse, StrBytes};

/// Says that the broker's own default is meant.
const DEFAULT: i32 = -1;
/// Kafka's code for "configs are not shown" in a result that is a success otherwise.
const NOT_SHOWN: ErrorCode = ErrorCode::TopicAuthorizationFailed;

/// One CreateTopics request at work.
pub(crate) struct Creation<'a> {
    pub(crate) machine: &'a MetadataMachine,
    pub(crate) caller: &'a dyn Caller,
    pub(crate) ids: &'a mut IdSource,
    /// What is shown of a topic that sets nothing itself, once it is known.
    pub(crate) plain_configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Creation<'_> {
    /// Answers every topic by itself: one that is refused does not stop the others.
    pub(crate) fn run(
        mut self,
        request: CreateTopicsRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> CreateTopicsResponse {
        let mut response = CreateTopicsResponse::default();
        let (topics, refused) = self.admit(&request);
        if self.partitions(&topics) > PARTITIONS_PER_REQUEST_MAX {
            let error =
                ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.");
            response.topics = request.topics.iter().map(|topic| refusal(&topic.name, &error)).collect();
            return response;
        }
        let image = self.machine.image();
        let mut placement = Placement::new(image, self.machine.settings.rules.cordoned());
        for topic in topics {
            let mut made = Vec::new();
            match self.create(topic, &mut placement, &mut made) {
                Ok(result) => {
                    response.topics.push(result);
                    if !request.validate_only {
                        records.append(&mut made);
                    }
                }
                Err(error) => response.topics.push(refusal(&topic.name, &error)),
            }
        }
        response.topics.extend(refused);
        response
    }

    /// Splits off what is refused before it is looked at: names given twice, and what the caller may not create.
    fn admit<'r>(&self, request: &'r CreateTopicsRequest) -> (Vec<&'r CreatableTopic>, Vec<CreatableTopicResult>) {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for topic in &request.topics {
            *counts.entry(&topic.name).or_default() += 1;
        }
        let anywhere = self.caller.may_everywhere(Deed::Create);
        let (mut admitted, mut refused, mut told) = (Vec::new(), Vec::new(), HashSet::new());
        for topic in &request.topics {
            let name: &str = &topic.name;
            let error = if counts.get(name).is_some_and(|count| *count > 1) {
                ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name.")
            } else if name == CLUSTER_METADATA_TOPIC {
                let why = format!("Creation of internal topic {CLUSTER_METADATA_TOPIC} is prohibited.");
                ApiError::new(ErrorCode::InvalidRequest, why)
            } else if !anywhere && !self.caller.may(Deed::Create, name) {
                ApiError::new(ErrorCode::TopicAuthorizationFailed, "Authorization failed.")
            } else {
                admitted.push(topic);
                continue;
            };
            if told.insert(name) {
                refused.push(refusal(&topic.name, &error));
            }
        }
        (admitted, refused)
    }

    fn partitions(&self, topics: &[&CreatableTopic]) -> i64 {
        let count = |topic: &&CreatableTopic| match (topic.assignments.len(), topic.num_partitions) {
            (0, DEFAULT) => i64::from(self.machine.settings.default_partitions),
            (0, partitions) => i64::from(partitions.max(0)),
            (assigned, _) => assigned as i64,
        };
        topics.iter().map(count).sum()
    }

    fn create(
        &mut self,
        topic: &CreatableTopic,
        placement: &mut Placement<'_>,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<CreatableTopicResult, ApiError> {
        let name: &str = &topic.name;
        let image = self.machine.image();
        if image.topics.by_name(name).is_some() {
            return Err(ApiError::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
        }
        validate_topic_name(name)?;
        if let Some(other) = image.topics.alike(name) {
            let why = format!("Topic '{name}' collides with existing topic: {other}");
            return Err(ApiError::new(ErrorCode::InvalidTopicException, why));
        }
        let configs = self.configs(topic)?;
        let partitions = self.place(topic, placement)?;
        self.caller.charge(partitions.len() as i32)?;

        let topic_id = TopicId(self.ids.next_id());
        records.push(TopicRecord { name: name.into(), topic_id }.into());
        for (key, value) in &configs {
            records.push(
                ConfigRecord {
                    resource_type: ConfigKind::Topic.number(),
                    resource_name: name.to_owned(),
                    name: key.clone(),
                    value: Some(value.clone()),
                }
                .into(),
            );
        }
        records.extend(partitions.iter().map(|partition| partition.to_record(topic_id).into()));
        Ok(self.result(topic, topic_id, &partitions, &configs))
    }

    /// The configs that the request sets, checked.
    fn configs(&self, topic: &CreatableTopic) -> Result<BTreeMap<String, String>, ApiError> {
        let mut configs = BTreeMap::new();
        let mut nulls = Vec::new();
        for config in &topic.configs {
            match &config.value {
                Some(value) => {
                    configs.insert(config.name.to_string(), value.to_string());
                }
                None => nulls.push(config.name.to_string()),
            }
        }
        if !nulls.is_empty() {
            let why = format!("Null value not supported for topic configs: {}", nulls.join(","));
            return Err(ApiError::new(ErrorCode::InvalidConfig, why));
        }
        if !configs.is_empty() {
            let resource = ConfigResource::topic(topic.name.to_string());
            self.machine.settings.rules.validate(&resource, &configs, &BTreeMap::new())?;
        }
        Ok(configs)
    }

    fn place(&self, topic: &CreatableTopic, placement: &mut Placement<'_>) -> Result<Vec<PartitionImage>, ApiError> {
        if !topic.assignments.is_empty() {
            return self.place_by_hand(topic, placement);
        }
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let why = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, why));
        }
        if topic.num_partitions < -1 || topic.num_partitions == 0 {
            let why = "Number of partitions was set to an invalid non-positive value.";
            return Err(ApiError::new(ErrorCode::InvalidPartitions, why));
        }
        let settings = &self.machine.settings;
        let count = if topic.num_partitions == DEFAULT { settings.default_partitions } else { topic.num_partitions };
        let factor = match topic.replication_factor {
            -1 => settings.default_replication_factor,
            factor => factor,
        };
        let replicas = placement.place(factor).map_err(|error| {
            let why = error.message.unwrap_or_default();
            ApiError::new(error.code, format!("Unable to replicate the partition {factor} time(s): {why}"))
        })?;
        Ok((0..count).map(|index| placement.partition(index, &replicas, &replicas)).collect())
    }

    fn place_by_hand(
        &self,
        topic: &CreatableTopic,
        placement: &mut Placement<'_>,
    ) -> Result<Vec<PartitionImage>, ApiError> {
        let refuse = |why: &str| Err(ApiError::new(ErrorCode::InvalidRequest, why));
        if topic.replication_factor != -1 {
            return refuse("A manual partition assignment was specified, but replication factor was not set to -1.");
        }
        if topic.num_partitions != DEFAULT {
            return refuse("A manual partition assignment was specified, but numPartitions was not set to -1.");
        }
        let mut partitions: BTreeMap<i32, PartitionImage> = BTreeMap::new();
        let mut factor = None;
        for assignment in &topic.assignments {
            let index = assignment.partition_index;
            if partitions.contains_key(&index) {
                let why = format!("Found multiple manual partition assignments for partition {index}");
                return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
            }
            let replicas: Vec<i32> = assignment.broker_ids.iter().map(|id| id.0).collect();
            placement.check(&replicas, factor)?;
            factor = Some(replicas.len());
            let isr = placement.active(&replicas);
            if isr.is_empty() {
                let why = format!(
                    "All brokers specified in the manual partition assignment for partition {index} are fenced or in \
                     controlled shutdown."
                );
                return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
            }
            partitions.insert(index, placement.partition(index, &replicas, &isr));
        }
        if !partitions.keys().copied().eq(0..partitions.len() as i32) {
            let why = "partitions should be a consecutive 0-based integer sequence";
            return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, why));
        }
        Ok(partitions.into_values().collect())
    }

    fn result(
        &mut self,
        topic: &CreatableTopic,
        topic_id: TopicId,
        partitions: &[PartitionImage],
        configs: &BTreeMap<String, String>,
    ) -> CreatableTopicResult {
        let mut result = CreatableTopicResult::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic_id.0)
            .with_error_message(None)
            .with_configs(Some(Vec::new()));
        if !self.caller.may(Deed::DescribeConfigs, &topic.name) {
            return result
                .with_topic_config_error_code(NOT_SHOWN.code())
                .with_num_partitions(-1)
                .with_replication_factor(-1);
        }
        result.num_partitions = partitions.len() as i32;
        result.replication_factor = partitions.first().map_or(0, |partition| partition.replicas.len() as i16);
        let rules = &self.machine.settings.rules;
        if configs.is_empty() {
            let plain = || rules.topic_configs(self.machine.image(), configs).into_iter().map(wire_config).collect();
            result.configs = Some(self.plain_configs.get_or_insert_with(plain).clone());
            return result;
        }
        let shown = rules.topic_configs(self.machine.image(), configs);
        // What was given is shown as it was given, not as it was understood.
        let as_given = |mut config: EffectiveConfig| {
            config.value = configs.get(&config.name).cloned().or(config.value);
            wire_config(config)
        };
        result.configs = Some(shown.into_iter().map(as_given).collect());
        result
    }
}

fn wire_config(config: EffectiveConfig) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(StrBytes::from_string(config.name))
        .with_value(config.value.filter(|_| !config.sensitive).map(StrBytes::from_string))
        .with_read_only(config.read_only)
        .with_config_source(config.source as i8)
        .with_is_sensitive(config.sensitive)
}

fn refusal(name: &str, error: &ApiError) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(wire_name(name))
        .with_error_code(error.code.code())
        .with_error_message(error.wire_message())
        .with_configs(Some(Vec::new()))
        .with_num_partitions(-1)
        .with_replication_factor(-1)
}
