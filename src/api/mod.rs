//! The table of served APIs and their handlers, one file per Kafka API.
//!
//! A handler decodes its body, does what can be done at once, and returns an [`Outcome`]: an answer, an answer that
//! comes later, or the end of the connection. What it starts before it returns happens in the order of the
//! connection's requests; what it leaves to the future may overlap with later requests only where the table says so.

mod add_offsets_to_txn;
mod add_partitions_to_txn;
mod add_raft_voter;
mod alter_client_quotas;
mod alter_configs;
mod alter_partition_reassignments;
mod alter_replica_log_dirs;
mod alter_user_scram_credentials;
mod api_versions;
mod asking;
mod broker_loggers;
mod context;
mod create_acls;
mod create_partitions;
mod create_topics;
mod delegation_tokens;
mod delete_acls;
mod delete_records;
mod delete_topics;
mod describe_acls;
mod describe_client_quotas;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod describe_producers;
mod describe_quorum;
mod describe_topic_partitions;
mod describe_transactions;
mod describe_user_scram_credentials;
mod elect_leaders;
mod end_txn;
mod fetch;
mod groups;
mod incremental_alter_configs;
mod init_producer_id;
mod list_config_resources;
mod list_offsets;
mod list_partition_reassignments;
mod list_transactions;
mod metadata;
mod offset_for_leader_epoch;
mod produce;
mod remove_raft_voter;
mod sasl;
mod txn_offset_commit;
mod unregister_broker;
mod update_features;
mod write_txn_markers;

pub use context::{Context, Peer};
pub use produce::{Write, write_all};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::disk::DiskFile;
use crate::model::ErrorCode;
use crate::wire::WireError;
use crate::wire::codec::{self, WireRequest, WireResponse};
use crate::wire::messages::StrBytes;
use crate::wire::reply;
use crate::wire::versions::ApiKey;

/// An encoded answer; file regions in it are sent without being read.
pub type Reply = reply::Reply<Arc<dyn DiskFile>>;
/// A part of it.
pub type Piece = reply::Piece<Arc<dyn DiskFile>>;

/// What became of a request.
pub enum Outcome {
    Answer(Reply),
    /// Nothing is sent, as for a Produce with acks=0 that went well.
    Silence,
    /// The connection ends after the answers before it; the text says why.
    Close(String),
    /// Something to append, which has not been done yet: [`write_all`] does it together with the writes behind it.
    Write(Write),
    /// The answer comes later; requests behind it may start if the table says that theirs and this one's may overlap.
    Later(Pending),
    /// The answer comes later and nothing behind it may start before.
    LaterAlone(Pending),
}

/// An outcome in the making. It never resolves to another `Later`.
pub type Pending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

type Handler = fn(Context, Bytes) -> Result<Outcome, WireError>;

/// One row of the table.
pub struct Api {
    pub key: ApiKey,
    /// Whether a second request may start before this one's answer is there. True where the work is done in order
    /// and only durability is waited for.
    pub overlaps: bool,
    pub handle: Handler,
}

const fn serial(key: ApiKey, handle: Handler) -> Api {
    Api { key, overlaps: false, handle }
}

const fn overlapping(key: ApiKey, handle: Handler) -> Api {
    Api { key, overlaps: true, handle }
}

/// A topic's name as messages hold it.
pub(crate) fn topic_name(name: &str) -> crate::wire::messages::TopicName {
    StrBytes::from_string(name.to_string()).into()
}

/// Clients that are too old to know PRODUCER_FENCED hear INVALID_PRODUCER_EPOCH.
fn fenced_as_of_old(code: ErrorCode, is_old: bool) -> ErrorCode {
    if is_old && code == ErrorCode::ProducerFenced { ErrorCode::InvalidProducerEpoch } else { code }
}

