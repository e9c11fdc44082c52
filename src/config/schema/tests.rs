use super::*;
use crate::config::value;

fn all() -> impl Iterator<Item = &'static Key> {
    [&BROKER, &AUTHORIZER, &TOPIC, &GROUP, &CLIENT_METRICS].into_iter().flat_map(|index| index.values())
}

#[test]
fn every_default_is_a_value_that_its_key_takes() {
    for key in all() {
        // "No list" is a default that a file cannot write.
        if let Some(default) = key.default {
            let parsed = value::parse(key, default).unwrap_or_else(|error| panic!("{}: {error}", key.name));
            assert_eq!(parsed.text().as_deref(), Some(default), "{}", key.name);
        }
    }
}

#[test]
fn no_key_stands_in_two_lists() {
    let lists =
        broker::ALL.iter().flat_map(|keys| keys.iter().map(|key| key.name)).collect::<std::collections::BTreeSet<_>>();
    assert!(BROKER.keys().eq(lists), "in the order of their names, each once");
    assert_eq!(BROKER.len() - ottla::KEYS.len(), 360, "broker keys of Kafka 4.3");
    assert_eq!((topic::KEYS.len(), GROUP.len(), CLIENT_METRICS.len()), (33, 17, 3));
}

#[test]
fn defaults_of_topics_and_groups_come_from_broker_keys_of_the_same_kind() {
    for key in TOPIC.values().chain(GROUP.values()) {
        for (like, times) in key.like {
            let broker = &BROKER[like];
            assert!(*times > 1 || broker.kind == key.kind, "{} like {like}", key.name);
        }
    }
}

#[test]
fn listener_prefixes_lead_to_their_key() {
    assert_eq!(broker_key("listener.name.internal.ssl.keystore.location").unwrap().name, "ssl.keystore.location");
    assert_eq!(broker_key("listener.name.x.scram-sha-256.sasl.jaas.config").unwrap().name, "sasl.jaas.config");
    assert!(broker_key("listener.name.x").is_none());
    assert!(broker_key("listener.name.x.no.such").is_none());
}

#[test]
fn one_setting_has_all_its_names() {
    assert_eq!(
        broker_synonyms("log.retention.minutes"),
        ["log.retention.ms", "log.retention.minutes", "log.retention.hours"]
    );
    assert_eq!(broker_synonyms("log.flush.scheduler.interval.ms"), ["log.flush.scheduler.interval.ms"]);
    assert_eq!(broker_synonyms("listener.name.a.ssl.protocol"), ["listener.name.a.ssl.protocol", "ssl.protocol"]);
}

#[test]
fn every_key_has_a_sentence() {
    let silent: Vec<_> = all().filter(|key| !key.doc.ends_with('.')).map(|key| key.name).collect();
    assert_eq!(silent, [""; 0]);
}
