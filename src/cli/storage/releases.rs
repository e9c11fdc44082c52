//! Which feature levels a release of Kafka starts with.

/// A metadata version: level, name, and whether it is one of a released version (or in development).
struct Metadata {
    level: i16,
    name: &'static str,
}

const fn metadata(level: i16, name: &'static str) -> Metadata {
    Metadata { level, name }
}

const METADATA: &[Metadata] = &[
    metadata(7, "3.3-IV3"),
    metadata(8, "3.4-IV0"),
    metadata(9, "3.5-IV0"),
    metadata(10, "3.5-IV1"),
    metadata(11, "3.5-IV2"),
    metadata(12, "3.6-IV0"),
    metadata(13, "3.6-IV1"),
    metadata(14, "3.6-IV2"),
    metadata(15, "3.7-IV0"),
    metadata(16, "3.7-IV1"),
    metadata(17, "3.7-IV2"),
    metadata(18, "3.7-IV3"),
    metadata(19, "3.7-IV4"),
    metadata(20, "3.8-IV0"),
    metadata(21, "3.9-IV0"),
    metadata(22, "4.0-IV0"),
    metadata(23, "4.0-IV1"),
    metadata(24, "4.0-IV2"),
    metadata(25, "4.0-IV3"),
    metadata(26, "4.1-IV0"),
    metadata(27, "4.1-IV1"),
    metadata(28, "4.2-IV0"),
    metadata(29, "4.2-IV1"),
    metadata(30, LATEST),
    metadata(31, "4.4-IV0"),
];
/// The last level that is released. What comes behind it is only spoken of.
const LATEST_LEVEL: i16 = 30;

/// What a directory is formatted for where nothing else is said.
pub const LATEST: &str = "4.3-IV0";

