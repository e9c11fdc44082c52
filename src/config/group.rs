//! What holds for one group: its own settings over the broker's, within the bounds that the broker sets.

use std::collections::BTreeMap;

use crate::config::schema;
use crate::config::topic::{Overrides, inherited};
use crate::config::value::{self, Value, ValueError};
use crate::config::values::Values;

/// Keys with a smallest and a largest value among the broker's keys, in the order in which they are checked. The flag
/// says that only a group's own value is checked.
const BOUNDED: &[(&str, &str, bool)] = &[
    ("consumer", "heartbeat.interval.ms", false),
    ("consumer", "session.timeout.ms", false),
    ("consumer", "assignment.interval.ms", true),
    ("share", "heartbeat.interval.ms", false),
    ("share", "session.timeout.ms", false),
    ("share", "record.lock.duration.ms", false),
    ("share", "delivery.count.limit", false),
    ("share", "partition.max.record.locks", false),
    ("share", "assignment.interval.ms", true),
    ("streams", "heartbeat.interval.ms", false),
    ("streams", "session.timeout.ms", false),
    ("streams", "assignment.interval.ms", true),
];

/// Typed values of all group keys for one group.
#[derive(Clone, Debug)]
pub struct GroupValues {
    by_key: BTreeMap<&'static str, Value>,
}

impl GroupValues {
    /// The group's own settings over the broker's, brought within the broker's bounds.
    pub fn resolve(broker: &Values, overrides: &Overrides) -> GroupValues {
        let mut values = Self::unbounded(broker, overrides);
        for (kind, name, _) in BOUNDED {
            let (low, high) = bounds(broker, kind, name);
            values.clamp(&format!("{kind}.{name}"), low, high);
        }
        values.clamp("streams.num.standby.replicas", 0, broker.int("group.streams.max.standby.replicas"));
        values
    }

    fn unbounded(broker: &Values, overrides: &Overrides) -> GroupValues {
        let by_key = schema::GROUP
            .values()
            .map(|key| {
                let own = overrides.get(key.name).and_then(|text| value::parse(key, text).ok());
                (key.name, own.unwrap_or_else(|| inherited(key, broker)))
            })
            .collect();
        GroupValues { by_key }
    }

    fn clamp(&mut self, key: &str, low: i64, high: i64) {
        if let Some(Value::Int(number)) = self.by_key.get_mut(key) {
            *number = (*number).min(high).max(low);
        }
    }

    pub fn get(&self, key: &str) -> &Value {
        self.by_key.get(key).unwrap_or_else(|| panic!("{key} is no group key"))
    }

    /// A time or count.
    pub fn int(&self, key: &str) -> i64 {
        match self.get(key) {
            Value::Int(number) => *number,
            other => panic!("{key} has no whole number but {other:?}"),
        }
    }
}

fn bounds(broker: &Values, kind: &str, name: &str) -> (i64, i64) {
    (broker.int(&format!("group.{kind}.min.{name}")), broker.int(&format!("group.{kind}.max.{name}")))
}

/// Checks a group's whole set of overrides, with Kafka's messages.
pub fn validate(broker: &Values, overrides: &Overrides) -> Result<(), ValueError> {
    if let Some(name) = overrides.keys().find(|name| !schema::GROUP.contains_key(name.as_str())) {
        return Err(ValueError(format!("Unknown group config name: {name}")));
    }
    for (name, text) in overrides {
        if let Some(key) = schema::GROUP.get(name.as_str()) {
            value::parse(key, text)?;
        }
    }
    let values = GroupValues::unbounded(broker, overrides);
    let refuse = |key: &str, relation: &str, other: &str| Err(ValueError(format!("{key} must be {relation} {other}")));
    for (kind, name, only_own) in BOUNDED {
        let key = format!("{kind}.{name}");
        if *only_own && !overrides.contains_key(&key) {
            continue;
        }
        let (low, high) = bounds(broker, kind, name);
        if values.int(&key) < low {
            return refuse(&key, "greater than or equal to", &format!("group.{kind}.min.{name}"));
        }
        if values.int(&key) > high {
            return refuse(&key, "less than or equal to", &format!("group.{kind}.max.{name}"));
        }
    }
    let (standby, most) = ("streams.num.standby.replicas", "group.streams.max.standby.replicas");
    if values.int(standby) > broker.int(most) {
        return refuse(standby, "less than or equal to", most);
    }
    for kind in ["consumer", "share", "streams"] {
        let (session, heartbeat) = (format!("{kind}.session.timeout.ms"), format!("{kind}.heartbeat.interval.ms"));
        if values.int(&session) <= values.int(&heartbeat) {
            return refuse(&session, "greater than", &heartbeat);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::dynamic::overrides;

    fn check(pairs: &[(&str, &str)]) -> Result<(), String> {
        validate(&Values::defaults(), &overrides(pairs.iter().copied())).map_err(|error| error.0)
    }

    #[test]
    fn refusals_are_in_kafkas_words() {
        for (pair, message) in [
            (
                ("consumer.session.timeout.ms", "1"),
                "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
            ),
            (
                ("consumer.session.timeout.ms", "99999999"),
                "consumer.session.timeout.ms must be less than or equal to group.consumer.max.session.timeout.ms",
            ),
            (
                ("streams.num.standby.replicas", "3"),
                "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
            ),
            (("retention.ms", "1"), "Unknown group config name: retention.ms"),
        ] {
            assert_eq!(check(&[pair]), Err(message.into()));
        }
        assert_eq!(check(&[("consumer.session.timeout.ms", "50000"), ("share.auto.offset.reset", "earliest")]), Ok(()));
    }

    #[test]
    fn a_stored_value_is_brought_within_bounds_that_came_later() {
        let stored = overrides([("consumer.heartbeat.interval.ms", "60000")]);
        let values = GroupValues::resolve(&Values::defaults(), &stored);
        assert_eq!(values.int("consumer.heartbeat.interval.ms"), 15_000);
        assert_eq!(values.int("consumer.session.timeout.ms"), 45_000);
    }
}
