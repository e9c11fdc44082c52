//! The first look at a partition's records: is it one batch, of a format and codec that the request may carry?

use crate::model::ErrorCode;
use crate::model::limits::BATCH_PREFIX_BYTES;
use crate::records::batch::MAGIC;
use crate::records::codec::Codec;
use crate::records::validate::Rejected;

/// Kafka reads this far before it asks whether there is a whole header.
pub(super) const UP_TO_LAST_OFFSET_DELTA: usize = 27;
const UP_TO_MAGIC: usize = 17;
/// The least any format's batch counts as its length.
const LENGTH_MIN: i32 = 14;
const ATTRIBUTES_LOW_BYTE_AT: usize = 22;
const ZSTD_FROM_VERSION: i16 = 7;

/// The size of the one batch at the front of `records`. Bytes behind it that are no whole batch are passed over.
///
/// Kafka answers this before it looks for the partition's log, so these refusals win over that of an internal topic.
pub fn one_batch(records: &[u8], api_version: i16) -> Result<usize, Rejected> {
    let first = peek(records).map_err(|reason| Rejected {
        // Found while the request is looked through for transactional batches: there is no partition to blame yet.
        whole_request: true,
        message: Some(reason.clone()),
        ..Rejected::cheap(ErrorCode::CorruptMessage, reason)
    })?;
    let (size, magic) = first.ok_or_else(|| Rejected::cheap(ErrorCode::InvalidRecord, "no whole batch"))?;
    if magic != MAGIC {
        return Err(Rejected::cheap(ErrorCode::InvalidRecord, format!("batch has magic {magic}")));
    }
    if api_version < ZSTD_FROM_VERSION {
        check_codec_of_old_request(records)?;
    }
    let rest = records.get(size..).unwrap_or_default();
    match peek(rest) {
        Ok(None) => Ok(size),
        Ok(Some(_)) => Err(Rejected::cheap(ErrorCode::InvalidRecord, "more than one batch")),
        Err(reason) => Err(Rejected::cheap(ErrorCode::CorruptMessage, reason)),
    }
}

/// Size and magic of the batch at the front, if there is a whole one.
fn peek(bytes: &[u8]) -> Result<Option<(usize, i8)>, String> {
    let Some(&length) = bytes.get(8..BATCH_PREFIX_BYTES).and_then(|length| length.first_chunk::<4>()) else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(length);
    if length < LENGTH_MIN {
        return Err(format!("batch length {length} is impossible"));
    }
    let Some(&magic) = bytes.get(UP_TO_MAGIC - 1) else {
        return Ok(None);
    };
    let magic = magic as i8;
    if !(0..=MAGIC).contains(&magic) {
        return Err(format!("batch has magic {magic}"));
    }
    let size = length as usize + BATCH_PREFIX_BYTES;
    Ok((bytes.len() >= size).then_some((size, magic)))
}

fn check_codec_of_old_request(batch: &[u8]) -> Result<(), Rejected> {
    let attributes = batch.get(ATTRIBUTES_LOW_BYTE_AT).copied().unwrap_or_default();
    match Codec::from_id(attributes & 0x07) {
        Ok(Codec::Zstd) => Err(Rejected::cheap(ErrorCode::UnsupportedCompressionType, "zstd in an old request")),
        Ok(_) => Ok(()),
        Err(error) => Err(Rejected { whole_request: true, ..Rejected::cheap((&error).into(), &error) }),
    }
}
