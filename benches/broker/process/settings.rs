//! The settings that both brokers get. Everything else is at its default, which is Kafka's for both.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;

use anyhow::Result;

/// How acknowledged records are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Acknowledged from the page cache, Kafka's default.
    PageCache,
    /// Acknowledged when on stable storage: Ottla's default; in Kafka `log.flush.interval.messages=1`.
    Synced,
}

impl Durability {
    pub fn name(self) -> &'static str {
        match self {
            Durability::PageCache => "page cache",
            Durability::Synced => "synced",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub broker: u16,
    pub controller: u16,
}

impl Ports {
    /// Two ports that are free now.
    pub fn free() -> Result<Ports> {
        let (a, b) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        Ok(Ports { broker: a.local_addr()?.port(), controller: b.local_addr()?.port() })
    }
}

/// The properties of a one-node broker on `data`.
pub fn common(data: &Path, ports: Ports) -> String {
    let mut text = String::new();
    let Ports { broker, controller } = ports;
    for (key, value) in [
        ("process.roles", "broker,controller".to_string()),
        ("node.id", "1".into()),
        ("controller.listener.names", "CONTROLLER".into()),
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller}")),
        ("listeners", format!("PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}")),
        ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{broker}")),
        ("log.dirs", data.display().to_string()),
        ("offsets.topic.replication.factor", "1".into()),
        ("transaction.state.log.replication.factor", "1".into()),
        ("transaction.state.log.min.isr", "1".into()),
        ("share.coordinator.state.topic.replication.factor", "1".into()),
        ("share.coordinator.state.topic.min.isr", "1".into()),
        ("group.initial.rebalance.delay.ms", "0".into()),
        // Files of deleted topics go at once, so that the cases do not fill the disk.
        ("log.segment.delete.delay.ms", "1000".into()),
    ] {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}
