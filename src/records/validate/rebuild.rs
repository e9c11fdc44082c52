//! Storing a batch with the topic's codec instead of the producer's.

use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{ErrorCode, ProducerEpoch, ProducerId};
use crate::records::batch::{BatchHeader, NO_TIMESTAMP};
use crate::records::build::BatchBuilder;
use crate::records::codec::{Codec, Compression};
use crate::records::record::{RecordIter, RecordView};
use crate::records::validate::{ProduceRules, Rejected, ValidBatch, Walk, too_large};

/// Records keep their timestamps and get offsets that count up; unused attributes and a delete horizon are lost.
pub(super) fn rebuild(
    header: &BatchHeader,
    plain: &[u8],
    target: Compression,
    walk: &Walk,
    rules: &ProduceRules,
) -> Result<ValidBatch, Rejected> {
    check_producer(header)?;
    let mut builder = BatchBuilder::new(header.base_offset)
        .compression(target)
        .transactional(header.is_transactional())
        .producer(header.producer_id, header.producer_epoch, header.base_sequence);
    if let Some(now_ms) = rules.log_append_ms() {
        builder = builder.log_append_time(now_ms);
    }
    for (record, index) in RecordIter::new(plain, header.record_count).zip(0i32..) {
        let record = record.map_err(|error| Rejected::unreadable(&error, Codec::None))?;
        let timestamp = record.timestamp(header);
        if timestamp < 0 && timestamp != NO_TIMESTAMP {
            return Err(unbuildable("negative timestamp"));
        }
        builder.append_view(index, timestamp, &RecordView { attributes: 0, ..record });
    }
    let batch = builder.build();
    if batch.len() as i64 > i64::from(rules.max_message_bytes) {
        return Err(too_large(batch.len(), rules));
    }
    let header = BatchHeader::parse(&batch).map_err(|error| Rejected::deep((&error).into(), &error))?;
    Ok(ValidBatch {
        header,
        payload: batch.slice(BATCH_HEADER_BYTES..),
        record_count: header.record_count,
        max_timestamp: header.max_timestamp,
        offset_delta_of_max_timestamp: walk.offset_delta_of_max,
        log_append_ms: rules.log_append_ms(),
    })
}

/// Ids that Kafka stores as they come but cannot write anew.
fn check_producer(header: &BatchHeader) -> Result<(), Rejected> {
    let has_id = header.producer_id != ProducerId::NONE;
    if header.is_transactional() && !has_id {
        return Err(unbuildable("transactional without a producer id"));
    }
    if has_id && (header.producer_epoch == ProducerEpoch::NONE || header.base_sequence < 0) {
        return Err(unbuildable("producer id without epoch or sequence"));
    }
    Ok(())
}

fn unbuildable(reason: &str) -> Rejected {
    Rejected::deep(ErrorCode::UnknownServerError, reason)
}
