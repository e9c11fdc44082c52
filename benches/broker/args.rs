//! The command line of the benchmark.

use std::path::PathBuf;

use clap::Parser;

/// Measures Ottla beside Apache Kafka and the machine's own limits.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench broker --")]
pub struct Args {
    /// Some cases only, small, in a few minutes
    #[arg(long)]
    pub quick: bool,
    /// Only cases whose name holds this text; may be given several times
    #[arg(long, value_name = "NAME")]
    pub case: Vec<String>,
    /// Where the JSON and the charts go [default: target/broker-bench]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where the brokers keep their data [default: target/broker-bench/data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Rounds that alternate the two brokers
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// Ottla alone
    #[arg(long, conflicts_with = "no_ottla")]
    pub no_kafka: bool,
    /// Apache Kafka alone
    #[arg(long)]
    pub no_ottla: bool,
    /// Show the cases and end
    #[arg(long)]
    pub list: bool,
    /// Given by cargo
    #[arg(long, hide = true)]
    pub bench: bool,
}
