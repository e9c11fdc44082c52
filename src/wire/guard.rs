//! The check before the decode: a walk over a request's body along its shape, so that the codec, which allocates for
//! whatever count the bytes claim, only ever sees counts that the bytes keep.
//!
//! It also settles what Kafka reads and the codec refuses: nulls written as other negative numbers, text that is not
//! UTF-8, marks of optional structs other than 1, negative counts of tags. For these the walk notes a [`Mend`].
//! Bytes after the body are nobody's business, as in Kafka; record bytes are stepped over, never read.

use bytes::{Bytes, BytesMut};

use super::error::WireError;
use super::shapes::{self, Field, Kind, Shape};
use super::versions::Api;
use crate::model::limits::REQUEST_ELEMENTS_MAX;

/// Longest text Kafka reads.
const TEXT_BYTES_MAX: usize = i16::MAX as usize;

/// Bytes of the body that are to be written differently before the codec reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    at: usize,
    len: usize,
    with: Vec<u8>,
}

/// Walks the body; an error means that no such request can be read from these bytes.
/// The mends are in rising order and nearly always none.
pub fn check(api: &Api, version: i16, body: &[u8]) -> Result<Vec<Mend>, WireError> {
    let mut walk = Walk { body, at: 0, version, flexible: api.is_flexible(version), elements: 0, mends: Vec::new() };
    walk.fields(shapes::of(api))?;
    Ok(walk.mends)
}

/// The body with its mends made; the same bytes if there are none.
pub fn mended(body: Bytes, mends: &[Mend]) -> Bytes {
    if mends.is_empty() {
        return body;
    }
    let mut out = BytesMut::with_capacity(body.len() + mends.iter().map(|mend| mend.with.len()).sum::<usize>());
    let mut done = 0;
    for mend in mends {
        out.extend_from_slice(body.get(done..mend.at).unwrap_or_default());
        out.extend_from_slice(&mend.with);
        done = mend.at + mend.len;
    }
    out.extend_from_slice(body.get(done..).unwrap_or_default());
    out.freeze()
}

struct Walk<'a> {
    body: &'a [u8],
    at: usize,
    version: i16,
    flexible: bool,
    elements: usize,
    mends: Vec<Mend>,
}

