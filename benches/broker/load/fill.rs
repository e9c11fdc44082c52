//! Fills a topic with keyed records. Every other record of a batch has a key that comes again in the next batches, the
//! rest have keys of their own: compaction leaves half of the records, in batches that it has to build anew.

use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;

use super::frames::{self, Shape};
use super::pump::Traffic;
use super::setup::Topic;

pub struct Fill {
    topic: Topic,
    shape: Shape,
    /// Whether the connection waits for an answer.
    asking: Vec<bool>,
    left: u64,
}

impl Fill {
    pub fn new(topic: Topic, shape: Shape, connections: usize, requests: u64) -> Fill {
        Fill { topic, shape, asking: vec![false; connections], left: requests }
    }
}

impl Traffic for Fill {
    fn next(&mut self, connection: usize, _now: Instant) -> Result<Option<Bytes>> {
        let Some(asking) = self.asking.get_mut(connection).filter(|asking| !**asking && self.left > 0) else {
            return Ok(None);
        };
        *asking = true;
        self.left -= 1;
        let batch = frames::half_keyed(self.shape, self.left);
        frames::produce(&self.topic, 0..1, &batch, 1).map(Some)
    }

    fn answer(&mut self, connection: usize, frame: Bytes, _now: Instant) -> Result<()> {
        frames::check_produced(&frame)?;
        if let Some(asking) = self.asking.get_mut(connection) {
            *asking = false;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.left == 0 && !self.asking.contains(&true)
    }
}
