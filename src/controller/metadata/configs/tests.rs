use crate::controller::metadata::event::{Reply, Request};
use crate::controller::metadata::image::ConfigResource;
use crate::controller::metadata::testing::Driver;
use crate::controller::records::{FeatureLevel, MetadataRecord};
use crate::model::ErrorCode;
use crate::wire::messages::alter_configs_request as legacy;
use crate::wire::messages::create_topics_request::CreatableTopic;
use crate::wire::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use crate::wire::messages::*;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn with_topic(name: &str) -> Driver {
    let mut driver = Driver::new();
    let topic =
        CreatableTopic::default().with_name(text(name).into()).with_num_partitions(1).with_replication_factor(1);
    driver.ask(Request::CreateTopics(CreateTopicsRequest::default().with_topics(vec![topic])));
    driver
}

fn resource(kind: i8, name: &str, changes: &[(i8, &str, Option<&str>)]) -> AlterConfigsResource {
    let config = |(operation, key, value): &(i8, &str, Option<&str>)| {
        AlterableConfig::default().with_name(text(key)).with_config_operation(*operation).with_value(value.map(text))
    };
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(changes.iter().map(config).collect())
}

fn alter(driver: &mut Driver, resources: Vec<AlterConfigsResource>) -> Vec<i16> {
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
    let Reply::IncrementalAlterConfigs(reply) = driver.ask(Request::IncrementalAlterConfigs(request)) else { panic!() };
    reply.responses.iter().map(|response| response.error_code).collect()
}

fn value<'a>(driver: &'a Driver, topic: &str, key: &str) -> Option<&'a str> {
    driver.image().configs.value(&ConfigResource::topic(topic), key)
}

#[test]
fn keys_are_set_and_removed_one_by_one() {
    let mut driver = with_topic("t");
    assert_eq!(alter(&mut driver, vec![resource(TOPIC, "t", &[(SET, "retention.ms", Some("5"))])]), [0]);
    assert_eq!(value(&driver, "t", "retention.ms"), Some("5"));
    assert_eq!(alter(&mut driver, vec![resource(TOPIC, "t", &[(SET, "secret", Some("x"))])]), [0]);
    assert_eq!(alter(&mut driver, vec![resource(TOPIC, "t", &[(DELETE, "retention.ms", None)])]), [0]);
    assert_eq!((value(&driver, "t", "retention.ms"), value(&driver, "t", "secret")), (None, Some("x")));
    let before = driver.log.len();
    assert_eq!(alter(&mut driver, vec![resource(TOPIC, "t", &[(SET, "secret", Some("x"))])]), [0]);
    assert_eq!(driver.log.len(), before, "what is so already needs no record");
}

#[test]
fn lists_grow_from_their_default_and_shrink() {
    let mut driver = with_topic("t");
    let mut change = |operation: i8, part: &str| {
        let code = alter(&mut driver, vec![resource(TOPIC, "t", &[(operation, "cleanup.policy", Some(part))])])[0];
        (code, value(&driver, "t", "cleanup.policy").unwrap_or_default().to_owned())
    };
    assert_eq!(change(APPEND, "compact"), (0, "delete,compact".into()));
    assert_eq!(change(APPEND, "compact"), (0, "delete,compact".into()));
    assert_eq!(change(SUBTRACT, "delete"), (0, "compact".into()));
    assert_eq!(change(SUBTRACT, "delete"), (0, "compact".into()));
    assert_eq!(change(APPEND, ",,"), (0, "compact".into()));
    assert_eq!(change(APPEND, "junk"), (ErrorCode::InvalidConfig.code(), "compact".into()));
    let number = vec![resource(TOPIC, "t", &[(APPEND, "retention.ms", Some("5"))])];
    assert_eq!(alter(&mut driver, number), [ErrorCode::InvalidConfig.code()]);
}

