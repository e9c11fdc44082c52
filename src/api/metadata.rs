//! Metadata (3), versions 0-13: brokers and topics as clients see them.
//!
//! A topic that does not exist and may be created automatically is answered with UNKNOWN_TOPIC_OR_PARTITION and created
//! behind, as Kafka does; the client asks again. The broker's address is the advertised one of the listener that was
//! asked. Versions 10 and 11 know topic ids only in answers; from 12 on a topic may be asked for by id.

use std::collections::BTreeSet;

use bytes::Bytes;
use uuid::Uuid;

use crate::broker::prepared::PreparedKey;
use crate::controller::metadata::{MetadataImage, PartitionImage, TopicImage, is_internal, validate_topic_name};
use crate::memory;
use crate::model::{ErrorCode, TopicId};
use crate::security::{CLUSTER_NAME, Operation, ResourceType};
use crate::wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::wire::messages::{BrokerId, MetadataRequest, MetadataResponse};
use crate::wire::{WireError, codec};

use super::{Context, Outcome, encode};

const ASKS_BY_ID_FROM: i16 = 12;
/// Cluster operations moved to DescribeCluster after this version.
const CLUSTER_OPERATIONS_UNTIL: i16 = 10;
/// How the protocol writes "not asked".
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// From this version on an answer begins with the throttle time, which is not the same for all who ask.
const PREPARED_FROM: i16 = 3;
/// A smaller answer is made as quickly as it is found.
const PREPARED_FROM_BYTES: usize = 16 << 10;
const LARGE_BYTES: usize = 256 << 10;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let request = codec::decode::<MetadataRequest>(cx.version(), body)?;
    let image = cx.broker.image();
    let Some(key) = key_of_plain(&cx, &image, &request) else {
        return encode(&cx, &respond(&cx, &image, request));
    };
    let prepared = cx.broker.prepared_metadata();
    if let Some(rest) = prepared.get(&key) {
        return Ok(Outcome::Answer(codec::reply_from_rest::<MetadataResponse, _>(
            cx.header.correlation_id,
            cx.version(),
            rest,
        )?));
    }
    let whole = codec::encode_reply(cx.header.correlation_id, cx.version(), &respond(&cx, &image, request))?;
    if whole.len() >= PREPARED_FROM_BYTES {
        if whole.len() >= LARGE_BYTES {
            // What it was made of is many times that.
            memory::note_freed();
        }
        prepared.put(key, codec::rest_of_reply::<MetadataResponse>(cx.version(), &whole));
    }
    Ok(Outcome::Answer(whole.into()))
}

/// A request for all topics whose answer is the same for everyone who asks in the same way.
fn key_of_plain(cx: &Context, image: &MetadataImage, request: &MetadataRequest) -> Option<PreparedKey> {
    let is_plain = request.topics.is_none()
        && !request.include_topic_authorized_operations
        && !request.include_cluster_authorized_operations
        && cx.version() >= PREPARED_FROM;
    if !is_plain || cx.broker.authorizer().is_enabled() || cx.broker.metadata().is_lost() || !cx.broker.all_online() {
        return None;
    }
    let (host, port) = cx.broker.advertised(&cx.peer.listener, cx.peer.local);
    Some(PreparedKey { next_offset: image.next_offset, version: cx.version(), host, port })
}

fn respond(cx: &Context, image: &MetadataImage, request: MetadataRequest) -> MetadataResponse {
    let mut response = MetadataResponse::default();
    response.cluster_id = Some(cx.broker.cluster_id().to_string().into());
    // Nobody changes metadata any more once its log is lost.
    response.controller_id = BrokerId(if cx.broker.metadata().is_lost() { -1 } else { cx.broker.node_id().0 });
    response.brokers = vec![this_broker(cx)];
    response.cluster_authorized_operations = OPERATIONS_NOT_ASKED;
    let all = match &request.topics {
        None => true,
        Some(topics) => topics.is_empty() && cx.version() == 0,
    };
    if let Some(topics) = &request.topics
        && cx.version() < ASKS_BY_ID_FROM
        && topics.iter().any(|t| t.name.is_none() || !t.topic_id.is_nil())
    {
        return refused(request, response, ErrorCode::InvalidRequest);
    }
    if let Some(topics) = &request.topics
        && topics.iter().all(|t| t.topic_id.is_nil())
        && topics.iter().any(|t| t.name.is_none())
    {
        // Neither a name nor an id: Kafka stumbles, and says so.
        return refused(request, response, ErrorCode::UnknownServerError);
    }
    let mut topics = if all { all_topics(cx, image) } else { named_topics(cx, image, &request) };
    if cx.version() >= 8 && request.include_topic_authorized_operations {
        for topic in topics.iter_mut().filter(|t| t.error_code != ErrorCode::TopicAuthorizationFailed.code()) {
            if let Some(name) = &topic.name {
                topic.topic_authorized_operations = cx.operations_on(ResourceType::Topic, name);
            }
        }
    }
    if request.include_cluster_authorized_operations && (8..=CLUSTER_OPERATIONS_UNTIL).contains(&cx.version()) {
        response.cluster_authorized_operations = if cx.allows(Operation::Describe, ResourceType::Cluster, CLUSTER_NAME)
        {
            cx.operations_on(ResourceType::Cluster, CLUSTER_NAME)
        } else {
            0
        };
    }
    response.topics = topics;
    response
}

