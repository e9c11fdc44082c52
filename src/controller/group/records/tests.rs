use uuid::Uuid;

use super::*;
use crate::model::TopicId;

fn samples() -> Vec<Record> {
    let (group, member): (GroupId, MemberId) = ("g".into(), "m-1".into());
    let topic_id = TopicId(Uuid::from_u128(7));
    let commit = |expire_timestamp_ms, topic_id| {
        Value::OffsetCommit(OffsetCommitValue {
            offset: 42,
            leader_epoch: if expire_timestamp_ms == -1 { 3 } else { -1 },
            metadata: "note".into(),
            commit_timestamp_ms: 1_000,
            expire_timestamp_ms,
            topic_id,
        })
    };
    let commit_key = || Key::OffsetCommit { group: group.clone(), topic: "t".into(), partition: 4 };
    let held = |assignment_epochs| HeldPartitionsValue { topic_id, partitions: vec![0, 2], assignment_epochs };
    vec![
        Record::put(commit_key(), commit(-1, topic_id)),
        Record::put(commit_key(), commit(-1, TopicId::ZERO)),
        Record::put(commit_key(), commit(9_000, TopicId::ZERO)),
        Record::tombstone(commit_key()),
        Record::put(
            Key::GroupMetadata { group: group.clone() },
            Value::GroupMetadata(GroupMetadataValue {
                protocol_type: "consumer".into(),
                generation: 5,
                protocol: Some("range".into()),
                leader: Some(member.clone()),
                state_timestamp_ms: 77,
                members: vec![GroupMemberValue {
                    member_id: member.clone(),
                    instance_id: Some("one".into()),
                    client_id: "c".into(),
                    client_host: "/127.0.0.1".into(),
                    rebalance_timeout_ms: 60_000,
                    session_timeout_ms: 10_000,
                    subscription: Bytes::from_static(b"sub"),
                    assignment: Bytes::new(),
                }],
            }),
        ),
        Record::put(
            Key::ConsumerGroup { group: group.clone() },
            Value::ConsumerGroup(ConsumerGroupValue { epoch: 3, metadata_hash: -9 }),
        ),
        Record::put(
            Key::PartitionMetadata { group: group.clone() },
            Value::PartitionMetadata(PartitionMetadataValue {
                topics: vec![TopicMetadataValue {
                    topic_id,
                    name: "t".into(),
                    partitions: 3,
                    racks: vec![(0, vec!["a".into(), "b".into()])],
                }],
            }),
        ),
        Record::put(
            Key::ConsumerMember { group: group.clone(), member: member.clone() },
            Value::ConsumerMember(ConsumerMemberValue {
                instance_id: None,
                rack_id: Some("rack".into()),
                client_id: "c".into(),
                client_host: "/h".into(),
                subscribed_topics: vec!["t".into(), "u".into()],
                subscribed_regex: Some("t.*".into()),
                rebalance_timeout_ms: 300_000,
                server_assignor: Some("range".into()),
                classic: Some(ClassicMemberValue {
                    session_timeout_ms: 45_000,
                    protocols: vec![("range".into(), Bytes::from_static(b"\0\x01"))],
                }),
            }),
        ),
        Record::put(
            Key::TargetAssignment { group: group.clone() },
            Value::TargetAssignment(TargetAssignmentValue { assignment_epoch: 4, assignment_timestamp_ms: 55 }),
        ),
        Record::put(
            Key::TargetMember { group: group.clone(), member: member.clone() },
            Value::TargetMember(TargetMemberValue {
                topics: vec![TopicPartitionsValue { topic_id, partitions: vec![1, 2] }],
            }),
        ),
        Record::put(
            Key::CurrentAssignment { group: group.clone(), member },
            Value::CurrentAssignment(CurrentAssignmentValue {
                member_epoch: 4,
                previous_member_epoch: 3,
                state: 1,
                assigned: vec![held(Some(vec![2, 4]))],
                pending_revocation: vec![held(None)],
            }),
        ),
        Record::put(
            Key::Regex { group, regex: "t.*".into() },
            Value::Regex(RegexValue { topics: vec!["t".into()], version: 12, timestamp_ms: 99 }),
        ),
    ]
}

#[test]
fn every_record_reads_back_as_it_was_written() {
    for record in samples() {
        let log = record.encode(None);
        assert_eq!(Record::decode(&log.key, log.value.as_ref()).unwrap(), record);
    }
}

