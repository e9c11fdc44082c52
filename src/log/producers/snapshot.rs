//! `.snapshot`: the producers of a partition at an offset, in Kafka's format 1.

use crate::model::{Offset, ProducerEpoch, ProducerId};

use super::entry::{ProducerEntry, RememberedBatch};

const VERSION: i16 = 1;
/// Version, checksum, count.
const HEADER_BYTES: usize = 10;
/// What the checksum covers begins behind the checksum.
const CRC_COVERS_FROM: usize = 6;
const ENTRY_BYTES: usize = 46;

/// The snapshot's bytes cannot be used; an older one can, or the log is read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("producer snapshot unusable: {0}")]
pub struct BadSnapshot(&'static str);

pub fn encode<'a>(producers: impl ExactSizeIterator<Item = (&'a ProducerId, &'a ProducerEntry)>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + producers.len() * ENTRY_BYTES);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&(producers.len() as i32).to_be_bytes());
    for (id, entry) in producers {
        let last = entry.last_batch();
        bytes.extend_from_slice(&id.0.to_be_bytes());
        bytes.extend_from_slice(&entry.epoch.0.to_be_bytes());
        bytes.extend_from_slice(&entry.last_sequence().to_be_bytes());
        bytes.extend_from_slice(&last.map_or(-1, |b| b.last_offset.0).to_be_bytes());
        bytes.extend_from_slice(&last.map_or(0, |b| b.offset_delta).to_be_bytes());
        bytes.extend_from_slice(&entry.last_timestamp_ms.to_be_bytes());
        bytes.extend_from_slice(&entry.coordinator_epoch.to_be_bytes());
        bytes.extend_from_slice(&entry.txn_first_offset.map_or(-1, |o| o.0).to_be_bytes());
    }
    let crc = crc32c::crc32c(&bytes[CRC_COVERS_FROM..]);
    bytes[2..6].copy_from_slice(&crc.to_be_bytes());
    bytes
}

pub fn decode(bytes: &[u8]) -> Result<Vec<(ProducerId, ProducerEntry)>, BadSnapshot> {
    let mut head = Cursor(bytes.get(..HEADER_BYTES).ok_or(BadSnapshot("cut off"))?);
    if head.take().map(i16::from_be_bytes) != Some(VERSION) {
        return Err(BadSnapshot("unknown version"));
    }
    let stored = head.take().map(u32::from_be_bytes);
    if stored != Some(crc32c::crc32c(&bytes[CRC_COVERS_FROM..])) {
        return Err(BadSnapshot("wrong checksum"));
    }
    let count = head.take().map(i32::from_be_bytes).and_then(|n| usize::try_from(n).ok());
    let entries = &bytes[HEADER_BYTES..];
    if count.and_then(|n| n.checked_mul(ENTRY_BYTES)) != Some(entries.len()) {
        return Err(BadSnapshot("count and size differ"));
    }
    entries.chunks_exact(ENTRY_BYTES).map(|e| entry(e).ok_or(BadSnapshot("cut off"))).collect()
}

fn entry(bytes: &[u8]) -> Option<(ProducerId, ProducerEntry)> {
    let mut at = Cursor(bytes);
    let id = ProducerId(i64::from_be_bytes(at.take()?));
    let mut entry = ProducerEntry::new();
    entry.epoch = ProducerEpoch(i16::from_be_bytes(at.take()?));
    let batch = RememberedBatch {
        last_sequence: i32::from_be_bytes(at.take()?),
        last_offset: Offset(i64::from_be_bytes(at.take()?)),
        offset_delta: i32::from_be_bytes(at.take()?),
        timestamp_ms: i64::from_be_bytes(at.take()?),
    };
    entry.last_timestamp_ms = batch.timestamp_ms;
    entry.coordinator_epoch = i32::from_be_bytes(at.take()?);
    let txn_first_offset = Offset(i64::from_be_bytes(at.take()?));
    entry.txn_first_offset = (txn_first_offset.0 >= 0).then_some(txn_first_offset);
    if batch.last_offset.0 >= 0 {
        entry.add_batch(entry.epoch, batch);
    }
    Some((id, entry))
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_entry() -> ProducerEntry {
        let mut entry = ProducerEntry::new();
        let batch = RememberedBatch { last_sequence: 9, last_offset: Offset(99), offset_delta: 4, timestamp_ms: 1234 };
        entry.add_batch(ProducerEpoch(2), batch);
        entry.coordinator_epoch = 7;
        entry.txn_first_offset = Some(Offset(95));
        entry
    }

    #[test]
    fn snapshots_read_back() {
        let mut ended = ProducerEntry::new();
        ended.epoch = ProducerEpoch(1);
        let all = vec![(ProducerId(1000), some_entry()), (ProducerId(4), ended)];
        let bytes = encode(all.iter().map(|(i, e)| (i, e)));
        assert_eq!(bytes.len(), 10 + 2 * 46);
        assert_eq!(decode(&bytes).unwrap(), all);
    }

    #[test]
    fn any_change_and_any_cut_is_noticed() {
        let all = [(ProducerId(1000), some_entry())];
        let good = encode(all.iter().map(|(i, e)| (i, e)));
        for n in 0..good.len() {
            assert!(decode(&good[..n]).is_err(), "cut at {n}");
            let mut bad = good.clone();
            bad[n] ^= 1;
            assert!(decode(&bad).is_err(), "bit of byte {n}");
        }
    }
}
