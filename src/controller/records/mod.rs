//! The records of `__cluster_metadata`: what the metadata machine persists, in Apache Kafka's own schemas.
//!
//! A record is a frame (frame version 1, record type, schema version; all unsigned varints) and a body of Kafka's
//! flexible encoding. Every schema version that a 4.3 node may hold is read; written is the version that the
//! cluster's metadata.version asks for, so that a real node of that level reads it back.

mod broker;
mod codec;
mod partition;
mod plain;
#[cfg(test)]
mod tests;

pub use broker::{
    BrokerRegistrationChange, Endpoint, FeatureRange, RegisterBroker, RegisterController, SecurityProtocol,
};
pub use codec::{Reader, RecordError, Writer};
pub use partition::{PartitionChange, PartitionRecord};
pub use plain::*;

/// Bytes of the frame's first number.
const FRAME_VERSION: u32 = 1;

/// metadata.version of Kafka 4.3, the level a new directory gets.
pub const METADATA_VERSION_LATEST: i16 = 30;
/// The lowest level that a Kafka 4 node can load.
pub const METADATA_VERSION_MIN: i16 = 7;

macro_rules! metadata_records {
    ($($name:ident($body:ty) = $key:literal, 0..=$max:literal;)*) => {
        /// One record of the metadata log.
        #[derive(Clone, Debug, PartialEq)]
        pub enum MetadataRecord {
            $($name($body),)*
        }

        $(impl From<$body> for MetadataRecord {
            fn from(body: $body) -> Self {
                MetadataRecord::$name(body)
            }
        })*

        impl MetadataRecord {
            /// Kafka's number of the record's type.
            pub fn api_key(&self) -> u32 {
                match self {
                    $(MetadataRecord::$name(_) => $key,)*
                }
            }

            pub fn type_name(&self) -> &'static str {
                match self {
                    $(MetadataRecord::$name(_) => stringify!($name),)*
                }
            }

            fn write_body(&self, version: u32, out: &mut Writer) {
                match self {
                    $(MetadataRecord::$name(body) => body.write(version, out),)*
                }
            }

            fn read_body(api_key: u32, version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
                match api_key {
                    $($key => {
                        if version > $max {
                            return Err(RecordError::Version { type_name: stringify!($name), version });
                        }
                        Ok(MetadataRecord::$name(<$body as Body>::read(version, from)?))
                    })*
                    other => Err(RecordError::Type(other)),
                }
            }
        }
    };
}

metadata_records! {
    RegisterBroker(RegisterBroker) = 0, 0..=4;
    UnregisterBroker(UnregisterBroker) = 1, 0..=0;
    Topic(TopicRecord) = 2, 0..=0;
    Partition(PartitionRecord) = 3, 0..=2;
    Config(ConfigRecord) = 4, 0..=0;
    PartitionChange(PartitionChange) = 5, 0..=2;
    FenceBroker(FenceBroker) = 7, 0..=0;
    UnfenceBroker(UnfenceBroker) = 8, 0..=0;
    RemoveTopic(RemoveTopic) = 9, 0..=0;
    DelegationToken(DelegationTokenRecord) = 10, 0..=0;
    UserScramCredential(UserScramCredential) = 11, 0..=0;
    FeatureLevel(FeatureLevel) = 12, 0..=0;
    ClientQuota(ClientQuotaRecord) = 14, 0..=0;
    ProducerIds(ProducerIds) = 15, 0..=0;
    BrokerRegistrationChange(BrokerRegistrationChange) = 17, 0..=3;
    AccessControlEntry(AccessControlEntry) = 18, 0..=0;
    RemoveAccessControlEntry(RemoveAccessControlEntry) = 19, 0..=0;
    NoOp(NoOp) = 20, 0..=0;
    ZkMigrationState(ZkMigrationState) = 21, 0..=0;
    RemoveUserScramCredential(RemoveUserScramCredential) = 22, 0..=0;
    BeginTransaction(BeginTransaction) = 23, 0..=0;
    EndTransaction(EndTransaction) = 24, 0..=0;
    AbortTransaction(AbortTransaction) = 25, 0..=0;
    RemoveDelegationToken(RemoveDelegationToken) = 26, 0..=0;
    RegisterController(RegisterController) = 27, 0..=0;
    ClearElr(ClearElr) = 28, 0..=0;
}

/// What a record's body can do; `version` is the schema's.
trait Body: Sized {
    fn write(&self, version: u32, out: &mut Writer);
    fn read(version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError>;
}

impl MetadataRecord {
    /// The schema version that a cluster at `metadata_version` writes.
    fn version(&self, metadata_version: i16) -> u32 {
        match self {
            MetadataRecord::RegisterBroker(_) => RegisterBroker::version(metadata_version),
            MetadataRecord::Partition(_) | MetadataRecord::PartitionChange(_) => partition::version(metadata_version),
            MetadataRecord::BrokerRegistrationChange(change) => change.version(),
            _ => 0,
        }
    }

    /// The record's value in the log of a cluster at `metadata_version`.
    pub fn encode(&self, metadata_version: i16) -> Vec<u8> {
        let mut out = Writer::default();
        let version = self.version(metadata_version);
        out.uvarint(FRAME_VERSION);
        out.uvarint(self.api_key());
        out.uvarint(version);
        self.write_body(version, &mut out);
        out.into_bytes()
    }

    /// Reads a record's value. Every byte must be accounted for.
    pub fn decode(value: &[u8]) -> Result<Self, RecordError> {
        let mut from = Reader::new(value);
        match from.uvarint()? {
            FRAME_VERSION => {}
            other => return Err(RecordError::Frame(other)),
        }
        let api_key = from.uvarint()?;
        let version = from.uvarint()?;
        let record = Self::read_body(api_key, version, &mut from)?;
        match from.remaining() {
            0 => Ok(record),
            left => Err(RecordError::Leftover { type_name: record.type_name(), left }),
        }
    }
}
