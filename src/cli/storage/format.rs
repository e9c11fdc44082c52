//! `ottla storage format`: makes data directories ready before the first start, with what a cluster begins with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::broker::metadata_log::{self, Formatting};
use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::load;
use crate::clock::{Clock, SystemClock};
use crate::config::BrokerConfig;
use crate::controller::records::{FeatureLevel, MetadataRecord};
use crate::disk::Together;
use crate::disk::real::RealDisk;
use crate::log::dir::{self, Identity, LogDir};
use crate::model::TopicId;
use crate::records::{Voter, VoterEndpoint};

use super::{info, releases, scram};

mod features;
mod voters;

pub fn run(format: &Format) -> Exit {
    let loaded = load::load(Some(&format.config), &[], &[]);
    let config = match loaded.config {
        Ok(config) => config,
        Err(mistakes) => {
            load::tell("The settings cannot be used:", &mistakes);
            return Exit::Config;
        }
    };
    match format_all(format, &config) {
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

/// What the new cluster begins with.
struct Beginning {
    metadata_name: &'static str,
    records: Vec<MetadataRecord>,
    /// The node is named as voter in the log, as a quorum that can grow begins.
    voter: Option<VoterEndpoint>,
}

fn format_all(format: &Format, config: &BrokerConfig) -> Result<String, String> {
    if format.cluster_id.trim().is_empty() {
        return Err("You must specify the cluster id.".into());
    }
    let (beginning, voter_directory) = beginning(format, config)?;
    let mut new = Vec::new();
    for path in info::directories(config) {
        match dir::read_identity(&RealDisk, &path).map_err(|error| error.to_string())? {
            Some(found) => check_formatted(format, config, &path, &found)?,
            None => new.push(path),
        }
    }
    if new.is_empty() {
        return Ok("All of the log directories are already formatted.\n".into());
    }
    let mut told = String::new();
    for path in new {
        told.push_str(&format_one(format, config, &beginning, voter_directory, path)?);
    }
    Ok(told)
}

/// A directory that is formatted already must be of this node, and is left alone only when that is asked for.
fn check_formatted(format: &Format, config: &BrokerConfig, path: &Path, found: &Identity) -> Result<(), String> {
    let shown = path.display();
    let differs = |key: &str, wanted: &str, found: &str| {
        Err(format!("Invalid {key} in: {shown}/meta.properties. Expected {wanted}, but read {found}"))
    };
    if found.cluster_id != format.cluster_id {
        return differs("cluster.id", &format.cluster_id, &found.cluster_id);
    }
    if found.node_id != config.node_id {
        return differs("node.id", &config.node_id.to_string(), &found.node_id.to_string());
    }
    match format.ignore_formatted {
        true => Ok(()),
        false => Err(format!(
            "Log directory {shown} is already formatted. Use --ignore-formatted to ignore this directory and format \
             the others."
        )),
    }
}

fn format_one(
    format: &Format,
    config: &BrokerConfig,
    beginning: &Beginning,
    voter_directory: Option<TopicId>,
    path: PathBuf,
) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    let is_metadata = path == config.metadata_dir;
    let locked = LogDir::open(Arc::new(RealDisk), &path).map_err(|error| failed(&error))?;
    let directory_id = match voter_directory.filter(|_| is_metadata) {
        Some(id) => id,
        None => dir::directory_id(random()?),
    };
    let mut kind = "data directory";
    if is_metadata {
        let voter = beginning.voter.clone().map(|endpoint| Voter {
            id: config.node_id,
            directory_id: directory_id.0,
            endpoints: vec![endpoint],
            kraft_version_min: 0,
            kraft_version_max: 1,
        });
        kind = if voter.is_some() { "dynamic metadata voter directory" } else { "metadata directory" };
        let records = beginning.records.clone();
        let formatting = Formatting { records, voter, now_ms: SystemClock::new().now_ms() };
        let mut together = Together::new(Arc::new(RealDisk));
        metadata_log::format(&mut together, &path, &formatting).map_err(|error| failed(&error))?;
        together.commit().map_err(|error| failed(&error))?;
    }
    // Last, since it is what says that the directory is formatted.
    let cluster_id = format.cluster_id.clone();
    let identity = Identity { cluster_id, node_id: config.node_id, directory_id: Some(directory_id) };
    locked.set_identity(&identity).map_err(|error| failed(&error))?;
    Ok(format!("Formatting {kind} {} with metadata.version {}.\n", path.display(), beginning.metadata_name))
}

fn random() -> Result<u128, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no randomness to be had: {error}"))?;
    Ok(u128::from_be_bytes(bytes))
}

/// What the cluster is to begin with, as the options say.
fn beginning(format: &Format, config: &BrokerConfig) -> Result<(Beginning, Option<TopicId>), String> {
    let release = format.release_version.as_deref().map(releases::stable).transpose()?;
    let chosen = features::parse(&format.feature)?;
    let voters = voters::voters(format, config)?;
    let levels = features::levels(release, &chosen, voters.in_log)?;
    let feature = |(name, level): (&str, i16)| MetadataRecord::from(FeatureLevel { name: name.to_string(), level });
    let others = levels.features.iter().filter(|(name, level)| *name != "kraft.version" && *level > 0).copied();
    let mut records: Vec<MetadataRecord> =
        std::iter::once(("metadata.version", levels.metadata_version)).chain(others).map(feature).collect();
    if !format.add_scram.is_empty() && levels.metadata_version < scram::METADATA_VERSION_MIN {
        return Err("SCRAM is only supported in metadata.version 3.5-IV2 or later.".into());
    }
    for argument in &format.add_scram {
        records.push(scram::parse(argument, &random()?.to_be_bytes())?);
    }
    Ok((Beginning { metadata_name: levels.metadata_name, records, voter: voters.endpoint }, voters.directory))
}

#[cfg(test)]
mod tests;
