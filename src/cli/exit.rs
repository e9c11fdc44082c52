//! How the process ends, by the numbers of `sysexits.h` where they fit.

use std::process::ExitCode;

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Success = 0,
    Failure = 1,
    /// A command line that cannot be read.
    Usage = 64,
    /// A port that another process has.
    PortTaken = 69,
    /// Settings or a data directory that cannot be used.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
