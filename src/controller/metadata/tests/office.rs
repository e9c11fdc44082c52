use bytes::Bytes;
use uuid::Uuid;

use super::text;
use crate::controller::metadata::testing::{DIRECTORY, Driver, NODE};
use crate::controller::metadata::*;
use crate::controller::records::*;
use crate::model::{ErrorCode, NodeId, ProducerId, TopicId};
use crate::records::Voter;
use crate::wire::messages::alter_partition_reassignments_request::{ReassignablePartition, ReassignableTopic};
use crate::wire::messages::elect_leaders_request::TopicPartitions;
use crate::wire::messages::update_features_request::FeatureUpdateKey;
use crate::wire::messages::*;

const REAL: &str = include_str!("../../../../tests/data/kafka-4.3-metadata/records.hex");

fn activation(directory: Uuid) -> Request {
    Request::Activate(Box::new(Activation {
        bootstrap: initial_features().into_iter().map(MetadataRecord::from).collect(),
        incarnation_id: Uuid::from_u128(77),
        endpoints: vec![],
        controller_endpoints: vec![],
        rack: None,
        log_dirs: vec![directory],
    }))
}

#[test]
fn an_empty_log_begins_with_the_features_and_the_node() {
    let mut driver = Driver::empty();
    let Reply::Activated { broker_epoch } = driver.ask(activation(DIRECTORY)) else { panic!() };
    let image = driver.image();
    assert_eq!((image.metadata_version(), image.features.level("transaction.version")), (30, 2));
    assert_eq!(image.configs.value(&ConfigResource::cluster_default(), "min.insync.replicas"), Some("1"));
    let broker = &image.cluster.brokers[&NODE];
    assert!(broker.is_active());
    assert_eq!((broker.epoch, broker.incarnation_id), (broker_epoch, Uuid::from_u128(77)));
    let at = driver.log.iter().position(|record| record.type_name() == "RegisterBroker").unwrap();
    assert_eq!(broker_epoch, at as i64);
    driver.ask(activation(DIRECTORY));
    assert!(driver.image().cluster.brokers[&NODE].epoch > broker_epoch, "each life has an epoch of its own");
    assert_eq!(driver.log.iter().filter(|record| record.type_name() == "BeginTransaction").count(), 1);
}

#[test]
fn the_topics_of_a_real_node_that_was_shut_down_are_led_again() {
    let mut driver = Driver::empty();
    let unhex = |line: &str| -> Vec<u8> {
        (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16).unwrap()).collect()
    };
    driver.persist(REAL.lines().map(|line| MetadataRecord::decode(&unhex(line)).unwrap()).collect());
    let directory = driver.image().cluster.brokers[&NODE].log_dirs[0];
    driver.ask(activation(directory));
    let orders = driver.image().topics.by_name("orders").unwrap();
    for partition in orders.partitions() {
        assert_eq!((partition.leader, partition.leader_epoch, &*partition.isr), (NODE, 2, &[NODE][..]));
        assert!(partition.eligible_leader_replicas().is_empty() && partition.last_known_elr().is_empty());
    }
    let length = driver.log.len();
    driver.ask(activation(directory));
    assert_eq!(driver.log.len(), length + 2, "a second start changes no partition");
}

#[test]
fn a_partition_without_a_whole_copy_here_is_not_led_and_lost_directories_are_mended() {
    let mut driver = Driver::new();
    let id = TopicId(Uuid::from_u128(5));
    let partition = |index, replicas: &[i32], isr: &[i32]| -> MetadataRecord {
        PartitionImage::new(index, replicas, isr, &[Uuid::nil(), Uuid::nil()][..replicas.len()]).to_record(id).into()
    };
    driver.persist(vec![
        TopicRecord { name: "t".into(), topic_id: id }.into(),
        partition(0, &[1], &[1]),
        partition(1, &[2, 1], &[2, 1]),
        partition(2, &[2, 1], &[2]),
        partition(3, &[2], &[2]),
    ]);
    driver.ask(activation(DIRECTORY));
    let topic = driver.image().topics.by_name("t").unwrap().clone();
    let seen = |index| {
        let partition = topic.partition(index).unwrap();
        (partition.leader, partition.leader_epoch, partition.directories.to_vec())
    };
    assert_eq!(seen(0), (1, 0, vec![DIRECTORY]));
    assert_eq!(seen(1), (1, 1, vec![Uuid::nil(), DIRECTORY]));
    assert_eq!(seen(2), (NO_LEADER, 1, vec![Uuid::nil(), Uuid::nil()]));
    assert_eq!(seen(3), (2, 0, vec![Uuid::nil()]));
}

#[test]
fn producer_ids_come_in_blocks_that_never_overlap() {
    let mut driver = Driver::new();
    let mut block = || match driver.ask(Request::AllocateProducerIds) {
        Reply::ProducerIds(first) => first,
        other => panic!("{other:?}"),
    };
    assert_eq!((block(), block()), (Ok(ProducerId(0)), Ok(ProducerId(1000))));
    driver.persist(vec![ProducerIds { broker_id: 1, broker_epoch: 1, next_producer_id: i64::MAX - 5 }.into()]);
    let Reply::ProducerIds(none) = driver.ask(Request::AllocateProducerIds) else { panic!() };
    assert!(none.is_err());
}

