//! An open loop: one-record requests go out at a fixed rate whatever the answers do, and each latency counts from when
//! the request was due. A broker that stalls is charged for every request that was due meanwhile: no coordinated
//! omission. A consumer, if there is one, waits at the end of the log on a connection of its own.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::{Buf, Bytes};
use uuid::Uuid;

use super::frames::{self, BASE_OFFSET_AT, FetchLimits};
use super::latency::Latency;
use super::pump::Traffic;

/// Requests that may wait for an answer before the load is given up as more than the broker can take.
const MAX_BEHIND: usize = 100_000;

pub struct Paced {
    frame: Bytes,
    producers: usize,
    start: Instant,
    interval: Duration,
    total: u64,
    /// Set by whoever wants it to end before all of them are sent.
    over: Arc<AtomicBool>,
    /// The first so many are not counted: caches and branches get warm.
    skipped: u64,
    sent: u64,
    answered: u64,
    /// Numbers of the requests in flight, per connection.
    in_flight: Vec<VecDeque<u64>>,
    /// The offset each request got, and when each offset reached the consumer.
    offsets: Vec<i64>,
    arrived: Vec<Instant>,
    /// How long each request took to be acknowledged.
    acked: Vec<Duration>,
    consumer: Option<Consumer>,
    pub ack: Latency,
    pub lateness: Latency,
}

struct Consumer {
    topic: Uuid,
    next_offset: i64,
    asking: bool,
}

impl Paced {
    /// The last connection is the consumer's when `consumed` names the topic.
    pub fn new(
        frame: Bytes,
        producers: usize,
        per_second: u64,
        time: Duration,
        consumed: Option<Uuid>,
    ) -> Result<Paced> {
        let total = (per_second as f64 * time.as_secs_f64()) as u64;
        Ok(Paced {
            frame,
            producers,
            start: Instant::now() + Duration::from_millis(20),
            interval: Duration::from_secs(1) / per_second as u32,
            total,
            over: Arc::default(),
            skipped: total / 10,
            sent: 0,
            answered: 0,
            in_flight: vec![VecDeque::new(); producers],
            offsets: vec![-1; total as usize],
            arrived: Vec::with_capacity(total as usize),
            acked: vec![Duration::ZERO; total as usize],
            consumer: consumed.map(|topic| Consumer { topic, next_offset: 0, asking: false }),
            ack: Latency::new()?,
            lateness: Latency::new()?,
        })
    }

    /// Ends also when this is set.
    pub fn until(self, over: Arc<AtomicBool>) -> Paced {
        Paced { over, ..self }
    }

    /// Latencies of the acknowledgement of what was due in a span of time, of those that count by when they were under
    /// way.
    pub fn acks_due(&self, span: Range<Instant>, counts: impl Fn(Range<Instant>) -> bool) -> Result<Latency> {
        let mut latency = Latency::new()?;
        for (request, took) in self.acked.iter().enumerate().take(self.sent as usize) {
            let due = self.due(request as u64);
            if span.contains(&due) && counts(due..due + *took) {
                latency.record(*took);
            }
        }
        Ok(latency)
    }

    /// How many there will be.
    fn wanted(&self) -> u64 {
        if self.over.load(Ordering::Relaxed) { self.sent } else { self.total }
    }

    pub fn requests(&self) -> u64 {
        self.total
    }

    fn due(&self, request: u64) -> Instant {
        self.start + self.interval * request as u32
    }

    /// From when a record was due to when the consumer had it.
    pub fn end_to_end(&self) -> Result<Latency> {
        let mut latency = Latency::new()?;
        for (request, offset) in self.offsets.iter().enumerate().skip(self.skipped as usize) {
            let arrived = usize::try_from(*offset).ok().and_then(|offset| self.arrived.get(offset));
            if let Some(arrived) = arrived {
                latency.record(arrived.saturating_duration_since(self.due(request as u64)));
            }
        }
        Ok(latency)
    }

    fn next_produce(&mut self, connection: usize, now: Instant) -> Option<Bytes> {
        let due = self.due(self.sent);
        let turn = self.sent as usize % self.producers == connection;
        if self.sent == self.wanted() || due > now || !turn {
            return None;
        }
        self.lateness.record(now.saturating_duration_since(due));
        self.in_flight.get_mut(connection)?.push_back(self.sent);
        self.sent += 1;
        Some(self.frame.clone())
    }

    fn produced(&mut self, connection: usize, frame: &Bytes, now: Instant) -> Result<()> {
        frames::check_produced(frame)?;
        let Some(request) = self.in_flight.get_mut(connection).and_then(VecDeque::pop_front) else { return Ok(()) };
        self.answered += 1;
        if let Some(acked) = self.acked.get_mut(request as usize) {
            *acked = now.saturating_duration_since(self.start + self.interval * request as u32);
        }
        if request >= self.skipped {
            self.ack.record(now.saturating_duration_since(self.due(request)));
        }
        let offset = frame.get(BASE_OFFSET_AT..BASE_OFFSET_AT + 8).map(|mut bytes| bytes.get_i64());
        if let (Some(slot), Some(offset)) = (self.offsets.get_mut(request as usize), offset) {
            *slot = offset;
        }
        if (self.sent - self.answered) as usize > MAX_BEHIND {
            anyhow::bail!("the broker is more than {MAX_BEHIND} requests behind");
        }
        Ok(())
    }
}

impl Traffic for Paced {
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>> {
        if connection < self.producers {
            return Ok(self.next_produce(connection, now));
        }
        match &mut self.consumer {
            Some(consumer) if !consumer.asking && self.arrived.len() < self.total as usize => {
                consumer.asking = true;
                let limits = FetchLimits::new(1 << 20, 500);
                frames::fetch(consumer.topic, 0, consumer.next_offset, limits).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn answer(&mut self, connection: usize, frame: Bytes, now: Instant) -> Result<()> {
        if connection < self.producers {
            return self.produced(connection, &frame, now);
        }
        if let Some(consumer) = &mut self.consumer {
            consumer.asking = false;
            if let Some(next) = frames::fetched(frame)?.next_offset {
                consumer.next_offset = next;
                self.arrived.resize(next as usize, now);
            }
        }
        Ok(())
    }

    fn wake_at(&self) -> Option<Instant> {
        (self.sent < self.wanted()).then(|| self.due(self.sent))
    }

    fn is_done(&self) -> bool {
        let consumed = match &self.consumer {
            Some(consumer) => !consumer.asking && self.arrived.len() >= self.total as usize,
            None => true,
        };
        self.answered == self.wanted() && consumed
    }
}
