//! How much is logged, by component. A level set for a component holds for all below it; the longest name wins.
//! Levels change while the broker runs (broker loggers), so they are kept behind a shared handle.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use tracing::Level;
use tracing::level_filters::LevelFilter;

/// The name of the level that holds where nothing else is set.
pub const ROOT: &str = "root";

/// What Kafka's tools offer, in the order in which they list it.
pub const LEVEL_NAMES: &[&str] = &["DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"];

type Levels = BTreeMap<String, LevelFilter>;

/// The levels of all components. Clones share them.
#[derive(Clone, Debug)]
pub struct LogLevels {
    levels: Arc<ArcSwap<Levels>>,
    /// What the process was started with: a level taken back returns to it.
    started_with: Arc<Levels>,
}

/// A word that is no level, or a part that sets nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no log level; use trace, debug, info, warn, error or off, or component=level")]
pub struct NoLevel(pub String);

fn level(word: &str) -> Result<LevelFilter, NoLevel> {
    match word.trim().to_ascii_lowercase().as_str() {
        "all" | "trace" => Ok(LevelFilter::TRACE),
        "debug" => Ok(LevelFilter::DEBUG),
        "info" => Ok(LevelFilter::INFO),
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "error" | "fatal" => Ok(LevelFilter::ERROR),
        "off" => Ok(LevelFilter::OFF),
        _ => Err(NoLevel(word.to_string())),
    }
}

/// The process has one log, and so one set of levels.
static OF_THE_PROCESS: OnceLock<LogLevels> = OnceLock::new();

/// The levels that the process logs by; `info` everywhere until logging has started.
pub fn of_the_process() -> &'static LogLevels {
    OF_THE_PROCESS.get_or_init(LogLevels::default)
}

/// A component's name with dots, as the log shows it: `config.values` for the target `ottla::config::values`.
pub fn component(target: &str) -> String {
    target.strip_prefix("ottla::").unwrap_or(target).replace("::", ".")
}

impl Default for LogLevels {
    fn default() -> Self {
        Self::of(Levels::from([(ROOT.to_string(), LevelFilter::INFO)]))
    }
}

impl LogLevels {
    fn of(levels: Levels) -> LogLevels {
        LogLevels { started_with: Arc::new(levels.clone()), levels: Arc::new(ArcSwap::from_pointee(levels)) }
    }

    /// Makes these the process's levels. The first ones stay.
    pub fn make_the_process_log_by_them(self) -> &'static LogLevels {
        OF_THE_PROCESS.get_or_init(|| self)
    }

    /// Reads `info` or `info,log=debug,server.connection=trace`.
    pub fn parse(text: &str) -> Result<LogLevels, NoLevel> {
        let mut levels = Levels::from([(ROOT.to_string(), LevelFilter::INFO)]);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((name, word)) => levels.insert(component(name.trim()), level(word)?),
                None => levels.insert(ROOT.to_string(), level(part)?),
            };
        }
        Ok(Self::of(levels))
    }

    /// Whether an event of this target and level is logged.
    pub fn enabled(&self, target: &str, at: &Level) -> bool {
        *at <= holding(&self.levels.load(), &component(target))
    }

    /// The most detailed level that any component has.
    pub fn most_detailed(&self) -> LevelFilter {
        self.levels.load().values().copied().max().unwrap_or(LevelFilter::INFO)
    }

    /// Every component with a level of its own, and the level's name.
    pub fn all(&self) -> Vec<(String, String)> {
        self.levels.load().iter().map(|(name, level)| (name.clone(), level.to_string().to_uppercase())).collect()
    }

    /// Sets a component's level; `None` takes it back to what it was at the start.
    pub fn set(&self, name: &str, word: Option<&str>) -> Result<(), NoLevel> {
        let wanted = match word {
            Some(word) => Some(level(word)?),
            None => self.started_with.get(name).copied(),
        };
        let mut levels = Levels::clone(&self.levels.load());
        match wanted {
            Some(level) => levels.insert(name.to_string(), level),
            None => levels.remove(name),
        };
        self.levels.store(Arc::new(levels));
        // Call sites remember whether they are of interest.
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }
}

/// The level of the longest name that the component lies under.
fn holding(levels: &Levels, component: &str) -> LevelFilter {
    let mut name = component;
    loop {
        if let Some(level) = levels.get(name) {
            return *level;
        }
        match name.rsplit_once('.') {
            Some((above, _)) => name = above,
            None => return levels.get(ROOT).copied().unwrap_or(LevelFilter::INFO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_that_covers_a_component_wins() {
        let levels = LogLevels::parse("warn, config=debug,ottla::config::values=off").unwrap();
        assert!(levels.enabled("ottla::config::env", &Level::DEBUG));
        assert!(!levels.enabled("ottla::config::values", &Level::ERROR));
        assert!(!levels.enabled("ottla::configurator", &Level::INFO));
        assert!(levels.enabled("other_crate", &Level::WARN));
        assert_eq!(levels.most_detailed(), LevelFilter::DEBUG);
    }

    #[test]
    fn a_level_taken_back_is_what_it_was_at_the_start() {
        let levels = LogLevels::parse("info,config=warn").unwrap();
        levels.set("config", Some("TRACE")).unwrap();
        levels.set("api", Some("debug")).unwrap();
        assert!(levels.enabled("ottla::config", &Level::TRACE));
        levels.set("config", None).unwrap();
        levels.set("api", None).unwrap();
        assert_eq!(levels.all(), [("config".into(), "WARN".into()), (ROOT.into(), "INFO".into())]);
    }

    #[test]
    fn a_word_that_is_no_level_is_told() {
        assert_eq!(LogLevels::parse("loud").unwrap_err(), NoLevel("loud".into()));
        assert!(LogLevels::parse("").unwrap().set("config", Some("LOUD")).is_err());
    }
}
