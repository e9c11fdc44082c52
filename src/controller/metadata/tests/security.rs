use super::text;
use crate::controller::metadata::testing::Driver;
use crate::controller::metadata::*;
use crate::model::ErrorCode;
use crate::wire::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use crate::wire::messages::create_acls_request::AclCreation;
use crate::wire::messages::delete_acls_request::DeleteAclsFilter;
use crate::wire::messages::*;

const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;

fn acl(kind: i8, name: &str, pattern: i8) -> AclCreation {
    AclCreation::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_resource_pattern_type(pattern)
        .with_principal(text("User:alice"))
        .with_host(text("*"))
        .with_operation(3)
        .with_permission_type(3)
}

fn create(driver: &mut Driver, acls: Vec<AclCreation>) -> Vec<i16> {
    let request = CreateAclsRequest::default().with_creations(acls);
    let Reply::CreateAcls(reply) = driver.ask(Request::CreateAcls(request)) else { panic!() };
    reply.results.iter().map(|result| result.error_code).collect()
}

#[test]
fn entries_are_made_once_and_found_by_filters() {
    let mut driver = Driver::new();
    let entries = vec![acl(TOPIC, "a", LITERAL), acl(GROUP, "a", LITERAL), acl(TOPIC, "b", PREFIXED)];
    assert_eq!(create(&mut driver, entries.clone()), [0, 0, 0]);
    assert_eq!(create(&mut driver, entries), [0, 0, 0]);
    assert_eq!(driver.image().acls.len(), 3);
    let filter = |kind: i8, name: Option<&str>, pattern: i8| AclFilter {
        resource_type: kind,
        name: name.map(str::to_owned),
        pattern_type: pattern,
        principal: None,
        host: None,
        operation: 1,
        permission_type: 1,
    };
    let found = |filter: AclFilter| driver.image().acls.values().filter(|acl| filter.matches(acl)).count();
    assert_eq!(found(filter(1, None, 1)), 3);
    assert_eq!(found(filter(1, Some("a"), 1)), 2);
    assert_eq!(found(filter(GROUP, Some("a"), 1)), 1);
    assert_eq!(found(filter(1, Some("bcd"), 2)), 1);
    assert_eq!(found(filter(1, Some("bcd"), 1)), 0);
    assert_eq!(found(filter(1, Some("b"), PREFIXED)), 1);
    assert_eq!(found(AclFilter { principal: Some("User:bob".into()), ..filter(1, None, 1) }), 0);
    assert_eq!(found(AclFilter { operation: 4, ..filter(1, None, 1) }), 0);
}

#[test]
fn each_wrong_entry_is_refused_and_the_others_are_made() {
    let mut driver = Driver::new();
    let invalid = ErrorCode::InvalidRequest.code();
    for bad in [
        acl(1, "x", LITERAL),
        acl(0, "x", LITERAL),
        acl(99, "x", LITERAL),
        acl(TOPIC, "", LITERAL),
        acl(4, "x", LITERAL),
        acl(TOPIC, "x", 2),
        acl(TOPIC, "x", 1),
        acl(TOPIC, "x", LITERAL).with_operation(1),
        acl(TOPIC, "x", LITERAL).with_permission_type(1),
        acl(TOPIC, "x", LITERAL).with_principal(text("alice")),
    ] {
        assert_eq!(create(&mut driver, vec![bad.clone()]), [invalid], "{bad:?}");
    }
    assert_eq!(create(&mut driver, vec![acl(TOPIC, "x", LITERAL), acl(1, "x", LITERAL)]), [0, invalid]);
    assert_eq!(driver.image().acls.len(), 1);
}

