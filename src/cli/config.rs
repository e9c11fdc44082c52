//! `ottla config`: the table of settings for people, and a check of a file before it is used.

use std::io::{self, Write};

use crate::config::schema::{self, Index, Key, Treatment, Update};

use super::args::ConfigCommand;
use super::exit::Exit;
use super::load;

pub fn run(command: &ConfigCommand) -> Exit {
    match command {
        ConfigCommand::Docs { filter } => docs(filter.as_deref().unwrap_or("")),
        ConfigCommand::Check { file, overrides } => check(file.as_deref(), overrides),
    }
}

fn docs(filter: &str) -> Exit {
    let mut out = String::new();
    let tables: [(&str, &Index); 5] = [
        ("Broker", &schema::BROKER),
        ("Authorizer", &schema::AUTHORIZER),
        ("Topic", &schema::TOPIC),
        ("Group", &schema::GROUP),
        ("Client metrics", &schema::CLIENT_METRICS),
    ];
    for (title, index) in tables {
        let keys: Vec<&Key> = index.values().filter(|key| !key.internal && key.name.contains(filter)).collect();
        if keys.is_empty() {
            continue;
        }
        out.push_str(&format!("{title} keys\n"));
        for key in keys {
            out.push_str(&entry(key));
        }
        out.push('\n');
    }
    if out.is_empty() {
        eprintln!("no key contains {filter}{}", suggestion(filter));
        return Exit::Failure;
    }
    // A pager that was closed early has read enough.
    let _ = io::stdout().write_all(out.as_bytes());
    Exit::Success
}

fn suggestion(name: &str) -> String {
    let known = schema::BROKER.keys().chain(schema::TOPIC.keys());
    schema::suggest::nearest(name, known).map_or(String::new(), |near| format!("; did you mean {near}?"))
}

fn entry(key: &Key) -> String {
    let default = match key.default {
        None => "no default".to_string(),
        Some("") => "default empty".to_string(),
        Some(default) => format!("default {default}"),
    };
    let change = match key.update {
        Update::ReadOnly => "at start",
        Update::PerBroker => "live, per broker",
        Update::ClusterWide | Update::Live => "live",
    };
    let treatment = match key.treatment {
        Treatment::Honoured => "honoured",
        Treatment::Mapped => "mapped",
        Treatment::Ignored => "ignored",
        Treatment::Refused => "refused unless default",
    };
    let kind = key.kind.name().to_lowercase();
    format!("  {}\n      {kind}, {default}, {change}, {treatment}\n      {}\n", key.name, key.doc)
}

fn check(file: Option<&std::path::Path>, overrides: &[String]) -> Exit {
    let loaded = load::load(file, overrides, &[]);
    load::tell("Warnings:", &loaded.warnings);
    match loaded.config {
        Ok(config) => {
            println!("No mistake in {} settings.", config.settings.iter().count());
            Exit::Success
        }
        Err(mistakes) => {
            load::tell("Mistakes:", &mistakes);
            Exit::Config
        }
    }
}
