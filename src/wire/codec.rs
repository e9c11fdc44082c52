//! Messages from bytes and to bytes. Decoding is guarded; encoding sizes its buffer first and fills it exactly.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};

use super::error::WireError;
use super::extra::offsets;
use super::extra::read::Reader;
use super::frame::SIZE_BYTES;
use super::guard;
use super::messages::*;
use super::reply::{Piece, Reply};
use super::versions::{Api, ApiKey};

/// A request's body. Every API of [`versions`](super::versions) has one.
pub trait WireRequest: Sized {
    const KEY: ApiKey;
    type Response: WireResponse;
    /// Reads a body that the guard has passed.
    fn read(body: Bytes, version: i16) -> Result<Self, WireError>;
    /// The version to ask the codec for: lower where a new version changed nothing in the bytes.
    fn codec_version(version: i16) -> i16;
    /// The body, where this version is not the codec's.
    fn written_by_hand(&self, version: i16) -> Option<Result<BytesMut, WireError>>;
}

/// An answer's body.
pub trait WireResponse: Sized {
    const KEY: ApiKey;
    /// Bytes that [`write`](WireResponse::write) will add.
    fn size(&self, version: i16) -> Result<usize, WireError>;
    fn write(&self, out: &mut BytesMut, version: i16) -> Result<(), WireError>;
    /// As for requests.
    fn codec_version(version: i16) -> i16;
}

/// A request from its body. Its texts, bytes and records are slices of the read buffer: what is kept beyond the request
/// (a member's id, a client's name) must be copied, or a few bytes hold the whole buffer.
pub fn decode<R: WireRequest>(version: i16, body: Bytes) -> Result<R, WireError> {
    let api = R::KEY.api();
    if !api.serves(version) {
        return Err(WireError::UnsupportedVersion { api: api.key.key(), version });
    }
    let mends = guard::check(api, version, &body)?;
    R::read(guard::mended(body, &mends), version)
}

/// A whole answer: size, header and body.
pub fn encode_reply<R: WireResponse>(correlation_id: i32, version: i16, body: &R) -> Result<Bytes, WireError> {
    let tagged = R::KEY.api().has_tagged_response_header(version);
    let size = 4 + usize::from(tagged) + body.size(version)?;
    let mut out = BytesMut::with_capacity(SIZE_BYTES + size);
    put_frame_size(&mut out, size)?;
    out.put_i32(correlation_id);
    if tagged {
        out.put_u8(0);
    }
    body.write(&mut out, version)?;
    finished(out, size)
}

/// What every answer of the same content has in common: all that follows the throttle time at the body's front.
pub fn rest_of_reply<R: WireResponse>(version: i16, whole: &Bytes) -> Bytes {
    whole.slice(whole.len().min(own_bytes::<R>(version))..)
}

/// The whole answer that another reply's rest belongs to.
pub fn reply_from_rest<R: WireResponse, F>(
    correlation_id: i32,
    version: i16,
    rest: Bytes,
) -> Result<Reply<F>, WireError> {
    let own_bytes = own_bytes::<R>(version);
    let mut own = BytesMut::with_capacity(own_bytes);
    put_frame_size(&mut own, own_bytes - SIZE_BYTES + rest.len())?;
    own.put_i32(correlation_id);
    own.resize(own_bytes, 0);
    Ok(Reply::pieces(own.freeze(), vec![Piece::Bytes(rest)]))
}

/// Size, header and throttle time.
fn own_bytes<R: WireResponse>(version: i16) -> usize {
    const THROTTLE_BYTES: usize = 4;
    SIZE_BYTES + 4 + usize::from(R::KEY.api().has_tagged_response_header(version)) + THROTTLE_BYTES
}

/// A whole request as a client sends it. The codec writes the bodies of requests only for tests; the binary itself
/// writes those few it sends by hand.
pub fn encode_request<R: WireRequest + Encodable>(
    correlation_id: i32,
    client_id: Option<&str>,
    version: i16,
    body: &R,
) -> Result<Bytes, WireError> {
    let api = R::KEY.api();
    let by_hand = body.written_by_hand(version).transpose()?;
    let codec_version = R::codec_version(version);
    let body_size = match &by_hand {
        Some(bytes) => bytes.len(),
        None => body.compute_size(codec_version).map_err(unencodable)?,
    };
    let size = request_header_size(api, version, client_id) + body_size;
    let mut out = BytesMut::with_capacity(SIZE_BYTES + size);
    put_frame_size(&mut out, size)?;
    put_request_header(&mut out, api, version, correlation_id, client_id)?;
    match by_hand {
        Some(bytes) => out.put_slice(&bytes),
        None => body.encode(&mut out, codec_version).map_err(unencodable)?,
    }
    finished(out, size)
}

