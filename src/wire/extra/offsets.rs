//! OffsetCommit and OffsetFetch requests of version 10, which name topics by id. The codec's structs have the field.

use bytes::{Bytes, BytesMut};

use super::read::Reader;
use super::value::{Out, Sink, Value, Version};
use crate::wire::error::WireError;
use crate::wire::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use crate::wire::messages::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::wire::messages::{OffsetCommitRequest, OffsetFetchRequest};

const V10: Version = Version { number: 10, flexible: true };

/// An OffsetCommit request of version 10.
pub fn read_commit(body: Bytes) -> Result<OffsetCommitRequest, WireError> {
    let mut from = Reader::new(body);
    let request = OffsetCommitRequest::default()
        .with_group_id(Value::read(&mut from, V10)?)
        .with_generation_id_or_member_epoch(Value::read(&mut from, V10)?)
        .with_member_id(Value::read(&mut from, V10)?)
        .with_group_instance_id(Value::read(&mut from, V10)?)
        .with_topics(Value::read(&mut from, V10)?);
    from.skip_tags()?;
    Ok(request)
}

pub fn write_commit(request: &OffsetCommitRequest) -> Result<BytesMut, WireError> {
    let mut out = BytesMut::new();
    let mut to = Out(&mut out);
    request.group_id.write(&mut to, V10)?;
    request.generation_id_or_member_epoch.write(&mut to, V10)?;
    request.member_id.write(&mut to, V10)?;
    request.group_instance_id.write(&mut to, V10)?;
    request.topics.write(&mut to, V10)?;
    to.put_no_tags(V10);
    Ok(out)
}

impl Value for OffsetCommitRequestTopic {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        let topic = OffsetCommitRequestTopic::default()
            .with_topic_id(Value::read(from, at)?)
            .with_partitions(Value::read(from, at)?);
        from.skip_tags()?;
        Ok(topic)
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        self.topic_id.write(to, at)?;
        self.partitions.write(to, at)?;
        to.put_no_tags(at);
        Ok(())
    }
}

impl Value for OffsetCommitRequestPartition {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(Value::read(from, at)?)
            .with_committed_offset(Value::read(from, at)?)
            .with_committed_leader_epoch(Value::read(from, at)?)
            .with_committed_metadata(Value::read(from, at)?);
        from.skip_tags()?;
        Ok(partition)
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        self.partition_index.write(to, at)?;
        self.committed_offset.write(to, at)?;
        self.committed_leader_epoch.write(to, at)?;
        self.committed_metadata.write(to, at)?;
        to.put_no_tags(at);
        Ok(())
    }
}

/// An OffsetFetch request of version 10.
pub fn read_fetch(body: Bytes) -> Result<OffsetFetchRequest, WireError> {
    let mut from = Reader::new(body);
    let request = OffsetFetchRequest::default()
        .with_groups(Value::read(&mut from, V10)?)
        .with_require_stable(Value::read(&mut from, V10)?);
    from.skip_tags()?;
    Ok(request)
}

pub fn write_fetch(request: &OffsetFetchRequest) -> Result<BytesMut, WireError> {
    let mut out = BytesMut::new();
    let mut to = Out(&mut out);
    request.groups.write(&mut to, V10)?;
    request.require_stable.write(&mut to, V10)?;
    to.put_no_tags(V10);
    Ok(out)
}

impl Value for OffsetFetchRequestGroup {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(Value::read(from, at)?)
            .with_member_id(Value::read(from, at)?)
            .with_member_epoch(Value::read(from, at)?)
            .with_topics(Value::read(from, at)?);
        from.skip_tags()?;
        Ok(group)
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        self.group_id.write(to, at)?;
        self.member_id.write(to, at)?;
        self.member_epoch.write(to, at)?;
        self.topics.write(to, at)?;
        to.put_no_tags(at);
        Ok(())
    }
}

impl Value for OffsetFetchRequestTopics {
    fn read(from: &mut Reader, at: Version) -> Result<Self, WireError> {
        let topic = OffsetFetchRequestTopics::default()
            .with_topic_id(Value::read(from, at)?)
            .with_partition_indexes(Value::read(from, at)?);
        from.skip_tags()?;
        Ok(topic)
    }

    fn write<S: Sink>(&self, to: &mut S, at: Version) -> Result<(), WireError> {
        self.topic_id.write(to, at)?;
        self.partition_indexes.write(to, at)?;
        to.put_no_tags(at);
        Ok(())
    }
}