/// A feature: name, then for each level above 0 the metadata level from which it is the default, and what it needs.
struct Feature {
    name: &'static str,
    default_from: &'static [i16],
    needs: &'static [&'static [(&'static str, i16)]],
}

const FEATURES: &[Feature] = &[
    Feature { name: "kraft.version", default_from: &[21], needs: &[&[]] },
    Feature { name: "transaction.version", default_from: &[24, 24], needs: &[&[], &[]] },
    Feature { name: "group.version", default_from: &[22], needs: &[&[]] },
    Feature { name: "eligible.leader.replicas.version", default_from: &[26], needs: &[&[("metadata.version", 23)]] },
    Feature { name: "share.version", default_from: &[28], needs: &[&[]] },
    Feature { name: "streams.version", default_from: &[29], needs: &[&[]] },
];

/// A release by any of its names: `4.3`, `4.3-IV0`. A version without its last part is the newest of that version.
fn by_name(name: &str, level_max: i16) -> Result<&'static Metadata, String> {
    let known = || METADATA.iter().filter(|metadata| metadata.level <= level_max);
    let exact = known().find(|metadata| metadata.name == name);
    let short = name.split('.').take(2).collect::<Vec<_>>().join(".") + "-";
    // The short name of a version in development does not stand for anything yet.
    let of_version = |metadata: &&Metadata| metadata.level <= LATEST_LEVEL && metadata.name.starts_with(&short);
    let newest = || known().rfind(of_version);
    let versioned = !name.contains('-');
    exact.or_else(|| newest().filter(|_| versioned)).ok_or_else(|| {
        let all: Vec<&str> = known().map(|metadata| metadata.name).collect();
        format!("Unknown metadata.version '{name}'. Supported metadata.version are: {}", all.join(", "))
    })
}

/// What a release starts with.
#[derive(Debug)]
pub struct Levels {
    pub metadata_version: i16,
    pub metadata_name: &'static str,
    /// Every other feature.
    pub features: Vec<(&'static str, i16)>,
}

/// What the release of this name starts with, one in development too.
pub fn levels(name: &str) -> Result<Levels, String> {
    by_name(name, i16::MAX).map(of)
}

/// What a release starts with that a cluster can be made for.
pub fn stable(name: &str) -> Result<Levels, String> {
    by_name(name, LATEST_LEVEL).map(of)
}

/// What a metadata level starts with that a cluster can be made for.
pub fn of_level(level: i16) -> Result<Levels, String> {
    let found = METADATA.iter().find(|metadata| metadata.level == level);
    let metadata = found.ok_or_else(|| {
        let levels = || METADATA.iter().map(|metadata| metadata.level);
        let (min, max) = (levels().min().unwrap_or(0), levels().max().unwrap_or(0));
        format!("No MetadataVersion with feature level {level}. Valid feature levels are from {min} to {max}.")
    })?;
    match level <= LATEST_LEVEL {
        true => Ok(of(metadata)),
        false => Err(format!("metadata.version {} is not yet stable.", metadata.name)),
    }
}

fn of(metadata: &Metadata) -> Levels {
    let level = |feature: &Feature| feature.default_from.iter().filter(|from| **from <= metadata.level).count();
    let features = FEATURES.iter().map(|feature| (feature.name, i16::try_from(level(feature)).unwrap_or(0))).collect();
    Levels { metadata_version: metadata.level, metadata_name: metadata.name, features }
}

/// `FEATURE=LEVEL`, checked to be one that there is.
fn parse_level(text: &str) -> Result<(&'static str, i16), String> {
    let (name, level) = text.split_once('=').ok_or_else(|| {
        format!("Invalid feature format: {text}. Expected format: 'feature=version' (e.g. 'group.version=1')")
    })?;
    let (name, level_text) = (name.trim(), level.trim());
    let level: i16 =
        level_text.parse().map_err(|_| format!("Invalid version format: {level_text} for feature {name}"))?;
    if name == "metadata.version" {
        return match METADATA.iter().any(|metadata| metadata.level == level) {
            true => Ok(("metadata.version", level)),
            false => Err(format!("Unknown metadata.version {level}")),
        };
    }
    let feature = FEATURES.iter().find(|feature| feature.name == name).ok_or(format!("Unknown feature: {name}"))?;
    match usize::try_from(level) {
        Ok(number) if number <= feature.default_from.len() => Ok((feature.name, level)),
        _ => Err(format!("Feature level {level} is not supported for feature {name}")),
    }
}

/// Refuses to begin a cluster with a feature that there is not.
pub fn check_name(name: &str) -> Result<(), String> {
    if FEATURES.iter().any(|feature| feature.name == name) {
        return Ok(());
    }
    let mut known: Vec<&str> = FEATURES.iter().map(|feature| feature.name).collect();
    known.sort();
    Err(format!("Unsupported feature: {name}. Supported features are: {}", known.join(", ")))
}

/// Refuses to begin a cluster with a level that there is not, or that needs another metadata version.
pub fn check_level(name: &str, level: i16, metadata_version: i16) -> Result<(), String> {
    let needs = FEATURES.iter().find(|feature| feature.name == name).and_then(|feature| match usize::try_from(level) {
        Ok(0) => Some(&[][..]),
        Ok(level) => feature.needs.get(level - 1).copied(),
        Err(_) => None,
    });
    let needs = needs.ok_or_else(|| format!("No feature:{name} with feature level {level}"))?;
    match needs.iter().find(|(other, least)| *other == "metadata.version" && metadata_version < *least) {
        None => Ok(()),
        Some((other, least)) => {
            Err(format!("{name} could not be set to {level} because it depends on {other} level {least}"))
        }
    }
}

/// The name of a metadata level.
fn name_of(level: i16) -> Option<&'static str> {
    METADATA.iter().find(|metadata| metadata.level == level).map(|metadata| metadata.name)
}

/// What a feature's level needs, as lines of text.
pub fn dependencies(text: &str) -> Result<String, String> {
    let (name, level) = parse_level(text)?;
    if name == "metadata.version" {
        return Ok(format!("{name}={level} ({}) has no dependencies.\n", name_of(level).unwrap_or("")));
    }
    let needs = FEATURES
        .iter()
        .find(|feature| feature.name == name)
        .and_then(|feature| feature.needs.get(usize::try_from(level).ok()?.checked_sub(1)?))
        .copied()
        .unwrap_or(&[]);
    if needs.is_empty() {
        return Ok(format!("{name}={level} has no dependencies.\n"));
    }
    let mut out = format!("{name}={level} requires:\n");
    for (other, level) in needs {
        let shown = name_of(*level).map_or(String::new(), |name| format!(" ({name})"));
        out.push_str(&format!("    {other}={level}{shown}\n"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_start_with_kafkas_levels() {
        let Levels { metadata_version, metadata_name, features } = levels("4.3").unwrap();
        assert_eq!((metadata_version, metadata_name), (30, "4.3-IV0"));
        assert_eq!(features.iter().map(|(_, level)| *level).collect::<Vec<_>>(), [1, 2, 1, 1, 1, 1]);
        let Levels { metadata_version, metadata_name, features } = levels("3.9").unwrap();
        assert_eq!((metadata_version, metadata_name), (21, "3.9-IV0"));
        assert_eq!(features.iter().map(|(_, level)| *level).collect::<Vec<_>>(), [1, 0, 0, 0, 0, 0]);
        assert_eq!(levels("4.0-IV1").unwrap().metadata_version, 23);
        assert_eq!(levels("4.0").unwrap().metadata_version, 25);
        assert!(levels("9.9").unwrap_err().starts_with("Unknown metadata.version '9.9'."));
    }

    #[test]
    fn features_are_checked() {
        assert_eq!(parse_level("share.version=1"), Ok(("share.version", 1)));
        for (bad, message) in [
            ("share.version", "Invalid feature format"),
            ("share.version=x", "Invalid version format"),
            ("share.version=2", "Feature level 2 is not supported"),
            ("share.version=-1", "Feature level -1 is not supported"),
            ("no.version=1", "Unknown feature"),
            ("metadata.version=99", "Unknown metadata.version 99"),
        ] {
            assert!(parse_level(bad).unwrap_err().starts_with(message), "{bad}");
        }
        let refused = check_name("no.version").unwrap_err();
        assert!(refused.starts_with("Unsupported feature: no.version. Supported features are: eligible."), "{refused}");
        assert_eq!(check_name("group.version"), Ok(()));
        assert!(stable("4.4").unwrap_err().ends_with("4.2-IV1, 4.3-IV0"));
        assert_eq!(levels("4.4-IV0").unwrap().metadata_version, 31);
        assert!(levels("4.4").unwrap_err().ends_with("4.3-IV0, 4.4-IV0"));
        assert_eq!(dependencies("share.version=1").unwrap(), "share.version=1 has no dependencies.\n");
        assert!(dependencies("eligible.leader.replicas.version=1").unwrap().contains("metadata.version=23 (4.0-IV1)"));
    }
}
