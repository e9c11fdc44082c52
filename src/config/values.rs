//! Every declared broker key with its typed value: what was set, else the default. Reading finds every mistake at once.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use crate::config::schema::{self, Key, Treatment, removed, suggest};
use crate::config::settings::{Problem, Setting, Settings};
use crate::config::value::{self, Value};

/// Typed values of all broker keys.
#[derive(Clone, Debug)]
pub struct Values {
    /// Those that were set, by the place of their key in the table.
    set: BTreeMap<usize, Value>,
}

/// Every broker key's default, read when it is first asked for.
static DEFAULTS: LazyLock<Vec<OnceLock<Value>>> =
    LazyLock::new(|| schema::BROKER.values().map(|_| OnceLock::new()).collect());

fn default_of(place: usize) -> &'static Value {
    DEFAULTS[place].get_or_init(|| value::default(schema::BROKER.at(place)))
}

/// What reading found besides the values.
#[derive(Debug, Default)]
pub struct Findings {
    /// Each one stops the start.
    pub mistakes: Vec<Problem>,
    /// Worth a line in the log.
    pub warnings: Vec<Problem>,
}

impl Findings {
    /// Notes a mistake about a key, with the value and place it has in the settings.
    pub fn mistake(&mut self, settings: &Settings, key: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.mistakes.push(problem(settings, key, what.into(), fix.into()));
    }

    /// Notes a warning about a key.
    pub fn warning(&mut self, settings: &Settings, key: &str, what: impl Into<String>, fix: impl Into<String>) {
        self.warnings.push(problem(settings, key, what.into(), fix.into()));
    }
}

fn problem(settings: &Settings, key: &str, what: String, fix: String) -> Problem {
    let setting = settings.get(key).cloned();
    let origin = setting.as_ref().map_or(crate::config::settings::Origin::Implied, |s| s.origin.clone());
    let value = setting.map_or(String::new(), |s| shown(key, &s));
    Problem { origin, key: key.to_string(), value, what, fix }
}

/// A value as it may be shown: secrets and values of unknown keys may be secrets.
fn shown(key: &str, setting: &Setting) -> String {
    match schema::broker_key(key) {
        Some(known) if known.is_sensitive() => "[hidden]".into(),
        Some(_) => setting.value.clone(),
        None => String::new(),
    }
}

impl Values {
    /// The defaults alone.
    pub fn defaults() -> Values {
        Values { set: BTreeMap::new() }
    }

    /// Reads all settings; a value that is not taken leaves the default in its place and a mistake in the findings.
    pub fn read(settings: &Settings, findings: &mut Findings) -> Values {
        let mut values = Values::defaults();
        for (name, setting) in settings.iter() {
            let Some(key) = schema::broker_key(name) else {
                note_unknown(settings, name, findings);
                continue;
            };
            match value::parse(key, &setting.value) {
                Ok(value) => {
                    refuse_unserved(settings, name, key, &value, findings);
                    if let Some(place) = schema::BROKER.place(name) {
                        values.set.insert(place, value);
                    }
                }
                Err(error) => findings.mistake(settings, name, reason(&error.to_string()), expected(key)),
            }
        }
        values
    }

    pub fn get(&self, key: &str) -> &Value {
        let place = schema::BROKER.place(key).unwrap_or_else(|| panic!("{key} stands in no table"));
        self.set.get(&place).unwrap_or_else(|| default_of(place))
    }

    /// A whole number that always has a value.
    pub fn int(&self, key: &str) -> i64 {
        self.int_or_absent(key).unwrap_or_else(|| panic!("{key} has no whole number"))
    }

