//! Why a metadata log cannot be used. Every error names its file.

use std::io;
use std::path::{Path, PathBuf};

use crate::controller::metadata::ApplyError;
use crate::controller::records::RecordError;
use crate::records::RecordsError;

/// See the module's page.
#[derive(Debug, thiserror::Error)]
pub enum MetadataLogError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// Neither the end of a cut write nor anything that can be read.
    #[error("{} is damaged at byte {position} (offset {offset}): {why}. Nothing was changed", path.display())]
    Damaged { path: PathBuf, position: u64, offset: i64, why: String },
    #[error("{}, offset {offset}: {source}. It was written by a newer version, or is damaged. Nothing was changed", path.display())]
    Unknown { path: PathBuf, offset: i64, source: RecordError },
    #[error("{}, offset {offset}: {source}. Nothing was changed", path.display())]
    Misfit { path: PathBuf, offset: i64, source: ApplyError },
    #[error("{}: {why}. Nothing was changed", path.display())]
    Malformed { path: PathBuf, why: String },
    #[error("{}: the metadata log begins at offset {log_start} and no snapshot holds what came before. Nothing was changed", path.display())]
    Gap { path: PathBuf, log_start: i64 },
    #[error("{}: the metadata quorum has the voters {voters:?}; this broker runs alone, as node {node_id}. Nothing was changed", path.display())]
    Voters { path: PathBuf, voters: Vec<i32>, node_id: i32 },
}

impl MetadataLogError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        MetadataLogError::Io { path: path.to_owned(), source }
    }

    pub(super) fn malformed(path: &Path, why: impl Into<String>) -> Self {
        MetadataLogError::Malformed { path: path.to_owned(), why: why.into() }
    }

    pub(super) fn damaged(path: &Path, position: u64, offset: i64, source: &RecordsError) -> Self {
        MetadataLogError::Damaged { path: path.to_owned(), position, offset, why: source.to_string() }
    }
}
