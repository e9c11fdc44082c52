use super::*;
use crate::wire::header;

fn body_of(frame: &Bytes) -> Bytes {
    header::parse(frame.slice(SIZE_BYTES..)).unwrap().1
}

#[test]
fn a_request_goes_there_and_back() {
    let topic = metadata_request::MetadataRequestTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str("orders"))));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    for version in 0..=13 {
        let frame = encode_request(7, Some("me"), version, &request).unwrap();
        let (head, body) = header::parse(frame.slice(SIZE_BYTES..)).unwrap();
        assert_eq!((head.api, head.version, head.correlation_id), (3, version, 7));
        let read: MetadataRequest = decode(version, body).unwrap();
        assert_eq!(read.topics, request.topics, "version {version}");
    }
}

#[test]
fn an_answer_is_framed_under_the_header_of_its_version() {
    let body = MetadataResponse::default().with_cluster_id(Some(StrBytes::from_static_str("c")));
    let plain = encode_reply(7, 8, &body).unwrap();
    assert_eq!(plain[..8], [0, 0, 0, plain.len() as u8 - 4, 0, 0, 0, 7]);
    let tagged = encode_reply(7, 9, &body).unwrap();
    assert_eq!(tagged[4..9], [0, 0, 0, 7, 0]);
    for (version, frame) in [(8, plain), (9, tagged)] {
        let (id, read) = decode_reply::<MetadataResponse>(version, frame.slice(SIZE_BYTES..)).unwrap();
        assert_eq!((id, read.cluster_id), (7, body.cluster_id.clone()));
    }
}

#[test]
fn api_versions_keeps_the_plain_header_at_every_version() {
    let frame = encode_reply(7, 3, &ApiVersionsResponse::default()).unwrap();
    // error code, no keys, throttle time, no tags
    assert_eq!(frame[4..], [0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn records_are_slices_of_the_frame() {
    let records = Bytes::from(vec![7; 1000]);
    let partition = produce_request::PartitionProduceData::default().with_records(Some(records));
    let topic = produce_request::TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str("t")))
        .with_partition_data(vec![partition]);
    let frame = encode_request(1, None, 9, &ProduceRequest::default().with_topic_data(vec![topic])).unwrap();
    let request: ProduceRequest = decode(9, body_of(&frame)).unwrap();
    let read = request.topic_data[0].partition_data[0].records.clone().unwrap();
    let whole = frame.as_ptr_range();
    assert!(whole.contains(&read.as_ptr()) && read.len() == 1000);
}

#[test]
fn versions_outside_the_range_are_refused_before_anything_is_read() {
    for version in [-1, 0, 2, 14] {
        let refused = decode::<ProduceRequest>(version, Bytes::new());
        assert_eq!(refused, Err(WireError::UnsupportedVersion { api: 0, version }));
    }
}

#[test]
fn an_answer_is_put_together_again_for_another_request() {
    let body = MetadataResponse::default().with_cluster_id(Some(StrBytes::from_static_str("c")));
    for version in 3..=13 {
        let rest = rest_of_reply::<MetadataResponse>(version, &encode_reply(7, version, &body).unwrap());
        let reply = reply_from_rest::<MetadataResponse, ()>(8, version, rest).unwrap();
        let bytes: Vec<u8> = reply
            .into_pieces()
            .flat_map(|piece| match piece {
                Piece::Bytes(bytes) => bytes.to_vec(),
                Piece::File { .. } => panic!("a file"),
            })
            .collect();
        assert_eq!(bytes, encode_reply(8, version, &body).unwrap(), "version {version}");
    }
}
