use super::*;
use crate::wire::versions::ApiKey;

fn checked(key: ApiKey, version: i16, body: &[u8]) -> Result<Vec<Mend>, WireError> {
    check(key.api(), version, body)
}

fn after(key: ApiKey, version: i16, body: &[u8]) -> Bytes {
    let mends = checked(key, version, body).unwrap();
    mended(Bytes::copy_from_slice(body), &mends)
}

#[test]
fn a_count_that_its_bytes_cannot_hold_is_refused() {
    let metadata = [0x7f, 0xff, 0xff, 0xff, 0, 1, b'x', 0, 0, 0, 0, 0];
    assert_eq!(
        checked(ApiKey::Metadata, 1, &metadata),
        Err(WireError::Count { field: "topics", count: i32::MAX as u32 })
    );
    let compact = [0xff, 0xff, 0xff, 0xff, 0x07, 0, 1, b'x'];
    assert!(matches!(checked(ApiKey::Metadata, 9, &compact), Err(WireError::Count { field: "topics", .. })));
}

#[test]
fn a_count_within_the_bytes_must_still_be_kept_by_them() {
    // Four topics announced in eight bytes, which hold one.
    let body = [0, 0, 0, 4, 0, 2, b'a', b'b', 0, 9, 0, 0];
    assert_eq!(checked(ApiKey::Metadata, 1, &body), Err(WireError::Truncated));
}

#[test]
fn the_elements_of_a_whole_request_are_bounded() {
    let within = |count: usize| {
        let mut body = (count as i32).to_be_bytes().to_vec();
        body.resize(4 + 2 * count, 0);
        checked(ApiKey::Metadata, 1, &body)
    };
    assert_eq!(within(REQUEST_ELEMENTS_MAX), Ok(vec![]));
    assert_eq!(within(REQUEST_ELEMENTS_MAX + 1), Err(WireError::TooManyElements));
}

#[test]
fn null_passes_only_where_kafka_allows_it() {
    assert_eq!(checked(ApiKey::Metadata, 1, &[0xff; 4]), Ok(vec![]));
    assert_eq!(checked(ApiKey::Metadata, 0, &[0xff; 4]), Err(WireError::Null("topics")));
    // One topic with a null name: from version 10 on, beside its id.
    assert_eq!(checked(ApiKey::Metadata, 9, &[2, 0, 0, 0, 0, 0, 0]), Err(WireError::Null("name")));
    let body = [&[2][..], &[0; 16], &[0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(checked(ApiKey::Metadata, 10, &body), Ok(vec![]));
}

#[test]
fn other_negative_lengths_become_the_null_that_the_codec_knows() {
    assert_eq!(after(ApiKey::Metadata, 1, &[0xff, 0xff, 0xff, 0xfe]), [0xff; 4][..]);
    assert_eq!(after(ApiKey::Metadata, 9, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0, 0]), [0, 1, 0, 0, 0][..]);
    // InitProducerId with a null transactional id written as -5.
    assert_eq!(after(ApiKey::InitProducerId, 0, &[0xff, 0xfb, 0, 0, 0, 9]), [0xff, 0xff, 0, 0, 0, 9][..]);
}

#[test]
fn text_that_is_not_utf_8_is_replaced_as_java_does() {
    assert_eq!(after(ApiKey::SaslHandshake, 1, &[0, 3, b'a', 0xff, b'b']), b"\0\x05a\xef\xbf\xbdb"[..]);
    let flexible = [&[4, b'a', 0xff, b'b'][..], &[0, 0]].concat();
    assert_eq!(after(ApiKey::FindCoordinator, 3, &flexible), b"\x06a\xef\xbf\xbdb\0\0"[..]);
    // Replaced, it would be longer than a text can be.
    let body = [&[0x7f, 0xff][..], &[0xff; 32767]].concat();
    assert!(matches!(checked(ApiKey::SaslHandshake, 1, &body), Err(WireError::Count { .. })));
}

#[test]
fn compact_text_is_as_short_as_plain_text() {
    let body = |length: u32| {
        let mut body = vec![length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
        body.resize(3 + length as usize - 1, b'x');
        body.extend([0, 0]);
        checked(ApiKey::FindCoordinator, 3, &body)
    };
    assert_eq!(body(32768), Ok(vec![]));
    assert!(matches!(body(32769), Err(WireError::Count { field: "key", count: 32768 })));
}

#[test]
fn a_tag_before_its_version_is_refused_and_an_unknown_one_skipped() {
    // Fetch 12: tag 1 is the replica state, but only from version 15 on.
    let fetch = |tag: u8| {
        let mut body = vec![0; 4 + 4 + 4 + 4 + 1 + 4 + 4];
        body.extend([1, 1, 1, 1, tag, 2, b'a', b'b']);
        checked(ApiKey::Fetch, 12, &body)
    };
    assert_eq!(fetch(1), Err(WireError::UnexpectedTag { tag: 1 }));
    assert_eq!(fetch(2), Ok(vec![]));
}

#[test]
fn a_negative_count_of_tags_is_none() {
    assert_eq!(after(ApiKey::ListGroups, 3, &[0xff, 0xff, 0xff, 0xff, 0x0f]), [0][..]);
    assert_eq!(checked(ApiKey::ListGroups, 3, &[5, 1, 0]), Err(WireError::Count { field: "tagged fields", count: 5 }));
}

#[test]
fn a_known_tag_is_walked() {
    let mut body = vec![0; 4 + 4 + 4 + 4 + 1 + 4 + 4];
    body.extend([1, 1, 1, 1, 0, 3, 0x70, b'a']);
    assert_eq!(checked(ApiKey::Fetch, 12, &body), Err(WireError::Truncated));
}

#[test]
fn an_optional_struct_is_present_unless_its_mark_is_negative() {
    // No topics, limit 1, then the cursor: topic "t", partition 2.
    let body = |mark: u8| [&[1, 0, 0, 0, 1, mark][..], &[2, b't', 0, 0, 0, 2, 0], &[0]].concat();
    assert_eq!(after(ApiKey::DescribeTopicPartitions, 0, &body(1)), body(1)[..]);
    assert_eq!(after(ApiKey::DescribeTopicPartitions, 0, &body(5)), body(1)[..]);
    assert_eq!(checked(ApiKey::DescribeTopicPartitions, 0, &[1, 0, 0, 0, 1, 0x80, 0]), Ok(vec![]));
}

#[test]
fn numbers_longer_than_five_bytes_are_no_numbers() {
    assert_eq!(checked(ApiKey::Metadata, 9, &[0xff; 6]), Err(WireError::BadVarint));
}

#[test]
fn bytes_after_the_body_do_not_matter() {
    assert_eq!(after(ApiKey::SaslHandshake, 1, b"\0\x01xrest"), b"\0\x01xrest"[..]);
}
