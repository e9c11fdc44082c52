//! A broker of either product as a child process.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::kafka::Kafka;
use super::settings::{self, Durability, Ports};
use crate::load::{Connection, setup};

const START_PATIENCE: Duration = Duration::from_secs(180);
const STOP_PATIENCE: Duration = Duration::from_secs(120);
/// Little beside what is measured.
const PROBE_EVERY: Duration = Duration::from_micros(50);

/// What is being compared.
#[derive(Clone, Debug)]
pub enum Product {
    Ottla,
    Kafka(Kafka),
}

impl Product {
    pub fn name(&self) -> &'static str {
        match self {
            Product::Ottla => "Ottla",
            Product::Kafka(_) => "Kafka",
        }
    }
}

/// A data directory with its settings, which a broker is started on, perhaps several times.
pub struct Home {
    product: Product,
    dir: PathBuf,
    ports: Ports,
    durability: Durability,
}

/// A running broker. Dropping it kills the process.
pub struct Broker {
    child: Child,
    pub product: Product,
    pub address: SocketAddr,
    /// From the spawning of the process to its first answer.
    pub started_in: Duration,
    log: PathBuf,
}

impl Home {
    /// A fresh directory.
    pub fn new(product: &Product, dir: PathBuf, durability: Durability) -> Result<Home> {
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        fs::create_dir_all(&dir)?;
        let home = Home { product: product.clone(), dir, ports: Ports::free()?, durability };
        let mut text = settings::common(&home.dir.join("data"), home.ports);
        if let Product::Kafka(kafka) = product {
            text.push_str(&kafka.extra_settings);
            if durability == Durability::Synced {
                text.push_str("log.flush.interval.messages=1\n");
            }
        }
        fs::write(home.properties(), text)?;
        if let Product::Kafka(kafka) = product {
            kafka.format(&home.properties())?;
        }
        Ok(home)
    }

    fn properties(&self) -> PathBuf {
        self.dir.join("server.properties")
    }

    fn command(&self) -> Command {
        match &self.product {
            Product::Kafka(kafka) => kafka.start_command(&self.properties()),
            Product::Ottla => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
                let acks = match self.durability {
                    Durability::PageCache => "ottla.acks.all=page-cache",
                    Durability::Synced => "ottla.acks.all=fsync",
                };
                command.arg("start").arg(self.properties()).args(["--override", acks]);
                command
            }
        }
    }

    /// Starts the broker and waits until it answers.
    pub fn start(&self) -> Result<Broker> {
        let log = self.dir.join("broker.log");
        let out = File::options().create(true).append(true).open(&log)?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let begin = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {}", self.product.name()))?;
        let address = SocketAddr::from(([127, 0, 0, 1], self.ports.broker));
        let product = self.product.clone();
        let mut broker = Broker { child, product, address, started_in: Duration::ZERO, log };
        while !answers(address) {
            broker.check_alive()?;
            if begin.elapsed() > START_PATIENCE {
                bail!("{} does not answer after {} s", self.product.name(), START_PATIENCE.as_secs());
            }
            std::thread::sleep(PROBE_EVERY);
        }
        broker.started_in = begin.elapsed();
        Ok(broker)
    }

    /// Frees the disk.
    pub fn remove(self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn answers(address: SocketAddr) -> bool {
    setup::require(address, ottla::wire::versions::ApiKey::ApiVersions, 3).is_ok()
}

impl Broker {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails with the end of its log when the process has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} has ended ({status}); its log ends:\n{}", self.product.name(), tail(&self.log));
        }
        Ok(())
    }

    pub fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
    }

    /// Asks it to stop and waits.
    pub fn stop(mut self) -> Result<Duration> {
        let begin = Instant::now();
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            kill_process(pid, Signal::TERM)?;
        }
        while self.child.try_wait()?.is_none() {
            if begin.elapsed() > STOP_PATIENCE {
                bail!("{} does not stop", self.product.name());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(begin.elapsed())
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(15).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
