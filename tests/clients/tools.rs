//! Other languages' tools with their Kafka clients, made once under `target/`: a Python environment, a Go program, Node
//! packages, the jars of Apache Kafka and Flink, a Rust program.

use crate::java::Java;
use crate::making::{self, call, folder_for, once, sources};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const NODE_PACKAGES: &[&str] = &["kafkajs@2.2.4", "@platformatic/kafka@1.35.0"];

type Made<T> = OnceLock<Result<T, String>>;

/// The environment, or `None` where there is no Python to make it with.
pub fn python() -> Option<&'static Python> {
    static MADE: Made<Python> = OnceLock::new();
    or_skip("Python", MADE.get_or_init(make_python))
}

/// A program of the Go clients, or `None` where there is no Go to build it with.
pub fn go() -> Option<&'static Program> {
    static MADE: Made<Program> = OnceLock::new();
    or_skip("Go", MADE.get_or_init(make_go))
}

/// A script of the Node clients, or `None` where there is no Node to run it.
pub fn node() -> Option<&'static Program> {
    static MADE: Made<Program> = OnceLock::new();
    or_skip("Node", MADE.get_or_init(make_node))
}

/// Apache Kafka with its tools, or `None` where there is no Java or no Maven.
pub fn java() -> Option<&'static Java> {
    static MADE: Made<Java> = OnceLock::new();
    or_skip("Java", MADE.get_or_init(make_java))
}

/// Flink with its Kafka connector, or `None` where there is no Java or no Maven.
pub fn flink() -> Option<&'static Java> {
    static MADE: Made<Java> = OnceLock::new();
    or_skip("Java", MADE.get_or_init(make_flink))
}

/// A program of the Rust client, or `None` where the library that it binds could not be had.
pub fn rust() -> Option<&'static Program> {
    static MADE: Made<Program> = OnceLock::new();
    or_skip("Rust", MADE.get_or_init(make_rust))
}

fn or_skip<T>(language: &str, made: &'static Result<T, String>) -> Option<&'static T> {
    match made {
        Ok(tool) => Some(tool),
        Err(why) if std::env::var("OTTLA_TESTS_REQUIRE_TOOLS").is_ok_and(|v| v == "1") => {
            panic!("the {language} clients are required: {why}")
        }
        Err(why) => {
            println!("skipped, for want of the {language} clients: {why}");
            None
        }
    }
}

fn make_python() -> Result<Python, String> {
    Ok(Python { interpreter: making::make_python()? })
}

fn make_rust() -> Result<Program, String> {
    let python = python().ok_or("it takes librdkafka from the Python client")?;
    Ok(Program { command: making::make_rust(&python.interpreter)? })
}

fn make_go() -> Result<Program, String> {
    let program = folder_for("go").join("clients");
    std::fs::create_dir_all(folder_for("go")).map_err(|e| e.to_string())?;
    call(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(sources("go")))?;
    Ok(Program { command: vec![program.into()] })
}

fn make_node() -> Result<Program, String> {
    let folder = folder_for("node");
    once(&folder, &NODE_PACKAGES.join(" "), || {
        std::fs::write(folder.join("package.json"), "{\"private\":true}").map_err(|e| e.to_string())?;
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        call(Command::new("npm").args(install).args(NODE_PACKAGES).current_dir(&folder))
    })?;
    // A module finds its packages from where it lies.
    let script = folder.join("clients.mjs");
    std::fs::copy(sources("node").join("clients.mjs"), &script).map_err(|e| e.to_string())?;
    Ok(Program { command: vec!["node".into(), script.into()] })
}

fn make_java() -> Result<Java, String> {
    let programs = ["Clients", "Groups", "Server", "Tools", "Transactions", "WordCount"];
    make_jars_and_classes(&folder_for("java"), &sources("java"), &programs)
}

fn make_flink() -> Result<Java, String> {
    make_jars_and_classes(&folder_for("flink"), &sources("java").join("flink"), &["Flink", "Gate", "Trouble"])
}

/// What the folder's `pom.xml` names, and our programs in it.
fn make_jars_and_classes(folder: &Path, sources: &Path, programs: &[&str]) -> Result<Java, String> {
    let (jars, classes) = (folder.join("lib"), folder.join("classes"));
    let text = |file: &PathBuf| std::fs::read_to_string(file).map_err(|e| e.to_string());
    let pom = sources.join("pom.xml");
    once(&jars, &text(&pom)?, || {
        // Its store of what it has fetched bears one Maven at a time.
        static MAVEN: Mutex<()> = Mutex::new(());
        let _alone = MAVEN.lock();
        let quiet = ["--quiet", "--batch-mode", "-DincludeScope=runtime"];
        let out = format!("-DoutputDirectory={}", jars.display());
        call(Command::new("mvn").args(quiet).arg(out).arg("-f").arg(&pom).arg("dependency:copy-dependencies"))
    })?;
    let programs: Vec<PathBuf> = programs.iter().map(|name| sources.join(format!("{name}.java"))).collect();
    once(&classes, &programs.iter().map(text).collect::<Result<String, String>>()?, || {
        let with = format!("{}/*", jars.display());
        call(Command::new("javac").args(["-cp", &with, "-d"]).arg(&classes).args(&programs))
    })?;
    Ok(Java { jars, classes })
}

/// A program that plays one client as its first argument names it, against the broker at the second.
pub struct Program {
    command: Vec<std::ffi::OsString>,
}

impl Program {
    pub fn run(&self, arguments: &[&str]) {
        run(Command::new(&self.command[0]).args(&self.command[1..]).args(arguments));
    }
}

/// Runs a command to its end; it must succeed.
fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    println!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {}", text(&output.stderr));
}

pub struct Python {
    interpreter: PathBuf,
}

impl Python {
    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg("-u").arg(sources("python").join(script)).args(arguments);
        command
    }

    /// Runs a script to its end; it must succeed.
    pub fn run(&self, script: &str, arguments: &[&str]) {
        run(&mut self.command(script, arguments));
    }

    /// A script whose output is still to be taken.
    pub fn spawn(&self, script: &str, arguments: &[&str]) -> Child {
        self.command(script, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    pub fn start(&self, script: &str, arguments: &[&str]) -> Running {
        let mut process = self.spawn(script, arguments);
        let out = std::cell::RefCell::new(BufReader::new(process.stdout.take().unwrap()));
        Running { process, out }
    }
}

/// A script that is still going.
pub struct Running {
    process: Child,
    out: std::cell::RefCell<BufReader<ChildStdout>>,
}

impl Running {
    pub fn wait_for_line(&self, wanted: &str) {
        let mut line = String::new();
        while self.out.borrow_mut().read_line(&mut line).unwrap() > 0 {
            if line.trim() == wanted {
                return;
            }
            line.clear();
        }
        panic!("the script ended without saying {wanted}");
    }

    /// What it says until its end.
    pub fn finish(mut self) -> String {
        let mut rest = String::new();
        self.out.borrow_mut().read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success());
        rest
    }
}
