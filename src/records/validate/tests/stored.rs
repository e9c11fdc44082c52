//! What of an accepted batch reaches the log.

use super::*;
use crate::records::RecordIter;

/// Key, value, timestamp.
type Record = (Option<Vec<u8>>, Option<Vec<u8>>, i64);

fn records_of(bytes: &[u8]) -> Vec<Record> {
    let header = BatchHeader::parse(bytes).unwrap();
    let mut scratch = Scratch::new();
    let plain = scratch.records(header.codec().unwrap(), &bytes[BATCH_HEADER_BYTES..], 1 << 20).unwrap();
    RecordIter::new(plain, header.record_count)
        .map(|record| record.unwrap())
        .map(|record| (record.key.map(Into::into), record.value.map(Into::into), record.timestamp(&header)))
        .collect()
}

#[test]
fn a_good_batch_is_kept_as_it_came_without_a_copy() {
    for codec in Codec::ALL {
        let sent = Bytes::from(java_batch(&format!("producer.{codec}")));
        let valid = validate(&sent, &rules(), &mut Scratch::new()).unwrap();
        let bytes = stored(&valid, 900);
        assert_eq!(bytes[16..], sent[16..], "{codec}");
        assert_eq!(valid.payload.as_ptr(), sent[BATCH_HEADER_BYTES..].as_ptr(), "{codec}: the request's own bytes");
        assert_eq!((valid.record_count, valid.max_timestamp), (4, NOW_MS + 400));
        assert_eq!((valid.offset_delta_of_max_timestamp, valid.log_append_ms), (2, None));
    }
}

#[test]
fn a_wrong_largest_timestamp_is_put_right() {
    for wrong in [NOW_MS - 7_200_000, NOW_MS + 5] {
        let valid = try_it(&changed(&one(), |h| h.max_timestamp = wrong)).unwrap();
        let header = BatchHeader::parse(&stored(&valid, 0)).unwrap();
        assert_eq!((header.max_timestamp, valid.max_timestamp), (NOW_MS - 3_600_000, NOW_MS - 3_600_000));
    }
    let mut builder = BatchBuilder::new(Offset(0));
    builder.append(-5, None, None, &[]);
    let valid = try_it(&builder.build()).unwrap();
    assert_eq!((valid.header.base_timestamp, valid.header.max_timestamp), (-5, -1));
}

#[test]
fn unused_attributes_are_kept_until_the_header_must_change() {
    let odd = changed(&one(), |h| h.attributes = 0x00c0);
    assert_eq!(try_it(&odd).unwrap().header.attributes, 0x00c0);
    let odd = changed(&one(), |h| (h.attributes, h.max_timestamp) = (0x00c0, 1));
    assert_eq!(try_it(&odd).unwrap().header.attributes, 0x0040);
    // A producer's own stamp is taken off where its clock counts.
    let stamped = changed(&one(), |h| h.attributes = 0x08);
    assert_eq!(try_it(&stamped).unwrap().header.attributes, 0);
}

#[test]
fn the_brokers_stamp_goes_into_the_header_alone() {
    let rules = ProduceRules { timestamp_type: TimestampType::LogAppendTime, ..rules() };
    for codec in Codec::ALL {
        let sent = java_batch(&format!("producer.{codec}"));
        let valid = try_with(&sent, &rules).unwrap();
        let bytes = stored(&valid, 12);
        let header = BatchHeader::parse(&bytes).unwrap();
        assert_eq!((header.timestamp_type(), header.max_timestamp), (TimestampType::LogAppendTime, NOW_MS));
        assert_eq!((header.is_transactional(), header.codec()), (true, Ok(codec)));
        assert_eq!(bytes[BATCH_HEADER_BYTES..], sent[BATCH_HEADER_BYTES..]);
        assert_eq!((valid.log_append_ms, valid.max_timestamp), (Some(NOW_MS), NOW_MS));
        assert!(records_of(&bytes).iter().all(|(_, _, timestamp)| *timestamp == NOW_MS));
    }
}

#[test]
fn the_topics_codec_replaces_the_producers() {
    let plain = records_of(&java_batch("producer.none"));
    for target in Codec::ALL {
        let rules = ProduceRules { target: TargetCompression::Topic(target.into()), ..rules() };
        for codec in Codec::ALL {
            let sent = java_batch(&format!("producer.{codec}"));
            let valid = try_with(&sent, &rules).unwrap();
            let bytes = stored(&valid, 5);
            let header = BatchHeader::parse(&bytes).unwrap();
            assert_eq!(header.codec(), Ok(target), "{codec} to {target}");
            assert_eq!((header.producer_id, header.last_sequence()), (ProducerId(4711), 103));
            assert_eq!((header.is_transactional(), header.max_timestamp), (true, NOW_MS + 400));
            assert_eq!(records_of(&bytes), plain, "{codec} to {target}");
            assert_eq!((valid.record_count, valid.offset_delta_of_max_timestamp), (4, 2));
        }
    }
}

#[test]
fn recompressing_counts_offsets_anew_and_keeps_headers() {
    let gzip = ProduceRules { target: TargetCompression::Topic(Codec::Gzip.into()), ..rules() };
    let record = [16, 0, 0, 6, 1, 1, 2, 0, 1];
    let sent = with_payload(&one(), &record, |h| h.attributes = 0x40);
    let valid = try_with(&sent, &gzip).unwrap();
    let bytes = stored(&valid, 0);
    let header = BatchHeader::parse(&bytes).unwrap();
    assert_eq!(header.flags(), BatchFlags::default());
    let mut scratch = Scratch::new();
    let plain = scratch.records(Codec::Gzip, &valid.payload, 1000).unwrap();
    let record = RecordIter::new(plain, 1).next().unwrap().unwrap();
    assert_eq!((record.offset_delta, record.headers().count()), (0, 1));
}

#[test]
fn what_kafka_cannot_write_anew_is_refused() {
    let gzip = ProduceRules { target: TargetCompression::Topic(Codec::Gzip.into()), ..rules() };
    let refused = Some((ErrorCode::UnknownServerError, true));
    let mut negative = BatchBuilder::new(Offset(0));
    negative.append(-5, None, None, &[]);
    assert_eq!(refusal(try_with(&negative.build(), &gzip)), refused);
    assert_eq!(refusal(try_with(&changed(&one(), |h| h.attributes = 0x10), &gzip)), refused);
    assert_eq!(refusal(try_with(&changed(&one(), |h| h.producer_id = ProducerId(-5)), &gzip)), refused);
    let no_epoch = changed(&one(), |h| (h.producer_id, h.base_sequence) = (ProducerId(5), 0));
    assert_eq!(refusal(try_with(&no_epoch, &gzip)), refused);
    let good = changed(&no_epoch, |h| h.producer_epoch = ProducerEpoch(0));
    assert_eq!(refusal(try_with(&good, &gzip)), None);
}
