//! The program as it is typed: what it prints, how it ends, what it leaves behind.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The program with an environment of its own.
fn ottla(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(args).current_dir(dir).env_clear();
    command
}

fn ended(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A running broker; killed if a test leaves it running.
struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    started: Vec<String>,
}

impl Running {
    /// Starts it and reads what it prints until it serves.
    fn start(command: &mut Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut running = Running { child, output, started: Vec::new() };
        while !running.started.last().is_some_and(|line| line.contains("Kafka Server started")) {
            let mut line = String::new();
            assert_ne!(running.output.read_line(&mut line).unwrap(), 0, "it ended after {:#?}", running.started);
            running.started.push(line);
        }
        running
    }

    /// The address that the banner names.
    fn address(&self) -> String {
        let line = self.started.iter().find(|line| line.trim_start().starts_with("listens")).unwrap();
        line.split_whitespace().last().unwrap().to_string()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end; the rest of the output and the exit status.
    fn wait(mut self) -> (i32, String) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code().unwrap(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ANY_PORT: &str = "listeners=PLAINTEXT://127.0.0.1:0";

#[test]
fn a_broker_without_settings_serves_says_what_matters_and_stops_cleanly() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(&mut ottla(dir.path(), &["--override", ANY_PORT]));
    let banner: Vec<&String> = broker.started.iter().filter(|line| !line.starts_with('[')).collect();
    assert!(banner.len() <= 8 && banner[0].starts_with("Ottla "), "{banner:#?}");
    let (status, out, _) = ended(&mut ottla(dir.path(), &["health", "-b", &broker.address()]));
    assert_eq!(status, 0, "{out}");
    broker.signal("TERM");
    let (status, rest) = broker.wait();
    assert_eq!(status, 0, "{rest}");
    let data = dir.path().join("ottla-data");
    assert!(data.join("meta.properties").is_file() && data.join(".kafka_cleanshutdown").is_file());
    let (status, ..) = ended(&mut ottla(dir.path(), &["health", "-b", "127.0.0.1:1"]));
    assert_eq!(status, 1);
}

#[test]
fn every_mistake_is_told_at_once_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "log.dirs=data\nnum.partitions=none\nlisteners=nowhere\nlog.retention.mz=1\n")
        .unwrap();
    let (status, _, errors) = ended(ottla(dir.path(), &["start", "f"]).env("KAFKA_NODE_ID", "x"));
    assert_eq!(status, 78, "{errors}");
    for part in ["f:2: num.partitions=none", "f:3: listeners", "environment variable KAFKA_NODE_ID"] {
        assert!(errors.contains(part), "{part} is missing in\n{errors}");
    }
    assert!(!dir.path().join("data").exists());
    let (status, _, errors) = ended(&mut ottla(dir.path(), &["config", "check", "f"]));
    assert_eq!(status, 78);
    assert!(errors.contains("did you mean log.retention.ms?"), "{errors}");
    let (status, _, errors) = ended(&mut ottla(dir.path(), &["start", "no-such-file"]));
    assert_eq!(status, 78);
    assert!(errors.contains("cannot read no-such-file"), "{errors}");
}

#[test]
fn the_command_line_stands_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "log.dirs=of-file\nnode.id=1\nlisteners=PLAINTEXT://127.0.0.1:0\n").unwrap();
    let mut command = ottla(dir.path(), &["start", "f", "--override", "log.dirs=of-line"]);
    command.env("KAFKA_LOG_DIRS", "of-environment").env("KAFKA_NODE_ID", "5").env("CLUSTER_ID", "my-cluster");
    let broker = Running::start(&mut command);
    broker.signal("INT");
    assert_eq!(broker.wait().0, 0);
    let meta = std::fs::read_to_string(dir.path().join("of-line/meta.properties")).unwrap();
    assert!(meta.contains("node.id=5") && meta.contains("cluster.id=my-cluster"), "{meta}");
    assert!(!dir.path().join("of-file").exists() && !dir.path().join("of-environment").exists());
}

#[test]
fn a_port_or_a_directory_that_is_taken_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners = format!("listeners=PLAINTEXT://{}", taken.local_addr().unwrap());
    let (status, _, errors) = ended(&mut ottla(dir.path(), &["--override", &listeners]));
    assert_eq!(status, 69, "{errors}");
    assert!(!dir.path().join("ottla-data").exists(), "a broker that cannot listen touches nothing");
    let broker = Running::start(&mut ottla(dir.path(), &["--override", ANY_PORT]));
    let (status, _, errors) = ended(&mut ottla(dir.path(), &["--override", ANY_PORT]));
    assert_eq!(status, 78, "{errors}");
    assert!(errors.contains("ottla-data is in use"), "{errors}");
    if cfg!(target_os = "linux") {
        assert!(errors.contains(&format!("pid {}", broker.child.id())), "{errors}");
    }
}

#[test]
fn a_formatted_directory_is_started_on_and_another_nodes_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("f"), "log.dirs=data\nlisteners=PLAINTEXT://127.0.0.1:0\n").unwrap();
    let (status, out, errors) = ended(&mut ottla(dir.path(), &["storage", "format", "-t", "some-id", "-c", "f"]));
    assert_eq!(status, 0, "{out}{errors}");
    let broker = Running::start(&mut ottla(dir.path(), &["start", "f"]));
    assert!(broker.started.iter().any(|line| line.contains("cluster some-id")), "{:#?}", broker.started);
    broker.signal("TERM");
    assert_eq!(broker.wait().0, 0);
    let (status, out, _) = ended(&mut ottla(dir.path(), &["storage", "info", "-c", "f"]));
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("cluster.id=some-id"), "{out}");
    let (status, _, errors) = ended(&mut ottla(dir.path(), &["start", "f", "--override", "node.id=2"]));
    assert_eq!(status, 78, "{errors}");
    assert!(errors.contains("belongs to node 1"), "{errors}");
}

#[test]
fn storage_check_finds_damage_and_keeps_away_from_a_running_broker() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Running::start(&mut ottla(dir.path(), &["--override", ANY_PORT]));
    let (status, _, errors) = ended(&mut ottla(dir.path(), &["storage", "check", "ottla-data"]));
    assert!(status == 1 && errors.contains("ottla-data is in use"), "{errors}");
    broker.signal("TERM");
    assert_eq!(broker.wait().0, 0);
    let (status, out, errors) = ended(&mut ottla(dir.path(), &["storage", "check", "ottla-data"]));
    assert!(status == 0 && out.contains("Nothing is damaged."), "{out}{errors}");
    let log = dir.path().join("ottla-data/__cluster_metadata-0/00000000000000000000.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[80] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    for arguments in [&["storage", "check", "ottla-data"][..], &["storage", "check", "ottla-data", "--repair"]] {
        let (status, out, _) = ended(&mut ottla(dir.path(), arguments));
        assert!(status == 1 && out.contains("DAMAGED") && out.contains("a checksum is wrong at position 0"), "{out}");
    }
    let (status, _, _) = ended(&mut ottla(dir.path(), &["storage", "check", "no-such-directory"]));
    assert_eq!(status, 1);
    assert!(!dir.path().join("no-such-directory").exists());
}
