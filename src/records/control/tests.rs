use super::*;
use crate::records::golden::java_batch;

fn voters() -> Vec<Voter> {
    vec![Voter {
        id: NodeId(1),
        directory_id: Uuid::from_u128(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f),
        endpoints: vec![VoterEndpoint { name: "CONTROLLER".into(), host: "localhost".into(), port: 39093 }],
        kraft_version_min: 0,
        kraft_version_max: 1,
    }]
}

#[test]
fn transaction_markers_are_kafkas_to_the_byte() {
    for (name, committed) in [("control.commit", true), ("control.abort", false)] {
        let expected = java_batch(name);
        let built = end_txn_batch(committed, 9, ProducerId(4711), ProducerEpoch(2), 1_700_000_000_123);
        let mut header = BatchHeader::parse(&built).unwrap();
        header.base_offset = Offset(55);
        header.leader_epoch = LeaderEpoch(7);
        assert_eq!([&header.to_bytes()[..], &built[BATCH_HEADER_BYTES..]].concat(), expected, "{name}");
        let read = ControlRecord::all_of(&expected).unwrap();
        assert_eq!(read, [ControlRecord::EndTxn { committed, coordinator_epoch: 9 }]);
    }
}

#[test]
fn the_quorums_records_are_kafkas_to_the_byte() {
    let one = vec![NodeId(1)];
    let epoch_start = [
        ControlRecord::LeaderChange { leader: NodeId(1), voters: one.clone(), granting_voters: one },
        ControlRecord::KraftVersion(1),
        ControlRecord::KraftVoters(voters()),
    ];
    let header = [ControlRecord::SnapshotHeader { last_contained_log_ms: 1_699_999_999_999 }];
    let cases: [(&str, &[ControlRecord]); 3] = [
        ("control.epoch_start", &epoch_start),
        ("control.snapshot_header", &header),
        ("control.snapshot_footer", &[ControlRecord::SnapshotFooter]),
    ];
    for (name, records) in cases {
        let expected = java_batch(name);
        let built = quorum_batch(Offset(0), LeaderEpoch(1), 1_700_000_000_456, records);
        assert_eq!(built[..], expected, "{name}");
        assert_eq!(ControlRecord::all_of(&expected).unwrap(), records, "{name}");
    }
}

#[test]
fn kinds_of_newer_brokers_are_known_as_such_and_nonsense_is_an_error() {
    assert_eq!(ControlKind::parse(&[0, 9, 0, 77]), Ok(ControlKind::Unknown(77)));
    assert_eq!(ControlRecord::parse(&[0, 0, 0, 77], b"??"), Ok(ControlRecord::Unknown(77)));
    assert!(ControlKind::parse(&[0, 0, 0]).is_err());
    assert!(ControlKind::parse(&[0xff, 0xff, 0, 1]).is_err());
    let value = ControlRecord::KraftVoters(voters()).value();
    for cut in 0..value.len() {
        assert!(ControlRecord::parse(&ControlKind::KraftVoters.key(), &value[..cut]).is_err(), "cut to {cut}");
    }
    // Four billion voters in nine bytes.
    assert!(
        ControlRecord::parse(&ControlKind::KraftVoters.key(), &[0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]).is_err()
    );
}

#[test]
fn tagged_fields_of_newer_brokers_are_passed_over() {
    let value = [0, 0, 0, 0, 0, 5, 2, 0, 0, 0, 5, 1, 3, 2, 0xaa, 0xbb, 1, 0];
    let expected = ControlRecord::LeaderChange { leader: NodeId(5), voters: vec![NodeId(5)], granting_voters: vec![] };
    assert_eq!(ControlRecord::parse(&ControlKind::LeaderChange.key(), &value), Ok(expected));
}
