use clap::Parser;

use super::*;
use crate::cli::args::{Arguments, Command, StorageCommand};
use crate::config::Settings;

struct Place {
    tmp: tempfile::TempDir,
    config: BrokerConfig,
}

fn place(settings: &str) -> Place {
    let tmp = tempfile::tempdir().unwrap();
    let at = |name: &str| tmp.path().join(name).display().to_string();
    let file = format!("node.id=3\nlog.dirs={},{}\n{settings}", at("a"), at("b"));
    let mut read = Settings::new();
    assert_eq!(read.add_file("f", file.as_bytes()), []);
    let config = BrokerConfig::read(read).0.unwrap();
    Place { tmp, config }
}

fn options(options: &[&str]) -> Format {
    let words = [&["ottla", "storage", "format", "-c", "f", "-t", "the-cluster"], options].concat();
    match Arguments::try_parse_from(words).unwrap().command {
        Some(Command::Storage { command: StorageCommand::Format(format) }) => format,
        other => panic!("{other:?}"),
    }
}

impl Place {
    fn format(&self, given: &[&str]) -> Result<String, String> {
        format_all(&options(given), &self.config)
    }

    fn identity(&self, name: &str) -> Identity {
        dir::read_identity(&RealDisk, &self.tmp.path().join(name)).unwrap().unwrap()
    }
}

#[test]
fn every_directory_gets_its_identity_and_the_first_the_beginning_of_the_metadata_log() {
    let place = place("");
    let told = place.format(&["--add-scram", "SCRAM-SHA-256=[name=a,password=b]"]).unwrap();
    assert_eq!(told.lines().count(), 2);
    assert!(told.contains("Formatting metadata directory") && told.contains("metadata.version 4.3-IV0."), "{told}");
    let (a, b) = (place.identity("a"), place.identity("b"));
    assert_eq!((a.cluster_id.as_str(), a.node_id.0), ("the-cluster", 3));
    assert_ne!(a.directory_id, b.directory_id);
    assert!(place.config.metadata_dir.join("bootstrap.checkpoint").exists());
}

#[test]
fn what_is_formatted_is_left_as_it_is() {
    let place = place("");
    place.format(&[]).unwrap();
    let before = place.identity("a");
    assert!(place.format(&[]).unwrap_err().contains("is already formatted. Use --ignore-formatted"));
    assert_eq!(place.format(&["-g"]).unwrap(), "All of the log directories are already formatted.\n");
    std::fs::remove_dir_all(place.tmp.path().join("b")).unwrap();
    assert!(place.format(&["-g"]).unwrap().starts_with("Formatting data directory"));
    assert_eq!(place.identity("a"), before);
    let mut other = options(&["-g"]);
    other.cluster_id = "another".into();
    assert!(format_all(&other, &place.config).unwrap_err().contains("Expected another, but read the-cluster"));
}

#[test]
fn a_quorum_that_can_grow_begins_with_this_node() {
    let place = place("listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n");
    let told = place.format(&["--standalone"]).unwrap();
    assert!(told.contains("dynamic metadata voter directory"), "{told}");
    assert!(place.config.metadata_dir.join("__cluster_metadata-0").is_dir());
}

#[test]
fn options_that_cannot_be_are_refused_and_nothing_is_touched() {
    let dynamic = "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n";
    let voters = "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.voters=3@localhost:9093\n";
    for (settings, given, part) in [
        ("", &["--standalone"][..], "No controller listeners found."),
        (voters, &["--standalone"], "You cannot specify controller.quorum.voters"),
        ("", &["-I", "3@a:1:JEXY6aqzQY-32P5TStzaFg,4@b:1:JEXY6aqzQY-32P5TStzaFg"], "several voters"),
        ("", &["-I", ","], "No voters given."),
        (dynamic, &[], "you must specify one of the following: --standalone,"),
        (dynamic, &["-N", "-f", "kraft.version=0"], "Cannot set kraft.version to 0"),
        ("", &["-r", "3.4", "-S", "SCRAM-SHA-256=[name=a,password=b]"], "SCRAM is only supported"),
        ("", &["-I", "4@a:1:JEXY6aqzQY-32P5TStzaFg"], "node.id is 3"),
        ("", &["-I", "3@a:JEXY6aqzQY-32P5TStzaFg"], "No colon following port could be found."),
        ("", &["-r", "9.9"], "Unknown metadata.version '9.9'"),
        ("", &["-r", "4.0", "-f", "metadata.version=30"], "to avoid ambiguity"),
        ("", &["-f", "kraft.version=1"], "Cannot set kraft.version to 1"),
        ("", &["-f", "no.version=1"], "Unsupported feature: no.version"),
        ("", &["-S", "junk"], "Failed to find equals sign"),
    ] {
        let place = place(settings);
        let error = place.format(given).unwrap_err();
        assert!(error.contains(part), "{given:?}: {error}");
        assert!(!place.tmp.path().join("a").exists(), "{given:?}");
    }
}
