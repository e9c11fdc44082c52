//! What can be wrong with the bytes of a batch.

use crate::model::ErrorCode;
use crate::records::codec::Codec;

/// A batch or a record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// Fewer bytes than the header or the batch's own length says: the end of a cut write, or a cut request.
    #[error("batch cut off: {have} bytes of {need}")]
    Torn { need: usize, have: usize },
    #[error("batch length {0} is impossible")]
    BadLength(i32),
    #[error("batch has magic {0}, not 2")]
    BadMagic(i8),
    #[error("batch checksum is {stored:#010x}, its bytes give {computed:#010x}")]
    BadCrc { stored: u32, computed: u32 },
    #[error("unknown compression codec {0}")]
    UnknownCodec(u8),
    #[error("bad record: {0}")]
    BadRecord(&'static str),
    /// Apart from `BadRecord` because Kafka answers it with another code.
    #[error("bad record: its size is not a number")]
    BadRecordSize,
    #[error("bad control record: {0}")]
    BadControl(&'static str),
    #[error("cannot decompress {codec}: {reason}")]
    Decompress { codec: Codec, reason: &'static str },
    #[error("records decompress to more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: usize },
}

impl From<&RecordsError> for ErrorCode {
    fn from(error: &RecordsError) -> ErrorCode {
        match error {
            RecordsError::Torn { .. } | RecordsError::BadRecord(_) | RecordsError::BadControl(_) => {
                ErrorCode::InvalidRecord
            }
            RecordsError::BadLength(_) | RecordsError::BadMagic(_) | RecordsError::BadCrc { .. } => {
                ErrorCode::CorruptMessage
            }
            RecordsError::UnknownCodec(_) | RecordsError::BadRecordSize | RecordsError::Decompress { .. } => {
                ErrorCode::UnknownServerError
            }
            RecordsError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        }
    }
}
