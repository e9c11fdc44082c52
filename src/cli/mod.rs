//! The command line.

mod args;
mod banner;
mod config;
mod exit;
mod health;
mod load;
mod logging;
mod serve;
mod storage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command};
use exit::Exit;

/// Runs the command that the arguments name and returns the process's exit code.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let arguments = match Arguments::try_parse_from(&args) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is no reason to fail.
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let stands_for_kafkas = args.get(1).is_some_and(|command| command == "storage");
            return match (asked, stands_for_kafkas) {
                (true, _) => Exit::Success,
                (false, true) => Exit::Failure,
                (false, false) => Exit::Usage,
            }
            .into();
        }
    };
    let exit = match arguments.command {
        None => serve::without_a_file(&arguments.serving),
        Some(Command::Start { file, serving }) => serve::start(file.as_deref(), &serving),
        Some(Command::Health { bootstrap, timeout_ms }) => health::run(bootstrap.as_deref(), timeout_ms),
        Some(Command::Config { command }) => config::run(&command),
        Some(Command::Storage { command }) => storage::run(&command),
    };
    exit.into()
}
