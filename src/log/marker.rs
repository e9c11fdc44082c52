//! Transaction markers: the control batch that ends a transaction in one partition.

use bytes::Bytes;

use super::producers::EndTxn;
use crate::model::{LeaderEpoch, Offset};
use crate::records::{BatchBuilder, BatchHeader, RecordIter};

const VERSION: i16 = 0;
const ABORT: i16 = 0;
const COMMIT: i16 = 1;

/// The whole batch of a marker.
pub fn encode(end: &EndTxn, base: Offset, leader_epoch: LeaderEpoch, now_ms: i64) -> Bytes {
    let kind = if end.commit { COMMIT } else { ABORT };
    let key = [VERSION.to_be_bytes(), kind.to_be_bytes()].concat();
    let mut value = VERSION.to_be_bytes().to_vec();
    value.extend_from_slice(&end.coordinator_epoch.to_be_bytes());
    let mut batch = BatchBuilder::new(base).leader_epoch(leader_epoch).transactional(true).control(true).producer(
        end.producer_id,
        end.producer_epoch,
        -1,
    );
    batch.append(now_ms, Some(&key), Some(&value), &[]);
    batch.build()
}

/// What a control batch decides, if it is a transaction's end: `None` for other control records and for batches that
/// compaction has emptied.
pub fn decode(header: &BatchHeader, payload: &[u8]) -> Option<EndTxn> {
    if !header.is_control() || !header.has_producer_id() {
        return None;
    }
    let record = RecordIter::new(payload, header.record_count).next()?.ok()?;
    let number = |bytes: &[u8], at: usize| Some(i16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let key = record.key?;
    let commit = match (number(key, 0)?, number(key, 2)?) {
        (0.., COMMIT) => true,
        (0.., ABORT) => false,
        _ => return None,
    };
    let value = record.value?;
    if number(value, 0)? < 0 {
        return None;
    }
    Some(EndTxn {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        commit,
        coordinator_epoch: i32::from_be_bytes(value.get(2..6)?.try_into().ok()?),
        transaction_version: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::BATCH_HEADER_BYTES;
    use crate::model::{ProducerEpoch, ProducerId};

    #[test]
    fn markers_read_back() {
        for commit in [true, false] {
            let end = EndTxn {
                producer_id: ProducerId(17),
                producer_epoch: ProducerEpoch(3),
                commit,
                coordinator_epoch: 9,
                transaction_version: 0,
            };
            let bytes = encode(&end, Offset(5), LeaderEpoch(1), 1234);
            let header = BatchHeader::parse(&bytes).unwrap();
            assert!(header.is_control() && header.is_transactional());
            assert_eq!((header.base_sequence, header.record_count, header.max_timestamp), (-1, 1, 1234));
            assert_eq!(decode(&header, &bytes[BATCH_HEADER_BYTES..]), Some(end));
            assert_eq!(decode(&header, &bytes[BATCH_HEADER_BYTES..bytes.len() - 3]), None);
        }
    }
}