/// Every API that this broker serves, and with it advertises.
pub static TABLE: &[Api] = &[
    overlapping(ApiKey::Produce, produce::handle),
    serial(ApiKey::Fetch, fetch::handle),
    serial(ApiKey::ListOffsets, list_offsets::handle),
    serial(ApiKey::Metadata, metadata::handle),
    serial(ApiKey::SaslHandshake, sasl::handshake),
    serial(ApiKey::ApiVersions, api_versions::handle),
    serial(ApiKey::CreateTopics, create_topics::handle),
    serial(ApiKey::DeleteTopics, delete_topics::handle),
    serial(ApiKey::DeleteRecords, delete_records::handle),
    serial(ApiKey::InitProducerId, init_producer_id::handle),
    serial(ApiKey::OffsetForLeaderEpoch, offset_for_leader_epoch::handle),
    serial(ApiKey::AddPartitionsToTxn, add_partitions_to_txn::handle),
    serial(ApiKey::AddOffsetsToTxn, add_offsets_to_txn::handle),
    serial(ApiKey::EndTxn, end_txn::handle),
    serial(ApiKey::WriteTxnMarkers, write_txn_markers::handle),
    serial(ApiKey::TxnOffsetCommit, txn_offset_commit::handle),
    serial(ApiKey::DescribeAcls, describe_acls::handle),
    serial(ApiKey::CreateAcls, create_acls::handle),
    serial(ApiKey::DeleteAcls, delete_acls::handle),
    serial(ApiKey::DescribeConfigs, describe_configs::handle),
    serial(ApiKey::AlterConfigs, alter_configs::handle),
    serial(ApiKey::AlterReplicaLogDirs, alter_replica_log_dirs::handle),
    serial(ApiKey::DescribeLogDirs, describe_log_dirs::handle),
    serial(ApiKey::SaslAuthenticate, sasl::authenticate),
    serial(ApiKey::CreateDelegationToken, delegation_tokens::create),
    serial(ApiKey::RenewDelegationToken, delegation_tokens::renew),
    serial(ApiKey::ExpireDelegationToken, delegation_tokens::expire),
    serial(ApiKey::DescribeDelegationToken, delegation_tokens::describe),
    serial(ApiKey::CreatePartitions, create_partitions::handle),
    serial(ApiKey::ElectLeaders, elect_leaders::handle),
    serial(ApiKey::IncrementalAlterConfigs, incremental_alter_configs::handle),
    serial(ApiKey::AlterPartitionReassignments, alter_partition_reassignments::handle),
    serial(ApiKey::ListPartitionReassignments, list_partition_reassignments::handle),
    serial(ApiKey::DescribeClientQuotas, describe_client_quotas::handle),
    serial(ApiKey::AlterClientQuotas, alter_client_quotas::handle),
    serial(ApiKey::DescribeUserScramCredentials, describe_user_scram_credentials::handle),
    serial(ApiKey::AlterUserScramCredentials, alter_user_scram_credentials::handle),
    serial(ApiKey::DescribeQuorum, describe_quorum::handle),
    serial(ApiKey::UpdateFeatures, update_features::handle),
    serial(ApiKey::DescribeCluster, describe_cluster::handle),
    serial(ApiKey::DescribeProducers, describe_producers::handle),
    serial(ApiKey::UnregisterBroker, unregister_broker::handle),
    serial(ApiKey::DescribeTransactions, describe_transactions::handle),
    serial(ApiKey::ListTransactions, list_transactions::handle),
    serial(ApiKey::ListConfigResources, list_config_resources::handle),
    serial(ApiKey::DescribeTopicPartitions, describe_topic_partitions::handle),
    serial(ApiKey::AddRaftVoter, add_raft_voter::handle),
    serial(ApiKey::RemoveRaftVoter, remove_raft_voter::handle),
    overlapping(ApiKey::OffsetCommit, groups::offset_commit::handle),
    serial(ApiKey::OffsetFetch, groups::offset_fetch::handle),
    serial(ApiKey::FindCoordinator, groups::find_coordinator::handle),
    serial(ApiKey::JoinGroup, groups::join_group::handle),
    serial(ApiKey::Heartbeat, groups::heartbeat::handle),
    serial(ApiKey::LeaveGroup, groups::leave_group::handle),
    serial(ApiKey::SyncGroup, groups::sync_group::handle),
    serial(ApiKey::DescribeGroups, groups::describe_groups::handle),
    serial(ApiKey::ListGroups, groups::list_groups::handle),
    serial(ApiKey::DeleteGroups, groups::delete_groups::handle),
    serial(ApiKey::OffsetDelete, groups::offset_delete::handle),
    serial(ApiKey::ConsumerGroupHeartbeat, groups::consumer_group_heartbeat::handle),
    serial(ApiKey::ConsumerGroupDescribe, groups::consumer_group_describe::handle),
];

