use super::*;
use crate::model::{ProducerEpoch, ProducerId};
use crate::records::batch::BatchFlags;
use crate::records::golden::java_batch;
use crate::records::{BatchBuilder, verify_crc};

const NOW_MS: i64 = 1_700_000_000_000;
const CODECS: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

mod decided;
mod fuzz;
mod stored;

fn rules() -> ProduceRules {
    ProduceRules { now_ms: NOW_MS, ..ProduceRules::default() }
}

/// A batch of records with these values, all an hour old.
fn batch(values: &[&[u8]]) -> BatchBuilder {
    let mut builder = BatchBuilder::new(Offset(0));
    for value in values {
        builder.append(NOW_MS - 3_600_000, None, Some(value), &[]);
    }
    builder
}

fn one() -> Vec<u8> {
    batch(&[b"x"]).build().to_vec()
}

/// The batch with its header changed and a right checksum for it.
fn changed(batch: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Vec<u8> {
    with_payload(batch, &batch[BATCH_HEADER_BYTES..], change)
}

/// The batch's header before other bytes, with the length and checksum they need.
fn with_payload(batch: &[u8], payload: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Vec<u8> {
    let mut header = BatchHeader::parse(batch).unwrap();
    header.length = (BATCH_HEADER_BYTES - 12 + payload.len()) as i32;
    change(&mut header);
    header.crc = header.computed_crc(payload);
    [&header.to_bytes()[..], payload].concat()
}

fn try_with(bytes: &[u8], rules: &ProduceRules) -> Result<ValidBatch, Rejected> {
    validate(&Bytes::copy_from_slice(bytes), rules, &mut Scratch::new())
}

fn try_it(bytes: &[u8]) -> Result<ValidBatch, Rejected> {
    try_with(bytes, &rules())
}

/// Code and whether the answer tells the log's start offset.
fn refusal(result: Result<ValidBatch, Rejected>) -> Option<(ErrorCode, bool)> {
    result.err().map(|rejected| {
        assert!(!(rejected.deep && rejected.whole_request));
        (rejected.code, rejected.deep)
    })
}

/// What would stand in the log.
fn stored(valid: &ValidBatch, base_offset: i64) -> Vec<u8> {
    let bytes = [&valid.header_at(Offset(base_offset), LeaderEpoch(4))[..], &valid.payload].concat();
    assert_eq!(bytes.len(), valid.size_bytes());
    verify_crc(&bytes).unwrap();
    let header = BatchHeader::parse(&bytes).unwrap();
    assert_eq!((header.base_offset, header.leader_epoch), (Offset(base_offset), LeaderEpoch(4)));
    bytes
}
