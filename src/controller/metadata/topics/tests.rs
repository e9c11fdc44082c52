use std::sync::Arc;

use super::*;
use crate::controller::metadata::event::{Caller, Deed, Reply, Request, ThrottleMs};
use crate::controller::metadata::testing::{DIRECTORY, Driver};
use crate::model::ErrorCode;
use crate::wire::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use crate::wire::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};
use crate::wire::messages::delete_topics_request::DeleteTopicState;
use crate::wire::messages::*;

fn topic(name: &str, partitions: i32, factor: i16) -> CreatableTopic {
    CreatableTopic::default().with_name(wire_name(name)).with_num_partitions(partitions).with_replication_factor(factor)
}

fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> CreatableTopic {
    topic(name, -1, -1).with_assignments(
        assignments
            .iter()
            .map(|(index, brokers)| {
                CreatableReplicaAssignment::default()
                    .with_partition_index(*index)
                    .with_broker_ids(brokers.iter().map(|id| BrokerId(*id)).collect())
            })
            .collect(),
    )
}

fn configured(name: &str, key: &'static str, value: Option<&'static str>) -> CreatableTopic {
    topic(name, 1, 1).with_configs(vec![
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_static_str(key))
            .with_value(value.map(StrBytes::from_static_str)),
    ])
}

fn create(driver: &mut Driver, topics: Vec<CreatableTopic>) -> Vec<(String, i16)> {
    let request = CreateTopicsRequest::default().with_topics(topics);
    let Reply::CreateTopics(reply) = driver.ask(Request::CreateTopics(request)) else { panic!() };
    reply.topics.iter().map(|t| (t.name.to_string(), t.error_code)).collect()
}

fn code(driver: &mut Driver, topic: CreatableTopic) -> ErrorCode {
    let answers = create(driver, vec![topic]);
    assert_eq!(answers.len(), 1);
    [
        ErrorCode::None,
        ErrorCode::InvalidTopicException,
        ErrorCode::TopicAlreadyExists,
        ErrorCode::InvalidPartitions,
        ErrorCode::InvalidReplicationFactor,
        ErrorCode::InvalidReplicaAssignment,
        ErrorCode::InvalidConfig,
        ErrorCode::InvalidRequest,
        ErrorCode::PolicyViolation,
    ]
    .into_iter()
    .find(|code| code.code() == answers[0].1)
    .unwrap_or_else(|| panic!("unexpected {answers:?}"))
}

#[test]
fn a_created_topic_is_led_by_the_one_broker() {
    let mut driver = Driver::new();
    assert_eq!(create(&mut driver, vec![topic("t", 3, 1)]), [("t".to_string(), 0)]);
    let topic = driver.image().topics.by_name("t").unwrap();
    assert_eq!(driver.image().topics.by_id(topic.id).unwrap().name, topic.name);
    assert_eq!(topic.partition_count(), 3);
    let partition = topic.partition(2).unwrap();
    assert_eq!((partition.leader, partition.leader_epoch), (1, 0));
    assert_eq!((&*partition.isr, &*partition.directories), (&[1][..], &[DIRECTORY][..]));
}

#[test]
fn the_answer_shows_what_the_topic_got() {
    let mut driver = Driver::new();
    let request = CreateTopicsRequest::default().with_topics(vec![configured("t", "retention.ms", Some("5"))]);
    let Reply::CreateTopics(reply) = driver.ask(Request::CreateTopics(request)) else { panic!() };
    let result = &reply.topics[0];
    assert_eq!((result.num_partitions, result.replication_factor), (1, 1));
    assert_eq!(result.topic_id, driver.image().topics.by_name("t").unwrap().id.0);
    let shown: Vec<_> =
        result.configs.iter().flatten().map(|c| (c.name.to_string(), c.value.is_some(), c.config_source)).collect();
    let expected = [("cleanup.policy", true, 5), ("retention.ms", true, 1), ("secret", false, 5)];
    assert_eq!(shown, expected.map(|(name, value, source)| (name.to_string(), value, source)));
    assert_eq!(driver.image().configs.topic("t").unwrap().get("retention.ms").unwrap(), "5");
}

