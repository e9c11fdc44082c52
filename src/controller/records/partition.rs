//! The records of one partition: its creation and its changes. One schema numbering for both.

use uuid::Uuid;

use super::Body;
use super::codec::{Reader, RecordError, Tags, Writer};
use crate::model::TopicId;

const WITH_DIRECTORIES: u32 = 1;
const WITH_ELIGIBLE_REPLICAS: u32 = 2;

/// Directories came with metadata.version 17 (3.7-IV2), eligible leader replicas with 23 (4.0-IV1).
pub(super) fn version(metadata_version: i16) -> u32 {
    match metadata_version {
        23.. => WITH_ELIGIBLE_REPLICAS,
        17.. => WITH_DIRECTORIES,
        _ => 0,
    }
}

/// A partition as it is created, or as a snapshot holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionRecord {
    pub partition: i32,
    pub topic_id: TopicId,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
    pub removing_replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub leader: i32,
    /// 1 while a leader elected out of the in-sync set recovers.
    pub leader_recovery_state: i8,
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    /// The log directory of each replica, in the order of `replicas`; empty below schema version 1.
    pub directories: Vec<Uuid>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

impl Body for PartitionRecord {
    fn write(&self, version: u32, out: &mut Writer) {
        out.put(&self.partition);
        out.put(&self.topic_id);
        out.put(&self.replicas);
        out.put(&self.isr);
        out.put(&self.removing_replicas);
        out.put(&self.adding_replicas);
        out.put(&self.leader);
        out.put(&self.leader_epoch);
        out.put(&self.partition_epoch);
        if version >= WITH_DIRECTORIES {
            out.put(&self.directories);
        }
        let mut tags = Tags::default();
        if self.leader_recovery_state != 0 {
            tags.put(0, &self.leader_recovery_state);
        }
        if version >= WITH_ELIGIBLE_REPLICAS {
            put_some(&mut tags, 1, &self.eligible_leader_replicas);
            put_some(&mut tags, 2, &self.last_known_elr);
        }
        tags.write(out);
    }

    fn read(version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut record = PartitionRecord {
            partition: from.get()?,
            topic_id: from.get()?,
            replicas: from.get()?,
            isr: from.get()?,
            removing_replicas: from.get()?,
            adding_replicas: from.get()?,
            leader: from.get()?,
            leader_recovery_state: 0,
            leader_epoch: from.get()?,
            partition_epoch: from.get()?,
            directories: if version >= WITH_DIRECTORIES { from.get()? } else { Vec::new() },
            eligible_leader_replicas: None,
            last_known_elr: None,
        };
        from.tags(|tag, body| {
            match tag {
                0 => record.leader_recovery_state = body.get()?,
                1 if version >= WITH_ELIGIBLE_REPLICAS => record.eligible_leader_replicas = body.get()?,
                2 if version >= WITH_ELIGIBLE_REPLICAS => record.last_known_elr = body.get()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(record)
    }
}

fn put_some(tags: &mut Tags, tag: u32, list: &Option<Vec<i32>>) {
    if list.is_some() {
        tags.put(tag, list);
    }
}

/// What changes of a partition; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionChange {
    pub partition: i32,
    pub topic_id: TopicId,
    pub isr: Option<Vec<i32>>,
    /// -1 is no leader.
    pub leader: Option<i32>,
    pub replicas: Option<Vec<i32>>,
    pub removing_replicas: Option<Vec<i32>>,
    pub adding_replicas: Option<Vec<i32>>,
    pub leader_recovery_state: Option<i8>,
    pub directories: Option<Vec<Uuid>>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
}

/// How the schema writes "the leader does not change".
const LEADER_UNCHANGED: i32 = -2;
/// How the schema writes "the recovery state does not change".
const RECOVERY_UNCHANGED: i8 = -1;

impl Body for PartitionChange {
    fn write(&self, version: u32, out: &mut Writer) {
        out.put(&self.partition);
        out.put(&self.topic_id);
        let mut tags = Tags::default();
        put_some(&mut tags, 0, &self.isr);
        if let Some(leader) = self.leader {
            tags.put(1, &leader);
        }
        put_some(&mut tags, 2, &self.replicas);
        put_some(&mut tags, 3, &self.removing_replicas);
        put_some(&mut tags, 4, &self.adding_replicas);
        if let Some(state) = self.leader_recovery_state {
            tags.put(5, &state);
        }
        if version >= WITH_ELIGIBLE_REPLICAS {
            put_some(&mut tags, 6, &self.eligible_leader_replicas);
            put_some(&mut tags, 7, &self.last_known_elr);
        }
        if version >= WITH_DIRECTORIES && self.directories.is_some() {
            tags.put(8, &self.directories);
        }
        tags.write(out);
    }

    fn read(version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut change = PartitionChange { partition: from.get()?, topic_id: from.get()?, ..Default::default() };
        from.tags(|tag, body| {
            match tag {
                0 => change.isr = body.get()?,
                1 => change.leader = Some(body.get::<i32>()?).filter(|leader| *leader != LEADER_UNCHANGED),
                2 => change.replicas = body.get()?,
                3 => change.removing_replicas = body.get()?,
                4 => change.adding_replicas = body.get()?,
                5 => change.leader_recovery_state = Some(body.get::<i8>()?).filter(|s| *s != RECOVERY_UNCHANGED),
                6 if version >= WITH_ELIGIBLE_REPLICAS => change.eligible_leader_replicas = body.get()?,
                7 if version >= WITH_ELIGIBLE_REPLICAS => change.last_known_elr = body.get()?,
                8 if version >= WITH_DIRECTORIES => change.directories = body.get()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(change)
    }
}
