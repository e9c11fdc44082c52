use super::*;
use crate::config::schema;

fn topic(name: &str, text: &str) -> Result<Value, String> {
    parse(&schema::TOPIC[name], text).map_err(|error| error.0)
}

fn broker(name: &str, text: &str) -> Result<Value, String> {
    parse(&schema::BROKER[name], text).map_err(|error| error.0)
}

#[test]
fn refusals_are_in_kafkas_words() {
    for (name, text, message) in [
        ("retention.ms", "soon", "Invalid value soon for configuration retention.ms: Not a number of type LONG"),
        ("segment.bytes", "5", "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576"),
        (
            "segment.bytes",
            "3000000000",
            "Invalid value 3000000000 for configuration segment.bytes: Not a number of type INT",
        ),
        (
            "cleanup.policy",
            "delete,junk",
            "Invalid value junk for configuration cleanup.policy: String must be one of: compact, delete",
        ),
        (
            "preallocate",
            "yes",
            "Invalid value yes for configuration preallocate: Expected value to be either true or false",
        ),
        (
            "compression.zstd.level",
            "23",
            "Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22",
        ),
        (
            "compression.gzip.level",
            "0",
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
        ),
        (
            "min.cleanable.dirty.ratio",
            "1.5",
            "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
        ),
        ("cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."),
    ] {
        assert_eq!(topic(name, text), Err(message.into()));
    }
}

#[test]
fn values_are_trimmed_typed_and_written_back_as_kafka_writes_them() {
    for (name, text, shown) in [
        ("retention.ms", " 5 ", "5"),
        ("preallocate", "TRUE", "true"),
        ("min.cleanable.dirty.ratio", "1", "1.0"),
        ("min.cleanable.dirty.ratio", ".25", "0.25"),
        ("cleanup.policy", " compact , delete,compact", "compact,delete"),
        ("cleanup.policy", "", ""),
    ] {
        assert_eq!(topic(name, text).unwrap().text().as_deref(), Some(shown), "{name}={text}");
    }
    let largest = broker("log.cleaner.io.max.bytes.per.second", "1.7976931348623157E308").unwrap();
    assert_eq!(largest.text().as_deref(), Some("1.7976931348623157E308"));
    assert_eq!(java_double(1e7), "1.0E7");
    assert_eq!(java_double(0.0001), "1.0E-4");
    assert_eq!(java_double(f64::NEG_INFINITY), "-Infinity");
}

#[test]
fn throttled_replicas_are_pairs_or_all() {
    for good in ["*", "", "0:1,1:2"] {
        assert!(topic("leader.replication.throttled.replicas", good).is_ok(), "{good}");
    }
    for bad in ["0", "a:b", "*,0:1", "0:"] {
        assert!(topic("leader.replication.throttled.replicas", bad).is_err(), "{bad}");
    }
}

#[test]
fn voters_and_hosts_have_a_form() {
    assert!(broker("controller.quorum.voters", "1@localhost:9093").is_ok());
    for bad in ["localhost:9093", "1@localhost", "x@h:1", "1@:1"] {
        assert!(broker("controller.quorum.voters", bad).is_err(), "{bad}");
    }
}

#[test]
fn a_share_groups_start_is_a_name_or_a_duration() {
    let parse = |text| parse(&schema::GROUP["share.auto.offset.reset"], text);
    for good in ["earliest", "latest", "by_duration:PT1H", "by_duration:P1DT2H3M4.5S"] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in ["soon", "by_duration:", "by_duration:-PT1H", "by_duration:1h", "earliest:x"] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
