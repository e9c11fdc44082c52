//! Bytes that Apache Kafka 4.3.1 wrote, and what must not be taken for them.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn metadata(id: i64, epoch: i16, state: TxnState, update: i64, start: i64) -> TxnMetadata {
    TxnMetadata {
        producer: Producer { id: ProducerId(id), epoch: ProducerEpoch(epoch) },
        previous_producer_id: ProducerId(id),
        next_producer_id: ProducerId::NONE,
        timeout_ms: 60_000,
        state,
        partitions: BTreeSet::new(),
        last_update_ms: update,
        start_ms: start,
        client_version: TxnVersion::V0,
    }
}

fn partition(topic: &str, index: i32) -> TopicPartition {
    TopicPartition::new(topic, index)
}

/// (key, value) as Kafka wrote them, what they say, and the feature level in force.
fn written_by_kafka() -> Vec<(&'static str, &'static str, &'static str, TxnMetadata, TxnVersion)> {
    let committing = "twnyvp-transactions-commit-and-abort-v5-t";
    let describing = "twcrmv-transactions-describing-at-t";
    let mut ongoing = metadata(0x1d, 0, TxnState::Ongoing, 0x1a1fdb7a95d, 0x1a1fdb7a95b);
    let adding = "twnyvp-transactions-adding-partitions-v4-t";
    ongoing.partitions = [partition(adding, 0), partition(adding, 1)].into();
    ongoing.client_version = TxnVersion::V2;
    let mut prepared = metadata(0x11, 1, TxnState::PrepareCommit, 0x1a1fdb7a614, 0x1a1fdb7a5f8);
    prepared.partitions = [partition(committing, 0)].into();
    prepared.client_version = TxnVersion::V2;
    let mut complete = metadata(0x11, 1, TxnState::CompleteCommit, 0x1a1fdb7a61a, 0x1a1fdb7a5f8);
    complete.client_version = TxnVersion::V2;
    let mut old = metadata(0xa9, 0, TxnState::PrepareAbort, 0x1a1fdb8f6b5, 0x1a1fdb8f6b0);
    old.previous_producer_id = ProducerId::NONE;
    old.partitions = [partition(describing, 0), partition(describing, 1)].into();
    let mut old_empty = metadata(0xab, 0, TxnState::Empty, 0x1a1fdb8f849, -1);
    old_empty.previous_producer_id = ProducerId::NONE;
    vec![
        (
            "0000002a74776e7976702d7472616e73616374696f6e732d74616b696e672d616e2d69642d6f7665722d76322d78",
            "0001000000000000000500000000ea600000000001a1fdb79fb4ffffffffffffffff0100080000000000000005",
            "twnyvp-transactions-taking-an-id-over-v2-x",
            metadata(5, 0, TxnState::Empty, 0x1a1fdb79fb4, -1),
            TxnVersion::V2,
        ),
        (
            "0000002a74776e7976702d7472616e73616374696f6e732d616464696e672d706172746974696f6e732d76342d78",
            "0001000000000000001d00000000ea6001022b74776e7976702d7472616e73616374696f6e732d616464696e672d7061727469\
             74696f6e732d76342d7403000000000000000100000001a1fdb7a95d000001a1fdb7a95b020008000000000000001d02020002",
            "twnyvp-transactions-adding-partitions-v4-x",
            ongoing,
            TxnVersion::V2,
        ),
        (
            "0000002974776e7976702d7472616e73616374696f6e732d636f6d6d69742d616e642d61626f72742d76352d78",
            "0001000000000000001100010000ea6002022a74776e7976702d7472616e73616374696f6e732d636f6d6d69742d616e642d61\
             626f72742d76352d74020000000000000001a1fdb7a614000001a1fdb7a5f8020008000000000000001102020002",
            "twnyvp-transactions-commit-and-abort-v5-x",
            prepared,
            TxnVersion::V2,
        ),
        (
            "0000002974776e7976702d7472616e73616374696f6e732d636f6d6d69742d616e642d61626f72742d76352d78",
            "0001000000000000001100010000ea600401000001a1fdb7a61a000001a1fdb7a5f8020008000000000000001102020002",
            "twnyvp-transactions-commit-and-abort-v5-x",
            complete,
            TxnVersion::V2,
        ),
        (
            "000000207477626962682d7472616e73616374696f6e732d66656e63696e672d61742d78",
            "000000000000000000ab00000000ea6000ffffffff000001a1fdb8f849ffffffffffffffff",
            "twbibh-transactions-fencing-at-x",
            old_empty,
            TxnVersion::V0,
        ),
        (
            "00000023747763726d762d7472616e73616374696f6e732d64657363726962696e672d61742d78",
            "000000000000000000a900000000ea6003000000010023747763726d762d7472616e73616374696f6e732d6465736372696269\
             6e672d61742d74000000020000000100000000000001a1fdb8f6b5000001a1fdb8f6b0",
            "twcrmv-transactions-describing-at-x",
            old,
            TxnVersion::V0,
        ),
    ]
}

