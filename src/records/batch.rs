//! The header of a record batch, and walking batch after batch.
//!
//! ```text
//!  0 base offset i64       12 leader epoch i32   21 attributes i16          27 base timestamp i64   43 producer id i64
//!  8 length i32 (after it) 16 magic i8           23 last offset delta i32   35 max timestamp i64    51 producer epoch i16
//!                          17 crc u32 (of 21..)                             53 base sequence i32    57 record count i32
//! ```
//! Base offset, length, leader epoch and magic lie outside the checksum, so an append may set them in place.

use crate::model::limits::{BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES};
use crate::model::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};
use crate::records::codec::{Codec, TimestampType};
use crate::records::error::RecordsError;

pub const MAGIC: i8 = 2;
/// No timestamp, as batches write it.
pub const NO_TIMESTAMP: i64 = -1;
/// No sequence, as batches write it.
pub const NO_SEQUENCE: i32 = -1;
/// Where the bytes under the checksum begin.
pub const CRC_COVERS_FROM: usize = 21;

const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// Every field of a batch's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    pub base_offset: Offset,
    /// Bytes of the batch after this field; see [`BatchHeader::size_bytes`].
    pub length: i32,
    pub leader_epoch: LeaderEpoch,
    pub crc: u32,
    pub attributes: i16,
    pub last_offset_delta: i32,
    pub base_timestamp: i64,
    pub max_timestamp: i64,
    pub producer_id: ProducerId,
    pub producer_epoch: ProducerEpoch,
    pub base_sequence: i32,
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads a header from the front of `bytes`. Checks only what must hold for the rest to mean anything: enough bytes
    /// for a header, a length that covers one, magic 2. The records behind it need not be there.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, RecordsError> {
        let header: &[u8; BATCH_HEADER_BYTES] =
            bytes.first_chunk().ok_or(RecordsError::Torn { need: BATCH_HEADER_BYTES, have: bytes.len() })?;
        if header[MAGIC_AT] as i8 != MAGIC {
            return Err(RecordsError::BadMagic(header[MAGIC_AT] as i8));
        }
        let parsed = BatchHeader::from_array(header);
        if (parsed.length as i64) < (BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES) as i64 {
            return Err(RecordsError::BadLength(parsed.length));
        }
        Ok(parsed)
    }

    #[inline]
    fn from_array(h: &[u8; BATCH_HEADER_BYTES]) -> BatchHeader {
        BatchHeader {
            base_offset: Offset(i64::from_be_bytes(at::<0, 8>(h))),
            length: i32::from_be_bytes(at::<8, 4>(h)),
            leader_epoch: LeaderEpoch(i32::from_be_bytes(at::<12, 4>(h))),
            crc: u32::from_be_bytes(at::<CRC_AT, 4>(h)),
            attributes: i16::from_be_bytes(at::<21, 2>(h)),
            last_offset_delta: i32::from_be_bytes(at::<23, 4>(h)),
            base_timestamp: i64::from_be_bytes(at::<27, 8>(h)),
            max_timestamp: i64::from_be_bytes(at::<35, 8>(h)),
            producer_id: ProducerId(i64::from_be_bytes(at::<43, 8>(h))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(at::<51, 2>(h))),
            base_sequence: i32::from_be_bytes(at::<53, 4>(h)),
            record_count: i32::from_be_bytes(at::<57, 4>(h)),
        }
    }

    /// Writes every field, the stored checksum too.
    pub fn write(&self, out: &mut [u8; BATCH_HEADER_BYTES]) {
        out[0..8].copy_from_slice(&self.base_offset.0.to_be_bytes());
        out[8..12].copy_from_slice(&self.length.to_be_bytes());
        out[12..16].copy_from_slice(&self.leader_epoch.0.to_be_bytes());
        out[MAGIC_AT] = MAGIC as u8;
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.0.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
    }

    pub fn to_bytes(&self) -> [u8; BATCH_HEADER_BYTES] {
        let mut out = [0; BATCH_HEADER_BYTES];
        self.write(&mut out);
        out
    }

    /// The checksum these fields and the bytes behind the header should carry.
    pub fn computed_crc(&self, payload: &[u8]) -> u32 {
        let header = self.to_bytes();
        crc32c::crc32c_append(crc32c::crc32c(&header[CRC_COVERS_FROM..]), payload)
    }

    /// The whole batch, header and what follows.
    #[inline]
    pub fn size_bytes(&self) -> usize {
        self.length.max(0) as usize + BATCH_PREFIX_BYTES
    }

    /// Bytes behind the header.
    #[inline]
    pub fn payload_bytes(&self) -> usize {
        self.size_bytes().saturating_sub(BATCH_HEADER_BYTES)
    }

    #[inline]
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(i64::from(self.last_offset_delta)))
    }

    /// The offset of whatever comes after this batch.
    #[inline]
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    pub fn codec(&self) -> Result<Codec, RecordsError> {
        Codec::from_id((self.attributes & CODEC_MASK) as u8)
    }

    pub fn timestamp_type(&self) -> TimestampType {
        match self.attributes & LOG_APPEND_TIME {
            0 => TimestampType::CreateTime,
            _ => TimestampType::LogAppendTime,
        }
    }

    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON != 0
    }

    /// When compaction may drop this batch's tombstones and markers; it takes the place of the base timestamp.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// An idempotent or transactional producer wrote it.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id.0 > ProducerId::NONE.0
    }

    /// The sequence of the last record: after `i32::MAX` comes 0.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence {
            NO_SEQUENCE => NO_SEQUENCE,
            base => sequence_after(base, self.last_offset_delta),
        }
    }

    /// Sets the known attribute bits and clears the unused ones.
    pub fn set_attributes(&mut self, codec: Codec, timestamp_type: TimestampType, flags: BatchFlags) {
        self.attributes = i16::from(codec.id())
            | if timestamp_type == TimestampType::LogAppendTime { LOG_APPEND_TIME } else { 0 }
            | if flags.transactional { TRANSACTIONAL } else { 0 }
            | if flags.control { CONTROL } else { 0 }
            | if flags.delete_horizon { DELETE_HORIZON } else { 0 };
    }

    pub fn flags(&self) -> BatchFlags {
        BatchFlags {
            transactional: self.is_transactional(),
            control: self.is_control(),
            delete_horizon: self.has_delete_horizon(),
        }
    }
}

