//! What must be there before a load: topics, coordinators, producer ids.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ottla::model::{ProducerEpoch, ProducerId};
use ottla::wire::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use ottla::wire::messages::delete_topics_request::DeleteTopicState;
use ottla::wire::messages::describe_log_dirs_request::DescribableLogDirTopic;
use ottla::wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use ottla::wire::messages::metadata_request::MetadataRequestTopic;
use ottla::wire::messages::*;
use ottla::wire::versions::ApiKey;
use uuid::Uuid;

use super::Connection;
use super::frames::{self, FetchLimits};

const TRY_AGAIN: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);
const METADATA_VERSION: i16 = 12;

#[derive(Clone)]
pub struct Topic {
    pub name: String,
    pub id: Uuid,
    pub partitions: i32,
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

/// Creates a topic and waits until all its partitions have a leader.
pub fn create_topic(broker: SocketAddr, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<Topic> {
    let configs = configs
        .iter()
        .map(|(k, v)| CreatableTopicConfig::default().with_name(text(k)).with_value(Some(text(v))))
        .collect();
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(60_000);
    let mut connection = Connection::open(broker)?;
    let answer = connection.call(7, &request)?;
    let created = answer.topics.first().context("CreateTopics was answered without a topic")?;
    if created.error_code != 0 {
        bail!("CreateTopics was answered with error {} ({:?})", created.error_code, created.error_message);
    }
    let topic = Topic { name: name.to_string(), id: created.topic_id, partitions };
    let deadline = Instant::now() + PATIENCE;
    while !is_served(&mut connection, &topic)? {
        if Instant::now() > deadline {
            bail!("topic {name} is not served after {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(TRY_AGAIN);
    }
    Ok(topic)
}

/// Can clients work with all partitions? A broker may name leaders that do not answer yet, so they are asked too.
pub fn is_served(connection: &mut Connection, topic: &Topic) -> Result<bool> {
    if !has_leaders(connection, &topic.name, topic.partitions)? {
        return Ok(false);
    }
    let limits = FetchLimits::new(1, 0);
    let answer = connection.ask(frames::fetch_many(topic.id, 0..topic.partitions, 0, limits)?)?;
    Ok(frames::fetched(answer).is_ok())
}

/// Does the broker name a leader for every partition of this topic?
pub fn has_leaders(connection: &mut Connection, name: &str, partitions: i32) -> Result<bool> {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    let request = MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(false);
    let answer = connection.call(METADATA_VERSION, &request)?;
    let Some(topic) = answer.topics.first() else { return Ok(false) };
    let led = topic.partitions.iter().filter(|p| p.error_code == 0 && p.leader_id.0 >= 0).count();
    Ok(topic.error_code == 0 && led == partitions as usize)
}

/// Deletes a topic, so that what a case wrote does not weigh on the next.
pub fn delete_topic(broker: SocketAddr, topic: &Topic) -> Result<()> {
    let request = DeleteTopicsRequest::default()
        .with_topics(vec![DeleteTopicState::default().with_name(Some(TopicName(text(&topic.name))))])
        .with_timeout_ms(60_000);
    let answer = Connection::open(broker)?.call(6, &request)?;
    match answer.responses.iter().find(|r| r.error_code != 0) {
        Some(refused) => bail!("DeleteTopics was answered with error {}", refused.error_code),
        None => Ok(()),
    }
}

/// Whose setting it is.
pub enum Resource<'a> {
    Topic(&'a Topic),
    /// The default of all brokers.
    Broker,
}

pub fn alter_config(broker: SocketAddr, resource: Resource<'_>, (key, value): (&str, &str)) -> Result<()> {
    let (kind, name) = match resource {
        Resource::Topic(topic) => (2, topic.name.as_str()),
        Resource::Broker => (4, ""),
    };
    let config = AlterableConfig::default().with_name(text(key)).with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = Connection::open(broker)?.call(1, &request)?;
    match answer.responses.iter().find(|r| r.error_code != 0) {
        Some(refused) => {
            bail!("{key}={value} was answered with error {}: {:?}", refused.error_code, refused.error_message)
        }
        None => Ok(()),
    }
}

/// What a topic takes on the disk.
pub fn size_bytes(connection: &mut Connection, topic: &Topic) -> Result<u64> {
    let asked = DescribableLogDirTopic::default()
        .with_topic(TopicName(text(&topic.name)))
        .with_partitions((0..topic.partitions).collect());
    let answer = connection.call(4, &DescribeLogDirsRequest::default().with_topics(Some(vec![asked])))?;
    let partitions = answer.results.iter().flat_map(|dir| &dir.topics).flat_map(|topic| &topic.partitions);
    Ok(partitions.map(|partition| partition.partition_size.max(0) as u64).sum())
}

/// Fails with a sentence where the broker does not tell this API and version.
pub fn require(broker: SocketAddr, api: ApiKey, version: i16) -> Result<()> {
    let request =
        ApiVersionsRequest::default().with_client_software_name(text("bench")).with_client_software_version(text("1"));
    let answer = Connection::open(broker)?.call(3, &request)?;
    let told =
        answer.api_keys.iter().any(|k| k.api_key == api as i16 && (k.min_version..=k.max_version).contains(&version));
    if !told {
        bail!("{api:?} version {version} is not served");
    }
    Ok(())
}

/// Waits until the coordinator of a group (0) or transactional id (1) is there.
pub fn find_coordinator(connection: &mut Connection, kind: i8, key: &str) -> Result<()> {
    let request = FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(vec![text(key)]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = connection.call(4, &request)?;
        let code = answer.coordinators.first().map_or(-1, |c| c.error_code);
        if code == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("FindCoordinator is still answered with error {code} after {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(TRY_AGAIN);
    }
}

/// Waits until a group's coordinator works, which it may not yet when it is found.
pub fn group_coordinator(connection: &mut Connection, group: &str) -> Result<()> {
    const NOT_READY: std::ops::RangeInclusive<i16> = 14..=16;
    find_coordinator(connection, 0, group)?;
    // Of a member that nobody knows, so it is an error in any case.
    let beat = HeartbeatRequest::default().with_group_id(GroupId(text(group))).with_member_id(text("nobody"));
    let deadline = Instant::now() + PATIENCE;
    while NOT_READY.contains(&connection.call(4, &beat)?.error_code) {
        if Instant::now() > deadline {
            bail!("the group coordinator is not ready after {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(TRY_AGAIN);
    }
    Ok(())
}

pub fn init_producer(connection: &mut Connection, transactional_id: &str) -> Result<(ProducerId, ProducerEpoch)> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(TransactionalId(text(transactional_id))))
        .with_transaction_timeout_ms(60_000)
        .with_producer_id(ottla::wire::messages::ProducerId(-1))
        .with_producer_epoch(-1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = connection.call(4, &request)?;
        if answer.error_code == 0 {
            return Ok((ProducerId(answer.producer_id.0), ProducerEpoch(answer.producer_epoch)));
        }
        if Instant::now() > deadline {
            bail!("InitProducerId is still answered with error {}", answer.error_code);
        }
        std::thread::sleep(TRY_AGAIN);
    }
}
