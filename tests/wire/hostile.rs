//! Bytes that are known to trouble the codec, each as a regression test.

use bytes::{Bytes, BytesMut};
use ottla::wire::codec;
use ottla::wire::frame::FrameSplitter;
use ottla::wire::messages::*;
use ottla::wire::{WireError, header};

use crate::allocations::largest_in;

#[test]
fn twelve_bytes_of_metadata_do_not_take_the_memory_of_two_thousand_million_topics() {
    let body = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0, 1, b'x', 0, 0, 0, 0, 0]);
    let (refused, largest) = largest_in(|| codec::decode::<MetadataRequest>(1, body));
    assert!(matches!(refused, Err(WireError::Count { field: "topics", .. })), "{refused:?}");
    assert!(largest < 1 << 12, "{largest} bytes were allocated at once");
}

#[test]
fn a_count_the_frame_could_hold_but_does_not_is_refused_without_room_for_it() {
    // A megabyte that claims a million topics, of which each needs two bytes at least.
    let mut body = vec![0u8; 1_000_004];
    body[..4].copy_from_slice(&1_000_000i32.to_be_bytes());
    let (refused, largest) = largest_in(|| codec::decode::<MetadataRequest>(1, Bytes::from(body)));
    assert_eq!(refused, Err(WireError::Truncated));
    assert!(largest < 1 << 12, "{largest} bytes were allocated at once");
}

#[test]
fn frames_shorter_than_a_header_are_errors() {
    for length in 0..10 {
        let frame = Bytes::from(vec![0; length]);
        assert_eq!(header::parse(frame), Err(WireError::Truncated), "{length} bytes");
    }
}

#[test]
fn an_unknown_key_is_told_by_its_number() {
    let frame = Bytes::from_static(&[0x7f, 0xff, 0, 0, 0, 0, 0, 7, 0, 0]);
    assert_eq!(header::parse(frame), Err(WireError::UnknownApi { api: 32767 }));
}

#[test]
fn metadata_with_count_minus_two_asks_for_all_topics() {
    for version in 1..=3 {
        let mut body = BytesMut::from(&[0xff, 0xff, 0xff, 0xfe][..]);
        body.extend_from_slice(&[1; 3]);
        let request: MetadataRequest = codec::decode(version, body.freeze()).unwrap();
        assert_eq!(request.topics, None, "version {version}");
    }
}

#[test]
fn a_group_id_that_is_no_text_reaches_the_handler_replaced() {
    let body = Bytes::from_static(&[0, 2, b'g', 0xff, 0, 0, 0, 1, 0, 0]);
    let request: HeartbeatRequest = codec::decode(0, body).unwrap();
    assert_eq!(request.group_id.as_str(), "g\u{fffd}");
}

#[test]
fn bytes_after_a_body_are_ignored() {
    let request: MetadataRequest = codec::decode(1, Bytes::from_static(b"\0\0\0\x01\0\x01trest")).unwrap();
    assert_eq!(request.topics.unwrap().len(), 1);
}

#[test]
fn foreign_protocols_are_no_frames() {
    let splitter = FrameSplitter::new(100 << 20);
    for greeting in [&b"GET / HTTP/1.1\r\n"[..], &[0x16, 3, 1, 0, 200, 1]] {
        assert!(splitter.next(&mut BytesMut::from(greeting)).is_err(), "{greeting:?}");
    }
}

#[test]
fn record_bytes_are_never_looked_at() {
    // Records that are no records at all, not even text.
    let mut body = BytesMut::from(&[0xff, 0xff, 0, 1, 0, 0, 0, 9, 0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0][..]);
    body.extend_from_slice(&[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]);
    let request: ProduceRequest = codec::decode(3, body.freeze()).unwrap();
    assert_eq!(request.topic_data[0].partition_data[0].records.as_deref(), Some(&[0xff; 4][..]));
}
