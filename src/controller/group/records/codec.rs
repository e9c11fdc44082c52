//! Kafka's two encodings as coordinator records use them: the old one with fixed lengths, the flexible one with
//! compact lengths and tagged fields.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use uuid::Uuid;

use crate::model::TopicId;

/// Why bytes are not a record of `__consumer_offsets` that a 4.3 broker writes or reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("unknown record type {0}")]
    Type(i16),
    #[error("{name} of unknown version {version}")]
    Version { name: &'static str, version: i16 },
    #[error("record ends early")]
    Short,
    #[error("{0}")]
    Malformed(&'static str),
}

type Read<T> = Result<T, RecordError>;

/// Takes fields off the front of a record's bytes.
pub struct Reader {
    rest: Bytes,
    flexible: bool,
}

impl Reader {
    pub fn new(bytes: &Bytes) -> Self {
        Reader { rest: bytes.clone(), flexible: false }
    }

    /// From here on lengths are compact and structures end with tagged fields.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    fn take(&mut self, n: usize) -> Read<Bytes> {
        if n > self.rest.len() {
            return Err(RecordError::Short);
        }
        Ok(self.rest.split_to(n))
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let head = *self.rest.first_chunk::<N>().ok_or(RecordError::Short)?;
        self.rest.advance(N);
        Ok(head)
    }

    pub fn i8(&mut self) -> Read<i8> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Read<i16> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Read<i32> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Read<i64> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn topic_id(&mut self) -> Read<TopicId> {
        Ok(TopicId(Uuid::from_bytes(self.array()?)))
    }

    fn uvarint(&mut self) -> Read<u32> {
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

    /// The length of a string, bytes or array; `None` is null. It is checked against what is left, so that no wrong
    /// number reserves memory: every element takes at least a byte.
    fn len(&mut self, short: bool) -> Read<Option<usize>> {
        let len = match (self.flexible, short) {
            (true, _) => i64::from(self.uvarint()?) - 1,
            (false, true) => i64::from(self.i16()?),
            (false, false) => i64::from(self.i32()?),
        };
        match usize::try_from(len) {
            Err(_) => Ok(None),
            Ok(len) if len > self.rest.len() => Err(RecordError::Short),
            Ok(len) => Ok(Some(len)),
        }
    }

    fn nullable_text<T: for<'a> From<&'a str>>(&mut self) -> Read<Option<T>> {
        let Some(len) = self.len(true)? else { return Ok(None) };
        let bytes = self.rest.get(..len).ok_or(RecordError::Short)?;
        let text = std::str::from_utf8(bytes).map_err(|_| RecordError::Malformed("a string is not UTF-8"))?;
        let text = T::from(text);
        self.rest.advance(len);
        Ok(Some(text))
    }

    pub fn nullable_string(&mut self) -> Read<Option<Arc<str>>> {
        self.nullable_text()
    }

    pub fn string(&mut self) -> Read<Arc<str>> {
        self.nullable_text()?.ok_or(RecordError::Malformed("a string is null"))
    }

    /// A string that nothing shares.
    pub fn own_string(&mut self) -> Read<Box<str>> {
        self.nullable_text()?.ok_or(RecordError::Malformed("a string is null"))
    }

    pub fn bytes(&mut self) -> Read<Bytes> {
        let len = self.len(false)?.ok_or(RecordError::Malformed("bytes are null"))?;
        self.take(len)
    }

    pub fn nullable_list<T>(&mut self, mut element: impl FnMut(&mut Self) -> Read<T>) -> Read<Option<Vec<T>>> {
        let Some(count) = self.len(false)? else { return Ok(None) };
        (0..count).map(|_| element(self)).collect::<Read<Vec<T>>>().map(Some)
    }

    pub fn list<T>(&mut self, element: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.nullable_list(element)?.ok_or(RecordError::Malformed("an array is null"))
    }

    /// The tagged fields at the end of a structure; nothing in the old encoding. Those that `field` does not read are
    /// skipped.
    pub fn tags(&mut self, mut field: impl FnMut(u32, &mut Reader) -> Read<()>) -> Read<()> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let size = self.uvarint()? as usize;
            field(tag, &mut Reader { rest: self.take(size)?, flexible: true })?;
        }
        Ok(())
    }

    pub fn no_tags(&mut self) -> Read<()> {
        self.tags(|_, _| Ok(()))
    }
}

/// What most records take, so that a buffer need not grow while it is filled.
const USUAL_BYTES: usize = 96;

/// Appends fields to a buffer.
pub struct Writer {
    bytes: Vec<u8>,
    flexible: bool,
    tags: Vec<(u32, Vec<u8>)>,
}

impl Default for Writer {
    fn default() -> Self {
        Writer { bytes: Vec::with_capacity(USUAL_BYTES), flexible: false, tags: Vec::new() }
    }
}

impl Writer {
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    pub fn finish(self) -> Bytes {
        Bytes::from(self.bytes)
    }

    pub fn i8(&mut self, value: i8) {
        self.bytes.push(value as u8);
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn topic_id(&mut self, id: TopicId) {
        self.bytes.extend_from_slice(id.0.as_bytes());
    }

    fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// Strings come from requests whose own lengths are 16 bits, so the cast loses nothing.
    fn len(&mut self, len: Option<usize>, short: bool) {
        let len = len.map_or(-1, |len| len as i64);
        match (self.flexible, short) {
            (true, _) => self.uvarint((len + 1) as u32),
            (false, true) => self.i16(len as i16),
            (false, false) => self.i32(len as i32),
        }
    }

    pub fn nullable_string(&mut self, text: Option<&str>) {
        self.len(text.map(str::len), true);
        self.bytes.extend_from_slice(text.unwrap_or("").as_bytes());
    }

    pub fn string(&mut self, text: &str) {
        self.nullable_string(Some(text));
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.len(Some(bytes.len()), false);
        self.bytes.extend_from_slice(bytes);
    }

    pub fn list<T>(&mut self, items: &[T], mut element: impl FnMut(&mut Self, &T)) {
        self.len(Some(items.len()), false);
        for item in items {
            element(self, item);
        }
    }

    /// Sets a tagged field of the structure that the next `end` closes.
    pub fn tag(&mut self, tag: u32, field: impl FnOnce(&mut Writer)) {
        let mut inner = Writer { bytes: Vec::new(), flexible: true, tags: Vec::new() };
        field(&mut inner);
        self.tags.push((tag, inner.bytes));
    }

    /// Ends a structure with the fields tagged since the last one; nothing in the old encoding.
    pub fn end(&mut self) {
        if !self.flexible {
            return;
        }
        let tags = std::mem::take(&mut self.tags);
        self.uvarint(tags.len() as u32);
        for (tag, body) in tags {
            self.uvarint(tag);
            self.uvarint(body.len() as u32);
            self.bytes.extend_from_slice(&body);
        }
    }
}
