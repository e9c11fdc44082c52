//! `ottla storage info`: what the data directories hold.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::load;
use crate::config::BrokerConfig;
use crate::disk::real::RealDisk;
use crate::log::dir::{Identity, read_identity};

pub fn run(file: &Path) -> Exit {
    match load::load(Some(file), &[], &[]).config {
        Ok(config) => {
            let (text, healthy) = describe(&directories(&config));
            print!("{text}");
            if healthy { Exit::Success } else { Exit::Failure }
        }
        Err(mistakes) => {
            load::tell("The settings cannot be used:", &mistakes);
            Exit::Config
        }
    }
}

/// Data directories and the metadata directory, each once, in order.
pub fn directories(config: &BrokerConfig) -> Vec<PathBuf> {
    let all: BTreeSet<PathBuf> = config.log_dirs.iter().chain([&config.metadata_dir]).cloned().collect();
    all.into_iter().collect()
}

/// What is found, in the words of kafka-storage.sh, and whether all is well.
fn describe(directories: &[PathBuf]) -> (String, bool) {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut first: Option<Identity> = None;
    for dir in directories {
        let shown = dir.display();
        if !dir.is_dir() {
            let what = if dir.exists() { "is not a directory" } else { "does not exist" };
            problems.push(format!("{shown} {what}"));
            continue;
        }
        found.push(shown.to_string());
        match (read_identity(&RealDisk, dir), &first) {
            (Ok(None), _) => problems.push(format!("{shown} is not formatted.")),
            (Ok(Some(identity)), None) => first = Some(identity),
            (Ok(Some(identity)), Some(first)) if identity.cluster_id != first.cluster_id => {
                problems.push("Mismatched cluster IDs between storage directories.".into());
            }
            (Ok(Some(identity)), Some(first)) if identity.node_id != first.node_id => {
                problems.push("Mismatched node IDs between storage directories.".into());
            }
            (Ok(Some(_)), Some(_)) => {}
            (Err(error), _) => problems.push(format!("Error loading {shown}/meta.properties: {error}")),
        }
    }
    let mut text = String::new();
    section(&mut text, if found.len() == 1 { "Found log directory:" } else { "Found log directories:" }, &found);
    if let Some(identity) = first {
        let directory = identity.directory_id.map_or(String::new(), |id| format!("directory.id={id}, "));
        let (cluster, node) = (identity.cluster_id, identity.node_id);
        let _ = write!(text, "Found metadata: {{cluster.id={cluster}, {directory}node.id={node}, version=1}}\n\n");
    }
    section(&mut text, if problems.len() == 1 { "Found problem:" } else { "Found problems:" }, &problems);
    (text, problems.is_empty())
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = write!(text, "{title}\n  {}\n\n", lines.join("\n  "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::dir::write_identity;
    use crate::model::NodeId;

    #[test]
    fn tells_directories_identity_and_problems() {
        let tmp = tempfile::tempdir().unwrap();
        let dirs: Vec<PathBuf> = ["a", "b", "c"].map(|name| tmp.path().join(name)).to_vec();
        std::fs::create_dir(&dirs[0]).unwrap();
        std::fs::create_dir(&dirs[1]).unwrap();
        let identity = Identity { cluster_id: "id".into(), node_id: NodeId(3), directory_id: None };
        write_identity(&RealDisk, &dirs[0], &identity).unwrap();
        let (text, healthy) = describe(&dirs);
        assert!(!healthy);
        assert!(text.contains("Found metadata: {cluster.id=id, node.id=3, version=1}"), "{text}");
        assert!(text.contains("b is not formatted."), "{text}");
        assert!(text.contains("c does not exist"), "{text}");
        let (text, healthy) = describe(&dirs[..1]);
        assert!(healthy && text.starts_with("Found log directory:\n  "), "{text}");
    }
}