#[test]
fn each_mistake_has_kafkas_code() {
    let mut driver = Driver::new();
    let mut expect = |topic: CreatableTopic, wanted: ErrorCode| {
        let name = topic.name.to_string();
        assert_eq!(code(&mut driver, topic), wanted, "{name}");
        assert_eq!(driver.image().topics.by_name(&name).is_some(), wanted == ErrorCode::None, "{name}");
    };
    let long = "x".repeat(250);
    for bad in ["", ".", "..", "a b", "a/b", "ä", &long] {
        expect(topic(bad, 1, 1), ErrorCode::InvalidTopicException);
    }
    expect(topic("__cluster_metadata", 1, 1), ErrorCode::InvalidRequest);
    for (partitions, factor, wanted) in [
        (0, 1, ErrorCode::InvalidPartitions),
        (-2, 1, ErrorCode::InvalidPartitions),
        (1, 0, ErrorCode::InvalidReplicationFactor),
        (1, -2, ErrorCode::InvalidReplicationFactor),
        (1, 2, ErrorCode::InvalidReplicationFactor),
        (0, 0, ErrorCode::InvalidReplicationFactor),
        (10_001, 1, ErrorCode::PolicyViolation),
        (-1, -1, ErrorCode::None),
    ] {
        expect(topic("n", partitions, factor), wanted);
    }
    for (assignments, wanted) in [
        (&[(0, &[7][..])][..], ErrorCode::InvalidReplicaAssignment),
        (&[(0, &[1, 1])], ErrorCode::InvalidReplicaAssignment),
        (&[(0, &[])], ErrorCode::InvalidReplicaAssignment),
        (&[(0, &[1]), (2, &[1])], ErrorCode::InvalidReplicaAssignment),
        (&[(-1, &[1])], ErrorCode::InvalidReplicaAssignment),
        (&[(0, &[1]), (0, &[1])], ErrorCode::InvalidReplicaAssignment),
        (&[(1, &[1]), (0, &[1])], ErrorCode::None),
    ] {
        expect(assigned("m", assignments), wanted);
    }
    expect(assigned("both", &[(0, &[1])]).with_num_partitions(1), ErrorCode::InvalidRequest);
    expect(assigned("both", &[(0, &[1])]).with_replication_factor(1), ErrorCode::InvalidRequest);
    expect(configured("c", "no.such", Some("1")), ErrorCode::InvalidConfig);
    expect(configured("c", "retention.ms", Some("soon")), ErrorCode::InvalidConfig);
    expect(configured("c", "retention.ms", None), ErrorCode::InvalidConfig);
}

#[test]
fn names_that_differ_in_dots_and_underscores_collide_with_what_is_there() {
    let mut driver = Driver::new();
    assert_eq!(code(&mut driver, topic("x.y", 1, 1)), ErrorCode::None);
    assert_eq!(code(&mut driver, topic("x_y", 1, 1)), ErrorCode::InvalidTopicException);
    assert_eq!(code(&mut driver, topic("x.y", 1, 1)), ErrorCode::TopicAlreadyExists);
    let both = create(&mut driver, vec![topic("p.q", 1, 1), topic("p_q", 1, 1)]);
    assert_eq!(both, [("p.q".to_string(), 0), ("p_q".to_string(), 0)]);
    delete_names(&mut driver, &["x.y"]);
    assert_eq!(code(&mut driver, topic("x_y", 1, 1)), ErrorCode::None);
}

#[test]
fn a_name_given_twice_is_refused_once_and_the_rest_is_made() {
    let mut driver = Driver::new();
    let answers = create(&mut driver, vec![topic("d", 1, 1), topic("d", 1, 1), topic("e", 1, 1)]);
    assert_eq!(answers, [("e".to_string(), 0), ("d".to_string(), ErrorCode::InvalidRequest.code())]);
    assert!(driver.image().topics.by_name("d").is_none());
}

