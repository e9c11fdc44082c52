//! The records of brokers and controllers: registration and its changes.

use uuid::Uuid;

use super::Body;
use super::codec::{Field, Reader, RecordError, Tags, Writer};

/// A way to reach a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name.
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
}

/// Kafka's numbers of the security protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub enum SecurityProtocol {
    Plaintext = 0,
    Ssl = 1,
    SaslPlaintext = 2,
    SaslSsl = 3,
}

/// The levels of a feature that a node can work at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureRange {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

impl Field for Endpoint {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let endpoint =
            Endpoint { name: from.get()?, host: from.get()?, port: from.get()?, security_protocol: from.get()? };
        from.no_tags()?;
        Ok(endpoint)
    }

    fn write(&self, out: &mut Writer) {
        out.put(&self.name);
        out.put(&self.host);
        out.put(&self.port);
        out.put(&self.security_protocol);
        out.no_tags();
    }
}

impl Field for FeatureRange {
    fn read(from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let range = FeatureRange { name: from.get()?, min: from.get()?, max: from.get()? };
        from.no_tags()?;
        Ok(range)
    }

    fn write(&self, out: &mut Writer) {
        out.put(&self.name);
        out.put(&self.min);
        out.put(&self.max);
        out.no_tags();
    }
}

/// A broker makes itself known; its epoch is the offset of this record.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterBroker {
    pub broker_id: i32,
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: Uuid,
    pub broker_epoch: i64,
    pub endpoints: Vec<Endpoint>,
    pub features: Vec<FeatureRange>,
    pub rack: Option<String>,
    pub fenced: bool,
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    /// `None` until the broker has said which directories take no new partitions.
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl RegisterBroker {
    /// Log directories came with metadata.version 17 (3.7-IV2), cordoned ones with 30 (4.3-IV0).
    pub(super) fn version(metadata_version: i16) -> u32 {
        match metadata_version {
            30.. => 4,
            17.. => 3,
            8.. => 2,
            _ => 1,
        }
    }
}

impl Body for RegisterBroker {
    fn write(&self, version: u32, out: &mut Writer) {
        out.put(&self.broker_id);
        if version >= 2 {
            out.put(&self.is_migrating_zk_broker);
        }
        out.put(&self.incarnation_id);
        out.put(&self.broker_epoch);
        out.put(&self.endpoints);
        out.put(&self.features);
        out.put(&self.rack);
        out.put(&self.fenced);
        if version >= 1 {
            out.put(&self.in_controlled_shutdown);
        }
        let mut tags = Tags::default();
        if version >= 3 && !self.log_dirs.is_empty() {
            tags.put(0, &self.log_dirs);
        }
        if version >= 4 && self.cordoned_log_dirs.is_some() {
            tags.put(1, &self.cordoned_log_dirs);
        }
        tags.write(out);
    }

    fn read(version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut record = RegisterBroker {
            broker_id: from.get()?,
            is_migrating_zk_broker: if version >= 2 { from.get()? } else { false },
            incarnation_id: from.get()?,
            broker_epoch: from.get()?,
            endpoints: from.get()?,
            features: from.get()?,
            rack: from.get()?,
            fenced: from.get()?,
            in_controlled_shutdown: if version >= 1 { from.get()? } else { false },
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
        };
        from.tags(|tag, body| {
            match tag {
                0 if version >= 3 => record.log_dirs = body.get()?,
                1 if version >= 4 => record.cordoned_log_dirs = body.get()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(record)
    }
}

/// What changes of a broker's registration; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerRegistrationChange {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub fenced: Option<bool>,
    /// Once set it stays until the broker registers again.
    pub in_controlled_shutdown: bool,
    pub log_dirs: Vec<Uuid>,
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
}

impl BrokerRegistrationChange {
    /// The oldest schema that can say it, as Kafka writes it.
    pub(super) fn version(&self) -> u32 {
        if self.cordoned_log_dirs.is_some() {
            3
        } else if !self.log_dirs.is_empty() {
            2
        } else {
            u32::from(self.in_controlled_shutdown)
        }
    }
}

impl Body for BrokerRegistrationChange {
    fn write(&self, _version: u32, out: &mut Writer) {
        out.put(&self.broker_id);
        out.put(&self.broker_epoch);
        let mut tags = Tags::default();
        if let Some(fenced) = self.fenced {
            tags.put(0, &if fenced { 1i8 } else { -1i8 });
        }
        if self.in_controlled_shutdown {
            tags.put(1, &1i8);
        }
        if !self.log_dirs.is_empty() {
            tags.put(2, &self.log_dirs);
        }
        if self.cordoned_log_dirs.is_some() {
            tags.put(3, &self.cordoned_log_dirs);
        }
        tags.write(out);
    }

    fn read(version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let mut change =
            BrokerRegistrationChange { broker_id: from.get()?, broker_epoch: from.get()?, ..Default::default() };
        from.tags(|tag, body| {
            match tag {
                0 => {
                    change.fenced = match body.get::<i8>()? {
                        -1 => Some(false),
                        0 => None,
                        1 => Some(true),
                        _ => return Err(RecordError::Malformed("unknown fencing change")),
                    }
                }
                1 if version >= 1 => change.in_controlled_shutdown = body.get::<i8>()? != 0,
                2 if version >= 2 => change.log_dirs = body.get()?,
                3 if version >= 3 => change.cordoned_log_dirs = body.get()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(change)
    }
}

/// A controller makes itself known.
#[derive(Clone, Debug, PartialEq)]
pub struct RegisterController {
    pub controller_id: i32,
    pub incarnation_id: Uuid,
    pub zk_migration_ready: bool,
    pub endpoints: Vec<Endpoint>,
    pub features: Vec<FeatureRange>,
}

impl Body for RegisterController {
    fn write(&self, _version: u32, out: &mut Writer) {
        out.put(&self.controller_id);
        out.put(&self.incarnation_id);
        out.put(&self.zk_migration_ready);
        out.put(&self.endpoints);
        out.put(&self.features);
        out.no_tags();
    }

    fn read(_version: u32, from: &mut Reader<'_>) -> Result<Self, RecordError> {
        let record = RegisterController {
            controller_id: from.get()?,
            incarnation_id: from.get()?,
            zk_migration_ready: from.get()?,
            endpoints: from.get()?,
            features: from.get()?,
        };
        from.no_tags()?;
        Ok(record)
    }
}
