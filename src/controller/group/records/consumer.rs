//! The values of KIP-848 groups: all have version 0 and grow by tagged fields.

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{Reader, RecordError, Writer};
use crate::model::TopicId;

/// A group's epoch. Type 3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerGroupValue {
    pub epoch: i32,
    /// Of all subscribed topics; 0 before Kafka 4.1.
    pub metadata_hash: i64,
}

/// What Kafka 4.0 remembered of the subscribed topics; later nodes only delete it. Type 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadataValue {
    pub topics: Vec<TopicMetadataValue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicMetadataValue {
    pub topic_id: TopicId,
    pub name: Arc<str>,
    pub partitions: i32,
    /// Racks by partition, unused since 4.0.
    pub racks: Vec<(i32, Vec<Arc<str>>)>,
}

/// What a member told of itself. Type 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerMemberValue {
    pub instance_id: Option<Arc<str>>,
    pub rack_id: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub subscribed_topics: Vec<Arc<str>>,
    pub subscribed_regex: Option<Arc<str>>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Arc<str>>,
    /// Set for a member that speaks the classic protocol.
    pub classic: Option<ClassicMemberValue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassicMemberValue {
    pub session_timeout_ms: i32,
    /// Name and metadata of every protocol it offered, in its order.
    pub protocols: Vec<(Arc<str>, Bytes)>,
}

/// The epoch of the target assignment. Type 6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetAssignmentValue {
    pub assignment_epoch: i32,
    /// When it was computed; 0 before Kafka 4.3.
    pub assignment_timestamp_ms: i64,
}

/// A member's share of the target assignment. Type 7.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetMemberValue {
    pub topics: Vec<TopicPartitionsValue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPartitionsValue {
    pub topic_id: TopicId,
    pub partitions: Vec<i32>,
}

/// What a member holds now. Type 8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CurrentAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned: Vec<HeldPartitionsValue>,
    pub pending_revocation: Vec<HeldPartitionsValue>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPartitionsValue {
    pub topic_id: TopicId,
    pub partitions: Vec<i32>,
    /// Beside each partition the epoch at which the member got it; absent before Kafka 4.3.
    pub assignment_epochs: Option<Vec<i32>>,
}

/// The topics that a regular expression matched. Type 16.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegexValue {
    pub topics: Vec<Arc<str>>,
    pub version: i64,
    pub timestamp_ms: i64,
}

/// Versions are checked by the caller; a structure reads its body and its tagged fields.
pub(super) trait Body: Sized {
    fn read(from: &mut Reader) -> Result<Self, RecordError>;
    fn write(&self, out: &mut Writer);
}

impl Body for ConsumerGroupValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let mut value = ConsumerGroupValue { epoch: from.i32()?, metadata_hash: 0 };
        from.tags(|tag, body| {
            if tag == 0 {
                value.metadata_hash = body.i64()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.i32(self.epoch);
        if self.metadata_hash != 0 {
            out.tag(0, |out| out.i64(self.metadata_hash));
        }
        out.end();
    }
}

impl Body for PartitionMetadataValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let topics = from.list(|from| {
            let topic = TopicMetadataValue {
                topic_id: from.topic_id()?,
                name: from.string()?,
                partitions: from.i32()?,
                racks: from.list(|from| {
                    let racks = (from.i32()?, from.list(Reader::string)?);
                    from.no_tags()?;
                    Ok(racks)
                })?,
            };
            from.no_tags()?;
            Ok(topic)
        })?;
        from.no_tags()?;
        Ok(PartitionMetadataValue { topics })
    }

    fn write(&self, out: &mut Writer) {
        out.list(&self.topics, |out, topic| {
            out.topic_id(topic.topic_id);
            out.string(&topic.name);
            out.i32(topic.partitions);
            out.list(&topic.racks, |out, (partition, racks)| {
                out.i32(*partition);
                out.list(racks, |out, rack| out.string(rack));
                out.end();
            });
            out.end();
        });
        out.end();
    }
}