    pub fn int_or_absent(&self, key: &str) -> Option<i64> {
        match self.get(key) {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number of something that Kafka counts in an int.
    pub fn int32(&self, key: &str) -> i32 {
        i32::try_from(self.int(key)).unwrap_or(i32::MAX)
    }

    /// A size or count that is not negative.
    pub fn size(&self, key: &str) -> usize {
        usize::try_from(self.int(key)).unwrap_or(0)
    }

    pub fn real(&self, key: &str) -> f64 {
        match self.get(key) {
            Value::Real(number) => *number,
            other => panic!("{key} has no number but {other:?}"),
        }
    }

    pub fn bool(&self, key: &str) -> bool {
        matches!(self.get(key), Value::Bool(true))
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub fn list(&self, key: &str) -> &[String] {
        match self.get(key) {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

/// The reason out of "Invalid value x for configuration y: reason".
fn reason(message: &str) -> String {
    match message.strip_prefix("Invalid value ").and_then(|rest| rest.split_once(" for configuration ")) {
        Some((_, rest)) => rest.split_once(": ").map_or(rest, |(_, reason)| reason).to_string(),
        None => message.to_string(),
    }
}

/// What to write instead of a value that was not taken.
pub fn expected(key: &Key) -> String {
    use crate::config::schema::{Kind, Valid};
    let what = match key.kind {
        Kind::Boolean => "true or false".to_string(),
        Kind::Int | Kind::Short | Kind::Long => match key.valid {
            Valid::AtLeast(low) => format!("a whole number of at least {low}"),
            Valid::Between(low, high) => format!("a whole number from {low} to {high}"),
            _ => "a whole number".to_string(),
        },
        Kind::Double => "a number".to_string(),
        Kind::List => match key.valid {
            Valid::Items { of, .. } if !of.is_empty() => format!("some of {}, separated by commas", of.join(", ")),
            Valid::Voters => "id@host:port".to_string(),
            _ => "names separated by commas".to_string(),
        },
        Kind::Str | Kind::Class | Kind::Password => match key.valid {
            Valid::OneOf(names) | Valid::OneOfAnyCase(names) => format!("one of {}", names.join(", ")),
            _ => "a text".to_string(),
        },
    };
    match key.default {
        Some(default) if !default.is_empty() => format!("give {what}; the default is {default}"),
        _ => format!("give {what}"),
    }
}

/// A key of treatment Refused takes its default only.
fn refuse_unserved(settings: &Settings, name: &str, key: &Key, value: &Value, findings: &mut Findings) {
    let nothing = matches!(value, Value::List(items) if items.is_empty())
        || matches!(value, Value::Text(text) if text.is_empty())
        || *value == value::default(key);
    if key.treatment == Treatment::Refused && !nothing {
        findings.mistake(settings, name, "Ottla does not do this", "remove the line or give the default");
    }
}

fn note_unknown(settings: &Settings, name: &str, findings: &mut Findings) {
    if ["rsm.config.", "rlmm.config."].iter().any(|prefix| name.starts_with(prefix)) {
        return;
    }
    if let Some(advice) = removed::advice(name) {
        return findings.warning(settings, name, "this key is gone since Kafka 4.0 and has no effect", advice);
    }
    let known = schema::BROKER.keys().chain(schema::AUTHORIZER.keys());
    let fix = match suggest::nearest(name, known) {
        Some(near) => format!("did you mean {near}?"),
        None if schema::TOPIC.contains_key(name) => "it is a topic's key; set it when creating the topic".into(),
        None => "remove it if nothing of yours reads it".into(),
    };
    findings.warning(settings, name, "no such key, it has no effect", fix);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> (Values, Findings) {
        let mut settings = Settings::new();
        assert_eq!(settings.add_file("f", file.as_bytes()), []);
        let mut findings = Findings::default();
        (Values::read(&settings, &mut findings), findings)
    }

    #[test]
    fn every_mistake_is_found_in_one_pass_with_place_value_and_fix() {
        let (_, findings) = read("num.partitions=0\nlog.retention.ms=soon\nunclean.leader.election.enable=perhaps\n");
        let mut told: Vec<_> = findings.mistakes.iter().map(ToString::to_string).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "f:1: num.partitions=0: Value must be at least 1 (give a whole number of at least 1; the default is 1)",
                "f:2: log.retention.ms=soon: Not a number of type LONG (give a whole number)",
                "f:3: unclean.leader.election.enable=perhaps: Expected value to be either true or false \
                 (give true or false; the default is false)",
            ]
        );
    }

    #[test]
    fn secrets_are_not_told() {
        let (_, findings) = read("delegation.token.secret.kez=hunter2\nssl.key.password=x\n");
        let told: String = findings.warnings.iter().map(ToString::to_string).collect();
        assert!(told.contains("did you mean delegation.token.secret.key?"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn keys_of_older_versions_get_advice_and_do_no_harm() {
        let (_, findings) = read("zookeeper.connect=z:2181\nlog.message.format.version=2.8\n");
        assert!(findings.mistakes.is_empty());
        assert_eq!(findings.warnings.len(), 2);
    }

    #[test]
    fn what_ottla_cannot_do_is_refused_and_its_default_is_not() {
        let (_, findings) = read("remote.log.storage.system.enable=true\n");
        assert_eq!(findings.mistakes.len(), 1);
        let (_, findings) = read("remote.log.storage.system.enable=false\n");
        assert_eq!(findings.mistakes, []);
    }
}
