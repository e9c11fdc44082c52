//! What is refused, with which code, and what the answer tells beside it: as a real broker answered.

use super::*;
use ErrorCode::{
    CorruptMessage, InvalidRecord, InvalidTimestamp, MessageTooLarge, RecordListTooLarge, UnknownServerError,
    UnsupportedCompressionType,
};

type Refusal = Option<(ErrorCode, bool)>;

fn raw_record(offset_delta: u8, value: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0, offset_delta << 1, 1, (value.len() as u8) << 1];
    body.extend_from_slice(value);
    body.push(0);
    let mut out = vec![(body.len() as u8) << 1];
    out.append(&mut body);
    out
}

#[test]
fn damaged_batches() {
    let whole = batch(&[b"one", b"two"]).build().to_vec();
    let put = |at: usize, bytes: &[u8]| {
        let mut bad = whole.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        bad
    };
    let payload = |payload: &[u8]| with_payload(&one(), payload, |_| {});
    let header = |change: fn(&mut BatchHeader)| changed(&one(), change);
    let cut_record = &raw_record(0, b"xyz")[..8];
    let cases: &[(&str, Vec<u8>, Refusal)] = &[
        ("bad crc", put(17, &[0, 0, 0x30, 0x39]), Some((CorruptMessage, false))),
        ("magic 3", put(16, &[3]), Some((CorruptMessage, false))),
        ("magic -1", put(16, &[0xff]), Some((CorruptMessage, false))),
        ("magic 0", put(16, &[0]), Some((InvalidRecord, false))),
        ("magic 1", put(16, &[1]), Some((InvalidRecord, false))),
        ("empty", vec![], Some((InvalidRecord, false))),
        ("one byte", vec![0], Some((InvalidRecord, false))),
        ("cut in the header", whole[..40].to_vec(), Some((InvalidRecord, false))),
        ("cut in the records", whole[..whole.len() - 1].to_vec(), Some((InvalidRecord, false))),
        ("a byte too much", [&whole[..], &[0]].concat(), None),
        ("two batches", [&whole[..], &whole].concat(), Some((InvalidRecord, false))),
        ("bad length behind the batch", [&whole[..], &[0xff; 12]].concat(), Some((CorruptMessage, false))),
        ("length negative", put(8, &(-1i32).to_be_bytes()), Some((CorruptMessage, false))),
        ("length zero", put(8, &0i32.to_be_bytes()), Some((CorruptMessage, false))),
        ("length too small", put(8, &48i32.to_be_bytes()), Some((CorruptMessage, false))),
        ("other base offset", put(0, &77i64.to_be_bytes()), Some((InvalidRecord, true))),
        (
            "no records",
            with_payload(&one(), b"", |h| (h.record_count, h.last_offset_delta) = (0, -1)),
            Some((InvalidRecord, true)),
        ),
        ("no records, delta 0", with_payload(&one(), b"", |h| h.record_count = 0), Some((InvalidRecord, true))),
        ("count too big", header(|h| h.record_count = 2), Some((InvalidRecord, true))),
        (
            "count and delta too big",
            header(|h| (h.record_count, h.last_offset_delta) = (2, 1)),
            Some((InvalidRecord, true)),
        ),
        (
            "count too small",
            changed(&whole, |h| (h.record_count, h.last_offset_delta) = (1, 0)),
            Some((InvalidRecord, true)),
        ),
        ("count negative", header(|h| h.record_count = -1), Some((InvalidRecord, true))),
        ("last delta too big", header(|h| h.last_offset_delta = 5), Some((InvalidRecord, true))),
        ("last delta negative", header(|h| h.last_offset_delta = -1), Some((InvalidRecord, true))),
        (
            "last delta largest",
            header(|h| (h.record_count, h.last_offset_delta) = (i32::MIN, i32::MAX)),
            Some((InvalidRecord, true)),
        ),
        ("payload garbage", payload(&[0xff; 20]), Some((UnknownServerError, true))),
        ("payload not a whole record", payload(cut_record), Some((InvalidRecord, true))),
        ("payload with a rest", payload(&[raw_record(0, b"x"), vec![0, 0]].concat()), Some((InvalidRecord, true))),
        ("zero-length record", payload(&[0]), Some((InvalidRecord, true))),
        ("unknown codec", header(|h| h.attributes = 5), Some((UnknownServerError, true))),
        ("unused attributes", header(|h| h.attributes = 0x80), None),
        ("delete horizon", header(|h| h.attributes = 0x40), None),
        ("control", header(|h| h.attributes = 0x20), Some((InvalidRecord, true))),
        ("log append time", header(|h| h.attributes = 0x08), None),
        ("producer without a sequence", header(|h| h.producer_id = ProducerId(9)), Some((InvalidRecord, true))),
        ("producer id -5 without a sequence", header(|h| h.producer_id = ProducerId(-5)), None),
        ("transactional without a producer", header(|h| h.attributes = 0x10), None),
        (
            "deltas do not count up",
            with_payload(&whole, &[raw_record(0, b"x"), raw_record(0, b"y")].concat(), |_| {}),
            None,
        ),
        ("delta starts at 1", payload(&raw_record(1, b"x")), None),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(refusal(try_it(bytes)), *expected, "{what}");
    }
}