fn update(driver: &mut Driver, feature: &str, level: i16, kind: i8, dry: bool) -> i16 {
    let key =
        FeatureUpdateKey::default().with_feature(text(feature)).with_max_version_level(level).with_upgrade_type(kind);
    let request = UpdateFeaturesRequest::default().with_feature_updates(vec![key]).with_validate_only(dry);
    let Reply::UpdateFeatures(reply) = driver.ask(Request::UpdateFeatures(request, 2)) else { panic!() };
    reply.error_code
}

#[test]
fn features_move_within_what_is_supported() {
    let mut driver = Driver::empty();
    driver.ask(activation(DIRECTORY));
    let refused = ErrorCode::InvalidUpdateVersion.code();
    for (feature, level, kind, code) in [
        ("no.such", 1, 1, refused),
        ("no.such", 0, 1, refused),
        ("metadata.version", 31, 1, refused),
        ("metadata.version", -1, 1, refused),
        ("metadata.version", 29, 1, refused),
        ("metadata.version", 29, 2, refused),
        ("metadata.version", 29, 3, refused),
        ("metadata.version", 30, 1, 0),
        ("group.version", 1, 2, 0),
        ("group.version", 1, 9, refused),
        ("transaction.version", 1, 1, refused),
        ("transaction.version", 3, 1, refused),
        ("kraft.version", 0, 1, 0),
        ("kraft.version", 1, 2, refused),
    ] {
        assert_eq!(update(&mut driver, feature, level, kind, true), code, "{feature} {level} {kind}");
    }
    assert_eq!(driver.image().features.level("transaction.version"), 2);
    assert_eq!(update(&mut driver, "transaction.version", 1, 2, false), 0);
    assert_eq!(driver.image().features.level("transaction.version"), 1);
    assert_eq!(update(&mut driver, "share.version", 0, 2, false), 0);
    assert_eq!(driver.image().features.level("share.version"), 0);
}

#[test]
fn the_quorum_names_its_voter_once_it_has_an_address() {
    let mut driver = Driver::empty();
    driver.ask(activation(DIRECTORY));
    assert_eq!(update(&mut driver, "kraft.version", 1, 1, false), ErrorCode::InvalidUpdateVersion.code());
    driver.machine.settings.voter = Some(Voter {
        id: NodeId(NODE),
        directory_id: DIRECTORY,
        endpoints: Vec::new(),
        kraft_version_min: 0,
        kraft_version_max: 1,
    });
    assert_eq!(update(&mut driver, "kraft.version", 1, 1, true), 0);
    assert_eq!(driver.quorum, []);
    assert_eq!(update(&mut driver, "kraft.version", 1, 1, false), 0);
    assert_eq!(driver.quorum, [QuorumChange::RaiseKraftVersion(1)]);
    driver.machine.set_kraft_version(1);
    assert_eq!(update(&mut driver, "kraft.version", 1, 1, false), 0);
    assert_eq!(update(&mut driver, "kraft.version", 0, 2, false), ErrorCode::InvalidUpdateVersion.code());
    assert_eq!(driver.quorum.len(), 1);
    assert!(driver.image().features.levels().contains(&("kraft.version".to_string(), 1)));
}

fn with_topic(partitions: i32) -> Driver {
    let mut driver = Driver::new();
    let topic = create_topics_request::CreatableTopic::default()
        .with_name(text("t").into())
        .with_num_partitions(partitions)
        .with_replication_factor(1);
    driver.ask(Request::CreateTopics(CreateTopicsRequest::default().with_topics(vec![topic])));
    driver
}

#[test]
fn nobody_else_can_be_elected() {
    let mut driver = with_topic(2);
    let mut elect = |kind: i8, topics: Option<Vec<TopicPartitions>>| {
        let request = ElectLeadersRequest::default().with_election_type(kind).with_topic_partitions(topics);
        let Reply::ElectLeaders(reply) = driver.ask(Request::ElectLeaders(request)) else { panic!() };
        reply.map(|reply| {
            let results = reply.replica_election_results.iter();
            results.flat_map(|r| r.partition_result.iter().map(|p| p.error_code)).collect::<Vec<_>>()
        })
    };
    let partitions = |name: &str, list: &[i32]| {
        TopicPartitions::default().with_topic(text(name).into()).with_partitions(list.to_vec())
    };
    for kind in [0, 1] {
        assert_eq!(elect(kind, Some(vec![partitions("t", &[0, 1])])), Ok(vec![84, 84]));
    }
    assert_eq!(elect(0, Some(vec![partitions("t", &[7]), partitions("no", &[0])])), Ok(vec![3, 3]));
    assert_eq!(elect(0, None), Ok(vec![]));
    assert_eq!(elect(2, None).unwrap_err().code, ErrorCode::InvalidRequest);
}

