//! What holds for one topic: its own settings over the broker's, checked as Kafka checks them.

use std::collections::BTreeMap;

use crate::config::schema::{self, Key};
use crate::config::value::{self, Value, ValueError};
use crate::config::values::Values;

/// Settings of one topic by key, as they were given.
pub type Overrides = BTreeMap<String, String>;

/// How records of a topic are stored compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As the producer sent them.
    Producer,
    Uncompressed,
    Gzip {
        level: i32,
    },
    Snappy,
    Lz4 {
        level: i32,
    },
    Zstd {
        level: i32,
    },
}

/// Whose clock stamps the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    CreateTime,
    LogAppendTime,
}

/// The effective settings of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicSettings {
    pub cleanup_delete: bool,
    pub cleanup_compact: bool,
    pub compression: Compression,
    pub delete_retention_ms: i64,
    pub file_delete_delay_ms: i64,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub index_interval_bytes: i32,
    pub max_compaction_lag_ms: i64,
    pub max_message_bytes: i32,
    pub min_cleanable_dirty_ratio: f64,
    pub min_compaction_lag_ms: i64,
    pub min_insync_replicas: i32,
    pub preallocate: bool,
    /// -1 keeps everything.
    pub retention_bytes: i64,
    /// -1 keeps everything.
    pub retention_ms: i64,
    pub segment_bytes: i32,
    pub segment_index_bytes: i32,
    pub segment_jitter_ms: i64,
    pub segment_ms: i64,
    pub timestamp_after_max_ms: i64,
    pub timestamp_before_max_ms: i64,
    pub timestamp_type: TimestampType,
    pub unclean_leader_election: bool,
}

/// Typed values of all topic keys for one topic.
#[derive(Clone, Debug)]
pub struct TopicValues {
    by_key: BTreeMap<&'static str, Value>,
}

impl TopicValues {
    /// The topic's own settings over the broker's. A stored setting that is no value any more counts as not set.
    pub fn resolve(broker: &Values, overrides: &Overrides) -> TopicValues {
        let by_key = schema::TOPIC
            .values()
            .map(|key| {
                let own = overrides.get(key.name).and_then(|text| value::parse(key, text).ok());
                (key.name, own.unwrap_or_else(|| inherited(key, broker)))
            })
            .collect();
        TopicValues { by_key }
    }

    pub fn get(&self, key: &str) -> &Value {
        self.by_key.get(key).unwrap_or_else(|| panic!("{key} is no topic key"))
    }

    fn int(&self, key: &str) -> i64 {
        match self.get(key) {
            Value::Int(number) => *number,
            other => panic!("{key} has no whole number but {other:?}"),
        }
    }

    fn int32(&self, key: &str) -> i32 {
        i32::try_from(self.int(key)).unwrap_or(i32::MAX)
    }

    fn bool(&self, key: &str) -> bool {
        matches!(self.get(key), Value::Bool(true))
    }

    fn has(&self, key: &str, item: &str) -> bool {
        matches!(self.get(key), Value::List(items) if items.iter().any(|other| other == item))
    }

    fn is(&self, key: &str, word: &str) -> bool {
        matches!(self.get(key), Value::Text(text) if text == word)
    }

    fn compression(&self) -> Compression {
        match self.get("compression.type") {
            Value::Text(name) => match name.as_str() {
                "uncompressed" => Compression::Uncompressed,
                "gzip" => Compression::Gzip { level: self.int32("compression.gzip.level") },
                "snappy" => Compression::Snappy,
                "lz4" => Compression::Lz4 { level: self.int32("compression.lz4.level") },
                "zstd" => Compression::Zstd { level: self.int32("compression.zstd.level") },
                _ => Compression::Producer,
            },
            _ => Compression::Producer,
        }
    }

    /// Tests of clients ask for segments smaller than `segment.bytes` may be.
    fn segment_bytes(&self) -> i32 {
        match self.get("internal.segment.bytes") {
            Value::Int(_) => self.int32("internal.segment.bytes").max(1),
            _ => self.int32("segment.bytes"),
        }
    }

