//! Other languages' tools with their Kafka clients, made once under `target/`: a Python environment, a Go program, Node
//! packages, the jars of Apache Kafka and Flink, a Rust program.

use crate::java::Java;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const PYTHON_PACKAGES: &[&str] = &["confluent-kafka==2.16.1", "kafka-python==3.0.12"];
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

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(language)
}

fn folder_for(language: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{language}-clients"))
}

/// Fills the folder anew unless it was filled with the same things before: a making that was cut short is not trusted.
fn once(folder: &Path, what: &str, fill: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let complete = folder.join("complete");
    if std::fs::read_to_string(&complete).is_ok_and(|made| made == what) {
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    fill()?;
    std::fs::write(&complete, what).map_err(|e| e.to_string())
}

fn make_python() -> Result<Python, String> {
    let folder = folder_for("python");
    let interpreter = folder.join("bin/python");
    once(&folder, &PYTHON_PACKAGES.join(" "), || {
        call(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        call(Command::new(&interpreter).args(["-m", "pip", "install", "-q"]).args(PYTHON_PACKAGES))
    })?;
    Ok(Python { interpreter })
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

/// Compiling librdkafka would take minutes; the Python client brings a built one.
fn make_rust() -> Result<Program, String> {
    let library = python().ok_or("it takes librdkafka from the Python client")?.librdkafka()?;
    let folder = folder_for("rust");
    let link = folder.join("librdkafka.so");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&library, &link).map_err(|e| e.to_string())?;
    let compiler = Command::new("rustc").arg("-vV").output().map_err(|e| e.to_string())?;
    let compiler = String::from_utf8_lossy(&compiler.stdout).into_owned();
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    // What the build script of rdkafka-sys would print, so that it is not run.
    let of_build_script = [
        format!("target.{host}.rdkafka.rustc-link-lib=['rdkafka']"),
        format!("target.{host}.rdkafka.rustc-link-search=['native={}']", folder.display()),
    ];
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked", "--target-dir"]).arg(&folder).current_dir(sources("rust"));
    call(build.args(of_build_script.iter().flat_map(|setting| ["--config", setting])))?;
    let found_in = format!("LD_LIBRARY_PATH={}", library.parent().ok_or("no folder")?.display());
    Ok(Program { command: vec!["env".into(), found_in.into(), folder.join("debug/clients").into()] })
}

fn call(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    // Maven says what went wrong on its standard output.
    let said = || String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(()) } else { Err(said()) }
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
    /// The library within the client, whose name has a hash in it.
    fn librdkafka(&self) -> Result<PathBuf, String> {
        let under = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let lib = self.interpreter.parent().and_then(Path::parent).ok_or("no environment")?.join("lib");
        let libraries = under(&lib).flat_map(|python| under(&python.join("site-packages/confluent_kafka.libs")));
        let named = |path: &PathBuf| path.to_string_lossy().contains("librdkafka");
        libraries.into_iter().find(named).ok_or_else(|| format!("no librdkafka under {}", lib.display()))
    }

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
