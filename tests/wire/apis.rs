//! Every message by its type, so that a test can do the same to each: the binary itself only knows them by name.

use std::fmt::Debug;

use bytes::Bytes;
use ottla::wire::WireError;
use ottla::wire::codec::{self, WireRequest, WireResponse};
use ottla::wire::messages::*;
use ottla::wire::versions::{Api, ApiKey};

/// What a test does to every API.
pub struct Driver {
    pub key: ApiKey,
    /// Decodes a request's body and writes it again, body only.
    pub rewrite_request: fn(i16, Bytes) -> Result<Bytes, WireError>,
    /// Decodes an answer's body and writes it again, body only.
    pub rewrite_response: fn(i16, Bytes) -> Result<Bytes, WireError>,
    /// Only decodes a request's body.
    pub decode_request: fn(i16, Bytes) -> Result<(), WireError>,
    /// The bodies of the default request and the default answer.
    pub default_request: fn(i16) -> Result<Bytes, WireError>,
    pub default_response: fn(i16) -> Result<Bytes, WireError>,
}

/// What the codec can do with a message when both its features are on.
pub trait Codec: Encodable + Decodable + Default + Debug + PartialEq {}
impl<T: Encodable + Decodable + Default + Debug + PartialEq> Codec for T {}

use kafka_protocol::protocol::{Decodable, Encodable};

fn driver<R>() -> Driver
where
    R: WireRequest + Codec,
    R::Response: WireResponse + Codec,
{
    assert_eq!(R::KEY, <R::Response as WireResponse>::KEY);
    Driver {
        key: R::KEY,
        rewrite_request: |version, body| {
            let request: R = codec::decode(version, body)?;
            Ok(request_body(R::KEY.api(), version, codec::encode_request(1, None, version, &request)?))
        },
        rewrite_response: |version, body| {
            let response = read_response::<R::Response>(version, body)?;
            Ok(response_body(R::KEY.api(), version, codec::encode_reply(1, version, &response)?))
        },
        decode_request: |version, body| codec::decode::<R>(version, body).map(|_| ()),
        default_request: |version| {
            Ok(request_body(R::KEY.api(), version, codec::encode_request(1, None, version, &R::default())?))
        },
        default_response: |version| {
            let reply = codec::encode_reply(1, version, &R::Response::default())?;
            Ok(response_body(R::KEY.api(), version, reply))
        },
    }
}

fn read_response<R: WireResponse + Decodable>(version: i16, body: Bytes) -> Result<R, WireError> {
    let mut frame = 1i32.to_be_bytes().to_vec();
    frame.extend(R::KEY.api().has_tagged_response_header(version).then_some(0));
    frame.extend_from_slice(&body);
    let (correlation_id, response) = codec::decode_reply(version, frame.into())?;
    assert_eq!(correlation_id, 1);
    Ok(response)
}

/// Size, key, version, correlation id, null client id, and tags where flexible.
fn request_body(api: &Api, version: i16, frame: Bytes) -> Bytes {
    frame.slice(14 + usize::from(api.is_flexible(version))..)
}

/// Size, correlation id, and tags where there are.
fn response_body(api: &Api, version: i16, frame: Bytes) -> Bytes {
    frame.slice(8 + usize::from(api.has_tagged_response_header(version))..)
}

macro_rules! drivers {
    ($($request:ident),*) => {
        /// One driver an API, by rising key.
        pub fn all() -> Vec<Driver> {
            vec![$(driver::<$request>()),*]
        }
    };
}

drivers! {
    ProduceRequest, FetchRequest, ListOffsetsRequest, MetadataRequest, OffsetCommitRequest,
    OffsetFetchRequest, FindCoordinatorRequest, JoinGroupRequest, HeartbeatRequest,
    LeaveGroupRequest, SyncGroupRequest, DescribeGroupsRequest, ListGroupsRequest,
    SaslHandshakeRequest, ApiVersionsRequest, CreateTopicsRequest, DeleteTopicsRequest,
    DeleteRecordsRequest, InitProducerIdRequest, OffsetForLeaderEpochRequest,
    AddPartitionsToTxnRequest, AddOffsetsToTxnRequest, EndTxnRequest, WriteTxnMarkersRequest,
    TxnOffsetCommitRequest, DescribeAclsRequest, CreateAclsRequest, DeleteAclsRequest,
    DescribeConfigsRequest, AlterConfigsRequest, AlterReplicaLogDirsRequest, DescribeLogDirsRequest,
    SaslAuthenticateRequest, CreatePartitionsRequest, CreateDelegationTokenRequest,
    RenewDelegationTokenRequest, ExpireDelegationTokenRequest, DescribeDelegationTokenRequest,
    DeleteGroupsRequest, ElectLeadersRequest, IncrementalAlterConfigsRequest,
    AlterPartitionReassignmentsRequest, ListPartitionReassignmentsRequest, OffsetDeleteRequest,
    DescribeClientQuotasRequest, AlterClientQuotasRequest, DescribeUserScramCredentialsRequest,
    AlterUserScramCredentialsRequest, DescribeQuorumRequest, UpdateFeaturesRequest,
    DescribeClusterRequest, DescribeProducersRequest, UnregisterBrokerRequest,
    DescribeTransactionsRequest, ListTransactionsRequest, ConsumerGroupHeartbeatRequest,
    ConsumerGroupDescribeRequest, GetTelemetrySubscriptionsRequest, PushTelemetryRequest,
    ListConfigResourcesRequest, DescribeTopicPartitionsRequest, ShareGroupHeartbeatRequest,
    ShareGroupDescribeRequest, ShareFetchRequest, ShareAcknowledgeRequest, AddRaftVoterRequest,
    RemoveRaftVoterRequest, InitializeShareGroupStateRequest, ReadShareGroupStateRequest,
    WriteShareGroupStateRequest, DeleteShareGroupStateRequest, ReadShareGroupStateSummaryRequest,
    StreamsGroupHeartbeatRequest, StreamsGroupDescribeRequest, DescribeShareGroupOffsetsRequest,
    AlterShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequest
}

pub fn of(name: &str) -> Driver {
    all().into_iter().find(|driver| driver.key.api().name == name).unwrap_or_else(|| panic!("no API {name}"))
}
