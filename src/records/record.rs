//! Walking the records of a batch: views into the bytes, nothing copied, nothing allocated.
//!
//! ```text
//! size varint | attributes i8 | timestamp delta varlong | offset delta varint | key | value | header count varint | headers
//! key, value, header value: length varint (-1 is null) and bytes; header key: the same, never null
//! ```
//! A record must end exactly where its size says, whatever codec its batch had.

use crate::model::Offset;
use crate::records::batch::BatchHeader;
use crate::records::codec::TimestampType;
use crate::records::error::RecordsError;
use crate::records::varint::{VarintError, read_i32, read_i64};

/// One record, as bytes of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordView<'a> {
    pub attributes: u8,
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub header_count: i32,
    /// The headers as they stand, behind their count.
    pub headers_raw: &'a [u8],
}

impl<'a> RecordView<'a> {
    pub fn offset(&self, batch: &BatchHeader) -> Offset {
        Offset(batch.base_offset.0.wrapping_add(i64::from(self.offset_delta)))
    }

    pub fn timestamp(&self, batch: &BatchHeader) -> i64 {
        match batch.timestamp_type() {
            TimestampType::CreateTime => batch.base_timestamp.wrapping_add(self.timestamp_delta),
            TimestampType::LogAppendTime => batch.max_timestamp,
        }
    }

    /// The headers in order, names repeated as often as they were sent.
    pub fn headers(&self) -> HeaderIter<'a> {
        HeaderIter { rest: self.headers_raw, left: self.header_count }
    }

    /// Reads one record's body, the bytes behind its size.
    fn parse(mut body: &'a [u8]) -> Result<RecordView<'a>, RecordsError> {
        let (&attributes, rest) = body.split_first().ok_or(TOO_SHORT)?;
        body = rest;
        let timestamp_delta = read_i64(&mut body).map_err(bad_number)?;
        let offset_delta = read_i32(&mut body).map_err(bad_number)?;
        let key = read_bytes(&mut body)?;
        let value = read_bytes(&mut body)?;
        let header_count = read_i32(&mut body).map_err(bad_number)?;
        if header_count < 0 || header_count as usize > body.len() {
            return Err(RecordsError::BadRecord("impossible number of headers"));
        }
        let mut headers = HeaderIter { rest: body, left: header_count };
        for header in &mut headers {
            header?;
        }
        if !headers.rest.is_empty() {
            return Err(RecordsError::BadRecord("it ends before its size says"));
        }
        Ok(RecordView { attributes, timestamp_delta, offset_delta, key, value, header_count, headers_raw: body })
    }
}

const TOO_SHORT: RecordsError = RecordsError::BadRecord("it goes on past its size");

fn bad_number(error: VarintError) -> RecordsError {
    match error {
        VarintError::Short => TOO_SHORT,
        VarintError::TooLong => RecordsError::BadRecord("a number has too many bytes"),
    }
}

#[inline]
fn read_bytes<'a>(from: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordsError> {
    let size = read_i32(from).map_err(bad_number)?;
    if size < 0 {
        return Ok(None);
    }
    let (bytes, rest) = from.split_at_checked(size as usize).ok_or(TOO_SHORT)?;
    *from = rest;
    Ok(Some(bytes))
}

/// One header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderView<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// Walks a record's headers. Those of a [`RecordView`] a [`RecordIter`] gave are known to be whole.
#[derive(Clone, Debug)]
pub struct HeaderIter<'a> {
    rest: &'a [u8],
    left: i32,
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = Result<HeaderView<'a>, RecordsError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let step = |rest: &mut &'a [u8]| {
            let key = read_bytes(rest)?.ok_or(RecordsError::BadRecord("a header has no name"))?;
            Ok(HeaderView { key, value: read_bytes(rest)? })
        };
        let header = step(&mut self.rest);
        if header.is_err() {
            self.left = 0;
        }
        Some(header)
    }
}

/// Walks the records of a batch, given uncompressed, and as many as its header declares. Bytes left behind the last
/// record make that record an error. After an error it ends.
#[derive(Clone, Debug)]
pub struct RecordIter<'a> {
    rest: &'a [u8],
    left: i32,
}

impl<'a> RecordIter<'a> {
    pub fn new(records: &'a [u8], count: i32) -> RecordIter<'a> {
        RecordIter { rest: records, left: count }
    }

    #[inline]
    fn step(&mut self) -> Result<RecordView<'a>, RecordsError> {
        let size = read_i32(&mut self.rest).map_err(|error| match error {
            VarintError::Short => RecordsError::BadRecord("fewer records than declared"),
            VarintError::TooLong => RecordsError::BadRecordSize,
        })?;
        let size = usize::try_from(size).map_err(|_| RecordsError::BadRecord("negative size"))?;
        let (body, rest) = self
            .rest
            .split_at_checked(size)
            .ok_or(RecordsError::BadRecord("its size goes past the end of the batch"))?;
        let record = RecordView::parse(body)?;
        self.rest = rest;
        self.left -= 1;
        if self.left == 0 && !self.rest.is_empty() {
            return Err(RecordsError::BadRecord("more bytes than the declared records"));
        }
        Ok(record)
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<RecordView<'a>, RecordsError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.left = 0;
        }
        Some(step)
    }
}

#[cfg(test)]
mod tests;
