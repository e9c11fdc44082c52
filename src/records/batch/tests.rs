use super::*;
use crate::records::BatchBuilder;

/// Three records as another implementation writes them: transactional, sequences about to start over.
const GOLDEN: &str = "000000000000004d0000005e0000000502c1d28c170010000000020000018bcfe568000000018bcfe5680000000000000003e900037ffffffe000000031e000000026b027604026802310268011c00000201027704026802310268011a00000400010402680231026801";

fn golden() -> Vec<u8> {
    (0..GOLDEN.len()).step_by(2).map(|i| u8::from_str_radix(&GOLDEN[i..i + 2], 16).unwrap()).collect()
}

fn batch(base_offset: i64, records: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Offset(base_offset));
    for i in 0..records {
        builder.append(1000 + i as i64, None, Some(b"value"), &[]);
    }
    builder.build().to_vec()
}

#[test]
fn every_field_is_read_and_written_back() {
    let bytes = golden();
    let header = BatchHeader::parse(&bytes).unwrap();
    let expected = BatchHeader {
        base_offset: Offset(77),
        length: bytes.len() as i32 - 12,
        leader_epoch: LeaderEpoch(5),
        crc: header.crc,
        attributes: 0x10,
        last_offset_delta: 2,
        base_timestamp: 1_700_000_000_000,
        max_timestamp: 1_700_000_000_000,
        producer_id: ProducerId(1001),
        producer_epoch: ProducerEpoch(3),
        base_sequence: i32::MAX - 1,
        record_count: 3,
    };
    assert_eq!(header, expected);
    assert_eq!(header.to_bytes()[..], bytes[..BATCH_HEADER_BYTES]);
    assert_eq!(header.crc, header.computed_crc(&bytes[BATCH_HEADER_BYTES..]));
    assert_eq!((header.last_offset(), header.next_offset()), (Offset(79), Offset(80)));
    assert_eq!((header.size_bytes(), header.payload_bytes()), (bytes.len(), bytes.len() - 61));
    assert!(header.is_transactional() && !header.is_control() && !header.has_delete_horizon());
    assert_eq!((header.codec(), header.timestamp_type()), (Ok(Codec::None), TimestampType::CreateTime));
    verify_crc(&bytes).unwrap();
}

#[test]
fn sequences_start_over_after_the_largest() {
    let header = BatchHeader::parse(&golden()).unwrap();
    assert_eq!(header.last_sequence(), 0);
    assert_eq!(sequence_after(i32::MAX, 1), 0);
    assert_eq!(sequence_after(i32::MAX, 0), i32::MAX);
    assert_eq!(sequence_after(5, 10), 15);
    assert_eq!(BatchHeader { base_sequence: NO_SEQUENCE, ..header }.last_sequence(), NO_SEQUENCE);
}

#[test]
fn attributes_are_set_and_read_one_by_one() {
    let mut header = BatchHeader::default();
    for codec in Codec::ALL {
        for flags in 0..8 {
            let flags =
                BatchFlags { transactional: flags & 1 != 0, control: flags & 2 != 0, delete_horizon: flags & 4 != 0 };
            for kind in [TimestampType::CreateTime, TimestampType::LogAppendTime] {
                header.set_attributes(codec, kind, flags);
                assert_eq!((header.codec(), header.timestamp_type(), header.flags()), (Ok(codec), kind, flags));
            }
        }
    }
    header.attributes = 5;
    assert_eq!(header.codec(), Err(RecordsError::UnknownCodec(5)));
}

#[test]
fn offsets_at_the_end_of_the_range_do_not_overflow() {
    let header = BatchHeader { base_offset: Offset(i64::MAX), last_offset_delta: i32::MAX, ..BatchHeader::default() };
    assert_eq!(header.next_offset(), Offset(i64::MAX));
    assert_eq!(BatchHeader { length: -5, ..header }.size_bytes(), 12);
}

#[test]
fn a_header_that_cannot_be_one_is_refused() {
    let good = batch(0, 1);
    assert_eq!(BatchHeader::parse(&good[..60]), Err(RecordsError::Torn { need: 61, have: 60 }));
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        BatchHeader::parse(&bad)
    };
    assert_eq!(with(16, &[1]), Err(RecordsError::BadMagic(1)));
    assert_eq!(with(16, &[0xff]), Err(RecordsError::BadMagic(-1)));
    for length in [i32::MIN, -1, 0, 48] {
        assert_eq!(with(8, &length.to_be_bytes()), Err(RecordsError::BadLength(length)));
    }
    assert!(with(8, &i32::MAX.to_be_bytes()).is_ok(), "the rest of the batch may stand elsewhere");
}

#[test]
fn walking_finds_every_batch_and_where_good_bytes_end() {
    let bytes = [batch(0, 1), batch(1, 3), batch(4, 2)].concat();
    let found: Vec<_> = BatchIter::new(&bytes).checking_crc().map(|b| b.unwrap()).collect();
    assert_eq!(found.iter().map(|(_, h)| h.base_offset.0).collect::<Vec<_>>(), [0, 1, 4]);
    let (last_at, _) = found[2];
    for cut in last_at + 1..bytes.len() {
        let mut walk = BatchIter::new(&bytes[..cut]);
        let items: Vec<_> = walk.by_ref().collect();
        assert_eq!(items.len(), 3);
        assert!(matches!(items[2], Err(RecordsError::Torn { .. })), "cut at {cut}");
        assert_eq!(walk.position(), last_at);
        assert!(walk.next().is_none(), "an error ends it");
    }
    assert_eq!(BatchIter::new(&bytes[..last_at]).count(), 2);
    assert_eq!(BatchIter::new(&[]).count(), 0);
}

#[test]
fn every_changed_bit_under_the_checksum_is_seen() {
    let good = batch(9, 2);
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            let is_outside = at < 8 || (12..16).contains(&at);
            let seen = BatchIter::new(&bad).checking_crc().any(|b| b.is_err());
            assert_eq!(seen, !is_outside, "byte {at} bit {bit}");
        }
    }
}
