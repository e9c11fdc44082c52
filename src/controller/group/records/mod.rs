//! The records of `__consumer_offsets`, in Apache Kafka's own bytes: a key is its type and its fields, a value its
//! version and its fields. Every version that Kafka wrote is read; written is what Kafka 4.3 writes.

mod codec;
mod consumer;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use bytes::Bytes;

pub use codec::RecordError;
use codec::{Reader, Writer};
use consumer::Body;
pub use consumer::{
    ClassicMemberValue, ConsumerGroupValue, ConsumerMemberValue, CurrentAssignmentValue, HeldPartitionsValue,
    PartitionMetadataValue, RegexValue, TargetAssignmentValue, TargetMemberValue, TopicMetadataValue,
    TopicPartitionsValue,
};
pub use values::{GroupMemberValue, GroupMetadataValue, OffsetCommitValue};

use super::{GroupId, MemberId};
use crate::controller::machine::{LogRecord, Producer};
use crate::model::TopicName;

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    OffsetCommit {
        group: GroupId,
        topic: TopicName,
        partition: i32,
    },
    GroupMetadata {
        group: GroupId,
    },
    ConsumerGroup {
        group: GroupId,
    },
    PartitionMetadata {
        group: GroupId,
    },
    ConsumerMember {
        group: GroupId,
        member: MemberId,
    },
    TargetAssignment {
        group: GroupId,
    },
    TargetMember {
        group: GroupId,
        member: MemberId,
    },
    CurrentAssignment {
        group: GroupId,
        member: MemberId,
    },
    Regex {
        group: GroupId,
        regex: Arc<str>,
    },
    /// Share and streams groups: kept in the log, not served.
    Unserved {
        record_type: i16,
    },
}

/// What a record says. A tombstone has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    OffsetCommit(OffsetCommitValue),
    GroupMetadata(GroupMetadataValue),
    ConsumerGroup(ConsumerGroupValue),
    PartitionMetadata(PartitionMetadataValue),
    ConsumerMember(ConsumerMemberValue),
    TargetAssignment(TargetAssignmentValue),
    TargetMember(TargetMemberValue),
    CurrentAssignment(CurrentAssignmentValue),
    Regex(RegexValue),
}

/// One record, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: Key,
    pub value: Option<Value>,
}

/// Type numbers of share groups (10 to 15) and streams groups (17, 19 to 23).
const UNSERVED_TYPES: [i16; 12] = [10, 11, 12, 13, 14, 15, 17, 19, 20, 21, 22, 23];

impl Key {
    /// The group whose record it is.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Key::OffsetCommit { group, .. }
            | Key::GroupMetadata { group }
            | Key::ConsumerGroup { group }
            | Key::PartitionMetadata { group }
            | Key::ConsumerMember { group, .. }
            | Key::TargetAssignment { group }
            | Key::TargetMember { group, .. }
            | Key::CurrentAssignment { group, .. }
            | Key::Regex { group, .. } => Some(group),
            Key::Unserved { .. } => None,
        }
    }

    pub fn record_type(&self) -> i16 {
        match self {
            Key::OffsetCommit { .. } => 1,
            Key::GroupMetadata { .. } => 2,
            Key::ConsumerGroup { .. } => 3,
            Key::PartitionMetadata { .. } => 4,
            Key::ConsumerMember { .. } => 5,
            Key::TargetAssignment { .. } => 6,
            Key::TargetMember { .. } => 7,
            Key::CurrentAssignment { .. } => 8,
            Key::Regex { .. } => 16,
            Key::Unserved { record_type } => *record_type,
        }
    }

    fn read(bytes: &Bytes) -> Result<Key, RecordError> {
        let mut from = Reader::new(bytes);
        let record_type = from.i16()?;
        Ok(match record_type {
            0 | 1 => Key::OffsetCommit { group: from.string()?, topic: from.string()?, partition: from.i32()? },
            2 => Key::GroupMetadata { group: from.string()? },
            3 => Key::ConsumerGroup { group: from.string()? },
            4 => Key::PartitionMetadata { group: from.string()? },
            5 => Key::ConsumerMember { group: from.string()?, member: from.string()? },
            6 => Key::TargetAssignment { group: from.string()? },
            7 => Key::TargetMember { group: from.string()?, member: from.string()? },
            8 => Key::CurrentAssignment { group: from.string()?, member: from.string()? },
            16 => Key::Regex { group: from.string()?, regex: from.string()? },
            other if UNSERVED_TYPES.contains(&other) => Key::Unserved { record_type },
            other => return Err(RecordError::Type(other)),
        })
    }

    pub fn encode(&self) -> Bytes {
        let mut out = Writer::default();
        out.i16(self.record_type());
        if let Some(group) = self.group() {
            out.string(group);
        }
        match self {
            Key::OffsetCommit { topic, partition, .. } => {
                out.string(topic);
                out.i32(*partition);
            }
            Key::ConsumerMember { member, .. }
            | Key::TargetMember { member, .. }
            | Key::CurrentAssignment { member, .. } => out.string(member),
            Key::Regex { regex, .. } => out.string(regex),
            _ => {}
        }
        out.finish()
    }
}

