//! Settings as text with the place each came from, merged: file below environment below command line.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::config::properties;

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File {
        path: Arc<str>,
        line: usize,
    },
    /// The variable's name.
    Environment(String),
    CommandLine,
    /// Ottla's own choice where nothing was said.
    Implied,
    /// Altered while running.
    Dynamic,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{path}:{line}"),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::CommandLine => f.write_str("command line"),
            Origin::Implied => f.write_str("default"),
            Origin::Dynamic => f.write_str("dynamic setting"),
        }
    }
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub value: String,
    pub origin: Origin,
}

/// A mistake or a warning about one setting, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub origin: Origin,
    pub key: String,
    /// Empty where a value has no part in it or must not be shown.
    pub value: String,
    pub what: String,
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            f.write_str(&self.key)?;
            if !self.value.is_empty() {
                write!(f, "={}", self.value)?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)?;
        if !self.fix.is_empty() {
            write!(f, " ({})", self.fix)?;
        }
        Ok(())
    }
}

/// Settings by key. Later layers replace earlier ones key by key.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    by_key: BTreeMap<String, Setting>,
}

impl Settings {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>, origin: Origin) {
        self.by_key.insert(key.into(), Setting { value: value.into(), origin });
    }

    /// Sets a key that nothing has set yet.
    pub fn imply(&mut self, key: &str, value: impl Into<String>) {
        if !self.by_key.contains_key(key) {
            self.set(key, value, Origin::Implied);
        }
    }

    /// Adds a `.properties` file; tells what could not be read and what is said twice.
    pub fn add_file(&mut self, path: &str, bytes: &[u8]) -> Vec<Problem> {
        let path: Arc<str> = path.into();
        let (read, malformed) = properties::parse(&properties::decode(bytes));
        let at = |line| Origin::File { path: path.clone(), line };
        let mut problems: Vec<Problem> = malformed
            .into_iter()
            .map(|m| Problem {
                origin: at(m.line),
                key: String::new(),
                value: String::new(),
                what: m.what,
                fix: String::new(),
            })
            .collect();
        for property in read {
            if property.key.is_empty() {
                problems.push(Problem {
                    origin: at(property.line),
                    key: String::new(),
                    value: String::new(),
                    what: "a line without a key".into(),
                    fix: "write key=value".into(),
                });
                continue;
            }
            self.set(property.key, property.value, at(property.line));
        }
        problems
    }

    /// Adds what the environment sets.
    pub fn add_environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        for (variable, key, value) in crate::config::env::settings(variables) {
            self.set(key, value, Origin::Environment(variable));
        }
    }

    /// Adds `key=value` of the command line; a word without `=` is a mistake.
    pub fn add_override(&mut self, pair: &str) -> Result<(), Box<Problem>> {
        match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                self.set(key.trim(), value, Origin::CommandLine);
                Ok(())
            }
            _ => Err(Box::new(Problem {
                origin: Origin::CommandLine,
                key: String::new(),
                value: String::new(),
                what: format!("--override {pair} sets nothing"),
                fix: "write --override key=value".into(),
            })),
        }
    }

    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.by_key.get(key)
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).map(|setting| setting.value.as_str())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.by_key.iter().map(|(key, setting)| (key.as_str(), setting))
    }

    /// These settings with others laid over them.
    pub fn overlaid<'a>(&self, over: impl Iterator<Item = (&'a str, &'a str)>) -> Settings {
        let mut merged = self.clone();
        for (key, value) in over {
            merged.set(key, value, Origin::Dynamic);
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_win_key_by_key() {
        let mut settings = Settings::new();
        let problems = settings.add_file("server.properties", b"num.partitions=2\nnode.id=4\nlog.dirs=/a\n");
        assert_eq!(problems, []);
        settings.add_environment([("KAFKA_NUM_PARTITIONS".into(), "3".into())].into_iter());
        settings.add_override("log.dirs=/b").unwrap();
        settings.imply("node.id", "1");
        settings.imply("broker.rack", "r");
        let text = |key| settings.text(key).unwrap();
        assert_eq!((text("num.partitions"), text("log.dirs")), ("3", "/b"));
        assert_eq!((text("node.id"), text("broker.rack")), ("4", "r"));
        assert_eq!(settings.get("node.id").unwrap().origin.to_string(), "server.properties:2");
    }

    #[test]
    fn an_override_without_a_value_is_told() {
        let problem = Settings::new().add_override("log.dirs").unwrap_err();
        assert!(problem.to_string().contains("--override key=value"), "{problem}");
    }
}
