use super::*;
use crate::wire::codec;
use crate::wire::messages::{FetchResponse, ProducerId, StrBytes, fetch_response};
use bytes::Bytes;

/// What a file holds in these tests, so that regions of it can be laid beside the codec's copy.
const FILE: &[u8] = b"0123456789abcdefghij";

fn sent(reply: Reply<&'static [u8]>) -> Bytes {
    let length = reply.len();
    let mut out = BytesMut::new();
    for piece in reply.into_pieces() {
        match piece {
            Piece::Bytes(bytes) => out.extend_from_slice(&bytes),
            Piece::File { file, position, len } => out.extend_from_slice(&file[position as usize..][..len]),
        }
    }
    assert_eq!(out.len(), length);
    out.freeze()
}

fn file(position: u64, len: usize) -> Piece<&'static [u8]> {
    Piece::File { file: FILE, position, len }
}

/// An answer that uses every field the version has.
fn full(version: i16) -> FetchReply<&'static [u8]> {
    let flexible = version >= 12;
    let partition = FetchPartition {
        error_code: 74,
        high_watermark: 9,
        last_stable_offset: 8,
        log_start_offset: if version >= 5 { 1 } else { -1 },
        diverging_epoch: flexible.then_some(EpochEndOffset { epoch: 3, end_offset: 77 }),
        current_leader: flexible.then_some(LeaderIdAndEpoch { leader_id: 4.into(), leader_epoch: 5 }),
        snapshot_id: flexible.then_some(SnapshotId { end_offset: 6, epoch: 7 }),
        aborted_transactions: Some(vec![
            AbortedTransaction { producer_id: ProducerId(11), first_offset: 2 },
            AbortedTransaction { producer_id: ProducerId(12), first_offset: 3 },
        ]),
        preferred_read_replica: if version >= 11 { 2 } else { -1 },
        records: vec![file(2, 5), Piece::Bytes(Bytes::from_static(b"mid")), file(10, 10)],
        ..FetchPartition::empty(0, 0)
    };
    let names = |name: &'static str| TopicName(StrBytes::from_static_str(name));
    let endpoint = NodeEndpoint {
        node_id: 4.into(),
        host: StrBytes::from_static_str("h"),
        port: 9092,
        rack: Some(StrBytes::from_static_str("r")),
    };
    FetchReply {
        throttle_time_ms: 5,
        error_code: if version >= 7 { 70 } else { 0 },
        session_id: if version >= 7 { 99 } else { 0 },
        topics: vec![
            FetchTopic {
                name: names("one"),
                id: Uuid::from_u128(1),
                partitions: vec![partition.clone(), FetchPartition::empty(1, 3)],
            },
            FetchTopic { name: names("two"), id: Uuid::from_u128(2), partitions: vec![partition] },
        ],
        node_endpoints: if version >= 16 { vec![endpoint] } else { vec![] },
    }
}

/// The same answer as the codec knows it, records copied.
fn as_codec(reply: FetchReply<&'static [u8]>, version: i16) -> FetchResponse {
    let topics = reply.topics.into_iter().map(|topic| {
        let named = fetch_response::FetchableTopicResponse::default();
        let named = if version >= 13 { named.with_topic_id(topic.id) } else { named.with_topic(topic.name) };
        named.with_partitions(topic.partitions.into_iter().map(codec_partition).collect())
    });
    let endpoints = reply.node_endpoints.into_iter().map(|node| {
        fetch_response::NodeEndpoint::default()
            .with_node_id(node.node_id)
            .with_host(node.host)
            .with_port(node.port)
            .with_rack(node.rack)
    });
    FetchResponse::default()
        .with_throttle_time_ms(reply.throttle_time_ms)
        .with_error_code(reply.error_code)
        .with_session_id(reply.session_id)
        .with_responses(topics.collect())
        .with_node_endpoints(endpoints.collect())
}

fn codec_partition(partition: FetchPartition<&'static [u8]>) -> fetch_response::PartitionData {
    let diverging = partition.diverging_epoch.map(|epoch| {
        fetch_response::EpochEndOffset::default().with_epoch(epoch.epoch).with_end_offset(epoch.end_offset)
    });
    let leader = partition.current_leader.map(|leader| {
        fetch_response::LeaderIdAndEpoch::default()
            .with_leader_id(leader.leader_id)
            .with_leader_epoch(leader.leader_epoch)
    });
    let snapshot = partition
        .snapshot_id
        .map(|id| fetch_response::SnapshotId::default().with_end_offset(id.end_offset).with_epoch(id.epoch));
    let aborted = partition.aborted_transactions.map(|list| {
        let one = |aborted: AbortedTransaction| {
            fetch_response::AbortedTransaction::default()
                .with_producer_id(aborted.producer_id)
                .with_first_offset(aborted.first_offset)
        };
        list.into_iter().map(one).collect()
    });
    let records = sent(Reply::pieces(Bytes::new(), partition.records));
    fetch_response::PartitionData::default()
        .with_partition_index(partition.partition)
        .with_error_code(partition.error_code)
        .with_high_watermark(partition.high_watermark)
        .with_last_stable_offset(partition.last_stable_offset)
        .with_log_start_offset(partition.log_start_offset)
        .with_diverging_epoch(diverging.unwrap_or_default())
        .with_current_leader(leader.unwrap_or_default())
        .with_snapshot_id(snapshot.unwrap_or_default())
        .with_aborted_transactions(aborted)
        .with_preferred_read_replica(partition.preferred_read_replica.into())
        .with_records(Some(records))
}

#[test]
fn every_version_is_byte_for_byte_the_codecs() {
    for version in 4..=18 {
        for reply in [FetchReply::default(), full(version)] {
            let expected = codec::encode_reply(7, version, &as_codec(reply.clone(), version)).unwrap();
            assert_eq!(sent(encode(7, version, reply).unwrap()), expected, "version {version}");
        }
    }
}

#[test]
fn records_go_out_as_the_pieces_they_came_as() {
    let reply = encode(7, 12, full(12)).unwrap();
    let regions: Vec<_> = reply
        .into_pieces()
        .filter_map(|piece| match piece {
            Piece::File { position, len, .. } => Some((position, len)),
            Piece::Bytes(_) => None,
        })
        .collect();
    assert_eq!(regions, [(2, 5), (10, 10), (2, 5), (10, 10)]);
}

#[test]
fn an_answer_without_records_is_one_piece() {
    let topic = FetchTopic::<()> {
        name: TopicName(StrBytes::from_static_str("t")),
        id: Uuid::nil(),
        partitions: vec![FetchPartition::empty(0, 1)],
    };
    let reply = encode(7, 12, FetchReply { topics: vec![topic], ..Default::default() }).unwrap();
    assert!(reply.as_whole().is_some());
}

#[test]
fn versions_that_are_not_served_are_not_written() {
    for version in [3, 19] {
        assert!(encode(7, version, FetchReply::<()>::default()).is_err());
    }
}
