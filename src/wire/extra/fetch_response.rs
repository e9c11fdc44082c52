//! The answer to Fetch, versions 4 to 18, written as a skeleton with gaps: records stay where they are, in memory or in
//! files, and go out as pieces between the bytes written here.

use bytes::{BufMut, BytesMut};
use uuid::Uuid;

use super::value::{Counter, Out, Sink, Value, Version};
use crate::wire::error::WireError;
use crate::wire::frame::SIZE_BYTES;
use crate::wire::messages::TopicName;
use crate::wire::reply::{Piece, Reply};
use crate::wire::versions::ApiKey;

/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;
/// Room for a partition's fields without its records.
pub const PARTITION_BYTES: usize = 96;

/// An answer to Fetch. `F` is the caller's handle on a file.
#[derive(Clone, Debug)]
pub struct FetchReply<F> {
    pub throttle_time_ms: i32,
    /// From version 7 on, and left out below.
    pub error_code: i16,
    pub session_id: i32,
    pub topics: Vec<FetchTopic<F>>,
    /// Where current leaders live; empty says nothing. From version 16 on.
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl<F> Default for FetchReply<F> {
    fn default() -> Self {
        FetchReply { throttle_time_ms: 0, error_code: 0, session_id: 0, topics: Vec::new(), node_endpoints: Vec::new() }
    }
}

/// A topic, by name up to version 12, by id after.
#[derive(Clone, Debug)]
pub struct FetchTopic<F> {
    pub name: TopicName,
    pub id: Uuid,
    pub partitions: Vec<FetchPartition<F>>,
}

#[derive(Clone, Debug)]
pub struct FetchPartition<F> {
    pub partition: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
    /// Where the asker's log departs from ours: the epoch and its end. From version 12 on.
    pub diverging_epoch: Option<EpochEndOffset>,
    /// Leader and its epoch, where the asker has them wrong. From version 12 on.
    pub current_leader: Option<LeaderIdAndEpoch>,
    pub snapshot_id: Option<SnapshotId>,
    /// Null unless the reader is to skip aborted transactions.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    pub preferred_read_replica: i32,
    /// One after the other they are the partition's records; none at all is empty records, as Kafka answers.
    pub records: Vec<Piece<F>>,
}

impl<F> FetchPartition<F> {
    /// A partition without records: an error or nothing new.
    pub fn empty(partition: i32, error_code: i16) -> Self {
        FetchPartition {
            partition,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            aborted_transactions: None,
            preferred_read_replica: -1,
            records: Vec::new(),
        }
    }
}

mod parts {
    use crate::wire::extra::value::prelude::*;
    use crate::wire::messages::{BrokerId, ProducerId, StrBytes};