#[test]
fn filters_that_overlap_remove_an_entry_once() {
    let mut driver = Driver::new();
    create(&mut driver, vec![acl(TOPIC, "a", LITERAL), acl(TOPIC, "b", LITERAL)]);
    let filter = |name: Option<&str>| {
        DeleteAclsFilter::default()
            .with_resource_type_filter(1)
            .with_resource_name_filter(name.map(text))
            .with_pattern_type_filter(1)
            .with_principal_filter(None)
            .with_host_filter(None)
            .with_operation(1)
            .with_permission_type(1)
    };
    let request = DeleteAclsRequest::default().with_filters(vec![filter(None), filter(Some("a")), filter(Some("no"))]);
    let Reply::DeleteAcls(reply) = driver.ask(Request::DeleteAcls(request)) else { panic!() };
    let matched: Vec<usize> = reply.filter_results.iter().map(|result| result.matching_acls.len()).collect();
    assert_eq!(matched, [2, 1, 0]);
    assert!(driver.image().acls.is_empty());
}

fn quota(driver: &mut Driver, entity: &[(&str, Option<&str>)], key: &str, value: f64, remove: bool) -> i16 {
    let part = |(kind, name): &(&str, Option<&str>)| {
        EntityData::default().with_entity_type(text(kind)).with_entity_name(name.map(text))
    };
    let entry = EntryData::default()
        .with_entity(entity.iter().map(part).collect())
        .with_ops(vec![OpData::default().with_key(text(key)).with_value(value).with_remove(remove)]);
    let request = AlterClientQuotasRequest::default().with_entries(vec![entry]);
    let Reply::AlterClientQuotas(reply) = driver.ask(Request::AlterClientQuotas(request)) else { panic!() };
    assert_eq!(reply.entries.len(), 1);
    reply.entries[0].error_code
}

#[test]
fn limits_are_kept_for_each_entity() {
    let mut driver = Driver::new();
    assert_eq!(quota(&mut driver, &[("user", Some("a"))], "producer_byte_rate", 1e12, false), 0);
    let both = [("user", Some("a")), ("client-id", None)];
    assert_eq!(quota(&mut driver, &both, "request_percentage", 0.5, false), 0);
    assert_eq!(driver.image().quotas.len(), 2);
    let entity = QuotaEntity::new(vec![("client-id".into(), None), ("user".into(), Some("a".into()))]);
    assert_eq!(driver.image().quotas.get(&entity).unwrap().get("request_percentage"), Some(&0.5));
    assert_eq!(quota(&mut driver, &both, "request_percentage", 0.0, true), 0);
    assert_eq!(driver.image().quotas.len(), 1);
    let length = driver.log.len();
    assert_eq!(quota(&mut driver, &both, "request_percentage", 0.0, true), 0);
    assert_eq!(driver.log.len(), length);
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let mut driver = Driver::new();
    let user = [("user", Some("a"))];
    for (entity, key, value) in [
        (&user[..], "speed", 5.0),
        (&user, "producer_byte_rate", -1.0),
        (&user, "producer_byte_rate", 0.0),
        (&user, "producer_byte_rate", f64::NAN),
        (&user, "producer_byte_rate", 1.5),
        (&user, "producer_byte_rate", 1e30),
        (&user, "connection_creation_rate", 5.0),
        (&[("group", Some("a"))], "producer_byte_rate", 5.0),
        (&[], "producer_byte_rate", 5.0),
        (&[("user", Some(""))], "producer_byte_rate", 5.0),
        (&[("user", Some("a")), ("ip", Some("1.2.3.4"))], "connection_creation_rate", 5.0),
        (&[("ip", Some("no such host!"))], "connection_creation_rate", 5.0),
        (&[("ip", Some("1.2.3.4"))], "producer_byte_rate", 5.0),
    ] {
        let code = quota(&mut driver, entity, key, value, false);
        assert_eq!(code, ErrorCode::InvalidRequest.code(), "{entity:?} {key} {value}");
    }
    assert!(driver.image().quotas.is_empty());
    assert_eq!(quota(&mut driver, &[("ip", Some("1.2.3.4"))], "connection_creation_rate", 5.0, false), 0);
    assert_eq!(quota(&mut driver, &[("ip", None)], "connection_creation_rate", 5.0, false), 0);
}