#[test]
fn a_first_batch_with_an_impossible_start_fails_the_whole_request() {
    let good = one();
    let bad_magic = [&good[..16], &[3], &good[17..]].concat();
    let bad_length = [&good[..8], &[0; 4], &good[12..]].concat();
    for bytes in [bad_magic, bad_length] {
        let rejected = try_it(&bytes).unwrap_err();
        assert!(rejected.whole_request && rejected.message.is_some());
    }
    assert!(!try_it(&[&good[..], &[0xff; 12]].concat()).unwrap_err().whole_request);
}

#[test]
fn a_length_that_ends_before_the_last_offset_delta_is_an_accident() {
    for (length, expected) in
        [(14, (UnknownServerError, true)), (15, (CorruptMessage, false)), (48, (CorruptMessage, false))]
    {
        let mut bytes = one();
        bytes[8..12].copy_from_slice(&i32::to_be_bytes(length));
        bytes.truncate(length as usize + 12);
        assert_eq!(refusal(try_it(&bytes)), Some(expected), "length {length}");
    }
}

#[test]
fn old_requests_know_fewer_codecs() {
    for (codec, version, expected) in
        [(Codec::Zstd, 6, Some((UnsupportedCompressionType, false))), (Codec::Zstd, 7, None), (Codec::Lz4, 3, None)]
    {
        let bytes = batch(&[b"x"]).compression(codec.into()).build();
        assert_eq!(refusal(try_with(&bytes, &ProduceRules { api_version: version, ..rules() })), expected);
    }
    let unknown = changed(&one(), |h| h.attributes = 6);
    let rejected = try_with(&unknown, &ProduceRules { api_version: 6, ..rules() }).unwrap_err();
    assert_eq!((rejected.code, rejected.deep, rejected.whole_request), (UnknownServerError, false, true));
}

#[test]
fn sizes() {
    let rules = ProduceRules { max_message_bytes: 1000, ..rules() };
    let sized = |size: usize| batch(&[&vec![b'x'; size]]).build();
    let overhead = sized(900).len() - 900;
    let too_large = Some((MessageTooLarge, false));
    assert_eq!(refusal(try_with(&sized(1000 - overhead), &rules)), None);
    assert_eq!(refusal(try_with(&sized(1001 - overhead), &rules)), too_large);
    // Damage is found only in what is small enough.
    let mut damaged = sized(2000).to_vec();
    damaged[100] ^= 1;
    assert_eq!(refusal(try_with(&damaged, &rules)), too_large);
    // Stored uncompressed, a small batch may grow too large.
    let packed = batch(&[&[b'x'; 2000]]).compression(Codec::Gzip.into()).build();
    assert_eq!(refusal(try_with(&packed, &rules)), None);
    let plain = ProduceRules { target: TargetCompression::Topic(Compression::None), ..rules.clone() };
    assert_eq!(refusal(try_with(&packed, &plain)), too_large);
    let segment = ProduceRules { segment_bytes: 500, ..rules };
    assert_eq!(refusal(try_with(&sized(900), &segment)), Some((RecordListTooLarge, false)));
}

#[test]
fn a_batch_decompresses_to_no_more_than_the_bound() {
    for codec in CODECS {
        let bytes = batch(&[&[0; 300_000]]).compression(codec.into()).build();
        let rules = ProduceRules { max_decompressed_bytes: 200_000, ..rules() };
        assert_eq!(refusal(try_with(&bytes, &rules)), Some((MessageTooLarge, false)), "{codec}");
    }
}

#[test]
fn compressed_batches() {
    for codec in CODECS {
        let good = batch(&[b"a", b"b"]).compression(codec.into()).build();
        assert_eq!(refusal(try_it(&good)), None, "{codec}");
        let attributes = i16::from(codec.id());
        let pack = |records: &[u8]| {
            let mut payload = Vec::new();
            crate::records::compress::compress(codec.into(), records, &mut payload).unwrap();
            with_payload(&batch(&[b"a", b"b"]).build(), &payload, |h| h.attributes = attributes)
        };
        let two = |first, second| pack(&[raw_record(first, b"x"), raw_record(second, b"y")].concat());
        assert_eq!(refusal(try_it(&two(0, 1))), None, "{codec}");
        assert_eq!(refusal(try_it(&two(0, 0))), Some((UnknownServerError, true)), "{codec}: deltas");
        assert_eq!(refusal(try_it(&pack(&[0xff; 30]))), Some((InvalidRecord, true)), "{codec}: garbage records");
        assert_eq!(refusal(try_it(&pack(&raw_record(0, b"x")))), Some((InvalidRecord, true)), "{codec}: one missing");
        let with_rest = pack(&[raw_record(0, b"x"), raw_record(1, b"y"), vec![0]].concat());
        assert_eq!(refusal(try_it(&with_rest)), Some((InvalidRecord, true)), "{codec}: a rest");
        let garbage = with_payload(&good, &[0xff; 30], |_| {});
        assert_eq!(refusal(try_it(&garbage)), Some((UnknownServerError, true)), "{codec}: no stream");
    }
}

