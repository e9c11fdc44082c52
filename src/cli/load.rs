//! Settings from all their places: file below environment below command line.

use std::path::Path;

use crate::config::{BrokerConfig, Origin, Problem, Settings};

/// Every mistake that stops a start, and warnings that do not.
pub struct Loaded {
    pub config: Result<BrokerConfig, Vec<Problem>>,
    pub warnings: Vec<Problem>,
}

/// Reads settings; `implied` stand below everything else.
pub fn load(file: Option<&Path>, overrides: &[String], implied: &[(&str, &str)]) -> Loaded {
    let mut settings = Settings::new();
    let mut mistakes = Vec::new();
    if let Some(path) = file {
        let shown = path.display().to_string();
        match std::fs::read(path) {
            Ok(bytes) => mistakes.extend(settings.add_file(&shown, &bytes)),
            Err(error) => mistakes.push(unreadable(&shown, &error)),
        }
    }
    settings.add_environment(environment());
    for pair in overrides {
        mistakes.extend(settings.add_override(pair).err().map(|problem| *problem));
    }
    for (key, value) in implied {
        // Its old name may have been used.
        if *key != "log.dirs" || settings.get("log.dir").is_none() {
            settings.imply(key, *value);
        }
    }
    let (config, warnings) = BrokerConfig::read(settings);
    let config = match config {
        Ok(mut config) if mistakes.is_empty() => {
            config.cluster_id = std::env::var("CLUSTER_ID").ok().filter(|id| !id.is_empty());
            Ok(config)
        }
        Ok(_) => Err(mistakes),
        Err(more) => {
            mistakes.extend(more);
            Err(mistakes)
        }
    };
    Loaded { config, warnings }
}

/// Variables that are text: others name no setting.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn unreadable(path: &str, error: &std::io::Error) -> Problem {
    Problem {
        origin: Origin::CommandLine,
        key: String::new(),
        value: String::new(),
        what: format!("cannot read {path}: {error}"),
        fix: "give the path of a file in server.properties format".into(),
    }
}

/// Tells problems on standard error, one a line.
pub fn tell(heading: &str, problems: &[Problem]) {
    if !problems.is_empty() {
        eprintln!("{heading}");
        for problem in problems {
            eprintln!("  {problem}");
        }
    }
}