#[test]
fn partitions_can_be_reassigned_only_to_where_they_are() {
    let mut driver = with_topic(1);
    let mut assign = |topic: &str, index: i32, replicas: Option<&[i32]>| {
        let partition = ReassignablePartition::default()
            .with_partition_index(index)
            .with_replicas(replicas.map(|ids| ids.iter().map(|id| BrokerId(*id)).collect()));
        let topic = ReassignableTopic::default().with_name(text(topic).into()).with_partitions(vec![partition]);
        let request = AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]);
        let Reply::AlterPartitionReassignments(reply) = driver.ask(Request::AlterPartitionReassignments(request))
        else {
            panic!()
        };
        reply.responses[0].partitions[0].error_code
    };
    assert_eq!(assign("t", 0, Some(&[1])), 0);
    assert_eq!(assign("t", 0, None), ErrorCode::NoReassignmentInProgress.code());
    for bad in [&[5][..], &[1, 5], &[1, 1], &[], &[-1]] {
        assert_eq!(assign("t", 0, Some(bad)), ErrorCode::InvalidReplicaAssignment.code(), "{bad:?}");
    }
    assert_eq!((assign("t", 9, Some(&[1])), assign("no", 0, Some(&[1]))), (3, 3));
}

#[test]
fn the_only_broker_stays_and_a_left_over_one_goes() {
    let mut driver = Driver::new();
    let mut other = driver.image().cluster.brokers[&NODE].to_record();
    other.broker_id = 2;
    driver.persist(vec![other.into()]);
    let mut unregister = |id: i32| {
        let request = UnregisterBrokerRequest::default().with_broker_id(BrokerId(id));
        let Reply::UnregisterBroker(reply) = driver.ask(Request::UnregisterBroker(request)) else { panic!() };
        reply.error_code
    };
    assert_eq!(unregister(77), ErrorCode::BrokerIdNotRegistered.code());
    assert_eq!(unregister(1), ErrorCode::InvalidRequest.code());
    assert_eq!(unregister(2), 0);
    assert_eq!(driver.image().cluster.brokers.len(), 1);
}

#[test]
fn scram_keys_are_derived_and_passwords_are_not_kept() {
    use crate::wire::messages::alter_user_scram_credentials_request::{
        ScramCredentialDeletion, ScramCredentialUpsertion,
    };
    let mut driver = Driver::new();
    let put = |name: &str, mechanism: i8, iterations: i32, password: &'static str| {
        ScramCredentialUpsertion::default()
            .with_name(text(name))
            .with_mechanism(mechanism)
            .with_iterations(iterations)
            .with_salt(Bytes::from_static(b"salt"))
            .with_salted_password(Bytes::from_static(password.as_bytes()))
    };
    let mut change = |upsertions: Vec<ScramCredentialUpsertion>, deletions: &[(&str, i8)]| {
        let deletion =
            |(name, kind): &(&str, i8)| ScramCredentialDeletion::default().with_name(text(name)).with_mechanism(*kind);
        let request = AlterUserScramCredentialsRequest::default()
            .with_upsertions(upsertions)
            .with_deletions(deletions.iter().map(deletion).collect());
        let Reply::AlterUserScramCredentials(reply) = driver.ask(Request::AlterUserScramCredentials(request)) else {
            panic!()
        };
        let codes: Vec<i16> = reply.results.iter().map(|result| result.error_code).collect();
        (codes, driver.image().scram.len())
    };
    let duplicate = ErrorCode::DuplicateResource.code();
    assert_eq!(change(vec![put("a", 1, 8192, "p"), put("a", 2, 4096, "p")], &[]), (vec![duplicate], 0));
    assert_eq!(change(vec![put("a", 1, 8192, "p")], &[]), (vec![0], 1));
    assert_eq!(change(vec![put("a", 2, 4096, "p"), put("b", 1, 4096, "p")], &[]), (vec![0, 0], 3));
    for (bad, code) in [
        (put("c", 1, 4095, "p"), ErrorCode::UnacceptableCredential),
        (put("c", 1, 16385, "p"), ErrorCode::UnacceptableCredential),
        (put("c", 0, 4096, "p"), ErrorCode::UnsupportedSaslMechanism),
        (put("", 1, 4096, "p"), ErrorCode::UnacceptableCredential),
        (put("c", 1, 4096, ""), ErrorCode::UnknownServerError),
    ] {
        assert_eq!(change(vec![bad], &[]), (vec![code.code()], 3));
    }
    assert_eq!(change(vec![put("a", 1, 8192, "p")], &[("a", 1)]), (vec![duplicate], 3));
    assert_eq!(change(vec![], &[("a", 1), ("b", 1)]), (vec![0, 0], 1));
    assert_eq!(change(vec![], &[("a", 1)]), (vec![ErrorCode::ResourceNotFound.code()], 1));
}
