//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// A one-node, Kafka-compatible broker. Without a command it starts on 127.0.0.1:9092 with its data in ./ottla-data.
#[derive(Debug, Parser)]
#[command(name = "ottla", version)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask a running broker whether it serves: exit status 0 if it does.
    Health {
        /// The broker's address.
        #[arg(short, long = "bootstrap-server", default_value = "127.0.0.1:9092", value_name = "HOST:PORT")]
        bootstrap: String,
        /// How long to wait for the answer.
        #[arg(long, default_value_t = 5_000, value_name = "MS")]
        timeout_ms: u64,
    },
    /// Look up settings, or check a file of them.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Prepare and look at data directories, as kafka-storage.sh does.
    Storage {
        #[command(subcommand)]
        command: StorageCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every key with type, default, and what Ottla does with it.
    Docs {
        /// Only keys that contain this.
        filter: Option<String>,
    },
    /// Check a file with environment and command line laid over it, and tell every mistake.
    Check {
        file: Option<PathBuf>,
        #[arg(long = "override", value_name = "KEY=VALUE")]
        overrides: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum StorageCommand {
    /// Tell what the data directories hold.
    Info {
        /// The broker's settings.
        #[arg(short, long)]
        config: PathBuf,
    },
    /// Print an id for a new cluster.
    RandomUuid,
    /// The feature levels of a release.
    VersionMapping {
        #[arg(short, long)]
        release_version: Option<String>,
    },
    /// What a feature level needs.
    FeatureDependencies {
        #[arg(short, long, value_name = "FEATURE=LEVEL", required = true, num_args = 1..)]
        feature: Vec<String>,
    },
}