/// An answer as a client reads it, from a frame without its size: correlation id and body.
pub fn decode_reply<R: WireResponse + Decodable>(version: i16, frame: Bytes) -> Result<(i32, R), WireError> {
    let mut reader = Reader::new(frame);
    let correlation_id = reader.i32()?;
    if R::KEY.api().has_tagged_response_header(version) {
        reader.skip_tags()?;
    }
    let mut body = reader.rest();
    let message = R::decode(&mut body, R::codec_version(version)).map_err(malformed)?;
    if !body.is_empty() {
        return Err(WireError::Malformed(format!("{} bytes are left over", body.len())));
    }
    Ok((correlation_id, message))
}

/// Bytes of a request header.
fn request_header_size(api: &Api, version: i16, client_id: Option<&str>) -> usize {
    10 + client_id.map_or(0, str::len) + usize::from(api.is_flexible(version))
}

/// Writes a request header, for clients.
pub fn put_request_header(
    out: &mut BytesMut,
    api: &Api,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<(), WireError> {
    out.put_i16(api.key.key());
    out.put_i16(version);
    out.put_i32(correlation_id);
    match client_id {
        Some(text) => {
            let length = i16::try_from(text.len()).map_err(|_| WireError::Unencodable("long client id".into()))?;
            out.put_i16(length);
            out.put_slice(text.as_bytes());
        }
        None => out.put_i16(-1),
    }
    if api.is_flexible(version) {
        out.put_u8(0);
    }
    Ok(())
}

fn put_frame_size(out: &mut BytesMut, size: usize) -> Result<(), WireError> {
    let size = i32::try_from(size).map_err(|_| WireError::Unencodable(format!("{size} bytes are no frame")))?;
    out.put_i32(size);
    Ok(())
}

fn finished(out: BytesMut, size: usize) -> Result<Bytes, WireError> {
    if out.len() != SIZE_BYTES + size {
        return Err(WireError::Unencodable(format!("{} bytes were written, {size} announced", out.len())));
    }
    Ok(out.freeze())
}

fn malformed(error: impl std::fmt::Display) -> WireError {
    WireError::Malformed(error.to_string())
}

fn unencodable(error: impl std::fmt::Display) -> WireError {
    WireError::Unencodable(error.to_string())
}

/// `as 10` in a row: newer versions are as version 10 in bytes. `10 by read, write`: version 10 is read and written by
/// these functions.
macro_rules! messages {
    ($($key:ident: $request:ty $(as $request_as:literal)? $({$by_hand:literal by $read:path, $write:path})?,
        $response:ty $(as $response_as:literal)?;)*) => {
        $(
            impl WireRequest for $request {
                const KEY: ApiKey = ApiKey::$key;
                type Response = $response;

                fn read(mut body: Bytes, version: i16) -> Result<Self, WireError> {
                    $(if version == $by_hand {
                        return $read(body);
                    })?
                    <$request>::decode(&mut body, Self::codec_version(version)).map_err(malformed)
                }

                fn codec_version(version: i16) -> i16 {
                    version $(.min($request_as))?
                }

                #[allow(unused_variables)]
                fn written_by_hand(&self, version: i16) -> Option<Result<BytesMut, WireError>> {
                    $(if version == $by_hand {
                        return Some($write(self));
                    })?
                    None
                }
            }

            impl WireResponse for $response {
                const KEY: ApiKey = ApiKey::$key;

                fn size(&self, version: i16) -> Result<usize, WireError> {
                    self.compute_size(Self::codec_version(version)).map_err(unencodable)
                }

                fn write(&self, out: &mut BytesMut, version: i16) -> Result<(), WireError> {
                    self.encode(out, Self::codec_version(version)).map_err(unencodable)
                }

                fn codec_version(version: i16) -> i16 {
                    version $(.min($response_as))?
                }
            }
        )*
    };
}

messages! {
    Produce: ProduceRequest, ProduceResponse;
    Fetch: FetchRequest, FetchResponse;
    ListOffsets: ListOffsetsRequest as 10, ListOffsetsResponse as 10;
    Metadata: MetadataRequest, MetadataResponse;
    OffsetCommit: OffsetCommitRequest {10 by offsets::read_commit, offsets::write_commit}, OffsetCommitResponse;
    OffsetFetch: OffsetFetchRequest {10 by offsets::read_fetch, offsets::write_fetch}, OffsetFetchResponse;
    FindCoordinator: FindCoordinatorRequest, FindCoordinatorResponse;
    JoinGroup: JoinGroupRequest, JoinGroupResponse;
    Heartbeat: HeartbeatRequest, HeartbeatResponse;
    LeaveGroup: LeaveGroupRequest, LeaveGroupResponse;
    SyncGroup: SyncGroupRequest, SyncGroupResponse;
    DescribeGroups: DescribeGroupsRequest, DescribeGroupsResponse;
    ListGroups: ListGroupsRequest, ListGroupsResponse;
    SaslHandshake: SaslHandshakeRequest, SaslHandshakeResponse;
    ApiVersions: ApiVersionsRequest, ApiVersionsResponse;
    CreateTopics: CreateTopicsRequest, CreateTopicsResponse;
    DeleteTopics: DeleteTopicsRequest, DeleteTopicsResponse;
    DeleteRecords: DeleteRecordsRequest, DeleteRecordsResponse;
    InitProducerId: InitProducerIdRequest, InitProducerIdResponse;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse;
    AddPartitionsToTxn: AddPartitionsToTxnRequest, AddPartitionsToTxnResponse;
    AddOffsetsToTxn: AddOffsetsToTxnRequest, AddOffsetsToTxnResponse;
    EndTxn: EndTxnRequest, EndTxnResponse;
    WriteTxnMarkers: WriteTxnMarkersRequest, WriteTxnMarkersResponse as 1;
    TxnOffsetCommit: TxnOffsetCommitRequest, TxnOffsetCommitResponse;
    DescribeAcls: DescribeAclsRequest, DescribeAclsResponse;
    CreateAcls: CreateAclsRequest, CreateAclsResponse;
    DeleteAcls: DeleteAclsRequest, DeleteAclsResponse;
    DescribeConfigs: DescribeConfigsRequest, DescribeConfigsResponse;
    AlterConfigs: AlterConfigsRequest, AlterConfigsResponse;
    AlterReplicaLogDirs: AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse;
    DescribeLogDirs: DescribeLogDirsRequest as 4, DescribeLogDirsResponse;
    SaslAuthenticate: SaslAuthenticateRequest, SaslAuthenticateResponse;
    CreatePartitions: CreatePartitionsRequest, CreatePartitionsResponse;
    CreateDelegationToken: CreateDelegationTokenRequest, CreateDelegationTokenResponse;
    RenewDelegationToken: RenewDelegationTokenRequest, RenewDelegationTokenResponse;
    ExpireDelegationToken: ExpireDelegationTokenRequest, ExpireDelegationTokenResponse;
    DescribeDelegationToken: DescribeDelegationTokenRequest, DescribeDelegationTokenResponse;
    DeleteGroups: DeleteGroupsRequest, DeleteGroupsResponse;
    ElectLeaders: ElectLeadersRequest, ElectLeadersResponse;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse;
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse;
    ListPartitionReassignments: ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse;
    OffsetDelete: OffsetDeleteRequest, OffsetDeleteResponse;
    DescribeClientQuotas: DescribeClientQuotasRequest, DescribeClientQuotasResponse;
    AlterClientQuotas: AlterClientQuotasRequest, AlterClientQuotasResponse;
    DescribeUserScramCredentials: DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse;
    AlterUserScramCredentials: AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse;
    DescribeQuorum: DescribeQuorumRequest, DescribeQuorumResponse;
    UpdateFeatures: UpdateFeaturesRequest, UpdateFeaturesResponse;
    DescribeCluster: DescribeClusterRequest, DescribeClusterResponse;
    DescribeProducers: DescribeProducersRequest, DescribeProducersResponse;
    UnregisterBroker: UnregisterBrokerRequest, UnregisterBrokerResponse;
    DescribeTransactions: DescribeTransactionsRequest, DescribeTransactionsResponse;
    ListTransactions: ListTransactionsRequest, ListTransactionsResponse;
    ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse;
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse;
    GetTelemetrySubscriptions: GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse;
    PushTelemetry: PushTelemetryRequest, PushTelemetryResponse;
    ListConfigResources: ListConfigResourcesRequest, ListConfigResourcesResponse;
    DescribeTopicPartitions: DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse;
    ShareGroupHeartbeat: ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse;
    ShareGroupDescribe: ShareGroupDescribeRequest, ShareGroupDescribeResponse;
    ShareFetch: ShareFetchRequest, ShareFetchResponse;
    ShareAcknowledge: ShareAcknowledgeRequest, ShareAcknowledgeResponse;
    AddRaftVoter: AddRaftVoterRequest, AddRaftVoterResponse as 0;
    RemoveRaftVoter: RemoveRaftVoterRequest, RemoveRaftVoterResponse;
    InitializeShareGroupState: InitializeShareGroupStateRequest, InitializeShareGroupStateResponse;
    ReadShareGroupState: ReadShareGroupStateRequest, ReadShareGroupStateResponse;
    WriteShareGroupState: WriteShareGroupStateRequest, WriteShareGroupStateResponse as 0;
    DeleteShareGroupState: DeleteShareGroupStateRequest, DeleteShareGroupStateResponse;
    ReadShareGroupStateSummary: ReadShareGroupStateSummaryRequest as 0, ReadShareGroupStateSummaryResponse;
    StreamsGroupHeartbeat: StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse;
    StreamsGroupDescribe: StreamsGroupDescribeRequest, StreamsGroupDescribeResponse;
    DescribeShareGroupOffsets: DescribeShareGroupOffsetsRequest as 0, DescribeShareGroupOffsetsResponse;
    AlterShareGroupOffsets: AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse;
    DeleteShareGroupOffsets: DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse;
}

#[cfg(test)]
mod tests;
