//! Control records: a transaction's end, and what the metadata quorum writes about itself.
//!
//! The key says the kind (version i16, type i16). A transaction marker's value is a version and the coordinator's epoch;
//! the quorum's values are Kafka messages in their flexible encoding, each opening with a version of its own.

use bytes::Bytes;
use uuid::Uuid;

use crate::model::limits::BATCH_HEADER_BYTES;
use crate::model::{LeaderEpoch, NodeId, Offset, ProducerEpoch, ProducerId};
use crate::records::batch::{BatchHeader, NO_SEQUENCE};
use crate::records::build::BatchBuilder;
use crate::records::error::RecordsError;
use crate::records::record::RecordIter;
use crate::records::varint::{read_u32, write_u32};

/// What kind of control record a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    Abort,
    Commit,
    LeaderChange,
    SnapshotHeader,
    SnapshotFooter,
    KraftVersion,
    KraftVoters,
    /// From a newer Kafka: to be passed over.
    Unknown(i16),
}

impl ControlKind {
    pub fn parse(key: &[u8]) -> Result<ControlKind, RecordsError> {
        let mut rest = key;
        let version = read_i16(&mut rest)?;
        if version < 0 {
            return Err(RecordsError::BadControl("negative key version"));
        }
        Ok(match read_i16(&mut rest)? {
            0 => ControlKind::Abort,
            1 => ControlKind::Commit,
            2 => ControlKind::LeaderChange,
            3 => ControlKind::SnapshotHeader,
            4 => ControlKind::SnapshotFooter,
            5 => ControlKind::KraftVersion,
            6 => ControlKind::KraftVoters,
            other => ControlKind::Unknown(other),
        })
    }

    pub fn key(self) -> [u8; 4] {
        let kind: i16 = match self {
            ControlKind::Abort => 0,
            ControlKind::Commit => 1,
            ControlKind::LeaderChange => 2,
            ControlKind::SnapshotHeader => 3,
            ControlKind::SnapshotFooter => 4,
            ControlKind::KraftVersion => 5,
            ControlKind::KraftVoters => 6,
            ControlKind::Unknown(other) => other,
        };
        let [high, low] = kind.to_be_bytes();
        [0, 0, high, low]
    }
}

/// One member of the metadata quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    pub id: NodeId,
    pub directory_id: Uuid,
    pub endpoints: Vec<VoterEndpoint>,
    pub kraft_version_min: i16,
    pub kraft_version_max: i16,
}

/// Where a voter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoterEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
}

/// A control record's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    EndTxn { committed: bool, coordinator_epoch: i32 },
    LeaderChange { leader: NodeId, voters: Vec<NodeId>, granting_voters: Vec<NodeId> },
    SnapshotHeader { last_contained_log_ms: i64 },
    SnapshotFooter,
    KraftVersion(i16),
    KraftVoters(Vec<Voter>),
    Unknown(i16),
}

impl ControlRecord {
    pub fn kind(&self) -> ControlKind {
        match self {
            ControlRecord::EndTxn { committed: true, .. } => ControlKind::Commit,
            ControlRecord::EndTxn { committed: false, .. } => ControlKind::Abort,
            ControlRecord::LeaderChange { .. } => ControlKind::LeaderChange,
            ControlRecord::SnapshotHeader { .. } => ControlKind::SnapshotHeader,
            ControlRecord::SnapshotFooter => ControlKind::SnapshotFooter,
            ControlRecord::KraftVersion(_) => ControlKind::KraftVersion,
            ControlRecord::KraftVoters(_) => ControlKind::KraftVoters,
            ControlRecord::Unknown(kind) => ControlKind::Unknown(*kind),
        }
    }

