//! The read path of Fetch: which bytes of which partitions, and how long to wait for more.

use std::sync::Arc;
use std::time::Duration;

use crate::log::{LogSlice, ReadError, UpTo};
use crate::model::{ErrorCode, LeaderEpoch, Offset};

use super::Broker;
use super::fetch_sessions::{Asks, FetchAsk, FetchTarget, FetchTold};
use super::partition::Partition;
use super::purgatory::FetchWaiter;

/// An answer keeps the files open that it sends from. What is beyond them comes with the next one, as when
/// `max_bytes` is used up.
const FILES_PER_ANSWER_MAX: usize = 256;

/// The request's wishes that concern all partitions.
#[derive(Clone, Copy, Debug)]
pub struct FetchParams {
    pub up_to: UpTo,
    pub committed_only: bool,
    /// Asked by what calls itself a replica. There are none on one node.
    pub as_replica: bool,
    pub min_bytes: i64,
    pub max_bytes: i64,
    pub max_wait: Duration,
}

/// What one partition answers.
pub struct PartitionRead {
    pub target: FetchTarget,
    pub ask: FetchAsk,
    pub code: ErrorCode,
    pub high_watermark: Offset,
    pub last_stable: Offset,
    pub log_start: Offset,
    /// Where this log and the client's part ways.
    pub diverging: Option<(LeaderEpoch, Offset)>,
    /// Producer and first offset of what a committed-only reader must skip; `None` where nobody asked.
    pub aborted: Option<Vec<(i64, i64)>>,
    pub slice: Option<LogSlice>,
}

impl PartitionRead {
    /// A partition that could not be read: no offset is known.
    pub fn failed(target: FetchTarget, ask: FetchAsk, code: ErrorCode) -> Self {
        PartitionRead {
            target,
            ask,
            code,
            high_watermark: Offset::NONE,
            last_stable: Offset::NONE,
            log_start: Offset::NONE,
            diverging: None,
            aborted: None,
            slice: None,
        }
    }

    pub fn size_bytes(&self) -> i64 {
        self.slice.as_ref().map_or(0, |slice| slice.size_bytes as i64)
    }

    pub fn told(&self) -> FetchTold {
        FetchTold {
            has_records: self.size_bytes() > 0,
            is_error: self.code.is_error(),
            diverges: self.diverging.is_some(),
            high_watermark: self.high_watermark,
            log_start: self.log_start,
        }
    }
}

/// Reads the partitions in order. The first batch of the first partition that has any is returned however large it
/// is, so that a consumer always makes progress; after it the limits hold.
pub fn read(asks: &[(FetchTarget, FetchAsk, Arc<Partition>)], params: &FetchParams) -> Vec<PartitionRead> {
    let mut left = params.max_bytes;
    let mut min_one = true;
    let mut files = 0;
    let mut reads = Vec::with_capacity(asks.len());
    for (target, ask, partition) in asks {
        let read = read_one(target, ask, partition, params, left, min_one);
        if read.size_bytes() > 0 {
            min_one = false;
            files += 1;
        }
        left = if files < FILES_PER_ANSWER_MAX { (left - read.size_bytes()).max(0) } else { 0 };
        reads.push(read);
    }
    reads
}

fn read_one(
    target: &FetchTarget,
    ask: &FetchAsk,
    partition: &Partition,
    params: &FetchParams,
    left: i64,
    min_one: bool,
) -> PartitionRead {
    let failed = |code| PartitionRead::failed(target.clone(), *ask, code);
    if !target.topic_id.is_zero() && target.topic_id != partition.topic_id() {
        return failed(ErrorCode::InconsistentTopicId);
    }
    if let Err(code) = partition.check_leader_epoch(ask.current_leader_epoch) {
        return failed(code);
    }
    if params.as_replica {
        return failed(ErrorCode::NotLeaderOrFollower);
    }
    let diverging = match partition.divergence(ask.last_fetched_epoch, ask.offset) {
        Ok(diverging) => diverging,
        Err(code) => return failed(code),
    };
    let ends = partition.ends();
    let mut read = failed(ErrorCode::None);
    read.high_watermark = ends.high_watermark;
    read.last_stable = ends.last_stable();
    read.log_start = ends.log_start;
    read.aborted = params.committed_only.then(Vec::new);
    if diverging.is_some() {
        read.diverging = diverging;
        return read;
    }
    let limit = i64::from(ask.max_bytes).min(left);
    if limit < 0 && ask.offset < ends.log_end && ask.offset >= ends.log_start {
        // Kafka stumbles over a negative size deep inside and says so in its vaguest way.
        return failed(ErrorCode::UnknownServerError);
    }
    match partition.read_for_fetch(ask.offset, limit.max(0) as u64, params.up_to, min_one) {
        Ok(slice) => {
            if let (true, Some(slice)) = (params.committed_only, &slice) {
                match slice.aborted_txns(ask.offset) {
                    Ok(aborted) => {
                        read.aborted = Some(aborted.iter().map(|t| (t.producer_id.0, t.first_offset.0)).collect());
                    }
                    Err(e) => return failed(e.code()),
                }
            }
            read.slice = slice;
            read
        }
        Err(ReadError::OutOfRange { .. }) => failed(ErrorCode::OffsetOutOfRange),
        Err(e) => {
            partition.report_read_error(&e);
            failed(e.code())
        }
    }
}

