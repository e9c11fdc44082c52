//! The throttle time of an answer that is encoded already: it is known only when all work for the answer is done.

use bytes::{Bytes, BytesMut};

use super::frame::SIZE_BYTES;
use super::versions::ApiKey;

/// Where an answer has the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Bytes after the body's start.
    Head(usize),
    /// The body's last field, which only the tags follow.
    Tail,
}

/// First version of an answer that tells the client to wait, and where; `None` for answers that never do, and for
/// ApiVersions, where it lies somewhere in the middle.
fn place(api: ApiKey, version: i16) -> Option<Place> {
    let (since, place) = match api {
        ApiKey::Produce => (1, Place::Tail),
        ApiKey::CreateDelegationToken
        | ApiKey::RenewDelegationToken
        | ApiKey::ExpireDelegationToken
        | ApiKey::DescribeDelegationToken => (0, Place::Tail),
        ApiKey::OffsetDelete => (0, Place::Head(2)),
        ApiKey::JoinGroup | ApiKey::ListOffsets => (2, Place::Head(0)),
        ApiKey::Metadata | ApiKey::OffsetCommit | ApiKey::OffsetFetch => (3, Place::Head(0)),
        ApiKey::DescribeGroups
        | ApiKey::FindCoordinator
        | ApiKey::Heartbeat
        | ApiKey::LeaveGroup
        | ApiKey::ListGroups
        | ApiKey::SyncGroup => (1, Place::Head(0)),
        ApiKey::ApiVersions
        | ApiKey::DescribeQuorum
        | ApiKey::SaslHandshake
        | ApiKey::SaslAuthenticate
        | ApiKey::WriteTxnMarkers
        | ApiKey::InitializeShareGroupState
        | ApiKey::ReadShareGroupState
        | ApiKey::WriteShareGroupState
        | ApiKey::DeleteShareGroupState
        | ApiKey::ReadShareGroupStateSummary => return None,
        _ => (0, Place::Head(0)),
    };
    (version >= since).then_some(place)
}

/// Where the field begins in the first bytes of a framed answer.
fn position(api: ApiKey, version: i16, framed: &[u8]) -> Option<usize> {
    const FIELD_BYTES: usize = 4;
    let body = SIZE_BYTES + 4 + usize::from(api.api().has_tagged_response_header(version));
    match place(api, version)? {
        Place::Head(after) => (framed.len() >= body + after + FIELD_BYTES).then_some(body + after),
        Place::Tail => {
            let tags = usize::from(api.api().is_flexible(version));
            framed.len().checked_sub(FIELD_BYTES + tags).filter(|at| *at >= body)
        }
    }
}

/// How long the answer tells the client to wait.
pub fn told_ms(api: ApiKey, version: i16, framed: &[u8]) -> i32 {
    let field = position(api, version, framed).and_then(|at| framed.get(at..)?.first_chunk::<4>());
    field.map_or(0, |bytes| i32::from_be_bytes(*bytes).max(0))
}

/// The answer with another throttle time, if it has one.
pub fn tell(api: ApiKey, version: i16, framed: Bytes, throttle_ms: i32) -> Bytes {
    let Some(at) = position(api, version, &framed) else { return framed };
    let mut bytes = framed.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    if let Some(field) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
        *field = throttle_ms.to_be_bytes();
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::{WireResponse, decode_reply, encode_reply};
    use crate::wire::messages::*;
    use crate::wire::versions::ApiKey;
    use kafka_protocol::protocol::Decodable;

    const MS: i32 = 0x0102_0304;

    /// In every version the field that is told is the one that a client reads.
    fn check<R: WireResponse + Decodable>(body: R, read: impl Fn(&R) -> i32, unknown_below: i16) {
        let api = R::KEY.api();
        for version in api.min_served..=api.max {
            let framed = tell(api.key, version, encode_reply(7, version, &body).unwrap(), MS);
            let (_, answer) = decode_reply::<R>(version, framed.slice(SIZE_BYTES..)).unwrap();
            let expected = if version < unknown_below { 0 } else { MS };
            assert_eq!(read(&answer), expected, "{} v{version}", api.name);
            assert_eq!(told_ms(api.key, version, &framed), expected, "{} v{version}", api.name);
        }
    }

    macro_rules! check_all {
        ($($response:ident from $since:literal;)*) => {
            $(check($response::default(), |answer| answer.throttle_time_ms, $since);)*
        };
    }

    #[test]
    fn the_field_is_found_in_every_version() {
        check_all! {
            ProduceResponse from 0;
            FetchResponse from 0;
            ListOffsetsResponse from 2;
            MetadataResponse from 3;
            OffsetCommitResponse from 3;
            OffsetFetchResponse from 3;
            FindCoordinatorResponse from 1;
            JoinGroupResponse from 2;
            HeartbeatResponse from 1;
            LeaveGroupResponse from 1;
            SyncGroupResponse from 1;
            DescribeGroupsResponse from 1;
            ListGroupsResponse from 1;
            CreateTopicsResponse from 0;
            DeleteTopicsResponse from 0;
            DeleteRecordsResponse from 0;
            InitProducerIdResponse from 0;
            OffsetForLeaderEpochResponse from 0;
            AddPartitionsToTxnResponse from 0;
            AddOffsetsToTxnResponse from 0;
            EndTxnResponse from 0;
            TxnOffsetCommitResponse from 0;
            DescribeAclsResponse from 0;
            CreateAclsResponse from 0;
            DeleteAclsResponse from 0;
            DescribeConfigsResponse from 0;
            AlterConfigsResponse from 0;
            AlterReplicaLogDirsResponse from 0;
            CreatePartitionsResponse from 0;
            CreateDelegationTokenResponse from 0;
            RenewDelegationTokenResponse from 0;
            ExpireDelegationTokenResponse from 0;
            DescribeDelegationTokenResponse from 0;
            DeleteGroupsResponse from 0;
            ElectLeadersResponse from 0;
            IncrementalAlterConfigsResponse from 0;
            AlterPartitionReassignmentsResponse from 0;
            ListPartitionReassignmentsResponse from 0;
            OffsetDeleteResponse from 0;
            DescribeClientQuotasResponse from 0;
            AlterClientQuotasResponse from 0;
            DescribeUserScramCredentialsResponse from 0;
            AlterUserScramCredentialsResponse from 0;
            UpdateFeaturesResponse from 0;
            DescribeClusterResponse from 0;
            DescribeProducersResponse from 0;
            UnregisterBrokerResponse from 0;
            DescribeTransactionsResponse from 0;
            ListTransactionsResponse from 0;
            ConsumerGroupHeartbeatResponse from 0;
            ConsumerGroupDescribeResponse from 0;
            ListConfigResourcesResponse from 0;
            DescribeTopicPartitionsResponse from 0;
            AddRaftVoterResponse from 0;
            RemoveRaftVoterResponse from 0;
            ShareGroupHeartbeatResponse from 0;
            ShareGroupDescribeResponse from 0;
            StreamsGroupHeartbeatResponse from 0;
            StreamsGroupDescribeResponse from 0;
        }
    }

    #[test]
    fn an_answer_without_the_field_stays_as_it_is() {
        for version in 1..=2 {
            let framed = encode_reply(7, version, &WriteTxnMarkersResponse::default()).unwrap();
            assert_eq!(tell(ApiKey::WriteTxnMarkers, version, framed.clone(), MS), framed);
            assert_eq!(told_ms(ApiKey::WriteTxnMarkers, version, &framed), 0);
        }
        assert_eq!(told_ms(ApiKey::Produce, 9, b"\0\0"), 0);
    }
}
