//! What a group machine is told, and what it answers. Requests and replies are Kafka's own messages; an API that
//! speaks of many groups is split by partition before it comes here.

use std::sync::Arc;

use uuid::Uuid;

use super::config::GroupConfig;
use crate::controller::machine::TxnMarker;
use crate::controller::topics::{Sight, TopicsView};
use crate::model::{ErrorCode, TopicId, TopicName};
use crate::wire::messages::leave_group_request::MemberIdentity;
use crate::wire::messages::leave_group_response::MemberResponse;
use crate::wire::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, StrBytes, SyncGroupRequest, SyncGroupResponse,
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, consumer_group_describe_response, delete_groups_response,
    describe_groups_response, list_groups_response, offset_fetch_request, offset_fetch_response,
};

/// A string of a message.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    pub api_version: i16,
    /// Empty if the client gave none.
    pub client_id: Arc<str>,
    /// The address as Kafka writes it: with a slash before it.
    pub client_host: Arc<str>,
    pub sight: Sight,
}

/// A client's request.
#[derive(Clone, Debug)]
pub struct Call {
    pub caller: Caller,
    /// New with every call that [makes members](Request::makes_members): becomes part of a member's id.
    pub fresh_id: Uuid,
    pub request: Request,
}

#[derive(Clone, Debug)]
pub enum Request {
    JoinGroup(JoinGroupRequest),
    SyncGroup(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    /// Shared with whoever has to tell of each partition that nothing was committed.
    OffsetCommit(Arc<OffsetCommitRequest>),
    TxnOffsetCommit(TxnOffsetCommitRequest),
    /// One group of an OffsetFetch; older versions ask for one group only.
    OffsetFetch {
        group: offset_fetch_request::OffsetFetchRequestGroup,
        require_stable: bool,
    },
    OffsetDelete(OffsetDeleteRequest),
    DescribeGroups(Vec<Arc<str>>),
    ListGroups {
        states: Vec<String>,
        types: Vec<String>,
    },
    DeleteGroups(Vec<Arc<str>>),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest),
    ConsumerGroupDescribe(Vec<Arc<str>>),
}

impl Request {
    /// Whether handling it may need a new member id.
    pub fn makes_members(&self) -> bool {
        matches!(self, Request::JoinGroup(_) | Request::ConsumerGroupHeartbeat(_))
    }
}

/// What a group machine is told.
pub enum Event {
    Call(Box<Call>),
    /// A transaction that may have committed offsets here has ended.
    TxnMarker(TxnMarker),
    TopicsDeleted(Vec<(TopicName, TopicId)>),
    MetadataChanged(Arc<dyn TopicsView>),
    ConfigChanged(Arc<GroupConfig>),
}

/// What a group machine answers. The last reply of an event that is no call is `Done`.
#[derive(Clone, Debug)]
pub enum Reply {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    TxnOffsetCommit(TxnOffsetCommitResponse),
    OffsetFetch(offset_fetch_response::OffsetFetchResponseGroup),
    OffsetDelete(OffsetDeleteResponse),
    DescribeGroups(Vec<describe_groups_response::DescribedGroup>),
    ListGroups(Vec<list_groups_response::ListedGroup>),
    DeleteGroups(Vec<delete_groups_response::DeletableGroupResult>),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(Vec<consumer_group_describe_response::DescribedGroup>),
    Done,
}

/// A request that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupError {
    pub code: ErrorCode,
    /// For the APIs whose answers carry one.
    pub message: Option<String>,
}

impl GroupError {
    pub fn with_message(code: ErrorCode, message: impl Into<String>) -> Self {
        GroupError { code, message: Some(message.into()) }
    }
}

/// An OffsetCommit of which nothing was accepted: every partition says why.
pub fn failed_commit(request: &OffsetCommitRequest, error: ErrorCode) -> OffsetCommitResponse {
    use crate::wire::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
    let failed =
        |index: i32| OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(error.code());
    let topics = request.topics.iter().map(|topic| {
        OffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_topic_id(topic.topic_id)
            .with_partitions(topic.partitions.iter().map(|p| failed(p.partition_index)).collect())
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

/// The same for a transaction's commit.
pub fn failed_txn_commit(request: &TxnOffsetCommitRequest, error: ErrorCode) -> TxnOffsetCommitResponse {
    use crate::wire::messages::txn_offset_commit_response::{
        TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
    };
    let failed = |index: i32| {
        TxnOffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(error.code())
    };
    let topics = request.topics.iter().map(|topic| {
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(topic.partitions.iter().map(|p| failed(p.partition_index)).collect())
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

/// Members that leave a group that is not there.
pub fn unknown_leavers(request: &LeaveGroupRequest) -> Vec<MemberResponse> {
    let unknown = |identity: &MemberIdentity| {
        MemberResponse::default()
            .with_member_id(identity.member_id.clone())
            .with_group_instance_id(identity.group_instance_id.clone())
            .with_error_code(ErrorCode::UnknownMemberId.code())
    };
    request.members.iter().map(unknown).collect()
}

impl From<ErrorCode> for GroupError {
    fn from(code: ErrorCode) -> Self {
        GroupError { code, message: None }
    }
}
