//! The values of commits and of classic groups, every version that Kafka ever wrote.

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{Reader, RecordError, Writer};
use crate::model::TopicId;

/// Written without a retention of its own; readers of Kafka 4.1 and later.
const OFFSET_COMMIT_VERSION: i16 = 4;
/// Written with a retention of its own, which later versions have no field for.
const OFFSET_COMMIT_VERSION_WITH_EXPIRY: i16 = 1;
/// Version 4 only adds tagged fields; Kafka 4.3 still writes 3, which a downgraded node reads.
const GROUP_METADATA_VERSION: i16 = 3;

/// A committed position. Types 0 (before 0.9) and 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommitValue {
    pub offset: i64,
    /// -1 is none.
    pub leader_epoch: i32,
    pub metadata: Box<str>,
    pub commit_timestamp_ms: i64,
    /// -1 is none: the broker's retention counts.
    pub expire_timestamp_ms: i64,
    /// Zero if the commit named no id.
    pub topic_id: TopicId,
}

impl OffsetCommitValue {
    pub(super) fn read(from: &mut Reader, version: i16) -> Result<Self, RecordError> {
        if !(0..=4).contains(&version) {
            return Err(RecordError::Version { name: "offset commit", version });
        }
        from.set_flexible(version >= 4);
        let mut value = OffsetCommitValue {
            offset: from.i64()?,
            leader_epoch: if version >= 3 { from.i32()? } else { -1 },
            metadata: from.own_string()?,
            commit_timestamp_ms: from.i64()?,
            expire_timestamp_ms: if version == 1 { from.i64()? } else { -1 },
            topic_id: TopicId::ZERO,
        };
        from.tags(|tag, body| {
            if tag == 0 {
                value.topic_id = body.topic_id()?;
            }
            Ok(())
        })?;
        Ok(value)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let expires = self.expire_timestamp_ms != -1;
        let version = if expires { OFFSET_COMMIT_VERSION_WITH_EXPIRY } else { OFFSET_COMMIT_VERSION };
        out.i16(version);
        out.set_flexible(version >= 4);
        out.i64(self.offset);
        if version >= 3 {
            out.i32(self.leader_epoch);
        }
        out.string(&self.metadata);
        out.i64(self.commit_timestamp_ms);
        if version == 1 {
            out.i64(self.expire_timestamp_ms);
        }
        if version >= 4 && !self.topic_id.is_zero() {
            out.tag(0, |out| out.topic_id(self.topic_id));
        }
        out.end();
    }
}

/// A classic group's generation. Type 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMetadataValue {
    /// Empty for a group that has never had members.
    pub protocol_type: Arc<str>,
    pub generation: i32,
    pub protocol: Option<Arc<str>>,
    pub leader: Option<Arc<str>>,
    /// -1 in records older than Kafka 2.1.
    pub state_timestamp_ms: i64,
    pub members: Vec<GroupMemberValue>,
}

/// One member of a classic group's generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMemberValue {
    pub member_id: Arc<str>,
    pub instance_id: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    /// The session timeout in records of version 0.
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl GroupMetadataValue {
    pub(super) fn read(from: &mut Reader, version: i16) -> Result<Self, RecordError> {
        if !(0..=4).contains(&version) {
            return Err(RecordError::Version { name: "group metadata", version });
        }
        from.set_flexible(version >= 4);
        let value = GroupMetadataValue {
            protocol_type: from.string()?,
            generation: from.i32()?,
            protocol: from.nullable_string()?,
            leader: from.nullable_string()?,
            state_timestamp_ms: if version >= 2 { from.i64()? } else { -1 },
            members: from.list(|from| GroupMemberValue::read(from, version))?,
        };
        from.no_tags()?;
        Ok(value)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.i16(GROUP_METADATA_VERSION);
        out.string(&self.protocol_type);
        out.i32(self.generation);
        out.nullable_string(self.protocol.as_deref());
        out.nullable_string(self.leader.as_deref());
        out.i64(self.state_timestamp_ms);
        out.list(&self.members, |out, member| member.write(out));
    }
}

impl GroupMemberValue {
    fn read(from: &mut Reader, version: i16) -> Result<Self, RecordError> {
        let member_id = from.string()?;
        let instance_id = if version >= 3 { from.nullable_string()? } else { None };
        let client_id = from.string()?;
        let client_host = from.string()?;
        let rebalance_timeout_ms = if version >= 1 { from.i32()? } else { -1 };
        let session_timeout_ms = from.i32()?;
        let member = GroupMemberValue {
            member_id,
            instance_id,
            client_id,
            client_host,
            rebalance_timeout_ms: if rebalance_timeout_ms == -1 { session_timeout_ms } else { rebalance_timeout_ms },
            session_timeout_ms,
            subscription: from.bytes()?,
            assignment: from.bytes()?,
        };
        from.no_tags()?;
        Ok(member)
    }

    fn write(&self, out: &mut Writer) {
        out.string(&self.member_id);
        out.nullable_string(self.instance_id.as_deref());
        out.string(&self.client_id);
        out.string(&self.client_host);
        out.i32(self.rebalance_timeout_ms);
        out.i32(self.session_timeout_ms);
        out.bytes(&self.subscription);
        out.bytes(&self.assignment);
    }
}
