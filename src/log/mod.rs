//! One partition on disk, in Apache Kafka's formats. See `FORMAT.md` beside this file.
//!
//! | file | idea |
//! | --- | --- |
//! | `partition_log.rs` | the facade: one log, driven from behind its partition's lock |
//! | `append.rs` | from a checked batch to bytes, indexes, producers and ends |
//! | `view.rs` | what readers see, without that lock |
//! | `lookup.rs` | offsets by timestamp |
//! | `segment.rs`, `index/`, `walk.rs` | one segment, its indexes, going through its headers |
//! | `handles.rs` | open files in a bounded number |
//! | `producers/`, `marker.rs` | retries, gaps, transactions and their ends |
//! | `epochs.rs`, `checkpoint.rs`, `metadata_file.rs`, `names.rs` | the small files and the names of all files |
//! | `flush.rs` | what is to be made durable |
//! | `recovery.rs`, `scan.rs`, `swap.rs` | loading a log, after any kind of stop |
//! | `relocate.rs` | moving to another log directory |
//! | `retention.rs` | forgetting: DeleteRecords, time, size; removed segments |
//! | `cleaner/` | compaction |
//! | `check.rs` | looking for damage, and mending it |

pub mod append;
pub mod check;
pub mod checkpoint;
pub mod cleaner;
pub mod config;
pub mod dir;
pub mod epochs;
pub mod error;
pub mod flush;
pub mod handles;
mod header;
pub mod index;
pub mod lookup;
pub mod marker;
pub mod metadata_file;
pub mod names;
pub mod partition_log;
pub mod producers;
mod recovery;
pub mod relocate;
pub mod retention;
mod scan;
pub mod segment;
mod swap;
pub mod view;
mod walk;

pub use append::{AppendBatch, AppendCtx, Appended};
pub use config::LogConfig;
pub use dir::{DirError, FoundPartition, Identity, LogDir};
pub use error::{AppendError, OpenError, ReadError};
pub use flush::{SyncWork, Upkeep, run_all};
pub use handles::Handles;
pub use index::txn::AbortedTxn;
pub use lookup::FoundRecord;
pub use partition_log::{LogEnv, Opening, PartitionLog};
pub use producers::check::Origin;
pub use producers::{EndTxn, ProducerEntry, VerificationGuard};
pub use relocate::Copying;
pub use retention::{DeadFiles, GivenUp, Why};
pub use segment::{Segment, TimedOffset};
pub use view::{Ends, LogReader, LogSlice, UpTo};
