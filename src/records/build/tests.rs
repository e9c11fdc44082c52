use super::*;
use crate::records::{BatchIter, RecordIter, Scratch, verify_crc};

#[test]
fn a_batch_built_with_any_codec_reads_back_the_same() {
    for codec in Codec::ALL {
        let mut builder = BatchBuilder::new(Offset(100))
            .leader_epoch(LeaderEpoch(7))
            .producer(ProducerId(9), ProducerEpoch(1), 40)
            .transactional(true)
            .compression(codec.into());
        for i in 0..500i64 {
            builder.append(1000 + i % 7, Some(&i.to_be_bytes()), Some(&[b'v'; 100]), &[("h", Some(b"x"))]);
        }
        let plain_bytes = builder.size_bytes();
        let batch = builder.build();
        verify_crc(&batch).unwrap();
        let header = BatchHeader::parse(&batch).unwrap();
        assert_eq!((header.codec().unwrap(), header.record_count, header.last_offset_delta), (codec, 500, 499));
        assert_eq!((header.base_timestamp, header.max_timestamp), (1000, 1006));
        assert_eq!((header.producer_id, header.last_sequence()), (ProducerId(9), 539));
        assert_eq!(batch.len() < plain_bytes, codec != Codec::None);
        let mut scratch = Scratch::new();
        let records = scratch.records(codec, &batch[BATCH_HEADER_BYTES..], 1 << 20).unwrap();
        for (i, record) in RecordIter::new(records, 500).enumerate() {
            let record = record.unwrap();
            assert_eq!(record.key, Some(&(i as i64).to_be_bytes()[..]));
            assert_eq!((record.offset(&header).0, record.timestamp(&header)), (100 + i as i64, 1000 + i as i64 % 7));
        }
    }
}

#[test]
fn compaction_keeps_offsets_headers_and_the_end_of_a_batch() {
    let mut source = BatchBuilder::new(Offset(50));
    for i in 0..5 {
        source.append(10 * i, Some(b"k"), Some(b"v"), &[("h", Some(b"1")), ("h", Some(b"2"))]);
    }
    let source = source.build();
    let header = BatchHeader::parse(&source).unwrap();
    let mut kept = BatchBuilder::new(header.base_offset).delete_horizon_ms(7777).last_offset_delta(4);
    for record in RecordIter::new(&source[BATCH_HEADER_BYTES..], 5).map(|r| r.unwrap()) {
        if record.offset_delta == 1 || record.offset_delta == 3 {
            kept.append_view(record.offset_delta, record.timestamp(&header), &record);
        }
    }
    let kept = kept.build();
    let header = BatchHeader::parse(&kept).unwrap();
    assert_eq!((header.record_count, header.last_offset(), header.max_timestamp), (2, Offset(54), 30));
    assert_eq!(header.delete_horizon_ms(), Some(7777));
    let records: Vec<_> = RecordIter::new(&kept[BATCH_HEADER_BYTES..], 2).map(|r| r.unwrap()).collect();
    assert_eq!((records[1].offset(&header), records[1].timestamp(&header)), (Offset(53), 30));
    assert_eq!(records[0].headers().count(), 2);
}

#[test]
fn an_emptied_batch_still_tells_of_its_producer() {
    let mut builder = BatchBuilder::new(Offset(5)).producer(ProducerId(3), ProducerEpoch(2), 10).transactional(true);
    builder.append(99, None, Some(b"x"), &[]);
    builder.append(98, None, Some(b"y"), &[]);
    let before = BatchHeader::parse(&builder.compression(Compression::Snappy).build()).unwrap();
    let bytes = emptied(&before);
    verify_crc(&bytes).unwrap();
    let after = BatchHeader::parse(&bytes).unwrap();
    assert_eq!(bytes.len(), BATCH_HEADER_BYTES);
    assert_eq!((after.record_count, after.last_offset(), after.last_sequence()), (0, Offset(6), 11));
    assert_eq!((after.base_timestamp, after.max_timestamp, after.codec().unwrap()), (-1, 99, Codec::None));
    assert!(after.is_transactional());
    assert_eq!(BatchIter::new(&bytes).checking_crc().count(), 1);
}

#[test]
fn batches_are_kafkas_to_the_byte() {
    use crate::records::golden::java_batch;
    let mut builder =
        BatchBuilder::new(Offset(0)).producer(ProducerId(4711), ProducerEpoch(2), 100).transactional(true);
    let base = 1_700_000_000_000;
    let words = "value ".repeat(10);
    let value = |i: i32| format!("{words}{i}").into_bytes();
    let headers: [(&str, Option<&[u8]>); 3] = [("h", Some(b"1")), ("h", None), ("ä", Some(b""))];
    builder.append(base, Some(b"key-0"), Some(&value(0)), &headers);
    builder.append(base + 250, None, Some(&value(1)), &[]);
    builder.append(base + 400, Some(b"key-2"), None, &[]);
    builder.append(base, Some(b"key-3"), Some(&value(3)), &[]);
    let built = builder.build();
    assert_eq!(built[..], java_batch("producer.none"));
    let mut header = BatchHeader::parse(&built).unwrap();
    header.base_offset = Offset(40);
    header.leader_epoch = LeaderEpoch(3);
    header.max_timestamp = base + 500;
    assert_eq!(emptied(&header)[..], java_batch("emptied"));
}