/// Whether the answer may leave now.
fn satisfied(reads: &[PartitionRead], params: &FetchParams) -> bool {
    reads.iter().map(PartitionRead::size_bytes).sum::<i64>() >= params.min_bytes
        || reads.iter().any(|read| read.code.is_error() || read.diverging.is_some())
}

/// Asks with the partitions they are for.
pub type Found = Vec<(FetchTarget, FetchAsk, Arc<Partition>)>;

/// What a fetch finds at once, or the wait for it.
pub enum Fetching {
    Done(Vec<PartitionRead>),
    Waiting(Parked),
}

/// A fetch that found too little.
pub struct Parked {
    asks: Found,
    params: FetchParams,
    waiter: Arc<FetchWaiter>,
}

/// Splits the asks into partitions that exist and answers for those that do not.
pub fn resolve(
    broker: &Broker,
    asks: Asks,
    refuse: impl Fn(&FetchTarget) -> Option<ErrorCode>,
) -> (Found, Vec<PartitionRead>) {
    let mut found = Vec::with_capacity(asks.len());
    let mut refused = Vec::new();
    for (target, ask) in asks {
        let partition = match (refuse(&target), &target.topic) {
            (Some(code), _) => Err(code),
            (None, None) => Err(ErrorCode::UnknownTopicId),
            (None, Some(topic)) => broker.served_partition(topic, target.partition.0),
        };
        match partition {
            Ok(partition) => found.push((target, ask, partition)),
            // Kafka writes an empty list here and null where reading failed.
            Err(code) => {
                refused.push(PartitionRead { aborted: Some(Vec::new()), ..PartitionRead::failed(target, ask, code) })
            }
        }
    }
    (found, refused)
}

/// Reads, and parks when there is too little and the client is willing to wait.
pub fn fetch(asks: Found, params: FetchParams) -> Fetching {
    let reads = read(&asks, &params);
    if params.max_wait.is_zero() || asks.is_empty() || satisfied(&reads, &params) {
        return Fetching::Done(reads);
    }
    let found: i64 = reads.iter().map(PartitionRead::size_bytes).sum();
    let waiter = FetchWaiter::new((params.min_bytes - found).max(1));
    for (_, _, partition) in &asks {
        partition.fetch_waiters().add(&waiter);
    }
    let parked = Parked { asks, params, waiter };
    // What became visible between reading and registering has woken nobody.
    let reads = read(&parked.asks, &parked.params);
    if satisfied(&reads, &params) { Fetching::Done(reads) } else { Fetching::Waiting(parked) }
}

impl Parked {
    /// Until there is enough, something is wrong, or the client's patience ends.
    pub async fn wait(self) -> Vec<PartitionRead> {
        let deadline = tokio::time::sleep(self.params.max_wait);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                () = self.waiter.woken() => {
                    let reads = read(&self.asks, &self.params);
                    if satisfied(&reads, &self.params) {
                        return reads;
                    }
                    let found: i64 = reads.iter().map(PartitionRead::size_bytes).sum();
                    self.waiter.rearm((self.params.min_bytes - found).max(1));
                }
                () = &mut deadline => return read(&self.asks, &self.params),
            }
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        for (_, _, partition) in &self.asks {
            partition.fetch_waiters().remove(&self.waiter);
        }
    }
}
