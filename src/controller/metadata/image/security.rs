//! Access control entries, SCRAM credentials, and who a quota is for.

use bytes::Bytes;
use uuid::Uuid;

use crate::controller::records::{AccessControlEntry, QuotaEntityPart, UserScramCredential};

/// One access control entry; the numbers are the protocol's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclImage {
    pub id: Uuid,
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission_type: i8,
}

impl AclImage {
    pub(super) fn from_record(record: &AccessControlEntry) -> Self {
        AclImage {
            id: record.id,
            resource_type: record.resource_type,
            resource_name: record.resource_name.clone(),
            pattern_type: record.pattern_type,
            principal: record.principal.clone(),
            host: record.host.clone(),
            operation: record.operation,
            permission_type: record.permission_type,
        }
    }

    pub fn to_record(&self) -> AccessControlEntry {
        AccessControlEntry {
            id: self.id,
            resource_type: self.resource_type,
            resource_name: self.resource_name.clone(),
            pattern_type: self.pattern_type,
            principal: self.principal.clone(),
            host: self.host.clone(),
            operation: self.operation,
            permission_type: self.permission_type,
        }
    }

    /// The same rule, whatever its id.
    pub fn same_rule(&self, other: &AclImage) -> bool {
        AclImage { id: other.id, ..self.clone() } == *other
    }
}

/// SCRAM's hash, by Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum ScramMechanism {
    Sha256 = 1,
    Sha512 = 2,
}

impl ScramMechanism {
    pub fn from_number(number: i8) -> Option<Self> {
        match number {
            1 => Some(ScramMechanism::Sha256),
            2 => Some(ScramMechanism::Sha512),
            _ => None,
        }
    }

    pub fn number(self) -> i8 {
        self as i8
    }

    pub fn name(self) -> &'static str {
        match self {
            ScramMechanism::Sha256 => "SCRAM-SHA-256",
            ScramMechanism::Sha512 => "SCRAM-SHA-512",
        }
    }

    pub fn min_iterations(self) -> i32 {
        4096
    }
}

/// What a server keeps of a user's password.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramImage {
    pub salt: Bytes,
    pub stored_key: Bytes,
    pub server_key: Bytes,
    pub iterations: i32,
}

/// Keys stay out of logs.
impl std::fmt::Debug for ScramImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScramImage {{ iterations: {}, .. }}", self.iterations)
    }
}

impl ScramImage {
    pub(super) fn from_record(record: &UserScramCredential) -> Self {
        ScramImage {
            salt: record.salt.clone(),
            stored_key: record.stored_key.clone(),
            server_key: record.server_key.clone(),
            iterations: record.iterations,
        }
    }

    pub fn to_record(&self, name: &str, mechanism: ScramMechanism) -> UserScramCredential {
        UserScramCredential {
            name: name.to_owned(),
            mechanism: mechanism.number(),
            salt: self.salt.clone(),
            stored_key: self.stored_key.clone(),
            server_key: self.server_key.clone(),
            iterations: self.iterations,
        }
    }
}

/// Whom a quota is for: (`user`, `client-id` or `ip`; a name, or `None` for the default), in order of kinds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaEntity(Vec<(String, Option<String>)>);

impl QuotaEntity {
    pub fn new(mut parts: Vec<(String, Option<String>)>) -> Self {
        parts.sort();
        QuotaEntity(parts)
    }

    pub fn parts(&self) -> &[(String, Option<String>)] {
        &self.0
    }

    /// `None` when the entity has no part of that kind; `Some(None)` is the default.
    pub fn part(&self, kind: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(k, _)| k == kind).map(|(_, name)| name.as_deref())
    }

    pub(super) fn from_record(parts: &[QuotaEntityPart]) -> Self {
        Self::new(parts.iter().map(|part| (part.kind.clone(), part.name.clone())).collect())
    }

    pub fn to_record(&self) -> Vec<QuotaEntityPart> {
        self.0.iter().map(|(kind, name)| QuotaEntityPart { kind: kind.clone(), name: name.clone() }).collect()
    }
}
