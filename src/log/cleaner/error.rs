//! Why a pass over a log ended early.

use std::io;

/// The log is as sound as before: what had been replaced stays replaced, the rest as it was.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Bytes that make no sense. A log that has them is left alone.
    #[error("{segment} at position {position}: {what}")]
    Damaged { segment: String, position: u64, what: String },
    /// The broker stops, or the partition goes.
    #[error("interrupted")]
    Interrupted,
}

/// The caller wants the pass to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl From<Interrupted> for CleanError {
    fn from(_: Interrupted) -> Self {
        CleanError::Interrupted
    }
}

/// Told of every piece of I/O before the next: may hold the cleaner back, or end it.
pub trait Pace {
    fn spend(&mut self, bytes: u64) -> Result<(), Interrupted>;
}

/// As fast as it goes.
pub struct Unhurried;

impl Pace for Unhurried {
    fn spend(&mut self, _bytes: u64) -> Result<(), Interrupted> {
        Ok(())
    }
}
