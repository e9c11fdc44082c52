use super::*;
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::records::BatchBuilder;
use crate::records::varint::{write_i32, write_i64};

fn walk(records: &[u8], count: i32) -> Result<Vec<RecordView<'_>>, RecordsError> {
    RecordIter::new(records, count).collect()
}

/// One record's bytes, with a size of its own or the right one.
fn raw(size: Option<i32>, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_i32(&mut out, size.unwrap_or(body.len() as i32));
    out.extend_from_slice(body);
    out
}

fn body(key: i32, value: i32, headers: i32, tail: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    write_i64(&mut out, 0);
    write_i32(&mut out, 0);
    write_i32(&mut out, key);
    write_i32(&mut out, value);
    write_i32(&mut out, headers);
    out.extend_from_slice(tail);
    out
}

#[test]
fn records_are_seen_where_they_stand() {
    let mut builder = BatchBuilder::new(Offset(10));
    builder.append(1000, Some(b"k"), None, &[]);
    builder.append(990, None, Some(b""), &[("a", Some(b"1")), ("a", None), ("", Some(b""))]);
    let batch = builder.build();
    let header = BatchHeader::parse(&batch).unwrap();
    let records = walk(&batch[BATCH_HEADER_BYTES..], header.record_count).unwrap();
    assert_eq!((records[0].key, records[0].value), (Some(&b"k"[..]), None));
    assert_eq!((records[1].key, records[1].value), (None, Some(&b""[..])));
    assert_eq!(records[1].offset(&header), Offset(11));
    assert_eq!((records[0].timestamp(&header), records[1].timestamp(&header)), (1000, 990));
    let headers: Vec<_> = records[1].headers().map(|h| h.unwrap()).collect();
    let expected = [
        HeaderView { key: b"a", value: Some(b"1") },
        HeaderView { key: b"a", value: None },
        HeaderView { key: b"", value: Some(b"") },
    ];
    assert_eq!(headers, expected);
}

#[test]
fn a_broker_stamped_batch_has_one_timestamp() {
    let mut builder = BatchBuilder::new(Offset(0)).log_append_time(5000);
    builder.append(1000, None, None, &[]);
    let batch = builder.build();
    let header = BatchHeader::parse(&batch).unwrap();
    let records = walk(&batch[BATCH_HEADER_BYTES..], 1).unwrap();
    assert_eq!(records[0].timestamp(&header), 5000);
}

#[test]
fn a_record_that_does_not_end_where_it_says_is_refused() {
    let good = body(-1, -1, 0, b"");
    assert_eq!(walk(&raw(None, &good), 1).unwrap().len(), 1);
    let bad: &[(&str, Vec<u8>)] = &[
        ("no bytes", vec![]),
        ("zero length", raw(None, b"")),
        ("negative size", raw(Some(-1), &good)),
        ("size beyond the end", raw(Some(good.len() as i32 + 1), &good)),
        ("size too small", raw(Some(good.len() as i32 - 1), &good)),
        ("bytes behind the headers", raw(None, &body(-1, -1, 0, b"x"))),
        ("key beyond the record", raw(None, &body(50, -1, 0, b""))),
        ("largest key", raw(None, &body(i32::MAX, -1, 0, b""))),
        ("more headers than bytes", raw(None, &body(-1, -1, 3, b"ab"))),
        ("largest header count", raw(None, &body(-1, -1, i32::MAX, b"ab"))),
        ("negative header count", raw(None, &body(-1, -1, -1, b""))),
        ("header without a name", raw(None, &body(-1, -1, 1, &[1, 1]))),
        ("header cut", raw(None, &body(-1, -1, 1, &[2, b'a', 4, b'x']))),
        ("endless number", raw(None, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ];
    for (what, bytes) in bad {
        assert!(matches!(walk(bytes, 1), Err(RecordsError::BadRecord(_))), "{what}: {:?}", walk(bytes, 1));
    }
    assert_eq!(walk(&[0xff; 20], 1), Err(RecordsError::BadRecordSize));
}

#[test]
fn as_many_records_as_declared_and_no_byte_more() {
    let one = raw(None, &body(-1, -1, 0, b""));
    let two = [one.clone(), one.clone()].concat();
    assert_eq!(walk(&two, 2).unwrap().len(), 2);
    assert!(walk(&two, 1).is_err());
    assert!(walk(&two, 3).is_err());
    assert!(walk(&[&two[..], &[0]].concat(), 2).is_err());
    assert_eq!(walk(&two, 0).unwrap().len(), 0);
    assert_eq!(walk(&two, -7).unwrap().len(), 0);
}

#[test]
fn what_a_java_producer_sends_is_read_with_every_codec() {
    use crate::records::golden::java_batch;
    use crate::records::{Codec, Scratch, verify_crc};
    let mut scratch = Scratch::new();
    let plain = java_batch("producer.none");
    for codec in Codec::ALL {
        let batch = java_batch(&format!("producer.{codec}"));
        verify_crc(&batch).unwrap();
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!((header.codec(), header.record_count, header.base_sequence), (Ok(codec), 4, 100));
        let records = scratch.records(codec, &batch[BATCH_HEADER_BYTES..], 4096).unwrap();
        assert_eq!(records, &plain[BATCH_HEADER_BYTES..], "{codec}");
    }
    let header = BatchHeader::parse(&plain).unwrap();
    let records = walk(&plain[BATCH_HEADER_BYTES..], 4).unwrap();
    let base = 1_700_000_000_000;
    assert_eq!(records.iter().map(|r| r.timestamp(&header) - base).collect::<Vec<_>>(), [0, 250, 400, 0]);
    assert_eq!(records.iter().map(|r| r.key).collect::<Vec<_>>()[1], None);
    assert_eq!(records[2].value, None);
    let names: Vec<_> = records[0].headers().map(|h| h.unwrap().key).collect();
    assert_eq!(names, [&b"h"[..], b"h", "ä".as_bytes()]);
}