#[test]
fn timestamps() {
    const HOUR_MS: i64 = 3_600_000;
    let strict = ProduceRules { before_max_ms: 60_000, after_max_ms: 60_000, ..rules() };
    let appended = ProduceRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    // (timestamp, taken by default, taken within a minute)
    let cases = [
        (-1, true, true),
        (0, true, false),
        (NOW_MS - HOUR_MS, true, false),
        (NOW_MS + 48 * HOUR_MS, false, false),
        (NOW_MS + HOUR_MS, true, false),
        (NOW_MS + HOUR_MS + 1, false, false),
        (NOW_MS + 60_000, true, true),
        (NOW_MS - 60_000, true, true),
        (NOW_MS - 60_001, true, false),
        (-5, true, false),
        (i64::MAX, false, false),
    ];
    for (timestamp, plain, narrow) in cases {
        let mut builder = BatchBuilder::new(Offset(0));
        builder.append(timestamp, None, None, &[]);
        let bytes = builder.build();
        for (rules, taken) in [(rules(), plain), (strict.clone(), narrow), (appended.clone(), true)] {
            let expected = (!taken).then_some((InvalidTimestamp, true));
            assert_eq!(refusal(try_with(&bytes, &rules)), expected, "{timestamp}");
        }
    }
}

#[test]
fn a_batch_stamped_by_the_producer_is_refused_where_the_broker_stamps() {
    let bytes = changed(&one(), |h| h.attributes = 0x08);
    let appended = ProduceRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    let rejected = try_with(&bytes, &appended).unwrap_err();
    assert_eq!((rejected.code, rejected.deep, rejected.record_errors.len()), (InvalidTimestamp, true, 1));
}

#[test]
fn every_bad_record_is_named() {
    let compacted = ProduceRules { compacted: true, ..rules() };
    for codec in Codec::ALL {
        let mut builder = BatchBuilder::new(Offset(0)).compression(codec.into());
        for key in [Some(&b"k"[..]), None, Some(b""), None] {
            builder.append(NOW_MS, key, Some(b"v"), &[]);
        }
        let rejected = try_with(&builder.build(), &compacted).unwrap_err();
        assert_eq!((rejected.code, rejected.deep, rejected.whole_request), (InvalidRecord, true, false));
        assert_eq!(rejected.record_errors.iter().map(|e| e.batch_index).collect::<Vec<_>>(), [1, 3]);
        assert!(rejected.message.is_some());
    }
    // One bad timestamp among missing keys decides the code.
    let mut builder = BatchBuilder::new(Offset(0));
    builder.append(NOW_MS, None, None, &[]);
    builder.append(NOW_MS * 2, Some(b"k"), None, &[]);
    let rejected = try_with(&builder.build(), &compacted).unwrap_err();
    assert_eq!((rejected.code, rejected.record_errors.len()), (InvalidTimestamp, 2));
    // A batch that breaks off is that first of all.
    let mut builder = BatchBuilder::new(Offset(0));
    builder.append(NOW_MS, None, None, &[]);
    let broken = changed(&builder.build(), |h| (h.record_count, h.last_offset_delta) = (2, 1));
    assert!(try_with(&broken, &compacted).unwrap_err().record_errors.is_empty());
}

#[test]
fn the_list_of_bad_records_ends_somewhere() {
    let values: Vec<&[u8]> = vec![b""; RECORD_ERRORS_MAX + 5];
    let rejected = try_with(&batch(&values).build(), &ProduceRules { compacted: true, ..rules() }).unwrap_err();
    assert_eq!(rejected.record_errors.len(), RECORD_ERRORS_MAX);
}

#[test]
fn the_brokers_own_batches_may_be_control_batches() {
    let rules = ProduceRules { origin: Origin::Coordinator, ..rules() };
    let marker = crate::records::end_txn_batch(true, 3, ProducerId(8), ProducerEpoch(1), NOW_MS);
    assert_eq!(refusal(try_with(&marker, &rules)), None);
    assert_eq!(refusal(try_it(&marker)), Some((InvalidRecord, true)));
    let gzip = ProduceRules { target: TargetCompression::Topic(Codec::Gzip.into()), ..rules };
    let valid = try_with(&marker, &gzip).unwrap();
    assert_eq!((valid.header.codec(), valid.payload.len()), (Ok(Codec::None), marker.len() - BATCH_HEADER_BYTES));
}
