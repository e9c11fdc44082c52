//! The feature levels that a new cluster starts with: those of a release, with single ones replaced.

use std::collections::BTreeMap;

use crate::cli::storage::releases::{self, Levels};

const METADATA_VERSION: &str = "metadata.version";
const KRAFT_VERSION: &str = "kraft.version";

/// `FEATURE=LEVEL` arguments. Of several for one feature the last holds.
pub fn parse(arguments: &[String]) -> Result<BTreeMap<String, i16>, String> {
    arguments.iter().map(|text| parse_one(text)).collect()
}

fn parse_one(text: &str) -> Result<(String, i16), String> {
    let cannot = |why: &str| format!("Can't parse feature=level string {text}: {why}");
    let (name, level) = text.split_once('=').ok_or_else(|| cannot("equals sign not found."))?;
    let level = level.trim();
    let level = level.parse().map_err(|_| cannot(&format!("unable to parse {level} as a short.")))?;
    Ok((name.trim().to_string(), level))
}

/// The levels of all features, checked as Kafka checks them. `voters_in_log`: the log is to name its voters.
pub fn levels(release: Option<Levels>, chosen: &BTreeMap<String, i16>, voters_in_log: bool) -> Result<Levels, String> {
    let mut levels = match (chosen.get(METADATA_VERSION), release) {
        (Some(_), Some(_)) => {
            return Err("Use --release-version instead of --feature metadata.version=X to avoid ambiguity.".into());
        }
        (Some(level), None) => releases::of_level(*level)?,
        (None, Some(release)) => release,
        (None, None) => releases::levels(releases::LATEST)?,
    };
    for name in chosen.keys().filter(|name| *name != METADATA_VERSION) {
        releases::check_name(name)?;
    }
    for (name, level) in &mut levels.features {
        *level = match (chosen.get(*name), *name) {
            (Some(level), KRAFT_VERSION) => kraft_version(*level, voters_in_log)?,
            (None, KRAFT_VERSION) => i16::from(voters_in_log),
            (Some(level), _) => *level,
            (None, _) => *level,
        };
    }
    let mut in_order = levels.features.clone();
    in_order.sort();
    for (name, level) in in_order {
        releases::check_level(name, level, levels.metadata_version)?;
    }
    Ok(levels)
}

fn kraft_version(level: i16, voters_in_log: bool) -> Result<i16, String> {
    match (level, voters_in_log) {
        (0, true) => Err("Cannot set kraft.version to 0 if controller.quorum.voters is empty and one of the flags \
                          --standalone, --initial-controllers, or --no-initial-controllers is used. For dynamic \
                          controllers support, try removing the --feature flag for kraft.version."
            .into()),
        (0, false) => Ok(0),
        (_, true) => Ok(level),
        (_, false) => Err(format!(
            "Cannot set kraft.version to {level} unless controller.quorum.voters is empty and one of the flags \
             --standalone, --initial-controllers, or --no-initial-controllers is used. For dynamic controllers \
             support, try using one of --standalone, --initial-controllers, or --no-initial-controllers and removing \
             controller.quorum.voters."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(arguments: &[&str], voters_in_log: bool) -> Result<Levels, String> {
        let arguments: Vec<String> = arguments.iter().map(|text| text.to_string()).collect();
        levels(None, &parse(&arguments)?, voters_in_log)
    }

    #[test]
    fn the_last_level_of_a_feature_holds() {
        let levels = with(&["group.version=1", "group.version=0", "metadata.version=25"], false).unwrap();
        assert_eq!((levels.metadata_version, levels.metadata_name), (25, "4.0-IV3"));
        assert!(levels.features.contains(&("group.version", 0)));
        assert!(levels.features.contains(&("kraft.version", 0)));
        assert!(with(&[], true).unwrap().features.contains(&("kraft.version", 1)));
    }

    #[test]
    fn levels_that_cannot_be_are_refused_in_kafkas_words() {
        for (argument, voters_in_log, told) in [
            ("x", false, "Can't parse feature=level string x: equals sign not found."),
            ("x=y", false, "Can't parse feature=level string x=y: unable to parse y as a short."),
            ("no.version=1", false, "Unsupported feature: no.version. Supported features are: eligible."),
            ("share.version=2", false, "No feature:share.version with feature level 2"),
            ("kraft.version=0", true, "Cannot set kraft.version to 0 if"),
            ("kraft.version=1", false, "Cannot set kraft.version to 1 unless"),
            ("kraft.version=2", true, "No feature:kraft.version with feature level 2"),
            ("metadata.version=31", false, "metadata.version 4.4-IV0 is not yet stable."),
            ("metadata.version=99", false, "No MetadataVersion with feature level 99. Valid feature levels are from 7"),
        ] {
            let refused = with(&[argument], voters_in_log).unwrap_err();
            assert!(refused.starts_with(told), "{argument}: {refused}");
        }
        let refused = with(&["metadata.version=22", "eligible.leader.replicas.version=1"], false).unwrap_err();
        assert!(
            refused.ends_with("could not be set to 1 because it depends on metadata.version level 23"),
            "{refused}"
        );
    }
}