impl Body for ConsumerMemberValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let mut value = ConsumerMemberValue {
            instance_id: from.nullable_string()?,
            rack_id: from.nullable_string()?,
            client_id: from.string()?,
            client_host: from.string()?,
            subscribed_topics: from.list(Reader::string)?,
            subscribed_regex: from.nullable_string()?,
            rebalance_timeout_ms: from.i32()?,
            server_assignor: from.nullable_string()?,
            classic: None,
        };
        from.tags(|tag, body| {
            // A nullable structure starts with a sign of being there.
            if tag == 0 && body.i8()? > 0 {
                value.classic = Some(ClassicMemberValue::read(body)?);
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.nullable_string(self.instance_id.as_deref());
        out.nullable_string(self.rack_id.as_deref());
        out.string(&self.client_id);
        out.string(&self.client_host);
        out.list(&self.subscribed_topics, |out, topic| out.string(topic));
        out.nullable_string(self.subscribed_regex.as_deref());
        out.i32(self.rebalance_timeout_ms);
        out.nullable_string(self.server_assignor.as_deref());
        // Kafka writes the field even where there is nothing to say.
        out.tag(0, |out| match &self.classic {
            Some(classic) => {
                out.i8(1);
                classic.write(out);
            }
            None => out.i8(0),
        });
        out.end();
    }
}

impl Body for ClassicMemberValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let value = ClassicMemberValue {
            session_timeout_ms: from.i32()?,
            protocols: from.list(|from| {
                let protocol = (from.string()?, from.bytes()?);
                from.no_tags()?;
                Ok(protocol)
            })?,
        };
        from.no_tags()?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.i32(self.session_timeout_ms);
        out.list(&self.protocols, |out, (name, metadata)| {
            out.string(name);
            out.bytes(metadata);
            out.end();
        });
        out.end();
    }
}

impl Body for TargetAssignmentValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let mut value = TargetAssignmentValue { assignment_epoch: from.i32()?, assignment_timestamp_ms: 0 };
        from.tags(|tag, body| {
            if tag == 0 {
                value.assignment_timestamp_ms = body.i64()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.i32(self.assignment_epoch);
        if self.assignment_timestamp_ms != 0 {
            out.tag(0, |out| out.i64(self.assignment_timestamp_ms));
        }
        out.end();
    }
}

impl Body for TargetMemberValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let topics = from.list(|from| {
            let topic = TopicPartitionsValue { topic_id: from.topic_id()?, partitions: from.list(Reader::i32)? };
            from.no_tags()?;
            Ok(topic)
        })?;
        from.no_tags()?;
        Ok(TargetMemberValue { topics })
    }

    fn write(&self, out: &mut Writer) {
        out.list(&self.topics, |out, topic| {
            out.topic_id(topic.topic_id);
            out.list(&topic.partitions, |out, partition| out.i32(*partition));
            out.end();
        });
        out.end();
    }
}

impl Body for CurrentAssignmentValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let value = CurrentAssignmentValue {
            member_epoch: from.i32()?,
            previous_member_epoch: from.i32()?,
            state: from.i8()?,
            assigned: from.list(HeldPartitionsValue::read)?,
            pending_revocation: from.list(HeldPartitionsValue::read)?,
        };
        from.no_tags()?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.i32(self.member_epoch);
        out.i32(self.previous_member_epoch);
        out.i8(self.state);
        out.list(&self.assigned, |out, held| held.write(out));
        out.list(&self.pending_revocation, |out, held| held.write(out));
        out.end();
    }
}

impl Body for HeldPartitionsValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let mut value = HeldPartitionsValue {
            topic_id: from.topic_id()?,
            partitions: from.list(Reader::i32)?,
            assignment_epochs: None,
        };
        from.tags(|tag, body| {
            if tag == 0 {
                value.assignment_epochs = body.nullable_list(Reader::i32)?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.topic_id(self.topic_id);
        out.list(&self.partitions, |out, partition| out.i32(*partition));
        out.tag(0, |out| match &self.assignment_epochs {
            Some(epochs) => out.list(epochs, |out, epoch| out.i32(*epoch)),
            None => out.i8(0),
        });
        out.end();
    }
}

impl Body for RegexValue {
    fn read(from: &mut Reader) -> Result<Self, RecordError> {
        let value = RegexValue { topics: from.list(Reader::string)?, version: from.i64()?, timestamp_ms: from.i64()? };
        from.no_tags()?;
        Ok(value)
    }

    fn write(&self, out: &mut Writer) {
        out.list(&self.topics, |out, topic| out.string(topic));
        out.i64(self.version);
        out.i64(self.timestamp_ms);
        out.end();
    }
}