impl Value {
    fn read(key: &Key, bytes: &Bytes) -> Result<Option<Value>, RecordError> {
        let mut from = Reader::new(bytes);
        let version = from.i16()?;
        match key {
            Key::OffsetCommit { .. } => {
                return OffsetCommitValue::read(&mut from, version).map(|value| Some(Value::OffsetCommit(value)));
            }
            Key::GroupMetadata { .. } => {
                return GroupMetadataValue::read(&mut from, version).map(|value| Some(Value::GroupMetadata(value)));
            }
            Key::Unserved { .. } => return Ok(None),
            _ if version != 0 => return Err(RecordError::Version { name: "consumer group record", version }),
            _ => {}
        }
        from.set_flexible(true);
        let from = &mut from;
        Ok(match key {
            Key::ConsumerGroup { .. } => Some(Value::ConsumerGroup(Body::read(from)?)),
            Key::PartitionMetadata { .. } => Some(Value::PartitionMetadata(Body::read(from)?)),
            Key::ConsumerMember { .. } => Some(Value::ConsumerMember(Body::read(from)?)),
            Key::TargetAssignment { .. } => Some(Value::TargetAssignment(Body::read(from)?)),
            Key::TargetMember { .. } => Some(Value::TargetMember(Body::read(from)?)),
            Key::CurrentAssignment { .. } => Some(Value::CurrentAssignment(Body::read(from)?)),
            Key::Regex { .. } => Some(Value::Regex(Body::read(from)?)),
            Key::OffsetCommit { .. } | Key::GroupMetadata { .. } | Key::Unserved { .. } => None,
        })
    }

    pub fn encode(&self) -> Bytes {
        fn version_0(body: &impl Body) -> Bytes {
            let mut out = Writer::default();
            out.i16(0);
            out.set_flexible(true);
            body.write(&mut out);
            out.finish()
        }
        let mut out = Writer::default();
        match self {
            Value::OffsetCommit(value) => value.write(&mut out),
            Value::GroupMetadata(value) => value.write(&mut out),
            Value::ConsumerGroup(value) => return version_0(value),
            Value::PartitionMetadata(value) => return version_0(value),
            Value::ConsumerMember(value) => return version_0(value),
            Value::TargetAssignment(value) => return version_0(value),
            Value::TargetMember(value) => return version_0(value),
            Value::CurrentAssignment(value) => return version_0(value),
            Value::Regex(value) => return version_0(value),
        }
        out.finish()
    }
}

impl Record {
    pub fn put(key: Key, value: Value) -> Self {
        Record { key, value: Some(value) }
    }

    pub fn tombstone(key: Key) -> Self {
        Record { key, value: None }
    }

    pub fn encode(&self, producer: Option<Producer>) -> LogRecord {
        LogRecord { key: self.key.encode(), value: self.value.as_ref().map(Value::encode), producer }
    }

    pub fn decode(key: &Bytes, value: Option<&Bytes>) -> Result<Self, RecordError> {
        let key = Key::read(key)?;
        let value = match value {
            Some(bytes) => Value::read(&key, bytes)?,
            None => None,
        };
        Ok(Record { key, value })
    }
}