#[test]
fn validating_makes_nothing() {
    let mut driver = Driver::new();
    let request = CreateTopicsRequest::default().with_topics(vec![topic("v", 2, 1)]).with_validate_only(true);
    let before = driver.log.len();
    let Reply::CreateTopics(reply) = driver.ask(Request::CreateTopics(request)) else { panic!() };
    assert_eq!((reply.topics[0].error_code, reply.topics[0].num_partitions), (0, 2));
    assert_eq!(driver.log.len(), before);
}

fn delete(driver: &mut Driver, topics: Vec<DeleteTopicState>) -> Vec<(Option<String>, i16)> {
    let request = DeleteTopicsRequest::default().with_topics(topics);
    let Reply::DeleteTopics(reply) = driver.ask(Request::DeleteTopics(request)) else { panic!() };
    reply.responses.iter().map(|r| (r.name.as_ref().map(|n| n.to_string()), r.error_code)).collect()
}

fn delete_names(driver: &mut Driver, names: &[&str]) -> Vec<i16> {
    let request = DeleteTopicsRequest::default().with_topic_names(names.iter().map(|n| wire_name(n)).collect());
    let Reply::DeleteTopics(reply) = driver.ask(Request::DeleteTopics(request)) else { panic!() };
    reply.responses.iter().map(|r| r.error_code).collect()
}

#[test]
fn topics_are_deleted_by_name_or_by_id_but_not_by_both() {
    let mut driver = Driver::new();
    create(&mut driver, ["a", "b", "c", "d"].map(|name| topic(name, 1, 1)).to_vec());
    let id = |driver: &Driver, name: &str| driver.image().topics.by_name(name).unwrap().id.0;
    let (a, c, d) = (id(&driver, "a"), id(&driver, "c"), id(&driver, "d"));
    let by_id = |id| DeleteTopicState::default().with_topic_id(id);
    let by_name = |name: &str| DeleteTopicState::default().with_name(Some(wire_name(name)));
    assert_eq!(delete(&mut driver, vec![by_id(a)]), [(Some("a".to_string()), 0)]);
    assert_eq!(delete(&mut driver, vec![by_id(a)]), [(None, ErrorCode::UnknownTopicId.code())]);
    assert_eq!(delete(&mut driver, vec![by_name("b")]), [(Some("b".to_string()), 0)]);
    let invalid = ErrorCode::InvalidRequest.code();
    assert_eq!(delete(&mut driver, vec![DeleteTopicState::default()]), [(None, invalid)]);
    assert_eq!(delete(&mut driver, vec![by_name("c").with_topic_id(c)]), [(Some("c".to_string()), invalid)]);
    assert_eq!(delete(&mut driver, vec![by_name("c"), by_id(c)]), [(Some("c".to_string()), invalid)]);
    assert_eq!(delete(&mut driver, vec![by_id(d), by_id(d)]), [(None, invalid)]);
    let left: Vec<_> = driver.image().topics.iter().map(|t| t.name.to_string()).collect();
    assert_eq!(left, ["c", "d"]);
    assert_eq!(delete_names(&mut driver, &["", "a b"]), [3, 3]);
}

#[test]
fn a_recreated_topic_has_another_id_and_none_of_the_old_configs() {
    let mut driver = Driver::new();
    create(&mut driver, vec![configured("t", "retention.ms", Some("5"))]);
    let old = driver.image().topics.by_name("t").unwrap().id;
    delete_names(&mut driver, &["t"]);
    assert!(driver.image().configs.topic("t").is_none());
    create(&mut driver, vec![topic("t", 1, 1)]);
    assert_ne!(driver.image().topics.by_name("t").unwrap().id, old);
    assert!(driver.image().configs.topic("t").is_none());
}

