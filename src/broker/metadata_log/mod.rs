//! The metadata log: `__cluster_metadata-0` in Apache Kafka's files, and the task that drives the metadata machine.
//!
//! | file | idea |
//! | --- | --- |
//! | `batches.rs` | records to batches and back |
//! | `segments.rs` | the log's segment files: reading them, telling a torn end from damage, appending |
//! | `snapshot.rs` | `OFFSET-EPOCH.checkpoint`: all metadata of one moment |
//! | `quorum.rs` | `quorum-state`, `partition.metadata`, `leader-epoch-checkpoint` |
//! | `load.rs` | newest snapshot and the log behind it, applied to the machine; touches nothing |
//! | `format.rs` | what a new directory begins with |
//! | `driver.rs` | events in; append, sync, publish, answer |
//! | `handle.rs` | what the rest of the broker holds |
//!
//! Everything that a client was told, and everything that the published image shows, is on stable storage; but a node
//! that is new may show itself while its registration is on the way there (`Office`).

mod batches;
mod driver;
mod error;
mod format;
mod handle;
mod load;
mod quorum;
mod segments;
mod snapshot;
#[cfg(test)]
mod tests;

pub use driver::Office;
pub use error::MetadataLogError;
pub use format::{Formatting, format};
pub use handle::{Gone, Metadata, Watcher};
pub use load::{Loaded, Opening};

/// Folder of the metadata log within its log directory.
pub const FOLDER: &str = "__cluster_metadata-0";