    /// The settings that the log, produce and fetch read.
    pub fn settings(&self) -> TopicSettings {
        let ratio = match self.get("min.cleanable.dirty.ratio") {
            Value::Real(ratio) => *ratio,
            _ => 0.5,
        };
        let log_append_time = self.is("message.timestamp.type", "LogAppendTime");
        TopicSettings {
            cleanup_delete: self.has("cleanup.policy", "delete"),
            cleanup_compact: self.has("cleanup.policy", "compact"),
            compression: self.compression(),
            delete_retention_ms: self.int("delete.retention.ms"),
            file_delete_delay_ms: self.int("file.delete.delay.ms"),
            flush_messages: self.int("flush.messages"),
            flush_ms: self.int("flush.ms"),
            index_interval_bytes: self.int32("index.interval.bytes"),
            max_compaction_lag_ms: self.int("max.compaction.lag.ms"),
            max_message_bytes: self.int32("max.message.bytes"),
            min_cleanable_dirty_ratio: ratio,
            min_compaction_lag_ms: self.int("min.compaction.lag.ms"),
            min_insync_replicas: self.int32("min.insync.replicas"),
            preallocate: self.bool("preallocate"),
            retention_bytes: self.int("retention.bytes"),
            retention_ms: self.int("retention.ms"),
            segment_bytes: self.segment_bytes(),
            segment_index_bytes: self.int32("segment.index.bytes"),
            segment_jitter_ms: self.int("segment.jitter.ms"),
            segment_ms: self.int("segment.ms"),
            timestamp_after_max_ms: self.int("message.timestamp.after.max.ms"),
            timestamp_before_max_ms: self.int("message.timestamp.before.max.ms"),
            timestamp_type: if log_append_time { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
            unclean_leader_election: self.bool("unclean.leader.election.enable"),
        }
    }
}

impl TopicSettings {
    /// The effective settings of a topic with these overrides.
    pub fn resolve(broker: &Values, overrides: &Overrides) -> TopicSettings {
        TopicValues::resolve(broker, overrides).settings()
    }
}

/// The value that a topic or group has from the broker: the first of its broker keys that has one.
pub fn inherited(key: &Key, broker: &Values) -> Value {
    for (name, times) in key.like {
        match broker.get(name) {
            Value::Absent => {}
            // An hour count below zero means "without end", whatever its unit.
            Value::Int(number) if *times > 1 && *number < 0 => return Value::Int(-1),
            Value::Int(number) if *times > 1 => return Value::Int(number.saturating_mul(*times)),
            Value::Int(number) if key.name == "retention.ms" && *number < 0 => return Value::Int(-1),
            other => return other.clone(),
        }
    }
    value::default(key)
}

/// Checks a topic's whole set of overrides, with Kafka's messages.
pub fn validate(broker: &Values, overrides: &Overrides) -> Result<(), ValueError> {
    for name in overrides.keys() {
        if !schema::TOPIC.contains_key(name.as_str()) {
            return Err(ValueError(format!("Unknown topic config name: {name}")));
        }
    }
    for (name, text) in overrides {
        if let Some(key) = schema::TOPIC.get(name.as_str()) {
            value::parse(key, text)?;
        }
    }
    let values = TopicValues::resolve(broker, overrides);
    let (low, high) = (values.int("min.compaction.lag.ms"), values.int("max.compaction.lag.ms"));
    if low > high {
        return Err(ValueError(format!(
            "conflict topic config setting min.compaction.lag.ms ({low}) > max.compaction.lag.ms ({high})"
        )));
    }
    if values.bool("remote.storage.enable") {
        return Err(ValueError(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
                .into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Settings;
    use crate::config::values::Findings;

    fn broker(file: &str) -> Values {
        let mut settings = Settings::new();
        assert_eq!(settings.add_file("f", file.as_bytes()), []);
        let mut findings = Findings::default();
        let values = Values::read(&settings, &mut findings);
        assert_eq!(findings.mistakes, []);
        values
    }

    fn own(pairs: &[(&str, &str)]) -> Overrides {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn a_topic_without_settings_has_kafkas_defaults() {
        let settings = TopicSettings::resolve(&broker(""), &own(&[]));
        assert_eq!(settings.retention_ms, 7 * 24 * 3_600_000);
        assert_eq!(settings.segment_ms, 7 * 24 * 3_600_000);
        assert_eq!((settings.segment_bytes, settings.max_message_bytes), (1 << 30, 1_048_588));
        assert_eq!((settings.flush_ms, settings.flush_messages), (i64::MAX, i64::MAX));
        assert!(settings.cleanup_delete && !settings.cleanup_compact);
        assert_eq!(settings.compression, Compression::Producer);
    }

    #[test]
    fn the_finest_unit_that_the_broker_sets_wins() {
        let retention = |file: &str| TopicSettings::resolve(&broker(file), &own(&[])).retention_ms;
        assert_eq!(retention("log.retention.hours=1"), 3_600_000);
        assert_eq!(retention("log.retention.hours=1\nlog.retention.minutes=1"), 60_000);
        assert_eq!(retention("log.retention.hours=1\nlog.retention.minutes=1\nlog.retention.ms=1"), 1);
        assert_eq!(retention("log.retention.hours=-1"), -1);
        assert_eq!(retention("log.retention.ms=-5"), -1);
    }

    #[test]
    fn a_topics_own_settings_stand_over_the_brokers() {
        let overrides = own(&[
            ("retention.ms", "5"),
            ("cleanup.policy", "compact,delete"),
            ("compression.type", "zstd"),
            ("message.timestamp.type", "LogAppendTime"),
        ]);
        let settings = TopicSettings::resolve(&broker("log.retention.ms=9\ncompression.zstd.level=7"), &overrides);
        assert_eq!(settings.retention_ms, 5);
        assert!(settings.cleanup_delete && settings.cleanup_compact);
        assert_eq!(settings.compression, Compression::Zstd { level: 7 });
        assert_eq!(settings.timestamp_type, TimestampType::LogAppendTime);
    }

    #[test]
    fn a_stored_value_that_is_none_any_more_falls_back() {
        let settings = TopicSettings::resolve(&broker(""), &own(&[("segment.bytes", "junk")]));
        assert_eq!(settings.segment_bytes, 1 << 30);
    }

    #[test]
    fn tests_may_have_smaller_segments_than_users() {
        let small = own(&[("segment.bytes", "2097152"), ("internal.segment.bytes", "2000")]);
        assert_eq!(TopicSettings::resolve(&broker(""), &small).segment_bytes, 2000);
    }

    #[test]
    fn refusals_are_in_kafkas_words() {
        let broker = broker("");
        for (pairs, message) in [
            (&[("no.such", "1"), ("retention.ms", "x")][..], "Unknown topic config name: no.such"),
            (&[("retention.ms", "x")], "Invalid value x for configuration retention.ms: Not a number of type LONG"),
            (
                &[("min.compaction.lag.ms", "9"), ("max.compaction.lag.ms", "5")],
                "conflict topic config setting min.compaction.lag.ms (9) > max.compaction.lag.ms (5)",
            ),
        ] {
            assert_eq!(validate(&broker, &own(pairs)), Err(ValueError(message.into())));
        }
        assert!(validate(&broker, &own(&[("remote.storage.enable", "true")])).unwrap_err().0.contains("Tiered"));
        assert_eq!(validate(&broker, &own(&[("cleanup.policy", "")])), Ok(()));
    }
}