#[test]
fn bytes_cut_anywhere_are_refused_and_never_panic() {
    for record in samples() {
        let log = record.encode(None);
        let key = log.key;
        for cut in 0..key.len() {
            assert!(Record::decode(&key.slice(..cut), None).is_err());
        }
        let Some(value) = log.value else { continue };
        for cut in 0..value.len() {
            assert!(Record::decode(&key, Some(&value.slice(..cut))).is_err(), "{record:?} cut to {cut}");
        }
    }
}

#[test]
fn a_commit_is_written_as_kafka_writes_it() {
    let log = samples().remove(0).encode(None);
    assert_eq!(&log.key[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x04");
    let value = log.value.unwrap();
    let mut expected = b"\0\x04\0\0\0\0\0\0\0\x2a\0\0\0\x03\x05note\0\0\0\0\0\0\x03\xe8\x01\0\x10".to_vec();
    expected.extend_from_slice(Uuid::from_u128(7).as_bytes());
    assert_eq!(&value[..], expected);
}

#[test]
fn old_versions_are_read() {
    let key = Bytes::from_static(b"\0\0\0\x01g\0\x01t\0\0\0\x04");
    let value = Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\x09\0\x01m\0\0\0\0\0\0\0\x05");
    let commit = Record::decode(&key, Some(&value)).unwrap();
    assert_eq!(commit.key, Key::OffsetCommit { group: "g".into(), topic: "t".into(), partition: 4 });
    let Some(Value::OffsetCommit(commit)) = commit.value else { panic!("not a commit") };
    assert_eq!((commit.offset, &*commit.metadata, commit.commit_timestamp_ms), (9, "m", 5));
    assert_eq!((commit.leader_epoch, commit.expire_timestamp_ms), (-1, -1));

    let key = Bytes::from_static(b"\0\x02\0\x01g");
    let mut value = b"\0\0\0\x08consumer\0\0\0\x02\0\x05range\0\x01m\0\0\0\x01".to_vec();
    value.extend_from_slice(b"\0\x01m\0\x01c\0\x02/h\0\0\x27\x10\0\0\0\x01s\0\0\0\x01a");
    let group = Record::decode(&key, Some(&value.into())).unwrap();
    let Some(Value::GroupMetadata(group)) = group.value else { panic!("not a group") };
    assert_eq!((group.generation, group.state_timestamp_ms), (2, -1));
    assert_eq!(group.members[0].rebalance_timeout_ms, 10_000, "version 0 has only the session timeout");
}

#[test]
fn what_is_not_ours_is_told_apart_from_what_is_unknown() {
    let share = Record::decode(&Bytes::from_static(b"\0\x0b\0\x01g"), Some(&Bytes::from_static(b"\0\0junk"))).unwrap();
    assert_eq!(share, Record::tombstone(Key::Unserved { record_type: 11 }));
    assert_eq!(Record::decode(&Bytes::from_static(b"\0\x63\0\x01g"), None), Err(RecordError::Type(99)));
    let newer = Record::decode(&Bytes::from_static(b"\0\x02\0\x01g"), Some(&Bytes::from_static(b"\0\x05")));
    assert!(matches!(newer, Err(RecordError::Version { version: 5, .. })));
}

/// Keys and values as a real Apache Kafka 4.3 wrote them, in hex; `-` is a tombstone.
const OF_KAFKA: &str = include_str!("kafka.txt");

fn bytes_of(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn what_kafka_wrote_is_read_and_written_again_to_the_byte() {
    let mut types = std::collections::BTreeSet::new();
    for line in OF_KAFKA.lines() {
        let (key, value) = line.split_once(' ').unwrap();
        let (key, value) = (bytes_of(key), (value != "-").then(|| bytes_of(value)));
        let record = Record::decode(&key, value.as_ref()).unwrap_or_else(|error| panic!("{error}: {line}"));
        let again = record.encode(None);
        assert_eq!(again.key, key, "{record:?}");
        assert_eq!(again.value, value, "{record:?}");
        types.insert((record.key.record_type(), record.value.is_some()));
    }
    for record_type in [1, 2, 3, 5, 6, 7, 8, 16] {
        assert!(types.contains(&(record_type, true)), "no sample of type {record_type}");
    }
}
