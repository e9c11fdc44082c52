//! A Python with the clients installed, made once under `target/`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

const PACKAGES: &[&str] = &["confluent-kafka==2.16.1", "kafka-python==3.0.12"];

pub struct Python {
    interpreter: PathBuf,
}

/// The environment, or `None` where there is no Python to make it with.
pub fn environment() -> Option<&'static Python> {
    static MADE: OnceLock<Result<Python, String>> = OnceLock::new();
    match MADE.get_or_init(make) {
        Ok(python) => Some(python),
        Err(why) if std::env::var("OTTLA_TESTS_REQUIRE_TOOLS").is_ok_and(|v| v == "1") => {
            panic!("the Python clients are required: {why}")
        }
        Err(why) => {
            println!("skipped, for want of the Python clients: {why}");
            None
        }
    }
}

fn make() -> Result<Python, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-clients");
    let interpreter = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.exists() {
        let _ = std::fs::remove_dir_all(&folder);
        call(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        call(Command::new(&interpreter).args(["-m", "pip", "install", "-q"]).args(PACKAGES))?;
        std::fs::write(&complete, PACKAGES.join("\n")).map_err(|e| e.to_string())?;
    }
    Ok(Python { interpreter })
}

fn call(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

impl Python {
    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/python").join(script);
        let mut command = Command::new(&self.interpreter);
        command.arg("-u").arg(path).args(arguments);
        command
    }

    /// Runs a script to its end; it must succeed.
    pub fn run(&self, script: &str, arguments: &[&str]) {
        let output = self.command(script, arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        println!("{}{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{script} {arguments:?} failed: {}", text(&output.stderr));
    }

    pub fn start(&self, script: &str, arguments: &[&str]) -> Running {
        let mut process = self.command(script, arguments).stdout(Stdio::piped()).spawn().unwrap();
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