    /// The record's value.
    pub fn value(&self) -> Vec<u8> {
        const VERSION: i16 = 0;
        let mut out = VERSION.to_be_bytes().to_vec();
        match self {
            // The one value without tagged fields.
            ControlRecord::EndTxn { coordinator_epoch, .. } => {
                out.extend_from_slice(&coordinator_epoch.to_be_bytes());
                return out;
            }
            ControlRecord::LeaderChange { leader, voters, granting_voters } => {
                out.extend_from_slice(&leader.0.to_be_bytes());
                for ids in [voters, granting_voters] {
                    write_u32(&mut out, ids.len() as u32 + 1);
                    for id in ids {
                        out.extend_from_slice(&id.0.to_be_bytes());
                        out.push(NO_TAGS);
                    }
                }
            }
            ControlRecord::SnapshotHeader { last_contained_log_ms } => {
                out.extend_from_slice(&last_contained_log_ms.to_be_bytes());
            }
            ControlRecord::SnapshotFooter | ControlRecord::Unknown(_) => {}
            ControlRecord::KraftVersion(version) => out.extend_from_slice(&version.to_be_bytes()),
            ControlRecord::KraftVoters(voters) => {
                write_u32(&mut out, voters.len() as u32 + 1);
                for voter in voters {
                    write_voter(&mut out, voter);
                }
            }
        }
        out.push(NO_TAGS);
        out
    }

    pub fn parse(key: &[u8], value: &[u8]) -> Result<ControlRecord, RecordsError> {
        let kind = ControlKind::parse(key)?;
        if let ControlKind::Unknown(kind) = kind {
            return Ok(ControlRecord::Unknown(kind));
        }
        let mut rest = value;
        if read_i16(&mut rest)? < 0 {
            return Err(RecordsError::BadControl("negative value version"));
        }
        let record = match kind {
            ControlKind::Abort | ControlKind::Commit => {
                let coordinator_epoch = i32::from_be_bytes(take(&mut rest)?);
                return Ok(ControlRecord::EndTxn { committed: kind == ControlKind::Commit, coordinator_epoch });
            }
            ControlKind::LeaderChange => ControlRecord::LeaderChange {
                leader: NodeId(i32::from_be_bytes(take(&mut rest)?)),
                voters: read_array(&mut rest, read_voter_id)?,
                granting_voters: read_array(&mut rest, read_voter_id)?,
            },
            ControlKind::SnapshotHeader => {
                ControlRecord::SnapshotHeader { last_contained_log_ms: i64::from_be_bytes(take(&mut rest)?) }
            }
            ControlKind::SnapshotFooter => ControlRecord::SnapshotFooter,
            ControlKind::KraftVersion => ControlRecord::KraftVersion(read_i16(&mut rest)?),
            ControlKind::KraftVoters => ControlRecord::KraftVoters(read_array(&mut rest, read_voter)?),
            ControlKind::Unknown(kind) => ControlRecord::Unknown(kind),
        };
        skip_tags(&mut rest)?;
        Ok(record)
    }

    /// The records of a control batch, given whole. Kafka never compresses one.
    pub fn all_of(batch: &[u8]) -> Result<Vec<ControlRecord>, RecordsError> {
        let header = BatchHeader::parse(batch)?;
        if !header.is_control() {
            return Err(RecordsError::BadControl("not a control batch"));
        }
        let payload = batch.get(BATCH_HEADER_BYTES..header.size_bytes()).unwrap_or_default();
        RecordIter::new(payload, header.record_count)
            .map(|record| {
                let record = record?;
                let key = record.key.ok_or(RecordsError::BadControl("no key"))?;
                ControlRecord::parse(key, record.value.unwrap_or_default())
            })
            .collect()
    }
}

/// The batch that ends a transaction in one partition.
pub fn end_txn_batch(
    committed: bool,
    coordinator_epoch: i32,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    now_ms: i64,
) -> Bytes {
    let mut builder = BatchBuilder::new(Offset(0))
        .producer(producer_id, producer_epoch, NO_SEQUENCE)
        .transactional(true)
        .control(true);
    builder.append_control(now_ms, &ControlRecord::EndTxn { committed, coordinator_epoch });
    builder.build()
}

/// A batch of the metadata quorum's own records.
pub fn quorum_batch(base_offset: Offset, epoch: LeaderEpoch, now_ms: i64, records: &[ControlRecord]) -> Bytes {
    let mut builder = BatchBuilder::new(base_offset).leader_epoch(epoch).control(true);
    for record in records {
        builder.append_control(now_ms, record);
    }
    builder.build()
}

