//! Kafka's variable-length numbers: seven bits a byte, low bits first, zigzag for signs.

/// Why a number could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarintError {
    /// The bytes ended inside it.
    Short,
    /// It goes on past the bytes its type may take.
    TooLong,
}

/// Reads from the front of `bytes` and moves past it. As in Kafka, bits beyond the type's width are dropped.
#[inline]
pub fn read_i32(bytes: &mut &[u8]) -> Result<i32, VarintError> {
    let raw = read_u32(bytes)?;
    Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
}

#[inline]
pub fn read_u32(bytes: &mut &[u8]) -> Result<u32, VarintError> {
    // Almost every number in a record is one byte.
    match bytes.split_first() {
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            Ok(u32::from(byte))
        }
        _ => read_long::<5>(bytes).map(|raw| raw as u32),
    }
}

#[inline]
pub fn read_i64(bytes: &mut &[u8]) -> Result<i64, VarintError> {
    let raw = match bytes.split_first() {
        Some((&byte, rest)) if byte < 0x80 => {
            *bytes = rest;
            u64::from(byte)
        }
        _ => read_long::<10>(bytes)?,
    };
    Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

fn read_long<const BYTES_MAX: usize>(bytes: &mut &[u8]) -> Result<u64, VarintError> {
    let mut value = 0u64;
    for i in 0..BYTES_MAX {
        let (&byte, rest) = bytes.split_first().ok_or(VarintError::Short)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(VarintError::TooLong)
}

pub fn write_i32(out: &mut Vec<u8>, value: i32) {
    write_u64(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    write_u64(out, ((value << 1) ^ (value >> 63)) as u64);
}

pub fn write_u32(out: &mut Vec<u8>, value: u32) {
    write_u64(out, u64::from(value));
}

fn write_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that [`write_i32`] takes.
pub fn size_i32(value: i32) -> usize {
    size_u64(u64::from(((value << 1) ^ (value >> 31)) as u32))
}

/// Bytes that [`write_i64`] takes.
pub fn size_i64(value: i64) -> usize {
    size_u64(((value << 1) ^ (value >> 63)) as u64)
}

fn size_u64(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_take_the_size_foretold() {
        for value in [0, -1, 1, 63, -64, 64, 300, -301, i32::MAX, i32::MIN, 1 << 20, 1 << 27] {
            let mut out = Vec::new();
            write_i32(&mut out, value);
            assert_eq!(out.len(), size_i32(value), "{value}");
            let mut rest = &out[..];
            assert_eq!((read_i32(&mut rest), rest.len()), (Ok(value), 0));
        }
        for value in [0, -1, i64::MAX, i64::MIN, 1 << 34, -(1 << 41), 1_700_000_000_000] {
            let mut out = Vec::new();
            write_i64(&mut out, value);
            assert_eq!(out.len(), size_i64(value), "{value}");
            let mut rest = &out[..];
            assert_eq!((read_i64(&mut rest), rest.len()), (Ok(value), 0));
        }
    }

    #[test]
    fn a_number_that_ends_early_or_never_is_told_apart() {
        assert_eq!(read_i32(&mut &[][..]), Err(VarintError::Short));
        assert_eq!(read_i32(&mut &[0x80, 0x80][..]), Err(VarintError::Short));
        assert_eq!(read_i32(&mut &[0xff; 5][..]), Err(VarintError::TooLong));
        assert_eq!(read_i64(&mut &[0xff; 9][..]), Err(VarintError::Short));
        assert_eq!(read_i64(&mut &[0xff; 10][..]), Err(VarintError::TooLong));
        // The fifth byte's high bits do not fit and are dropped.
        assert_eq!(read_u32(&mut &[0x80, 0x80, 0x80, 0x80, 0x71][..]), Ok(0x1000_0000));
    }
}