/// What of it a controller serves on listeners of its own.
const AT_CONTROLLER: &[ApiKey] = &[
    ApiKey::ApiVersions,
    ApiKey::SaslHandshake,
    ApiKey::SaslAuthenticate,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::CreatePartitions,
    ApiKey::DescribeAcls,
    ApiKey::CreateAcls,
    ApiKey::DeleteAcls,
    ApiKey::DescribeConfigs,
    ApiKey::AlterConfigs,
    ApiKey::IncrementalAlterConfigs,
    ApiKey::CreateDelegationToken,
    ApiKey::RenewDelegationToken,
    ApiKey::ExpireDelegationToken,
    ApiKey::DescribeDelegationToken,
    ApiKey::ElectLeaders,
    ApiKey::AlterPartitionReassignments,
    ApiKey::ListPartitionReassignments,
    ApiKey::AlterClientQuotas,
    ApiKey::DescribeUserScramCredentials,
    ApiKey::AlterUserScramCredentials,
    ApiKey::DescribeQuorum,
    ApiKey::UpdateFeatures,
    ApiKey::DescribeCluster,
    ApiKey::UnregisterBroker,
    ApiKey::AddRaftVoter,
    ApiKey::RemoveRaftVoter,
];

/// What is served on a listener for clients, or on one of the controller.
pub fn served(at_controller: bool) -> impl Iterator<Item = &'static Api> {
    TABLE.iter().filter(move |api| !at_controller || AT_CONTROLLER.contains(&api.key))
}

/// The row of an API key, if it is served there.
pub fn find(key: i16, at_controller: bool) -> Option<&'static Api> {
    served(at_controller).find(|api| api.key.key() == key)
}

/// Handles one request whose header has been parsed. An error closes the connection.
pub fn dispatch(api: &Api, cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let version = cx.version();
    // ApiVersions answers unknown versions itself, so that old and new clients can find common ground.
    if api.key != ApiKey::ApiVersions && !api.key.api().serves(version) {
        return Err(WireError::UnsupportedVersion { api: api.key.key(), version });
    }
    (api.handle)(cx, body)
}

/// Decodes, calls, encodes: for handlers that answer at once.
pub fn answer<Q: WireRequest, R: WireResponse>(
    cx: Context,
    body: Bytes,
    handler: impl FnOnce(&Context, Q) -> R,
) -> Result<Outcome, WireError> {
    let request = codec::decode::<Q>(cx.version(), body)?;
    let response = handler(&cx, request);
    encode(&cx, &response)
}

/// Decodes, and answers when the handler's future is done.
pub fn answer_later<Q: WireRequest, R: WireResponse, F>(
    cx: Context,
    body: Bytes,
    handler: impl FnOnce(Context, Q) -> F,
) -> Result<Outcome, WireError>
where
    F: Future<Output = R> + Send + 'static,
{
    let request = codec::decode::<Q>(cx.version(), body)?;
    let working = handler(cx.clone(), request);
    Ok(Outcome::Later(Box::pin(async move {
        let response = working.await;
        encode(&cx, &response).unwrap_or_else(|e| Outcome::Close(e.to_string()))
    })))
}

/// The framed answer of a request.
pub fn encode<R: WireResponse>(cx: &Context, response: &R) -> Result<Outcome, WireError> {
    encode_at(cx, cx.header.version, response)
}

/// The same in a version of the handler's choice.
pub fn encode_at<R: WireResponse>(cx: &Context, version: i16, response: &R) -> Result<Outcome, WireError> {
    let bytes = codec::encode_reply(cx.header.correlation_id, version, response)?;
    Ok(Outcome::Answer(Reply::from(bytes)))
}