#[test]
fn a_resource_changes_as_a_whole_and_others_go_on() {
    let mut driver = with_topic("t");
    let bad = resource(TOPIC, "t", &[(SET, "secret", Some("x")), (SET, "retention.ms", Some("soon"))]);
    let good = resource(BROKER, "", &[(SET, "retention.ms", Some("7"))]);
    assert_eq!(alter(&mut driver, vec![bad, good]), [ErrorCode::InvalidConfig.code(), 0]);
    assert_eq!(value(&driver, "t", "secret"), None);
    assert_eq!(driver.image().configs.value(&ConfigResource::cluster_default(), "retention.ms"), Some("7"));
}

#[test]
fn each_mistake_has_kafkas_code() {
    let mut driver = with_topic("t");
    let invalid = ErrorCode::InvalidRequest.code();
    let set = |key| [(SET, key, Some("5"))];
    let before = driver.log.len();
    for (bad, code) in [
        (resource(TOPIC, "no", &set("retention.ms")), ErrorCode::UnknownTopicOrPartition.code()),
        (resource(TOPIC, "a b", &set("retention.ms")), ErrorCode::InvalidTopicException.code()),
        (resource(TOPIC, "", &set("retention.ms")), invalid),
        (resource(TOPIC, "t", &[(SET, "retention.ms", None)]), invalid),
        (resource(TOPIC, "t", &[(SET, "secret", Some("1")), (SET, "secret", Some("2"))]), invalid),
        (resource(TOPIC, "t", &[(9, "secret", Some("1"))]), ErrorCode::UnknownServerError.code()),
        (resource(TOPIC, "t", &set("no.such")), ErrorCode::InvalidConfig.code()),
        (resource(BROKER, "2", &set("retention.ms")), invalid),
        (resource(BROKER, "x", &set("retention.ms")), invalid),
        (resource(BROKER, "1", &[(9, "secret", Some("1"))]), invalid),
        (resource(7, "x", &set("a")), invalid),
        (resource(8, "1", &set("a")), invalid),
        (resource(32, "", &set("retention.ms")), invalid),
    ] {
        assert_eq!(alter(&mut driver, vec![bad.clone()]), [code], "{bad:?}");
    }
    let twice = resource(TOPIC, "t", &set("retention.ms"));
    assert_eq!(alter(&mut driver, vec![twice.clone(), twice]), [invalid, invalid]);
    assert_eq!(driver.log.len(), before);
}

#[test]
fn replacing_removes_what_is_not_named() {
    let mut driver = with_topic("t");
    alter(&mut driver, vec![resource(TOPIC, "t", &[(SET, "retention.ms", Some("5")), (SET, "secret", Some("x"))])]);
    let config = legacy::AlterableConfig::default().with_name(text("retention.ms")).with_value(Some(text("7")));
    let resource = legacy::AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text("t"))
        .with_configs(vec![config]);
    let request = AlterConfigsRequest::default().with_resources(vec![resource]);
    let Reply::AlterConfigs(reply) = driver.ask(Request::AlterConfigs(request.clone())) else { panic!() };
    assert_eq!(reply.responses[0].error_code, 0);
    assert_eq!((value(&driver, "t", "retention.ms"), value(&driver, "t", "secret")), (Some("7"), None));
    let before = driver.log.len();
    driver.ask(Request::AlterConfigs(request.with_validate_only(true)));
    assert_eq!(driver.log.len(), before);
}

#[test]
fn eligible_replicas_are_forgotten_when_their_minimum_changes() {
    let mut driver = with_topic("t");
    driver.persist(vec![FeatureLevel { name: "eligible.leader.replicas.version".into(), level: 1 }.into()]);
    let set = [(SET, "min.insync.replicas", Some("2"))];
    assert_eq!(alter(&mut driver, vec![resource(TOPIC, "t", &set)]), [0]);
    let Some(MetadataRecord::ClearElr(clear)) = driver.log.last() else { panic!("{:?}", driver.log.last()) };
    assert_eq!(clear.topic_name, "t");
    let invalid = ErrorCode::InvalidConfig.code();
    assert_eq!(alter(&mut driver, vec![resource(BROKER, "1", &set)]), [invalid]);
    assert_eq!(alter(&mut driver, vec![resource(BROKER, "", &set)]), [0]);
    assert_eq!(alter(&mut driver, vec![resource(BROKER, "", &[(DELETE, "min.insync.replicas", None)])]), [invalid]);
}
