//! Reading a segment from its start and checking every byte: how recovery finds where the good ones end.

use std::io;

use super::header;
use crate::disk::{DiskFile, read_exact_at};
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::records::BatchHeader;
use crate::records::batch::CRC_COVERS_FROM;

const BUFFER_BYTES: usize = 1 << 20;

/// Batch after batch of a file, checksums checked. Memory is one buffer, whatever length a header claims.
pub struct Scan<'a> {
    file: &'a dyn DiskFile,
    size_bytes: u64,
    at: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
}

/// What was found at a position.
pub enum Found<'s> {
    Batch(Scanned<'s>),
    /// No whole, sound batch; why not.
    Damage(&'static str),
    End,
}

/// A sound batch.
pub struct Scanned<'s> {
    pub header: BatchHeader,
    /// The bytes behind the header, unless the batch is larger than the buffer.
    pub payload: Option<&'s [u8]>,
}

impl<'a> Scan<'a> {
    pub fn new(file: &'a dyn DiskFile, size_bytes: u64) -> Self {
        Scan { file, size_bytes, at: 0, buffer: Vec::new(), buffer_at: 0 }
    }

    pub fn next(&mut self) -> io::Result<Found<'_>> {
        if self.at >= self.size_bytes {
            return Ok(Found::End);
        }
        if self.size_bytes - self.at < BATCH_HEADER_BYTES as u64 {
            return Ok(Found::Damage("a batch header is cut off"));
        }
        self.buffer(BATCH_HEADER_BYTES)?;
        let Some(header) = header::parse(self.buffered()) else {
            return Ok(Found::Damage("there is no batch header"));
        };
        let size = header.size_bytes();
        if self.size_bytes - self.at < size as u64 {
            return Ok(Found::Damage("a batch is cut off"));
        }
        let whole = size <= BUFFER_BYTES;
        let crc = if whole {
            self.buffer(size)?;
            crc32c::crc32c(self.buffered().get(CRC_COVERS_FROM..size).unwrap_or_default())
        } else {
            self.crc_of_large(size as u64)?
        };
        if crc != header.crc {
            return Ok(Found::Damage("a checksum is wrong"));
        }
        let position = self.at;
        self.at += size as u64;
        let start = (position - self.buffer_at) as usize;
        let payload = match whole {
            true => self.buffer.get(start + BATCH_HEADER_BYTES..start + size),
            false => None,
        };
        Ok(Found::Batch(Scanned { header, payload }))
    }

    /// Goes on at another position, further on.
    pub fn skip_to(&mut self, at: u64) {
        self.at = at;
    }

    /// What is in the buffer from the present position on.
    fn buffered(&self) -> &[u8] {
        let start = self.at.saturating_sub(self.buffer_at) as usize;
        self.buffer.get(start..).unwrap_or_default()
    }

    /// Sees to it that `need` bytes are buffered; the file is known to have them.
    fn buffer(&mut self, need: usize) -> io::Result<()> {
        if self.at >= self.buffer_at && self.buffered().len() >= need {
            return Ok(());
        }
        let want = (self.size_bytes - self.at).min(BUFFER_BYTES as u64) as usize;
        self.buffer.resize(want, 0);
        self.buffer_at = self.at;
        read_exact_at(self.file, &mut self.buffer, self.at)
    }

    fn crc_of_large(&mut self, size: u64) -> io::Result<u32> {
        let end = self.at + size;
        let mut at = self.at + CRC_COVERS_FROM as u64;
        let mut crc = 0;
        while at < end {
            let n = (end - at).min(BUFFER_BYTES as u64) as usize;
            self.buffer.resize(n, 0);
            read_exact_at(self.file, &mut self.buffer, at)?;
            crc = crc32c::crc32c_append(crc, &self.buffer);
            at += n as u64;
        }
        // It holds nothing from the next position on.
        self.buffer.clear();
        self.buffer_at = end;
        Ok(crc)
    }
}
