//! Settings that name Java classes. There is no virtual machine here to load one.

use std::collections::BTreeMap;

use crate::config::schema::{self, Kind};
use crate::config::value::{self, ValueError};

const METRIC_REPORTERS: &str = "metric.reporters";
/// Always there in Kafka, and no loss where it is not.
const JMX_REPORTER: &str = "org.apache.kafka.common.metrics.JmxReporter";

/// Refuses to name another class than before. What a directory brought along from Kafka stays.
pub fn check_changed(settings: &BTreeMap<String, String>, before: &BTreeMap<String, String>) -> Result<(), ValueError> {
    let changed = settings.iter().filter(|(name, text)| before.get(*name) != Some(text));
    for (name, text) in changed {
        let Some(key) = schema::broker_key(name) else { continue };
        if name == METRIC_REPORTERS && value::items(text).iter().any(|class| class != JMX_REPORTER) {
            return Err(ValueError(format!(
                "Invalid value org.apache.kafka.common.config.ConfigException: Validation of dynamic config update of \
                 Set({METRIC_REPORTERS}) failed: no class of {text} can be loaded for configuration Invalid dynamic \
                 configuration"
            )));
        }
        if key.kind == Kind::Class && key.default != Some(text.trim()) {
            return Err(ValueError(format!(
                "Invalid value {text} for configuration {name}: Class {text} could not be found."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str, before: &str) -> Result<(), ValueError> {
        let with = |text: &str| BTreeMap::from([(name.to_string(), text.to_string())]);
        check_changed(&with(text), &with(before))
    }

    #[test]
    fn a_class_is_refused_unless_it_was_named_before() {
        let builder = "listener.name.plaintext.principal.builder.class";
        for name in ["principal.builder.class", builder, METRIC_REPORTERS] {
            assert!(check(name, "com.example.Mine", "").is_err(), "{name}");
            assert_eq!(check(name, "com.example.Mine", "com.example.Mine"), Ok(()), "{name}");
        }
        assert_eq!(check(METRIC_REPORTERS, JMX_REPORTER, ""), Ok(()));
        assert_eq!(check(METRIC_REPORTERS, "", JMX_REPORTER), Ok(()));
        assert_eq!(check("log.cleaner.backoff.ms", "5", "4"), Ok(()));
    }
}