#[test]
fn a_topic_grows_and_never_shrinks() {
    let mut driver = Driver::new();
    create(&mut driver, vec![topic("t", 2, 1)]);
    let mut grow = |count: i32, assignments: Option<&[&[i32]]>| {
        let assignment = |brokers: &&[i32]| {
            CreatePartitionsAssignment::default().with_broker_ids(brokers.iter().map(|id| BrokerId(*id)).collect())
        };
        let topic = CreatePartitionsTopic::default()
            .with_name(wire_name("t"))
            .with_count(count)
            .with_assignments(assignments.map(|list| list.iter().map(assignment).collect()));
        let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
        let Reply::CreatePartitions(reply) = driver.ask(Request::CreatePartitions(request)) else { panic!() };
        (reply.results[0].error_code, driver.image().topics.by_name("t").unwrap().partition_count())
    };
    let (invalid, assignment) = (ErrorCode::InvalidPartitions.code(), ErrorCode::InvalidReplicaAssignment.code());
    assert_eq!(grow(3, None), (0, 3));
    assert_eq!(grow(3, None), (invalid, 3));
    assert_eq!(grow(1, None), (invalid, 3));
    assert_eq!(grow(-1, None), (invalid, 3));
    assert_eq!(grow(4, Some(&[&[1]])), (0, 4));
    for bad in [&[&[1][..], &[1]][..], &[], &[&[]], &[&[9]], &[&[1, 1]], &[&[1, 9]]] {
        assert_eq!(grow(5, Some(bad)), (assignment, 4), "{bad:?}");
    }
}

/// May see nothing but what begins with `mine`, and change four partitions.
struct Limited(std::sync::atomic::AtomicI32);

impl Caller for Limited {
    fn may(&self, _deed: Deed, topic: &str) -> bool {
        topic.starts_with("mine")
    }

    fn may_everywhere(&self, _deed: Deed) -> bool {
        false
    }

    fn charge(&self, partitions: i32) -> Result<(), ThrottleMs> {
        match self.0.fetch_sub(partitions, std::sync::atomic::Ordering::Relaxed) >= partitions {
            true => Ok(()),
            false => Err(ThrottleMs(100)),
        }
    }
}

#[test]
fn a_caller_is_held_to_rights_and_quota() {
    let mut driver = Driver::new();
    create(&mut driver, vec![topic("other", 1, 1)]);
    let other = driver.image().topics.by_name("other").unwrap().id.0;
    let caller: Arc<dyn Caller> = Arc::new(Limited(4.into()));
    let topics = vec![topic("mine1", 3, 1), topic("mine2", 3, 1), topic("theirs", 1, 1)];
    let request = Request::CreateTopics(CreateTopicsRequest::default().with_topics(topics));
    let Reply::CreateTopics(reply) = driver.ask_as(caller.clone(), request) else { panic!() };
    let codes: Vec<_> = reply.topics.iter().map(|t| (t.name.to_string(), t.error_code)).collect();
    assert_eq!(codes, [("mine1", 0), ("mine2", 89), ("theirs", 29)].map(|(n, c)| (n.to_string(), c)));
    let by_id = DeleteTopicState::default().with_topic_id(other);
    let request = Request::DeleteTopics(DeleteTopicsRequest::default().with_topics(vec![by_id]));
    let Reply::DeleteTopics(reply) = driver.ask_as(caller, request) else { panic!() };
    assert_eq!((reply.responses[0].error_code, &reply.responses[0].name), (29, &None));
}

#[test]
fn a_thousand_topics_of_a_request_cost_little_among_a_hundred_thousand() {
    let mut driver = Driver::new();
    for block in 0..10 {
        create(&mut driver, (0..1000).map(|n| topic(&format!("old-{block}-{n}"), 10, 1)).collect());
    }
    assert_eq!(driver.image().topics.partition_count(), 100_000);
    let before = driver.image().clone();
    create(&mut driver, (0..1000).map(|n| topic(&format!("new_{n}"), 1, 1)).collect());
    assert_eq!((before.topics.len(), driver.image().topics.len()), (10_000, 11_000));
    assert!(before.topics.by_name("new_7").is_none() && driver.image().topics.by_name("new_7").is_some());
}
