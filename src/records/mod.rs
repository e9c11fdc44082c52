//! Record batches (magic 2) as bytes: looked at in place, patched in place, rarely decoded.
//!
//! | file | idea |
//! | --- | --- |
//! | `batch.rs` | the 61-byte header as a plain struct, checksum, walking batch after batch |
//! | `record.rs` | walking the records of a batch without copying or allocating |
//! | `build.rs` | making batches: coordinators, metadata, compaction, tests |
//! | `control.rs` | control records: transaction markers and the quorum's own |
//! | `compress.rs`, `lz4.rs`, `snappy.rs` | five codecs, every decoder with a bound on its output |
//! | `validate.rs` | what a produced batch must be, and what Kafka answers when it is not |

pub mod batch;
pub mod build;
pub mod codec;
pub mod compress;
pub mod control;
pub mod error;
#[cfg(test)]
mod golden;
mod lz4;
pub mod record;
mod snappy;
pub mod validate;
pub mod varint;

pub use batch::{BatchHeader, BatchIter, verify_crc};
pub use build::BatchBuilder;
pub use codec::{Codec, Compression, TimestampType};
pub use compress::Scratch;
pub use control::{ControlKind, ControlRecord, Voter, VoterEndpoint, end_txn_batch, quorum_batch};
pub use error::RecordsError;
pub use record::{HeaderView, RecordIter, RecordView};
pub use validate::{Origin, ProduceRules, RecordError, Rejected, TargetCompression, ValidBatch, validate};
