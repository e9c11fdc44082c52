//! LZ4's frame format as Kafka uses it: independent blocks of 64 KiB, no content size, no checksums but the header's.
//!
//! The reader takes what Kafka's takes: blocks up to 4 MiB, block checksums (checked), a content size and a content
//! checksum (both passed over), one frame only. Blocks that refer to earlier ones are refused: consumers in Java could
//! not read them.

use crate::records::codec::Codec;
use crate::records::compress::failed;
use crate::records::error::RecordsError;

const MAGIC: u32 = 0x184D_2204;
const FLAG_VERSION_1: u8 = 0x40;
const FLAG_INDEPENDENT: u8 = 0x20;
const FLAG_BLOCK_CHECKSUM: u8 = 0x10;
const FLAG_CONTENT_SIZE: u8 = 0x08;
const FLAG_CONTENT_CHECKSUM: u8 = 0x04;
const FLAG_RESERVED: u8 = 0x03;
const BLOCKS_OF_64_KIB: u8 = 4 << 4;
const BLOCK_BYTES: usize = 64 << 10;
const STORED: u32 = 1 << 31;
/// One byte of input adds at most 255 to a match's length.
const RATIO_MAX: usize = 255;

pub fn encode(records: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
    let descriptor = [FLAG_VERSION_1 | FLAG_INDEPENDENT, BLOCKS_OF_64_KIB];
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&descriptor);
    out.push((xxh32(&descriptor) >> 8) as u8);
    let mut packed = vec![0; lz4_flex::block::get_maximum_output_size(records.len().min(BLOCK_BYTES))];
    for block in records.chunks(BLOCK_BYTES) {
        let size =
            lz4_flex::block::compress_into(block, &mut packed).map_err(|_| failed(Codec::Lz4, "cannot encode"))?;
        match packed.get(..size) {
            Some(packed) if size < block.len() => {
                out.extend_from_slice(&(size as u32).to_le_bytes());
                out.extend_from_slice(packed);
            }
            _ => {
                out.extend_from_slice(&(block.len() as u32 | STORED).to_le_bytes());
                out.extend_from_slice(block);
            }
        }
    }
    out.extend_from_slice(&0u32.to_le_bytes());
    Ok(())
}

pub fn decode(mut input: &[u8], limit_bytes: usize, out: &mut Vec<u8>) -> Result<(), RecordsError> {
    let (flags, block_max) = read_header(&mut input)?;
    loop {
        let size = u32::from_le_bytes(take(&mut input)?);
        let (is_stored, size) = (size & STORED != 0, (size & !STORED) as usize);
        if size == 0 {
            if flags & FLAG_CONTENT_CHECKSUM != 0 {
                take::<4>(&mut input)?;
            }
            return Ok(());
        }
        if size > block_max {
            return Err(failed(Codec::Lz4, "block larger than the frame allows"));
        }
        let (block, rest) = input.split_at_checked(size).ok_or(EARLY_END)?;
        input = rest;
        if flags & FLAG_BLOCK_CHECKSUM != 0 && u32::from_le_bytes(take(&mut input)?) != xxh32(block) {
            return Err(failed(Codec::Lz4, "block checksum differs"));
        }
        if is_stored {
            if size > limit_bytes.saturating_sub(out.len()) {
                return Err(RecordsError::TooLarge { limit_bytes });
            }
            out.extend_from_slice(block);
        } else {
            decode_block(block, block_max, limit_bytes, out)?;
        }
    }
}

fn decode_block(block: &[u8], block_max: usize, limit_bytes: usize, out: &mut Vec<u8>) -> Result<(), RecordsError> {
    let at = out.len();
    let most = block_max.min(block.len() * RATIO_MAX + RATIO_MAX);
    out.resize(at + most, 0);
    let room = out.get_mut(at..).unwrap_or_default();
    let decoded = lz4_flex::block::decompress_into(block, room).map_err(|_| failed(Codec::Lz4, "damaged"));
    out.truncate(at + decoded.as_ref().map_or(0, |size| *size));
    decoded?;
    if out.len() > limit_bytes { Err(RecordsError::TooLarge { limit_bytes }) } else { Ok(()) }
}

/// Flags and the largest block the frame may have.
fn read_header(input: &mut &[u8]) -> Result<(u8, usize), RecordsError> {
    if u32::from_le_bytes(take(input)?) != MAGIC {
        return Err(failed(Codec::Lz4, "no frame"));
    }
    let descriptor = *input;
    let [flags, block_size] = take::<2>(input)?;
    if flags & FLAG_RESERVED != 0 || flags >> 6 != FLAG_VERSION_1 >> 6 || flags & FLAG_INDEPENDENT == 0 {
        return Err(failed(Codec::Lz4, "unsupported kind of frame"));
    }
    let block_max = match block_size {
        0x40 => 64 << 10,
        0x50 => 256 << 10,
        0x60 => 1 << 20,
        0x70 => 4 << 20,
        _ => return Err(failed(Codec::Lz4, "unsupported block size")),
    };
    if flags & FLAG_CONTENT_SIZE != 0 {
        take::<8>(input)?;
    }
    let described = descriptor.len() - input.len();
    let expected = (xxh32(descriptor.get(..described).unwrap_or_default()) >> 8) as u8;
    match take::<1>(input)? {
        [stored] if stored == expected => Ok((flags, block_max)),
        _ => Err(failed(Codec::Lz4, "header checksum differs")),
    }
}

const EARLY_END: RecordsError = RecordsError::Decompress { codec: Codec::Lz4, reason: "ends too early" };

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], RecordsError> {
    let (bytes, rest) = input.split_first_chunk::<N>().ok_or(EARLY_END)?;
    *input = rest;
    Ok(*bytes)
}

/// XXH32 with seed 0, the checksum of LZ4 frames.
fn xxh32(input: &[u8]) -> u32 {
    const P1: u32 = 0x9E37_79B1;
    const P2: u32 = 0x85EB_CA77;
    const P3: u32 = 0xC2B2_AE3D;
    const P4: u32 = 0x27D4_EB2F;
    const P5: u32 = 0x1656_67B1;
    let word = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b));
    let stripes = input.chunks_exact(16);
    let tail = stripes.remainder();
    let mut hash = if input.len() >= 16 {
        let mut lanes = [P1.wrapping_add(P2), P2, 0, 0u32.wrapping_sub(P1)];
        for stripe in stripes {
            for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = lane.wrapping_add(word(bytes).wrapping_mul(P2)).rotate_left(13).wrapping_mul(P1);
            }
        }
        let [a, b, c, d] = lanes;
        let mixed = a.rotate_left(1).wrapping_add(b.rotate_left(7)).wrapping_add(c.rotate_left(12));
        mixed.wrapping_add(d.rotate_left(18))
    } else {
        P5
    };
    hash = hash.wrapping_add(input.len() as u32);
    let words = tail.chunks_exact(4);
    let last = words.remainder();
    for bytes in words {
        hash = hash.wrapping_add(word(bytes).wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
    }
    for &byte in last {
        hash = hash.wrapping_add(u32::from(byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 13)).wrapping_mul(P3);
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::xxh32;

    #[test]
    fn xxh32_gives_the_published_values() {
        assert_eq!(xxh32(b""), 0x02CC_5D05);
        assert_eq!(xxh32(b"abc"), 0x32D1_53FF);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition"), 0xE229_3B2F);
    }
}