impl Walk<'_> {
    fn fields(&mut self, shape: &Shape) -> Result<(), WireError> {
        for field in shape {
            if field.tag.is_none() && field.versions.has(self.version) {
                self.value(field)?;
            }
        }
        if self.flexible { self.tags(shape) } else { Ok(()) }
    }

    fn value(&mut self, field: &Field) -> Result<(), WireError> {
        match &field.kind {
            Kind::Fixed(size) => self.skip(*size),
            Kind::Text => self.text(field.name, field.nullable.has(self.version)),
            Kind::Bytes => match self.length(LengthBytes::Four, field)? {
                Some(length) => self.skip(length),
                None => Ok(()),
            },
            Kind::Struct(shape) => self.optional_struct(field, shape),
            Kind::FixedArray(size) => match self.count(field)? {
                Some(count) => self.skip(count.saturating_mul(*size)),
                None => Ok(()),
            },
            Kind::TextArray => {
                for _ in 0..self.count(field)?.unwrap_or(0) {
                    self.text(field.name, false)?;
                }
                Ok(())
            }
            Kind::StructArray(shape) => {
                for _ in 0..self.count(field)?.unwrap_or(0) {
                    self.fields(shape)?;
                }
                Ok(())
            }
        }
    }

    /// A struct that may be null has a byte before it: negative for null, anything else for present.
    fn optional_struct(&mut self, field: &Field, shape: &Shape) -> Result<(), WireError> {
        if field.nullable.has(self.version) {
            let at = self.at;
            let mark = self.byte()? as i8;
            if mark < 0 {
                return Ok(());
            }
            if mark != 1 {
                self.mend(at, vec![1]);
            }
        }
        self.fields(shape)
    }

    fn tags(&mut self, shape: &Shape) -> Result<(), WireError> {
        let start = self.at;
        let count = self.varint()?;
        if (count as i32) < 0 {
            // Less than none is none to Kafka.
            self.mend(start, vec![0]);
            return Ok(());
        }
        self.grow(count, "tagged fields")?;
        for _ in 0..count {
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            match shape.iter().find(|field| field.tag == Some(tag)) {
                // The size of a known field is not what says where it ends, neither here nor in Kafka.
                Some(field) if field.versions.has(self.version) => self.value(field)?,
                Some(_) => return Err(WireError::UnexpectedTag { tag }),
                None => self.skip(size)?,
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &'static str, nullable: bool) -> Result<(), WireError> {
        let start = self.at;
        let Some(length) = self.length_of(LengthBytes::Two, name, nullable)? else { return Ok(()) };
        if length > TEXT_BYTES_MAX {
            return Err(WireError::Count { field: name, count: length as u32 });
        }
        let text = self.take(length)?;
        if std::str::from_utf8(text).is_err() {
            let with = self.written_text(&String::from_utf8_lossy(text), name)?;
            self.mend(start, with);
        }
        Ok(())
    }

    /// A text as this version writes it.
    fn written_text(&self, text: &str, name: &'static str) -> Result<Vec<u8>, WireError> {
        let too_long = WireError::Count { field: name, count: text.len() as u32 };
        let mut out = Vec::with_capacity(text.len() + 3);
        if text.len() > TEXT_BYTES_MAX {
            return Err(too_long);
        }
        if self.flexible {
            let mut length = text.len() + 1;
            while length >= 0x80 {
                out.push(length as u8 | 0x80);
                length >>= 7;
            }
            out.push(length as u8);
        } else {
            out.extend_from_slice(&(text.len() as i16).to_be_bytes());
        }
        out.extend_from_slice(text.as_bytes());
        Ok(out)
    }

    /// An array's count, checked against the bytes left and against the bound of the whole request.
    fn count(&mut self, field: &Field) -> Result<Option<usize>, WireError> {
        let Some(count) = self.length(LengthBytes::Four, field)? else { return Ok(None) };
        self.grow(count as u32, field.name)?;
        Ok(Some(count))
    }

    fn grow(&mut self, count: u32, field: &'static str) -> Result<(), WireError> {
        if count as usize > self.body.len() - self.at {
            return Err(WireError::Count { field, count });
        }
        self.elements += count as usize;
        if self.elements > REQUEST_ELEMENTS_MAX { Err(WireError::TooManyElements) } else { Ok(()) }
    }

    fn length(&mut self, bytes: LengthBytes, field: &Field) -> Result<Option<usize>, WireError> {
        self.length_of(bytes, field.name, field.nullable.has(self.version))
    }

    /// A length or count. Any negative number is null to Kafka; the codec knows but one.
    fn length_of(
        &mut self,
        bytes: LengthBytes,
        name: &'static str,
        nullable: bool,
    ) -> Result<Option<usize>, WireError> {
        let start = self.at;
        let (length, null): (i32, &[u8]) = match (self.flexible, bytes) {
            (true, _) => ((self.varint()? as i32).wrapping_sub(1), &[0]),
            (false, LengthBytes::Two) => (i32::from(i16::from_be_bytes(self.chunk()?)), &[0xff; 2]),
            (false, LengthBytes::Four) => (i32::from_be_bytes(self.chunk()?), &[0xff; 4]),
        };
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if nullable => {
                if length != -1 {
                    self.mend(start, null.to_vec());
                }
                Ok(None)
            }
            Err(_) => Err(WireError::Null(name)),
        }
    }

    /// Notes that what was read since `start` is to be written as `with`.
    fn mend(&mut self, start: usize, with: Vec<u8>) {
        self.mends.push(Mend { at: start, len: self.at - start, with });
    }

    fn varint(&mut self) -> Result<u32, WireError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError::BadVarint)
    }

    fn byte(&mut self) -> Result<u8, WireError> {
        self.chunk::<1>().map(|[byte]| byte)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let chunk = rest.first_chunk().ok_or(WireError::Truncated)?;
        self.at += N;
        Ok(*chunk)
    }

    fn skip(&mut self, size: usize) -> Result<(), WireError> {
        self.take(size).map(|_| ())
    }
}

impl<'a> Walk<'a> {
    fn take(&mut self, size: usize) -> Result<&'a [u8], WireError> {
        let end = self.at.checked_add(size).ok_or(WireError::Truncated)?;
        let taken = self.body.get(self.at..end).ok_or(WireError::Truncated)?;
        self.at = end;
        Ok(taken)
    }
}

/// How wide a length is where it is not compact.
#[derive(Clone, Copy)]
enum LengthBytes {
    Two,
    Four,
}

#[cfg(test)]
mod tests;
