use std::sync::Arc;

use uuid::Uuid;

use super::*;
use crate::controller::metadata::testing::Driver;
use crate::controller::records::*;

const REAL: &str = include_str!("../../../../tests/data/kafka-4.3-metadata/records.hex");

fn real_records() -> Vec<MetadataRecord> {
    let unhex = |line: &str| -> Vec<u8> {
        (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect()
    };
    REAL.lines().map(|line| MetadataRecord::decode(&unhex(line)).unwrap()).collect()
}

#[test]
fn the_log_of_a_real_node_makes_the_state_it_had() {
    let mut driver = Driver::empty();
    driver.persist(real_records());
    let image = driver.image();
    assert_eq!(image.metadata_version(), 30);
    assert_eq!((image.features.level("transaction.version"), image.features.level("share.version")), (2, 1));
    assert!(image.topics.by_name("gone").is_none());
    let orders = image.topics.by_name("orders").unwrap();
    assert_eq!(orders.partition_count(), 5);
    // The node had shut down: nobody leads, and it alone may lead again.
    let partition = orders.partition(4).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch, partition.partition_epoch), (NO_LEADER, 1, 1));
    assert_eq!((&*partition.isr, partition.eligible_leader_replicas()), (&[][..], &[1][..]));
    let configs: Vec<_> = image.configs.iter().map(|(resource, values)| (resource.to_string(), values.len())).collect();
    assert_eq!(
        configs,
        [
            ("ConfigResource(type=TOPIC, name='orders')".to_string(), 1),
            ("ConfigResource(type=BROKER, name='')".to_string(), 2),
            ("ConfigResource(type=CLIENT_METRICS, name='m1')".to_string(), 2),
        ]
    );
    assert_eq!((image.acls.len(), image.scram.len(), image.quotas.len()), (1, 1, 1));
    assert_eq!(image.next_producer_id, 1000);
    let broker = &image.cluster.brokers[&1];
    assert!(broker.fenced && broker.in_controlled_shutdown);
}

#[test]
fn a_snapshot_makes_the_same_image() {
    let mut driver = Driver::empty();
    driver.persist(real_records());
    let token = DelegationTokenRecord {
        owner: "User:a".into(),
        requester: "User:a".into(),
        renewers: vec![],
        issue_ms: 1,
        max_ms: 2,
        expiry_ms: 3,
        token_id: "id".into(),
    };
    driver.persist(vec![token.into()]);
    let mut again = Driver::empty();
    let mut records = Vec::new();
    driver.image().for_each_record(|record| records.push(record));
    again.persist(records);
    again.machine.move_to(driver.image().next_offset);
    assert_eq!(again.image(), driver.image());
}

#[test]
fn a_transaction_counts_as_a_whole_or_not_at_all() {
    let topic = |name: &str, id: u128| -> MetadataRecord {
        TopicRecord { name: name.into(), topic_id: TopicId(Uuid::from_u128(id)) }.into()
    };
    let mut driver = Driver::empty();
    driver.persist(vec![topic("before", 1), BeginTransaction { name: None }.into(), topic("taken-back", 2)]);
    assert!(driver.machine.in_transaction());
    driver.persist(vec![AbortTransaction { reason: None }.into()]);
    driver.persist(vec![BeginTransaction { name: None }.into(), topic("kept", 3), EndTransaction {}.into()]);
    let names: Vec<_> = driver.image().topics.iter().map(|t| t.name.to_string()).collect();
    assert_eq!(names, ["before", "kept"]);
    assert_eq!(driver.image().next_offset, 7);
    assert!(!driver.machine.in_transaction());
}

#[test]
fn a_record_that_does_not_fit_is_a_fault_and_not_a_panic() {
    let id = TopicId(Uuid::from_u128(9));
    let partition = PartitionImage::new(0, &[1], &[1], &[]).to_record(id);
    let misfits: Vec<(MetadataRecord, ApplyError)> = vec![
        (partition.into(), ApplyError::NoTopic(id)),
        (PartitionChange { partition: 3, topic_id: id, ..Default::default() }.into(), ApplyError::NoPartition(id, 3)),
        (RemoveTopic { topic_id: id }.into(), ApplyError::NoTopic(id)),
        (FenceBroker { id: 5, epoch: 1 }.into(), ApplyError::NoBroker(5)),
        (EndTransaction {}.into(), ApplyError::Transaction("EndTransaction")),
        (FeatureLevel { name: METADATA_VERSION.into(), level: 31 }.into(), ApplyError::MetadataVersion(31)),
        (RemoveUserScramCredential { name: "a".into(), mechanism: 3 }.into(), ApplyError::ScramMechanism(3)),
        (
            ConfigRecord { resource_type: 3, resource_name: "".into(), name: "k".into(), value: None }.into(),
            ApplyError::ConfigKind(3),
        ),
    ];
    for (record, fault) in misfits {
        let mut driver = Driver::empty();
        crate::controller::machine::Machine::apply(&mut driver.machine, driver.now, &record);
        assert_eq!(driver.machine.fault(), Some(&fault));
    }
}

#[test]
fn images_share_what_does_not_change() {
    let mut driver = Driver::empty();
    driver.persist(real_records());
    let before = driver.image().clone();
    driver.persist(vec![ClearElr { topic_name: "orders".into() }.into()]);
    let orders = |image: &MetadataImage| image.topics.by_name("orders").unwrap().clone();
    assert!(!Arc::ptr_eq(&orders(&before), &orders(driver.image())));
    assert!(orders(driver.image()).partitions().iter().all(|p| p.eligible_leader_replicas().is_empty()));
    assert!(Arc::ptr_eq(&before.features, &driver.image().features));
}