#[test]
fn what_kafka_wrote_is_read_and_written_again_byte_for_byte() {
    for (key, value, id, expected, version) in written_by_kafka() {
        assert_eq!(decode_key(&bytes(key)).unwrap(), id);
        assert_eq!(decode_value(&bytes(value)).unwrap(), expected, "{id}");
        let ours = encode(id, Some(&expected), version);
        assert_eq!(ours.key, bytes(key), "{id}");
        let ours = ours.value.unwrap();
        assert_eq!(decode_value(&ours).unwrap(), expected, "{id}");
        // Kafka lists partitions in the order of a hash set; the last golden holds them as 1, 0.
        if version != TxnVersion::V0 || expected.partitions.len() < 2 {
            assert_eq!(ours, bytes(value), "{id}");
        } else {
            assert_eq!(ours.len(), bytes(value).len(), "{id}");
        }
    }
}

#[test]
fn a_tombstone_has_a_key_alone() {
    let record = encode("gone", None, TxnVersion::V2);
    assert_eq!((decode_key(&record.key).unwrap().as_str(), record.value), ("gone", None));
}

#[test]
fn next_producer_ids_survive_and_unknown_tags_are_passed_over() {
    let mut rotating = metadata(3, i16::MAX, TxnState::PrepareAbort, 10, 5);
    rotating.next_producer_id = ProducerId(4);
    rotating.client_version = TxnVersion::V2;
    let written = encode("x", Some(&rotating), TxnVersion::V2).value.unwrap();
    assert_eq!(decode_value(&written).unwrap(), rotating);
    // One more tag (9, of 3 bytes) as a newer Kafka might add: the count of tags is three from the end of ours.
    let mut newer = written.to_vec();
    let count_at = newer.len() - (2 + 8 + 2 + 8 + 2 + 2) - 1;
    assert_eq!(newer[count_at], 3);
    newer[count_at] = 4;
    newer.extend([9, 3, 1, 2, 3]);
    assert_eq!(decode_value(&newer).unwrap(), rotating);
}

#[test]
fn every_cut_of_a_record_is_refused_and_no_count_is_believed() {
    for (key, value, ..) in written_by_kafka() {
        for bytes in [bytes(key), bytes(value)] {
            for end in 0..bytes.len() {
                let cut = &bytes[..end];
                assert!(decode_key(cut).is_err() || decode_value(cut).is_err());
            }
        }
        let value = bytes(value);
        for end in 0..value.len() {
            assert!(decode_value(&value[..end]).is_err(), "cut at {end}");
        }
    }
    let mut huge = bytes("0000000000000000000000000000ea6001");
    huge.extend([0x7f, 0xff, 0xff, 0xff]);
    assert_eq!(decode_value(&huge), Err(BadRecord::Short));
    assert_eq!(decode_value(&[0, 2]), Err(BadRecord::Version(2)));
    assert_eq!(decode_key(&[0, 9, 0, 0]), Err(BadRecord::Version(9)));
}
