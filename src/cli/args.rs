//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A one-node, Kafka-compatible broker. Without a command it starts on 127.0.0.1:9092 with its data in ./ottla-data.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serving: Serving,
}

/// Settings on the command line.
#[derive(Args, Clone, Debug, Default)]
pub struct Serving {
    /// A setting that stands over file and environment; may be given several times.
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// How much to log: a level, or component=level, separated by commas. Also OTTLA_LOG.
    #[arg(long, value_name = "LEVELS")]
    pub log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the broker.
    Start {
        /// Settings in Kafka's server.properties format.
        file: Option<PathBuf>,
        #[command(flatten)]
        serving: Serving,
    },
    /// Ask a running broker whether it serves: exit status 0 if it does.
    Health {
        /// The broker's address; without it the one that the environment's settings name, else 127.0.0.1:9092.
        #[arg(short, long = "bootstrap-server", value_name = "HOST:PORT")]
        bootstrap: Option<String>,
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
    /// Prepare the data directories.
    Format(Format),
    /// Tell what the data directories hold.
    Info {
        /// The broker's settings.
        #[arg(short, long)]
        config: PathBuf,
    },
    /// Try every checksum in data directories, of a broker that is stopped, and tell what is damaged: exit status 0 if
    /// nothing is.
    Check {
        /// Data directories.
        #[arg(required_unless_present = "config")]
        dirs: Vec<PathBuf>,
        /// The broker's settings, which name the directories.
        #[arg(short, long)]
        config: Option<PathBuf>,
        /// Take out what is damaged and keep the rest. Files that lose something are kept beside, as *.damaged.
        #[arg(long)]
        repair: bool,
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
        #[arg(short, long, value_name = "FEATURE=LEVEL", required = true)]
        feature: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub struct Format {
    /// The broker's settings.
    #[arg(short, long)]
    pub config: PathBuf,
    /// The cluster's id.
    #[arg(short = 't', long)]
    pub cluster_id: String,
    /// Leave directories as they are that are formatted already.
    #[arg(short = 'g', long)]
    pub ignore_formatted: bool,
    /// A credential such as SCRAM-SHA-256=[name=alice,password=secret].
    #[arg(short = 'S', long, value_name = "CREDENTIAL")]
    pub add_scram: Vec<String>,
    /// The release whose feature levels to start with.
    #[arg(short, long)]
    pub release_version: Option<String>,
    /// The level of one feature to start with.
    #[arg(short, long, value_name = "FEATURE=LEVEL")]
    pub feature: Vec<String>,
    /// Make this node the only voter of a quorum that can grow.
    #[arg(short, long, group = "quorum")]
    pub standalone: bool,
    /// Name no voters.
    #[arg(short = 'N', long, group = "quorum")]
    pub no_initial_controllers: bool,
    /// Name the voters, as ID@HOST:PORT:DIRECTORY.
    #[arg(short = 'I', long, group = "quorum", value_name = "VOTERS")]
    pub initial_controllers: Option<String>,
}
