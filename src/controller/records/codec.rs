//! Kafka's flexible encoding, as far as metadata records use it: varints, compact strings and arrays, tagged fields.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::model::TopicId;

/// Why bytes are not a metadata record of Kafka 4.3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("frame version {0}, this broker reads 1")]
    Frame(u32),
    #[error("unknown record type {0}")]
    Type(u32),
    #[error("{type_name} record of unknown schema version {version}")]
    Version { type_name: &'static str, version: u32 },
    #[error("record ends early")]
    Short,
    #[error("{0}")]
    Malformed(&'static str),
    #[error("{left} bytes after the end of a {type_name} record")]
    Leftover { type_name: &'static str, left: usize },
}

/// Takes fields off the front of a slice.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub fn take(&mut self, n: usize) -> Result<&'a [u8], RecordError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(RecordError::Short)?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(RecordError::Short)?;
        self.rest = tail;
        Ok(*head)
    }

    pub fn uvarint(&mut self) -> Result<u32, RecordError> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array::<1>()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(RecordError::Malformed("varint longer than five bytes"))
    }

    /// The length of a compact value; `None` is null.
    fn compact_len(&mut self) -> Result<Option<usize>, RecordError> {
        Ok(self.uvarint()?.checked_sub(1).map(|n| n as usize))
    }

    /// Reads the tagged fields at the end of a structure. `field` reads those it knows and says so; others are skipped.
    pub fn tags(
        &mut self,
        mut field: impl FnMut(u32, &mut Reader<'a>) -> Result<bool, RecordError>,
    ) -> Result<(), RecordError> {
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let size = self.uvarint()? as usize;
            let mut body = Reader::new(self.take(size)?);
            if field(tag, &mut body)? && body.remaining() > 0 {
                return Err(RecordError::Malformed("bytes after the end of a tagged field"));
            }
        }
        Ok(())
    }

    pub fn no_tags(&mut self) -> Result<(), RecordError> {
        self.tags(|_, _| Ok(false))
    }

    pub fn get<T: Field>(&mut self) -> Result<T, RecordError> {
        T::read(self)
    }
}

/// Appends fields to a buffer.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn compact_len(&mut self, len: usize) {
        self.uvarint(len as u32 + 1);
    }

    pub fn put<T: Field>(&mut self, value: &T) {
        value.write(self);
    }

    pub fn no_tags(&mut self) {
        self.uvarint(0);
    }
}

/// Tagged fields, gathered in ascending order of their tags and then written behind a structure.
#[derive(Default)]
pub struct Tags {
    count: u32,
    body: Writer,
}

impl Tags {
    pub fn put<T: Field>(&mut self, tag: u32, value: &T) {
        let mut field = Writer::default();
        value.write(&mut field);
        self.count += 1;
        self.body.uvarint(tag);
        self.body.uvarint(field.bytes.len() as u32);
        self.body.raw(&field.bytes);
    }

    pub fn write(self, out: &mut Writer) {
        out.uvarint(self.count);
        out.raw(&self.body.bytes);
    }
}

/// A type of field.
pub trait Field: Sized {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError>;
    fn write(&self, out: &mut Writer);
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Field for $number {
            fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
                Ok(<$number>::from_be_bytes(from.array()?))
            }

            fn write(&self, out: &mut Writer) {
                out.raw(&self.to_be_bytes());
            }
        })*
    };
}

numbers!(i8 i16 u16 i32 i64 f64);

impl Field for bool {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(from.get::<i8>()? != 0)
    }

    fn write(&self, out: &mut Writer) {
        out.put(&i8::from(*self));
    }
}

impl Field for Uuid {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(Uuid::from_bytes(from.array()?))
    }

    fn write(&self, out: &mut Writer) {
        out.raw(self.as_bytes());
    }
}

impl Field for TopicId {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(TopicId(from.get()?))
    }

    fn write(&self, out: &mut Writer) {
        out.put(&self.0);
    }
}

impl Field for Option<String> {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let Some(len) = from.compact_len()? else { return Ok(None) };
        match std::str::from_utf8(from.take(len)?) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(RecordError::Malformed("text is not UTF-8")),
        }
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Some(text) => text.write(out),
            None => out.uvarint(0),
        }
    }
}

impl Field for String {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        from.get::<Option<String>>()?.ok_or(RecordError::Malformed("null where text must be"))
    }

    fn write(&self, out: &mut Writer) {
        out.compact_len(self.len());
        out.raw(self.as_bytes());
    }
}

impl Field for Arc<str> {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(from.get::<String>()?.into())
    }

    fn write(&self, out: &mut Writer) {
        out.compact_len(self.len());
        out.raw(self.as_bytes());
    }
}

impl Field for Bytes {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let len = from.compact_len()?.ok_or(RecordError::Malformed("null where bytes must be"))?;
        Ok(Bytes::copy_from_slice(from.take(len)?))
    }

    fn write(&self, out: &mut Writer) {
        out.compact_len(self.len());
        out.raw(self);
    }
}

impl<T: Field> Field for Option<Vec<T>> {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let Some(count) = from.compact_len()? else { return Ok(None) };
        // Every element takes at least a byte, so what is left bounds the allocation.
        let mut items = Vec::with_capacity(count.min(from.remaining()));
        for _ in 0..count {
            items.push(from.get()?);
        }
        Ok(Some(items))
    }

    fn write(&self, out: &mut Writer) {
        match self {
            Some(items) => items.write(out),
            None => out.uvarint(0),
        }
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        from.get::<Option<Vec<T>>>()?.ok_or(RecordError::Malformed("null where a list must be"))
    }

    fn write(&self, out: &mut Writer) {
        out.compact_len(self.len());
        for item in self {
            item.write(out);
        }
    }
}
