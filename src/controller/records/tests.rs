use uuid::Uuid;

use super::*;

/// Values of the metadata log of an Apache Kafka 4.3.1 node, one in hex a line.
const REAL: &str = include_str!("../../../tests/data/kafka-4.3-metadata/records.hex");

fn unhex(line: &str) -> Vec<u8> {
    (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn what_a_real_node_wrote_is_read_and_written_back_byte_for_byte() {
    let mut types = std::collections::BTreeSet::new();
    for line in REAL.lines() {
        let bytes = unhex(line);
        let record = MetadataRecord::decode(&bytes).unwrap_or_else(|e| panic!("{line}: {e}"));
        types.insert(record.type_name());
        assert_eq!(record.encode(METADATA_VERSION_LATEST), bytes, "{record:?}");
    }
    assert!(types.len() >= 17, "{types:?}");
}

#[test]
fn a_partition_of_a_real_node_means_what_it_says() {
    let line = REAL.lines().find(|line| line.starts_with("0103")).unwrap();
    let MetadataRecord::Partition(partition) = MetadataRecord::decode(&unhex(line)).unwrap() else { panic!() };
    assert_eq!((partition.partition, partition.leader, partition.leader_epoch), (0, 1, 0));
    assert_eq!((partition.replicas, partition.isr), (vec![1], vec![1]));
    assert_eq!(TopicId(partition.directories[0]).to_string(), "zesD0YV4Mo_E4CUsHlrkeA");
}

use crate::model::TopicId;

/// Every kind of record with every field away from its default.
fn one_of_each() -> Vec<MetadataRecord> {
    let topic_id = TopicId(Uuid::from_u128(7));
    let text = |t: &str| t.to_string();
    let endpoints = vec![Endpoint { name: text("TLS"), host: text("h"), port: 65000, security_protocol: 1 }];
    let features = vec![FeatureRange { name: text("f"), min: 1, max: 30 }];
    vec![
        RegisterBroker {
            broker_id: 3,
            is_migrating_zk_broker: true,
            incarnation_id: Uuid::from_u128(1),
            broker_epoch: 12,
            endpoints: endpoints.clone(),
            features: features.clone(),
            rack: Some(text("r")),
            fenced: true,
            in_controlled_shutdown: true,
            log_dirs: vec![Uuid::from_u128(2)],
            cordoned_log_dirs: Some(vec![Uuid::from_u128(3)]),
        }
        .into(),
        UnregisterBroker { broker_id: 3, broker_epoch: 9 }.into(),
        TopicRecord { name: "t".into(), topic_id }.into(),
        PartitionRecord {
            partition: 4,
            topic_id,
            replicas: vec![1, 2],
            isr: vec![2],
            removing_replicas: vec![1],
            adding_replicas: vec![3],
            leader: 2,
            leader_recovery_state: 1,
            leader_epoch: 5,
            partition_epoch: 6,
            directories: vec![Uuid::from_u128(8), Uuid::from_u128(9)],
            eligible_leader_replicas: Some(vec![1]),
            last_known_elr: Some(vec![]),
        }
        .into(),
        ConfigRecord { resource_type: 2, resource_name: text("t"), name: text("k"), value: Some(text("v")) }.into(),
        PartitionChange {
            partition: 4,
            topic_id,
            isr: Some(vec![1]),
            leader: Some(-1),
            replicas: Some(vec![1]),
            removing_replicas: Some(vec![]),
            adding_replicas: Some(vec![2]),
            leader_recovery_state: Some(0),
            directories: Some(vec![Uuid::from_u128(1)]),
            eligible_leader_replicas: Some(vec![]),
            last_known_elr: Some(vec![1]),
        }
        .into(),
        FenceBroker { id: 1, epoch: 2 }.into(),
        UnfenceBroker { id: 1, epoch: 2 }.into(),
        RemoveTopic { topic_id }.into(),
        DelegationTokenRecord {
            owner: text("User:a"),
            requester: text("User:b"),
            renewers: vec![text("User:c")],
            issue_ms: 1,
            max_ms: 2,
            expiry_ms: 3,
            token_id: text("id"),
        }
        .into(),
        UserScramCredential {
            name: text("a"),
            mechanism: 1,
            salt: "salt".into(),
            stored_key: "stored".into(),
            server_key: "server".into(),
            iterations: 4096,
        }
        .into(),
        FeatureLevel { name: text("f"), level: 3 }.into(),
        ClientQuotaRecord {
            entity: vec![QuotaEntityPart { kind: text("user"), name: None }],
            key: text("k"),
            value: 1.5,
            remove: true,
        }
        .into(),
        ProducerIds { broker_id: 1, broker_epoch: 2, next_producer_id: 3 }.into(),
        BrokerRegistrationChange {
            broker_id: 1,
            broker_epoch: 2,
            fenced: Some(true),
            in_controlled_shutdown: true,
            log_dirs: vec![Uuid::from_u128(1)],
            cordoned_log_dirs: Some(vec![]),
        }
        .into(),
        AccessControlEntry {
            id: Uuid::from_u128(4),
            resource_type: 2,
            resource_name: text("t"),
            pattern_type: 3,
            principal: text("User:a"),
            host: text("*"),
            operation: 3,
            permission_type: 3,
        }
        .into(),
        RemoveAccessControlEntry { id: Uuid::from_u128(4) }.into(),
        NoOp {}.into(),
        ZkMigrationState { state: 1 }.into(),
        RemoveUserScramCredential { name: text("a"), mechanism: 2 }.into(),
        BeginTransaction { name: Some(text("n")) }.into(),
        EndTransaction {}.into(),
        AbortTransaction { reason: Some(text("why")) }.into(),
        RemoveDelegationToken { token_id: text("id") }.into(),
        RegisterController {
            controller_id: 1,
            incarnation_id: Uuid::from_u128(5),
            zk_migration_ready: true,
            endpoints,
            features,
        }
        .into(),
        ClearElr { topic_name: text("t") }.into(),
    ]
}

#[test]
fn every_record_comes_back_as_it_went() {
    for record in one_of_each() {
        let bytes = record.encode(METADATA_VERSION_LATEST);
        assert_eq!(MetadataRecord::decode(&bytes), Ok(record));
    }
}

#[test]
fn every_older_schema_is_read() {
    for metadata_version in METADATA_VERSION_MIN..METADATA_VERSION_LATEST {
        for record in one_of_each() {
            let bytes = record.encode(metadata_version);
            let read = MetadataRecord::decode(&bytes).unwrap();
            assert_eq!(read.encode(metadata_version), bytes, "{record:?} at {metadata_version}");
        }
    }
}

#[test]
fn a_record_cut_anywhere_is_refused_and_never_panics() {
    for record in one_of_each() {
        let bytes = record.encode(METADATA_VERSION_LATEST);
        for end in 0..bytes.len() {
            assert!(MetadataRecord::decode(&bytes[..end]).is_err(), "{record:?} cut to {end}");
        }
    }
}

#[test]
fn what_this_version_does_not_know_is_named() {
    assert_eq!(MetadataRecord::decode(&[2, 2, 0]), Err(RecordError::Frame(2)));
    assert_eq!(MetadataRecord::decode(&[1, 29, 0, 0]), Err(RecordError::Type(29)));
    assert_eq!(MetadataRecord::decode(&[1, 3, 3, 0]), Err(RecordError::Version { type_name: "Partition", version: 3 }));
    assert_eq!(MetadataRecord::decode(&[1, 20, 0, 0, 9]), Err(RecordError::Leftover { type_name: "NoOp", left: 1 }));
}

#[test]
fn a_count_beyond_the_bytes_allocates_nothing() {
    // A topic's replicas said to be four billion.
    let mut bytes = vec![1, 3, 2, 0, 0, 0, 0];
    bytes.extend([0; 16]);
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(MetadataRecord::decode(&bytes), Err(RecordError::Short));
}
