//! What the metadata machine is asked and what it answers.

use std::sync::Arc;

use uuid::Uuid;

use super::activate::Activation;
use crate::model::{ErrorCode, ProducerId, TopicId};
use crate::wire::messages::*;

/// One request, with all that a decision may hang on besides the metadata.
pub struct Event {
    pub caller: Arc<dyn Caller>,
    pub ids: IdSource,
    pub request: Request,
}

/// The requests, as the wire brings them.
pub enum Request {
    CreateTopics(CreateTopicsRequest),
    DeleteTopics(DeleteTopicsRequest),
    CreatePartitions(CreatePartitionsRequest),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    AlterConfigs(AlterConfigsRequest),
    CreateAcls(CreateAclsRequest),
    DeleteAcls(DeleteAclsRequest),
    AlterClientQuotas(AlterClientQuotasRequest),
    AlterUserScramCredentials(AlterUserScramCredentialsRequest),
    /// With the version it came in.
    UpdateFeatures(UpdateFeaturesRequest, i16),
    ElectLeaders(ElectLeadersRequest),
    AlterPartitionReassignments(AlterPartitionReassignmentsRequest),
    UnregisterBroker(UnregisterBrokerRequest),
    /// The node wants a block of [`super::PRODUCER_ID_BLOCK`] producer ids.
    AllocateProducerIds,
    /// A partition lies in this log directory of the node.
    AssignDirectory {
        topic_id: TopicId,
        partition: i32,
        directory: Uuid,
    },
    /// The node starts.
    Activate(Box<Activation>),
}

/// What the quorum is to write about itself, before the answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuorumChange {
    /// From now on the log names its voters.
    RaiseKraftVersion(i16),
}

/// The answers, as the wire takes them.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    CreatePartitions(CreatePartitionsResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    AlterConfigs(AlterConfigsResponse),
    CreateAcls(CreateAclsResponse),
    DeleteAcls(DeleteAclsResponse),
    AlterClientQuotas(AlterClientQuotasResponse),
    AlterUserScramCredentials(AlterUserScramCredentialsResponse),
    UpdateFeatures(UpdateFeaturesResponse),
    ElectLeaders(Result<ElectLeadersResponse, ApiError>),
    AlterPartitionReassignments(AlterPartitionReassignmentsResponse),
    UnregisterBroker(UnregisterBrokerResponse),
    /// The first id of the block.
    ProducerIds(Result<ProducerId, ApiError>),
    DirectoryAssigned,
    /// The epoch of the node's registration.
    Activated {
        broker_epoch: i64,
    },
}

/// What someone may want to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Create,
    Delete,
    Alter,
    Describe,
    DescribeConfigs,
}

/// Who asks: what they may do and how much they may change.
pub trait Caller: Send + Sync {
    /// Whether the caller may do this with a topic.
    fn may(&self, deed: Deed, topic: &str) -> bool;
    /// Whether the caller may do this in the whole cluster.
    fn may_everywhere(&self, deed: Deed) -> bool;
    /// Takes partitions to be created or deleted from the caller's quota; an error is the time to wait.
    fn charge(&self, partitions: i32) -> Result<(), ThrottleMs>;
}

/// Milliseconds until the caller's quota allows the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleMs(pub i32);

/// A caller without bounds: the broker itself.
pub struct Everyone;

impl Caller for Everyone {
    fn may(&self, _deed: Deed, _topic: &str) -> bool {
        true
    }

    fn may_everywhere(&self, _deed: Deed) -> bool {
        true
    }

    fn charge(&self, _partitions: i32) -> Result<(), ThrottleMs> {
        Ok(())
    }
}

/// Random ids drawn from a seed that came with the event.
#[derive(Clone, Debug)]
pub struct IdSource {
    high: u64,
    low: u64,
}

impl IdSource {
    /// The seed must be random for each event: from it all its ids follow.
    pub fn new(seed: u128) -> Self {
        IdSource { high: (seed >> 64) as u64, low: seed as u64 }
    }

    /// The next id, a random uuid whose text does not begin with a dash (command lines would take it for an option).
    pub fn next_id(&mut self) -> Uuid {
        loop {
            let bits = u128::from(split_mix(&mut self.high)) << 64 | u128::from(split_mix(&mut self.low));
            let id = uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid();
            const DASH: u8 = 62;
            if id.as_bytes()[0] >> 2 != DASH {
                return id;
            }
        }
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A refusal: Kafka's code and what to tell the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub code: ErrorCode,
    pub message: Option<String>,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        ApiError { code, message: Some(message.into()) }
    }

    /// With the text that Kafka gives where it has nothing special to say.
    pub fn usual(code: ErrorCode) -> Self {
        let message = match code {
            ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
            ErrorCode::UnknownTopicId => "This server does not host this topic ID.",
            ErrorCode::TopicAuthorizationFailed => "Topic authorization failed.",
            ErrorCode::GroupAuthorizationFailed => "Group authorization failed.",
            ErrorCode::ClusterAuthorizationFailed => "Cluster authorization failed.",
            ErrorCode::ElectionNotNeeded => "Leader election not needed for topic partition.",
            ErrorCode::PreferredLeaderNotAvailable => "The preferred leader was not available.",
            ErrorCode::EligibleLeadersNotAvailable => "Eligible topic partition leaders are not available.",
            _ => return Self::bare(code),
        };
        ApiError::new(code, message)
    }

    pub fn bare(code: ErrorCode) -> Self {
        ApiError { code, message: None }
    }

    pub fn wire_message(&self) -> Option<StrBytes> {
        self.message.clone().map(StrBytes::from_string)
    }
}

impl From<ThrottleMs> for ApiError {
    fn from(_: ThrottleMs) -> Self {
        ApiError::new(ErrorCode::ThrottlingQuotaExceeded, "The throttling quota has been exceeded.")
    }
}
