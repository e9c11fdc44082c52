//! The real binary on a free loopback port and a directory of its own.

use crate::java::Settings;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub struct Broker {
    dir: Option<tempfile::TempDir>,
    port: u16,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Broker {
    pub fn start(settings: &[(&str, &str)]) -> Broker {
        let port = free_port();
        let dir = tempfile::tempdir().unwrap();
        let mut all = vec![
            "node.id=1".to_string(),
            format!("listeners=PLAINTEXT://127.0.0.1:{port}"),
            format!("log.dirs={}", dir.path().join("data").display()),
            "offsets.topic.num.partitions=4".into(),
            "transaction.state.log.num.partitions=4".into(),
        ];
        all.extend(settings.iter().map(|(key, value)| format!("{key}={value}")));
        let arguments = all.into_iter().flat_map(|setting| ["--override".to_string(), setting]).collect();
        Self::launch(Some(dir), port, arguments)
    }

    /// On the settings and data of somebody else, which stay when this broker is gone.
    pub fn on(settings: &Settings) -> Broker {
        Self::launch(None, settings.port(), vec![settings.file().display().to_string()])
    }

    fn launch(dir: Option<tempfile::TempDir>, port: u16, arguments: Vec<String>) -> Broker {
        let mut broker = Broker { dir, port, arguments, process: None };
        broker.restart();
        broker
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn data(&self) -> PathBuf {
        self.dir.as_ref().expect("data of somebody else").path().join("data")
    }

    /// Starts the process and waits until it takes connections.
    pub fn restart(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
        command.arg("start").args(&self.arguments).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = command.spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                println!("broker: {line}");
            }
        });
        for _ in 0..3000 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                self.process = Some(process);
                return;
            }
            if let Some(status) = process.try_wait().unwrap() {
                panic!("the broker ended with {status}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the broker took no connection");
    }

    /// Ends the process as a power cut would end it.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Ends the process as an operator would.
    pub fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        let pid = process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(process.wait().unwrap().success());
    }
}

/// A port below those that the system gives to outgoing connections: one of them could take it while the broker is
/// down. No port is given twice, for the same reason: another test's broker may be down at the moment.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() % 20_000;
    let next = || 10_000 + ((first + GIVEN.fetch_add(1, Ordering::Relaxed)) % 20_000) as u16;
    let mut candidates = std::iter::repeat_with(next).take(20_000);
    candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("no port is free")
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