/// A header of no records: nothing known, nobody's.
impl Default for BatchHeader {
    fn default() -> Self {
        BatchHeader {
            base_offset: Offset(0),
            length: (BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES) as i32,
            leader_epoch: LeaderEpoch::NONE,
            crc: 0,
            attributes: 0,
            last_offset_delta: 0,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: NO_SEQUENCE,
            record_count: 0,
        }
    }
}

/// The yes-or-no attributes of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchFlags {
    pub transactional: bool,
    pub control: bool,
    pub delete_horizon: bool,
}

/// `sequence` moved on by `increment`, from `i32::MAX` on to 0.
pub fn sequence_after(sequence: i32, increment: i32) -> i32 {
    if sequence > i32::MAX.wrapping_sub(increment) {
        increment.wrapping_sub(i32::MAX.wrapping_sub(sequence)).wrapping_sub(1)
    } else {
        sequence.wrapping_add(increment)
    }
}

#[inline]
fn at<const AT: usize, const N: usize>(header: &[u8; BATCH_HEADER_BYTES]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&header[AT..AT + N]);
    out
}

/// Checks the checksum of the batch at the front of `bytes`.
pub fn verify_crc(bytes: &[u8]) -> Result<(), RecordsError> {
    let header = BatchHeader::parse(bytes)?;
    let need = header.size_bytes();
    let batch = bytes.get(..need).ok_or(RecordsError::Torn { need, have: bytes.len() })?;
    check_crc(batch, header.crc)
}

pub(crate) fn check_crc(batch: &[u8], stored: u32) -> Result<(), RecordsError> {
    let computed = crc32c::crc32c(batch.get(CRC_COVERS_FROM..).unwrap_or_default());
    if computed == stored { Ok(()) } else { Err(RecordsError::BadCrc { stored, computed }) }
}

/// Walks contiguous batches: each item is a batch's position and header, its bytes known to be there in full. After
/// the first error it ends; [`BatchIter::position`] then says where the good batches end.
#[derive(Clone, Debug)]
pub struct BatchIter<'a> {
    bytes: &'a [u8],
    position: usize,
    checks_crc: bool,
    failed: bool,
}

impl<'a> BatchIter<'a> {
    pub fn new(bytes: &'a [u8]) -> BatchIter<'a> {
        BatchIter { bytes, position: 0, checks_crc: false, failed: false }
    }

    /// Also checks every batch's checksum.
    pub fn checking_crc(mut self) -> BatchIter<'a> {
        self.checks_crc = true;
        self
    }

    /// End of the last good batch.
    pub fn position(&self) -> usize {
        self.position
    }

    fn step(&self) -> Result<(usize, BatchHeader), RecordsError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let header = BatchHeader::parse(rest)?;
        let need = header.size_bytes();
        let batch = rest.get(..need).ok_or(RecordsError::Torn { need, have: rest.len() })?;
        if self.checks_crc {
            check_crc(batch, header.crc)?;
        }
        Ok((self.position, header))
    }
}

impl Iterator for BatchIter<'_> {
    type Item = Result<(usize, BatchHeader), RecordsError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.position >= self.bytes.len() {
            return None;
        }
        let step = self.step();
        match &step {
            Ok((_, header)) => self.position += header.size_bytes(),
            Err(_) => self.failed = true,
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests;
