//! The records that have one schema version and no tagged fields: a list of fields each.

use bytes::Bytes;
use uuid::Uuid;

use super::Body;
use super::codec::{Field, Reader, RecordError, Tags, Writer};
use crate::model::{TopicId, TopicName};

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(pub $field: $kind,)*
        }

        impl Field for $name {
            fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
                $(let $field = from.get::<$kind>()?;)*
                from.no_tags()?;
                Ok($name { $($field,)* })
            }

            fn write(&self, out: &mut Writer) {
                $(out.put(&self.$field);)*
                out.no_tags();
            }
        }

        impl Body for $name {
            fn read(_version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
                from.get()
            }

            fn write(&self, _version: u32, out: &mut Writer) {
                out.put(self);
            }
        })*
    };
}

plain! {
    UnregisterBroker { broker_id: i32, broker_epoch: i64, }
    TopicRecord { name: TopicName, topic_id: TopicId, }
    /// `value` null removes the key. The resource types are those of the protocol.
    ConfigRecord { resource_type: i8, resource_name: String, name: String, value: Option<String>, }
    FenceBroker { id: i32, epoch: i64, }
    UnfenceBroker { id: i32, epoch: i64, }
    RemoveTopic { topic_id: TopicId, }
    DelegationTokenRecord {
        owner: String,
        requester: String,
        renewers: Vec<String>,
        issue_ms: i64,
        max_ms: i64,
        expiry_ms: i64,
        token_id: String,
    }
    RemoveDelegationToken { token_id: String, }
    UserScramCredential {
        name: String,
        mechanism: i8,
        salt: Bytes,
        stored_key: Bytes,
        server_key: Bytes,
        iterations: i32,
    }
    RemoveUserScramCredential { name: String, mechanism: i8, }
    FeatureLevel { name: String, level: i16, }
    /// One part of a quota's entity: `user`, `client-id` or `ip`; a null name is the default of its kind.
    QuotaEntityPart { kind: String, name: Option<String>, }
    ClientQuotaRecord { entity: Vec<QuotaEntityPart>, key: String, value: f64, remove: bool, }
    /// `next_producer_id` is the first id after the block that this record hands out.
    ProducerIds { broker_id: i32, broker_epoch: i64, next_producer_id: i64, }
    AccessControlEntry {
        id: Uuid,
        resource_type: i8,
        resource_name: String,
        pattern_type: i8,
        principal: String,
        host: String,
        operation: i8,
        permission_type: i8,
    }
    RemoveAccessControlEntry { id: Uuid, }
    NoOp { }
    /// Left over from clusters that once lived in ZooKeeper; read and ignored.
    ZkMigrationState { state: i8, }
    EndTransaction { }
    /// An empty name clears every topic.
    ClearElr { topic_name: String, }
}

/// Opens a run of records that counts only as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct BeginTransaction {
    pub name: Option<String>,
}

/// Takes back the records since the last [`BeginTransaction`].
#[derive(Clone, Debug, PartialEq)]
pub struct AbortTransaction {
    pub reason: Option<String>,
}

fn read_tagged_text(from: &mut Reader<'_>) -> Result<Option<String>, RecordError> {
    let mut text = None;
    from.tags(|tag, body| {
        if tag == 0 {
            text = body.get()?;
        }
        Ok(tag == 0)
    })?;
    Ok(text)
}

fn write_tagged_text(text: &Option<String>, out: &mut Writer) {
    let mut tags = Tags::default();
    if text.is_some() {
        tags.put(0, text);
    }
    tags.write(out);
}

impl Body for BeginTransaction {
    fn read(_version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(BeginTransaction { name: read_tagged_text(from)? })
    }

    fn write(&self, _version: u32, out: &mut Writer) {
        write_tagged_text(&self.name, out);
    }
}

impl Body for AbortTransaction {
    fn read(_version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        Ok(AbortTransaction { reason: read_tagged_text(from)? })
    }

    fn write(&self, _version: u32, out: &mut Writer) {
        write_tagged_text(&self.reason, out);
    }
}
