//! `ottla storage`: prepares and looks at data directories, with the options and words of kafka-storage.sh, which
//! scripts and images call.

mod check;
mod format;
mod info;
mod releases;
mod scram;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::args::StorageCommand;
use super::exit::Exit;

/// What ends otherwise than well is a failure, as with kafka-storage.sh, whatever the reason.
pub fn run(command: &StorageCommand) -> Exit {
    match run_command(command) {
        Exit::Success => Exit::Success,
        _ => Exit::Failure,
    }
}

fn run_command(command: &StorageCommand) -> Exit {
    let done = match command {
        StorageCommand::Format(format) => return format::run(format),
        StorageCommand::Info { config } => return info::run(config),
        StorageCommand::Check { dirs, config, repair } => return check::run(dirs, config.as_deref(), *repair),
        StorageCommand::RandomUuid => random_uuid().map(|id| format!("{id}\n")),
        StorageCommand::VersionMapping { release_version } => version_mapping(release_version.as_deref()),
        // What comes before a mistake is told all the same.
        StorageCommand::FeatureDependencies { feature } => feature.iter().try_fold(String::new(), |_, feature| {
            print!("{}", releases::dependencies(feature)?);
            Ok(String::new())
        }),
    };
    match done {
        Ok(text) => {
            print!("{text}");
            Exit::Success
        }
        Err(message) => {
            eprintln!("{message}");
            Exit::Failure
        }
    }
}

/// A cluster id: 16 random bytes that do not look like an option when they are written.
pub fn random_uuid() -> Result<String, String> {
    loop {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| format!("no randomness to be had: {error}"))?;
        let id = URL_SAFE_NO_PAD.encode(uuid::Builder::from_random_bytes(bytes).into_uuid().as_bytes());
        if !id.starts_with('-') {
            return Ok(id);
        }
    }
}

fn version_mapping(release: Option<&str>) -> Result<String, String> {
    let asked = release.unwrap_or(releases::LATEST);
    let levels = releases::levels(asked)?;
    let mut out = format!("metadata.version={} ({asked})\n", levels.metadata_version);
    for (name, level) in levels.features {
        out.push_str(&format!("{name}={level}\n"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_id_has_kafkas_form() {
        let (one, other) = (random_uuid().unwrap(), random_uuid().unwrap());
        assert_eq!(one.len(), 22);
        assert_ne!(one, other);
        assert!(one.parse::<crate::model::TopicId>().is_ok());
    }

    #[test]
    fn the_mapping_names_the_release_as_it_was_asked_for() {
        assert!(version_mapping(None).unwrap().starts_with("metadata.version=30 (4.3-IV0)\nkraft.version=1\n"));
        assert!(version_mapping(Some("3.3")).unwrap().starts_with("metadata.version=7 (3.3)\nkraft.version=0\n"));
        assert!(version_mapping(Some("9.9")).is_err());
    }
}
