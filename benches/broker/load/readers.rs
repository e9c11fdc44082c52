//! Consumers: each fetches its partition, one request in flight, as a client does. Alone they read what is there over
//! and over; beside producers they follow the end.

use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use uuid::Uuid;

use super::frames::{self, FetchLimits};
use super::pump::Traffic;
use super::window::Window;

struct Reader {
    partition: i32,
    next_offset: i64,
    asking: bool,
}

pub struct Readers {
    topic: Uuid,
    limits: FetchLimits,
    readers: Vec<Reader>,
    /// Bytes to fetch in all before it is done.
    wanted_bytes: u64,
    until: Instant,
    pub bytes: u64,
    pub fetches: u64,
}

impl Readers {
    /// Reader `n` reads partition `n % partitions`.
    pub fn new(
        topic: Uuid,
        count: usize,
        partitions: i32,
        limits: FetchLimits,
        wanted_bytes: u64,
        until: Instant,
    ) -> Readers {
        let readers =
            (0..count).map(|n| Reader { partition: n as i32 % partitions, next_offset: 0, asking: false }).collect();
        Readers { topic, limits, readers, wanted_bytes, until, bytes: 0, fetches: 0 }
    }

    fn is_enough(&self) -> bool {
        self.bytes >= self.wanted_bytes
    }
}

impl Traffic for Readers {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if now >= self.until {
            self.wanted_bytes = 0;
        }
        let enough = self.is_enough();
        let Some(reader) = self.readers.get_mut(connection) else { return Ok(None) };
        if enough || reader.asking {
            return Ok(None);
        }
        reader.asking = true;
        frames::fetch(self.topic, reader.partition, reader.next_offset, self.limits).map(Some)
    }

    fn answer(&mut self, connection: usize, frame: Bytes, _now: Instant) -> Result<()> {
        let got = frames::fetched(frame)?;
        self.bytes += got.bytes;
        self.fetches += 1;
        if let Some(reader) = self.readers.get_mut(connection) {
            reader.asking = false;
            // At the end it begins again; a follower's fetch waits in the broker until there is something.
            reader.next_offset = match got.next_offset {
                Some(next) => next,
                None if self.limits.max_wait_ms == 0 => 0,
                None => reader.next_offset,
            };
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_enough() && self.readers.iter().all(|r| !r.asking)
    }
}

/// Producers on the first connections, consumers on the others. Done when all that was produced was consumed.
pub struct Both {
    pub producers: Window,
    pub producer_count: usize,
    pub readers: Readers,
    /// What one produce request stores, times the consumers that read it.
    pub bytes_per_request: u64,
}

impl Traffic for Both {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        match connection.checked_sub(self.producer_count) {
            None => self.producers.next(connection, now),
            Some(reader) => self.readers.next(reader, now),
        }
    }

    fn answer(&mut self, connection: usize, frame: Bytes, now: Instant) -> Result<()> {
        match connection.checked_sub(self.producer_count) {
            None => self.producers.answer(connection, frame, now)?,
            Some(reader) => self.readers.answer(reader, frame, now)?,
        }
        if self.producers.is_done() {
            self.readers.wanted_bytes = self.producers.answered * self.bytes_per_request;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.producers.is_done() && self.readers.is_done()
    }
}
