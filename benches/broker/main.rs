//! The benchmark: Ottla, Apache Kafka and the machine, in one run.
//!
//! `cargo bench --bench broker -- [--quick] [--case NAME] [--out DIR] [--no-kafka]`
//!
//! Both brokers run at once on fresh directories with the same settings; only one is loaded at a time, and they take
//! turns in every round. What is shown is the median of the rounds with the least and the most.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `args.rs` | the command line |
//! | `run.rs` | the order of things |
//! | [`cases`] | what is measured |
//! | [`load`] | the load generator |
//! | [`process`] | the brokers as processes |
//! | [`machine`] | what the machine itself can do |
//! | [`report`] | table, JSON, charts |

mod args;
mod cases;
mod load;
mod machine;
mod process;
mod report;
mod run;

use std::num::NonZero;
use std::process::ExitCode;

use clap::Parser as _;
use rustix::process::{Resource, getrlimit, setrlimit};

fn main() -> ExitCode {
    let args = args::Args::parse();
    if !args.bench {
        println!("This measures for minutes; run it with `cargo bench --bench broker`.");
        return ExitCode::SUCCESS;
    }
    // Paced requests are to go out when they are due, not 50 us later; thousands of connections need as many files.
    let _ = rustix::thread::set_current_timer_slack(NonZero::new(1));
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    let _ = setrlimit(Resource::Nofile, files);
    match run::run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("broker benchmark: {e:#}");
            ExitCode::FAILURE
        }
    }
}