/// A request that names topics in a way its version does not know: every topic is refused.
fn refused(request: MetadataRequest, mut response: MetadataResponse, code: ErrorCode) -> MetadataResponse {
    response.error_code = code.code();
    response.brokers.clear();
    response.cluster_id = None;
    response.controller_id = BrokerId(-1);
    let topics = request.topics.unwrap_or_default();
    response.topics = topics
        .into_iter()
        .map(|asked| {
            let mut topic = blank(code);
            topic.name = Some(asked.name.unwrap_or_default());
            topic.topic_id = asked.topic_id;
            topic
        })
        .collect();
    response
}

fn this_broker(cx: &Context) -> MetadataResponseBroker {
    let (host, port) = cx.broker.advertised(&cx.peer.listener, cx.peer.local);
    let mut broker = MetadataResponseBroker::default();
    broker.node_id = BrokerId(cx.broker.node_id().0);
    broker.host = host.into();
    broker.port = i32::from(port);
    broker.rack = cx.broker.rack().map(Into::into);
    broker
}

fn all_topics(cx: &Context, image: &MetadataImage) -> Vec<MetadataResponseTopic> {
    let mut topics = Vec::with_capacity(image.topics.len());
    let all_online = cx.broker.all_online();
    for topic in image.topics.iter() {
        if cx.allows(Operation::Describe, ResourceType::Topic, &topic.name) {
            topics.push(known(cx, topic, all_online));
        }
    }
    topics
}

fn named_topics(cx: &Context, image: &MetadataImage, request: &MetadataRequest) -> Vec<MetadataResponseTopic> {
    let asked = request.topics.as_deref().unwrap_or_default();
    let ids: BTreeSet<TopicId> = asked.iter().map(|t| TopicId(t.topic_id)).filter(|id| !id.is_zero()).collect();
    if !ids.is_empty() {
        return ids.into_iter().map(|id| by_id(cx, image, id)).collect();
    }
    let names: BTreeSet<&str> = asked.iter().map(|t| t.name.as_ref().map_or("", |n| n.as_str())).collect();
    let mut missing = Vec::new();
    let mut topics: Vec<MetadataResponseTopic> = Vec::with_capacity(names.len());
    for name in names {
        topics.push(by_name(cx, image, name, request.allow_auto_topic_creation, &mut missing));
    }
    if !missing.is_empty() {
        cx.broker.create_behind(missing);
    }
    topics
}

fn by_id(cx: &Context, image: &MetadataImage, id: TopicId) -> MetadataResponseTopic {
    match image.topics.by_id(id) {
        Some(topic) if cx.allows(Operation::Describe, ResourceType::Topic, &topic.name) => {
            known(cx, topic, cx.broker.all_online())
        }
        found => {
            let code = if found.is_some() { ErrorCode::TopicAuthorizationFailed } else { ErrorCode::UnknownTopicId };
            let mut topic = blank(code);
            topic.topic_id = id.0;
            topic
        }
    }
}

fn by_name(
    cx: &Context,
    image: &MetadataImage,
    name: &str,
    may_create: bool,
    missing: &mut Vec<String>,
) -> MetadataResponseTopic {
    let refused = |code| {
        let mut topic = blank(code);
        topic.name = Some(super::topic_name(name));
        topic.is_internal = is_internal(name);
        topic
    };
    if !cx.allows(Operation::Describe, ResourceType::Topic, name) {
        let mut topic = refused(ErrorCode::TopicAuthorizationFailed);
        topic.is_internal = false;
        return topic;
    }
    if let Some(topic) = image.topics.by_name(name) {
        return known(cx, topic, cx.broker.all_online());
    }
    let creates = may_create && cx.broker.auto_creates_topics();
    if creates
        && !cx.allows(Operation::Create, ResourceType::Cluster, CLUSTER_NAME)
        && !cx.allows(Operation::Create, ResourceType::Topic, name)
    {
        return refused(ErrorCode::TopicAuthorizationFailed);
    }
    if validate_topic_name(name).is_err() {
        return refused(ErrorCode::InvalidTopicException);
    }
    if creates {
        missing.push(name.to_string());
    }
    refused(ErrorCode::UnknownTopicOrPartition)
}

fn blank(code: ErrorCode) -> MetadataResponseTopic {
    let mut topic = MetadataResponseTopic::default();
    topic.error_code = code.code();
    topic.name = None;
    topic.topic_id = Uuid::nil();
    topic.topic_authorized_operations = OPERATIONS_NOT_ASKED;
    topic
}

fn known(cx: &Context, image: &TopicImage, all_online: bool) -> MetadataResponseTopic {
    let mut topic = blank(ErrorCode::None);
    topic.name = Some(super::topic_name(&image.name));
    topic.topic_id = image.id.0;
    topic.is_internal = is_internal(&image.name);
    topic.partitions = image.partitions().iter().map(|p| partition(cx, &image.name, p, all_online)).collect();
    topic
}

fn partition(cx: &Context, topic: &str, image: &PartitionImage, all_online: bool) -> MetadataResponsePartition {
    let nodes = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect();
    let mut partition = MetadataResponsePartition::default();
    partition.partition_index = image.index;
    partition.leader_id = BrokerId(image.leader);
    partition.leader_epoch = image.leader_epoch;
    partition.replica_nodes = nodes(&image.replicas);
    partition.isr_nodes = nodes(&image.isr);
    if !all_online && cx.broker.is_offline(topic, image.index) {
        partition.error_code = ErrorCode::LeaderNotAvailable.code();
        partition.leader_id = BrokerId(-1);
        partition.offline_replicas = nodes(&image.replicas);
    }
    partition
}
