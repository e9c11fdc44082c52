use super::*;
use crate::config::broker::BrokerConfig;
use crate::config::dynamic::{Level, overrides};
use crate::config::settings::Settings;

fn layers(file: &str) -> Layers {
    let mut settings = Settings::new();
    settings.add_file("f", file.as_bytes());
    Layers::new(BrokerConfig::read(settings).0.unwrap())
}

fn one(all: Vec<Described>, name: &str) -> Described {
    all.into_iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("{name} is not told"))
}

fn places(entry: &Described) -> Vec<(&str, Option<&str>, i8)> {
    entry.synonyms.iter().map(|s| (s.name.as_str(), s.value.as_deref(), s.source as i8)).collect()
}

#[test]
fn a_broker_setting_tells_every_place_that_has_a_value() {
    let (layers, _) = layers("log.cleaner.backoff.ms=13000\n")
        .with(Level::ClusterDefault, overrides([("log.cleaner.backoff.ms", "14000"), ("min.insync.replicas", "1")]));
    let entry = one(broker(&layers), "log.cleaner.backoff.ms");
    let name = "log.cleaner.backoff.ms";
    assert_eq!(places(&entry), [(name, Some("14000"), 3), (name, Some("13000"), 4), (name, Some("15000"), 5)]);
    assert_eq!(
        (entry.value.as_deref(), entry.source, entry.read_only),
        (Some("14000"), Source::DynamicClusterDefault, false)
    );
    let all = cluster_default(&layers);
    assert_eq!(all.len(), 2);
    assert_eq!(places(&one(all, name)), [(name, Some("14000"), 3)]);
}

#[test]
fn what_kafka_shows_of_a_broker_that_sets_nothing() {
    let all = broker(&layers(""));
    let retention = one(all.clone(), "log.retention.ms");
    assert_eq!((retention.value.as_deref(), retention.source, places(&retention)), (None, Source::Default, vec![]));
    let node_id = one(all.clone(), "node.id");
    assert_eq!(places(&node_id), [("node.id", Some("1"), 4)]);
    assert!(node_id.read_only);
    let old_id = one(all.clone(), "broker.id");
    assert_eq!(places(&old_id), [("broker.id", Some("1"), 4), ("broker.id", Some("-1"), 5)]);
    assert!(!all.iter().any(|entry| entry.name.starts_with("ottla.") || entry.name == "server.max.startup.time.ms"));
}

#[test]
fn secrets_and_values_of_unknown_type_are_not_told() {
    let all = broker(&layers(
        "ssl.key.password=x\nmy.plugin.token=y\nlistener.name.a.ssl.keystore.password=z\nallow.everyone.if.no.acl.found=true\n",
    ));
    for name in [
        "ssl.key.password",
        "my.plugin.token",
        "listener.name.a.ssl.keystore.password",
        "allow.everyone.if.no.acl.found",
    ] {
        let entry = one(all.clone(), name);
        assert!(entry.sensitive && entry.value.is_none(), "{name}");
        assert!(entry.synonyms.iter().all(|synonym| synonym.value.is_none()), "{name}");
        assert_eq!(entry.source, Source::StaticBroker, "{name}");
    }
}

#[test]
fn a_topics_setting_tells_the_brokers_below_it() {
    let own = overrides([("retention.ms", "5"), ("cleanup.policy", "compact , delete")]);
    let all = topic(&layers("log.retention.hours=3\n"), &own);
    assert_eq!(all.len(), 33);
    assert_eq!(places(&one(all.clone(), "retention.ms")), [("retention.ms", Some("5"), 1)]);
    let policy = one(all.clone(), "cleanup.policy");
    assert_eq!(
        places(&policy),
        [("cleanup.policy", Some("compact,delete"), 1), ("log.cleanup.policy", Some("delete"), 5)]
    );
    let segment_ms = one(all, "segment.ms");
    assert_eq!((segment_ms.value.as_deref(), places(&segment_ms)), (Some("604800000"), vec![]));
}

#[test]
fn a_groups_setting_tells_the_brokers_below_it() {
    let layers = layers("group.consumer.assignment.interval.ms=0\n");
    let all = group(&layers, &overrides([("consumer.session.timeout.ms", "50000")]));
    assert_eq!(all.len(), 17);
    let interval = one(all.clone(), "consumer.assignment.interval.ms");
    let name = "group.consumer.assignment.interval.ms";
    assert_eq!(places(&interval), [(name, Some("0"), 4), (name, Some("1000"), 5)]);
    let session = one(all.clone(), "consumer.session.timeout.ms");
    assert_eq!((session.value.as_deref(), session.source), (Some("50000"), Source::Group));
    let reset = one(all, "share.auto.offset.reset");
    assert_eq!(places(&reset), [("share.auto.offset.reset", Some("latest"), 5)]);
}

#[test]
fn a_subscription_shows_its_defaults() {
    let all = client_metrics(&overrides([("interval.ms", "1000")]));
    let interval = one(all.clone(), "interval.ms");
    assert_eq!((interval.value.as_deref(), interval.source), (Some("1000"), Source::ClientMetrics));
    let metrics = one(all, "metrics");
    assert_eq!((metrics.value.as_deref(), metrics.source, metrics.synonyms.len()), (Some(""), Source::Default, 0));
}
