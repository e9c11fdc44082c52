//! Client metrics subscriptions: which settings are taken.

use crate::config::schema;
use crate::config::topic::Overrides;
use crate::config::value::{self, Value};

/// Why a subscription is not taken; Kafka answers the two with different codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{0}")]
    InvalidRequest(String),
    #[error("{0}")]
    InvalidConfig(String),
}

/// What clients can be told apart by.
const SELECTORS: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Checks a subscription's whole set of settings.
pub fn validate(name: &str, settings: &Overrides) -> Result<(), Refused> {
    if name.is_empty() {
        return Err(Refused::InvalidRequest("Subscription name can't be empty".into()));
    }
    for (key, text) in settings {
        let Some(known) = schema::CLIENT_METRICS.get(key.as_str()) else {
            return Err(Refused::InvalidRequest(format!("Unknown client metrics configuration: {key}")));
        };
        match value::parse(known, text).map_err(|error| Refused::InvalidConfig(error.0))? {
            Value::Int(interval_ms) if !(100..=3_600_000).contains(&interval_ms) => {
                return Err(Refused::InvalidRequest(format!(
                    "Invalid value {interval_ms} for interval.ms, interval must be between 100 and 3600000 (1 hour)"
                )));
            }
            Value::List(patterns) if key == "match" => {
                if let Some(bad) = patterns.iter().find(|pattern| !is_pattern(pattern)) {
                    return Err(Refused::InvalidConfig(format!("Illegal client matching pattern: {bad}")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_pattern(pattern: &str) -> bool {
    match pattern.trim_end_matches('=').split('=').collect::<Vec<_>>()[..] {
        [selector, regex] => SELECTORS.contains(&selector.trim()) && regex::Regex::new(regex.trim()).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::dynamic::overrides;

    #[test]
    fn takes_what_kafka_takes_and_says_what_it_says() {
        let check = |key, text| validate("m", &overrides([(key, text)]));
        assert_eq!(check("interval.ms", "1000"), Ok(()));
        assert_eq!(check("match", "client_id=a.*,client_source_port=99"), Ok(()));
        assert!(matches!(check("interval.ms", "5"), Err(Refused::InvalidRequest(_))));
        assert!(matches!(check("interval.ms", "x"), Err(Refused::InvalidConfig(_))));
        assert!(matches!(check("x", "5"), Err(Refused::InvalidRequest(_))));
        for bad in ["who=me", "client_id", "client_id=(", "client_id=a=b"] {
            assert_eq!(
                check("match", bad),
                Err(Refused::InvalidConfig(format!("Illegal client matching pattern: {bad}")))
            );
        }
        assert!(matches!(validate("", &Overrides::new()), Err(Refused::InvalidRequest(_))));
    }
}
