//! Reading wire values one by one, each checked against the bytes that are left.

use bytes::{Buf, Bytes};

use crate::wire::error::WireError;

/// The bytes not read yet. What it hands out shares their memory.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
}

macro_rules! number {
    ($($type:ident)*) => {
        $(pub fn $type(&mut self) -> Result<$type, WireError> {
            const SIZE: usize = size_of::<$type>();
            let bytes = self.bytes.first_chunk::<SIZE>().ok_or(WireError::Truncated)?;
            let value = $type::from_be_bytes(*bytes);
            self.bytes.advance(SIZE);
            Ok(value)
        })*
    };
}

impl Reader {
    pub fn new(bytes: Bytes) -> Self {
        Reader { bytes }
    }

    number!(i8 i16 u16 i32 i64 u128);

    /// The next bytes, as a slice of the same memory.
    pub fn take(&mut self, length: usize) -> Result<Bytes, WireError> {
        if length > self.bytes.len() {
            return Err(WireError::Truncated);
        }
        Ok(self.bytes.split_to(length))
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// What was not read.
    pub fn rest(self) -> Bytes {
        self.bytes
    }

    pub fn varint(&mut self) -> Result<u32, WireError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = *self.bytes.first_chunk::<1>().ok_or(WireError::Truncated)?;
            self.bytes.advance(1);
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::BadVarint)
    }

    /// Steps over a section of tagged fields. A negative count of them is none, as in Kafka.
    pub fn skip_tags(&mut self) -> Result<(), WireError> {
        for _ in 0..self.varint()? as i32 {
            self.varint()?;
            let size = self.varint()?;
            self.take(size as usize)?;
        }
        Ok(())
    }
}
