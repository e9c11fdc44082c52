//! Going from batch header to batch header through a segment, reading ahead in small blocks.

use std::io;

use super::header;
use crate::disk::DiskFile;
use crate::model::limits::BATCH_HEADER_BYTES;
use crate::records::BatchHeader;

const BLOCK_BYTES: usize = 4096;

/// Headers of a file's batches from one position up to another.
pub struct Walk<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    limit: u64,
    block: [u8; BLOCK_BYTES],
    block_at: u64,
    block_len: usize,
}

impl<'a> Walk<'a> {
    /// `at` must be where a batch begins. Nothing at or beyond `limit` is looked at.
    pub fn new(file: &'a dyn DiskFile, at: u64, limit: u64) -> Self {
        Walk { file, at, limit, block: [0; BLOCK_BYTES], block_at: 0, block_len: 0 }
    }

    /// Where the next header is.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// The next header and its position; `None` at the limit. Bytes that are no whole batch are `InvalidData`.
    pub fn next(&mut self) -> io::Result<Option<(u64, BatchHeader)>> {
        if self.at >= self.limit {
            return Ok(None);
        }
        if self.limit - self.at < BATCH_HEADER_BYTES as u64 {
            return Err(self.damaged("a batch header is cut off"));
        }
        if self.at < self.block_at || self.at + BATCH_HEADER_BYTES as u64 > self.block_at + self.block_len as u64 {
            self.fill()?;
        }
        let start = (self.at - self.block_at) as usize;
        let header = self.block.get(start..self.block_len).and_then(header::parse);
        let Some(header) = header else {
            return Err(self.damaged("there is no batch header"));
        };
        let next = self.at + header.size_bytes() as u64;
        if next > self.limit {
            return Err(self.damaged("a batch is cut off"));
        }
        let found = self.at;
        self.at = next;
        Ok(Some((found, header)))
    }

    fn fill(&mut self) -> io::Result<()> {
        let want = (self.limit - self.at).min(BLOCK_BYTES as u64) as usize;
        self.block_at = self.at;
        self.block_len = 0;
        while self.block_len < want {
            match self.file.read_at(&mut self.block[self.block_len..want], self.block_at + self.block_len as u64)? {
                0 => break,
                n => self.block_len += n,
            }
        }
        Ok(())
    }

    fn damaged(&self, what: &str) -> io::Error {
        damaged(self.at, what)
    }
}

/// The error for bytes that are not what a segment must hold.
pub fn damaged(position: u64, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} at position {position}"))
}
