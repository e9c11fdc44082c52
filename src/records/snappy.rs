//! Snappy as Kafka uses it: Java writes blocks of 32 KiB in a framing of its own (Xerial), C clients write one raw
//! block for the whole batch.

use crate::records::codec::Codec;
use crate::records::compress::{failed, within};
use crate::records::error::RecordsError;

const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Magic, version, oldest compatible version.
const HEADER_BYTES: usize = 16;
const VERSION: u32 = 1;
const BLOCK_BYTES: usize = 32 << 10;
/// A copy of three bytes gives at most 64: no block says more in fewer bytes.
const RATIO_MAX: usize = 64;

pub fn encode(records: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    for block in records.chunks(BLOCK_BYTES) {
        let packed = encoder.compress_vec(block).map_err(|_| failed(Codec::Snappy, "cannot encode"))?;
        out.extend_from_slice(&(packed.len() as u32).to_be_bytes());
        out.extend_from_slice(&packed);
    }
    Ok(())
}

pub fn decode(input: &[u8], limit_bytes: usize, out: &mut Vec<u8>) -> Result<(), RecordsError> {
    if input.is_empty() {
        return Err(failed(Codec::Snappy, "empty"));
    }
    let Some(mut rest) = framed(input) else {
        return decode_block(input, limit_bytes, out);
    };
    // Fewer than four bytes at the end are passed over, as Java does.
    while let Some((size, after)) = rest.split_first_chunk::<4>() {
        if size[..] == MAGIC[..4] {
            // Streams may be joined: another header stands where a block's size would.
            rest = framed(rest).ok_or(failed(Codec::Snappy, "bad header between blocks"))?;
            continue;
        }
        let size = i32::from_be_bytes(*size);
        let size = usize::try_from(size).map_err(|_| failed(Codec::Snappy, "negative block size"))?;
        let (block, after) = after.split_at_checked(size).ok_or(failed(Codec::Snappy, "ends too early"))?;
        decode_block(block, limit_bytes, out)?;
        rest = after;
    }
    Ok(())
}

/// What follows the framing's header; `None` where there is no such header and the bytes are one raw block. Versions
/// are not looked at, as Java does not: there has been only one.
fn framed(input: &[u8]) -> Option<&[u8]> {
    let (header, rest) = input.split_at_checked(HEADER_BYTES)?;
    header.starts_with(&MAGIC).then_some(rest)
}

fn decode_block(block: &[u8], limit_bytes: usize, out: &mut Vec<u8>) -> Result<(), RecordsError> {
    let damaged = |_| failed(Codec::Snappy, "damaged");
    let size = snap::raw::decompress_len(block).map_err(damaged)?;
    if size > block.len().saturating_mul(RATIO_MAX) {
        return Err(failed(Codec::Snappy, "claims more than it can hold"));
    }
    if size > limit_bytes.saturating_sub(out.len()) {
        return Err(RecordsError::TooLarge { limit_bytes });
    }
    let at = out.len();
    out.resize(at + size, 0);
    let room = out.get_mut(at..).unwrap_or_default();
    let written = snap::raw::Decoder::new().decompress(block, room).map_err(damaged)?;
    out.truncate(at + written);
    within(out, limit_bytes)
}
