//! What can go wrong in a log, and Kafka's number for it.

use std::io;

use crate::model::{ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId};

/// Why a batch was not appended. Nothing of it is in the log, and nothing else changed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("a batch of {size_bytes} bytes is larger than max.message.bytes {limit_bytes}")]
    MessageTooLarge { size_bytes: usize, limit_bytes: u32 },
    #[error("a batch of {size_bytes} bytes does not fit into a segment of {limit_bytes} bytes")]
    BatchTooLarge { size_bytes: usize, limit_bytes: u32 },
    #[error("producer {producer_id} sent sequence {sequence}, expected to follow {last_sequence}")]
    OutOfOrderSequence { producer_id: ProducerId, sequence: i32, last_sequence: i32 },
    #[error("producer {producer_id} has epoch {current}, not {given}")]
    InvalidProducerEpoch { producer_id: ProducerId, given: ProducerEpoch, current: ProducerEpoch },
    #[error("producer {producer_id} has no such transaction here: {what}")]
    InvalidTxnState { producer_id: ProducerId, what: &'static str },
    #[error("transaction coordinator of epoch {current} has been here; {given} is over")]
    CoordinatorFenced { given: i32, current: i32 },
    #[error("leader epoch {given} is behind {current}")]
    StaleLeaderEpoch { given: LeaderEpoch, current: LeaderEpoch },
    #[error("the batch is not one that a log can hold: {0}")]
    Invalid(&'static str),
    /// The log takes no more writes until it is opened again.
    #[error("the log failed before: {0}")]
    Failed(String),
    #[error("cannot write the log: {0}")]
    Io(#[from] io::Error),
    /// Refused before anything was written.
    #[error("the disk has no room but its reserve")]
    NoRoom,
}

impl AppendError {
    pub fn code(&self) -> ErrorCode {
        match self {
            AppendError::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
            AppendError::BatchTooLarge { .. } => ErrorCode::RecordListTooLarge,
            AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            AppendError::InvalidTxnState { .. } => ErrorCode::InvalidTxnState,
            AppendError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
            AppendError::StaleLeaderEpoch { .. } => ErrorCode::NotLeaderOrFollower,
            AppendError::Invalid(_) => ErrorCode::InvalidRecord,
            AppendError::Failed(_) | AppendError::Io(_) | AppendError::NoRoom => ErrorCode::KafkaStorageError,
        }
    }
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("offset {asked} is not between {log_start} and {log_end}")]
    OutOfRange { asked: Offset, log_start: Offset, log_end: Offset },
    /// The log is not loaded yet; [`super::PartitionLog::ensure_loaded`] does it, then try again.
    #[error("the log is not loaded yet")]
    NotLoaded,
    #[error("cannot read the log: {0}")]
    Io(#[from] io::Error),
}

impl ReadError {
    pub fn code(&self) -> ErrorCode {
        match self {
            ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            ReadError::NotLoaded => ErrorCode::NotLeaderOrFollower,
            ReadError::Io(e) if e.kind() == io::ErrorKind::InvalidData => ErrorCode::CorruptMessage,
            ReadError::Io(_) => ErrorCode::KafkaStorageError,
        }
    }
}

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Bytes that were once known to be good are not. The partition stays offline until somebody decides.
    #[error("{segment} is damaged at position {position} ({what}), before offset {known_good} up to which it was safe")]
    Damaged { segment: String, position: u64, what: String, known_good: Offset },
    #[error("directory belongs to topic id {found}, not {expected}")]
    WrongTopic { found: crate::model::TopicId, expected: crate::model::TopicId },
    #[error("{0}")]
    Io(#[from] io::Error),
}