    structs! {
        EpochEndOffset {
            epoch: i32,
            end_offset: i64,
        }

        LeaderIdAndEpoch {
            leader_id: BrokerId,
            leader_epoch: i32,
        }

        SnapshotId {
            end_offset: i64,
            epoch: i32,
        }

        AbortedTransaction {
            producer_id: ProducerId,
            first_offset: i64,
        }

        NodeEndpoint {
            node_id: BrokerId,
            host: StrBytes,
            port: i32,
            rack: Option<StrBytes>,
        }
    }
}

pub use parts::{AbortedTransaction, EpochEndOffset, LeaderIdAndEpoch, NodeEndpoint, SnapshotId};

/// The framed answer. No record byte is looked at or copied.
pub fn encode<F>(correlation_id: i32, version: i16, reply: FetchReply<F>) -> Result<Reply<F>, WireError> {
    let api = ApiKey::Fetch.api();
    if !api.serves(version) {
        return Err(WireError::UnsupportedVersion { api: api.key.key(), version });
    }
    let at = Version { number: version, flexible: api.is_flexible(version) };
    let partitions: usize = reply.topics.iter().map(|topic| topic.partitions.len() + 1).sum();
    let mut skeleton = Skeleton {
        at,
        out: BytesMut::with_capacity(64 + partitions * PARTITION_BYTES),
        gaps: Vec::new(),
        record_bytes: 0,
    };
    skeleton.out.put_i32(0);
    skeleton.out.put_i32(correlation_id);
    skeleton.tags(&[])?;
    skeleton.body(reply)?;
    skeleton.finish()
}

/// What may follow a struct under a tag.
enum Part<'a> {
    Endpoints(&'a Vec<NodeEndpoint>),
    Diverging(&'a EpochEndOffset),
    Leader(&'a LeaderIdAndEpoch),
    Snapshot(&'a SnapshotId),
}

impl Part<'_> {
    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        match self {
            Part::Endpoints(value) => value.write(to, at),
            Part::Diverging(value) => value.write(to, at),
            Part::Leader(value) => value.write(to, at),
            Part::Snapshot(value) => value.write(to, at),
        }
    }
}

struct Skeleton<F> {
    at: Version,
    out: BytesMut,
    /// Where records go in, and which.
    gaps: Vec<(usize, Vec<Piece<F>>)>,
    record_bytes: usize,
}

impl<F> Skeleton<F> {
    fn body(&mut self, reply: FetchReply<F>) -> Result<(), WireError> {
        self.value(&reply.throttle_time_ms)?;
        if self.at.number >= 7 {
            self.value(&reply.error_code)?;
            self.value(&reply.session_id)?;
        }
        self.length(reply.topics.len())?;
        for topic in reply.topics {
            self.topic(topic)?;
        }
        let endpoints = (self.at.number >= 16 && !reply.node_endpoints.is_empty()).then_some(&reply.node_endpoints);
        self.tags(&[(0, endpoints.map(Part::Endpoints))])
    }

    fn topic(&mut self, topic: FetchTopic<F>) -> Result<(), WireError> {
        if self.at.number >= TOPIC_IDS_SINCE {
            self.value(&topic.id)?;
        } else {
            self.value(&topic.name)?;
        }
        self.length(topic.partitions.len())?;
        for partition in topic.partitions {
            self.partition(partition)?;
        }
        self.tags(&[])
    }

    fn partition(&mut self, partition: FetchPartition<F>) -> Result<(), WireError> {
        self.value(&partition.partition)?;
        self.value(&partition.error_code)?;
        self.value(&partition.high_watermark)?;
        self.value(&partition.last_stable_offset)?;
        if self.at.number >= 5 {
            self.value(&partition.log_start_offset)?;
        }
        self.value(&partition.aborted_transactions)?;
        if self.at.number >= 11 {
            self.value(&partition.preferred_read_replica)?;
        }
        self.records(partition.records)?;
        self.tags(&[
            (0, partition.diverging_epoch.as_ref().map(Part::Diverging)),
            (1, partition.current_leader.as_ref().map(Part::Leader)),
            (2, partition.snapshot_id.as_ref().map(Part::Snapshot)),
        ])
    }

    fn records(&mut self, records: Vec<Piece<F>>) -> Result<(), WireError> {
        let length: usize = records.iter().map(Piece::len).sum();
        self.length(length)?;
        self.record_bytes += length;
        if length > 0 {
            self.gaps.push((self.out.len(), records));
        }
        Ok(())
    }

    fn value(&mut self, value: &impl Value) -> Result<(), WireError> {
        value.write(&mut Out(&mut self.out), self.at)
    }

    /// The length of an array or of records.
    fn length(&mut self, length: usize) -> Result<(), WireError> {
        let too_long = |_| WireError::Unencodable(format!("length {length} in a Fetch answer"));
        let signed = i32::try_from(length).map_err(too_long)?;
        if self.at.flexible {
            Out(&mut self.out).put_varint(signed as u32 + 1);
        } else {
            self.out.put_i32(signed);
        }
        Ok(())
    }

    /// Ends a struct of a flexible version with the tagged fields that are there.
    fn tags(&mut self, parts: &[(u32, Option<Part<'_>>)]) -> Result<(), WireError> {
        if !self.at.flexible {
            return Ok(());
        }
        let present = || parts.iter().filter_map(|(tag, part)| part.as_ref().map(|part| (*tag, part)));
        let mut out = Out(&mut self.out);
        out.put_varint(present().count() as u32);
        for (tag, part) in present() {
            let mut size = Counter::default();
            part.write(&mut size, self.at)?;
            out.put_varint(tag);
            out.put_varint(size.0 as u32);
            part.write(&mut out, self.at)?;
        }
        Ok(())
    }

    /// Puts the frame's size in front, and the records into their gaps.
    fn finish(mut self) -> Result<Reply<F>, WireError> {
        let size = self.out.len() - SIZE_BYTES + self.record_bytes;
        let size = i32::try_from(size).map_err(|_| WireError::Unencodable(format!("{size} bytes are no frame")))?;
        self.out[..SIZE_BYTES].copy_from_slice(&size.to_be_bytes());
        let mut skeleton = self.out.freeze();
        let mut done = 0;
        let mut first = None;
        let mut rest = Vec::with_capacity(2 * self.gaps.len());
        for (at, records) in self.gaps {
            let bytes = skeleton.split_to(at - done);
            done = at;
            match first {
                None => first = Some(bytes),
                Some(_) => rest.push(Piece::Bytes(bytes)),
            }
            rest.extend(records);
        }
        match first {
            None => Ok(Reply::whole(skeleton)),
            Some(first) => {
                if !skeleton.is_empty() {
                    rest.push(Piece::Bytes(skeleton));
                }
                Ok(Reply::pieces(first, rest))
            }
        }
    }
}

#[cfg(test)]
mod tests;