impl BatchBuilder {
    /// Appends a control record; the batch must be marked [`BatchBuilder::control`].
    pub fn append_control(&mut self, timestamp: i64, record: &ControlRecord) {
        self.append(timestamp, Some(&record.kind().key()), Some(&record.value()), &[]);
    }
}

const NO_TAGS: u8 = 0;

fn write_voter(out: &mut Vec<u8>, voter: &Voter) {
    out.extend_from_slice(&voter.id.0.to_be_bytes());
    out.extend_from_slice(voter.directory_id.as_bytes());
    write_u32(out, voter.endpoints.len() as u32 + 1);
    for endpoint in &voter.endpoints {
        for text in [&endpoint.name, &endpoint.host] {
            write_u32(out, text.len() as u32 + 1);
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&endpoint.port.to_be_bytes());
        out.push(NO_TAGS);
    }
    out.extend_from_slice(&voter.kraft_version_min.to_be_bytes());
    out.extend_from_slice(&voter.kraft_version_max.to_be_bytes());
    // One set of tags for the version range, one for the voter.
    out.extend_from_slice(&[NO_TAGS, NO_TAGS]);
}

fn read_voter_id(rest: &mut &[u8]) -> Result<NodeId, RecordsError> {
    let id = NodeId(i32::from_be_bytes(take(rest)?));
    skip_tags(rest)?;
    Ok(id)
}

fn read_voter(rest: &mut &[u8]) -> Result<Voter, RecordsError> {
    let id = NodeId(i32::from_be_bytes(take(rest)?));
    let directory_id = Uuid::from_bytes(take(rest)?);
    let endpoints = read_array(rest, |rest| {
        let (name, host) = (read_text(rest)?, read_text(rest)?);
        let port = u16::from_be_bytes(take(rest)?);
        skip_tags(rest)?;
        Ok(VoterEndpoint { name, host, port })
    })?;
    let (kraft_version_min, kraft_version_max) = (read_i16(rest)?, read_i16(rest)?);
    skip_tags(rest)?;
    skip_tags(rest)?;
    Ok(Voter { id, directory_id, endpoints, kraft_version_min, kraft_version_max })
}

const ENDS_EARLY: RecordsError = RecordsError::BadControl("ends too early");

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], RecordsError> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or(ENDS_EARLY)?;
    *rest = after;
    Ok(*bytes)
}

fn read_i16(rest: &mut &[u8]) -> Result<i16, RecordsError> {
    Ok(i16::from_be_bytes(take(rest)?))
}

fn read_count(rest: &mut &[u8]) -> Result<u32, RecordsError> {
    read_u32(rest).map_err(|_| ENDS_EARLY)
}

/// Lengths are written one too large, so that 0 can be null; null counts as empty here.
fn read_array<T>(
    rest: &mut &[u8],
    read: impl Fn(&mut &[u8]) -> Result<T, RecordsError>,
) -> Result<Vec<T>, RecordsError> {
    let count = read_count(rest)?.saturating_sub(1);
    // No room is reserved by the count: the bytes must bear it out one by one.
    (0..count).map(|_| read(rest)).collect::<Result<Vec<T>, _>>()
}

fn read_bytes<'a>(rest: &mut &'a [u8], size: u32) -> Result<&'a [u8], RecordsError> {
    let (bytes, after) = rest.split_at_checked(size as usize).ok_or(ENDS_EARLY)?;
    *rest = after;
    Ok(bytes)
}

fn read_text(rest: &mut &[u8]) -> Result<String, RecordsError> {
    let size = read_count(rest)?.saturating_sub(1);
    let text =
        std::str::from_utf8(read_bytes(rest, size)?).map_err(|_| RecordsError::BadControl("text is not UTF-8"))?;
    Ok(text.to_owned())
}

fn skip_tags(rest: &mut &[u8]) -> Result<(), RecordsError> {
    for _ in 0..read_count(rest)? {
        read_count(rest)?;
        let size = read_count(rest)?;
        read_bytes(rest, size)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
