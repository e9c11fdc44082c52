//! AlterClientQuotas.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::event::ApiError;
use super::image::QuotaEntity;
use super::machine::MetadataMachine;
use crate::controller::records::{ClientQuotaRecord, MetadataRecord};
use crate::model::ErrorCode;
use crate::wire::messages::alter_client_quotas_request::{EntryData, OpData};
use crate::wire::messages::alter_client_quotas_response::{EntityData, EntryData as EntryResult};
use crate::wire::messages::{AlterClientQuotasRequest, AlterClientQuotasResponse, StrBytes};

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// What numbers a limit may be.
#[derive(Clone, Copy)]
enum Number {
    Any,
    /// Whole, up to this.
    Whole(f64, &'static str),
}

const LONG: Number = Number::Whole(i64::MAX as f64, "a LONG");
const INT: Number = Number::Whole(i32::MAX as f64, "an INT");
const USER_AND_CLIENT_KEYS: &[(&str, Number)] = &[
    ("producer_byte_rate", LONG),
    ("consumer_byte_rate", LONG),
    ("request_percentage", Number::Any),
    ("controller_mutation_rate", Number::Any),
];
const IP_KEYS: &[(&str, Number)] = &[("connection_creation_rate", INT)];

impl MetadataMachine {
    /// Answers every entity by itself.
    pub(super) fn alter_client_quotas(
        &self,
        request: AlterClientQuotasRequest,
        records: &mut Vec<MetadataRecord>,
    ) -> AlterClientQuotasResponse {
        let mut results: Vec<(QuotaEntity, Result<(), ApiError>)> = Vec::new();
        for entry in &request.entries {
            let entity = entity(entry);
            if let Some((_, result)) = results.iter_mut().find(|(other, _)| *other == entity) {
                *result = Err(invalid("Ignoring duplicate entity"));
                continue;
            }
            let result = self.alter_quota(&entity, &entry.ops).map(|made| {
                if !request.validate_only {
                    records.extend(made);
                }
            });
            results.push((entity, result));
        }
        let result = |(entity, result): (QuotaEntity, Result<(), ApiError>)| {
            let error = result.err();
            EntryResult::default()
                .with_error_code(error.as_ref().map_or(ErrorCode::None, |error| error.code).code())
                .with_error_message(error.and_then(|error| error.wire_message()))
                .with_entity(entity.parts().iter().map(wire_part).collect())
        };
        AlterClientQuotasResponse::default().with_entries(results.into_iter().map(result).collect())
    }

    fn alter_quota(&self, entity: &QuotaEntity, ops: &[OpData]) -> Result<Vec<MetadataRecord>, ApiError> {
        let mut seen = BTreeSet::new();
        if !ops.iter().all(|op| seen.insert(&*op.key)) {
            return Err(invalid("A quota key appears twice"));
        }
        let keys = keys_of(entity)?;
        let none = BTreeMap::new();
        let present = self.image.quotas.get(entity).map_or(&none, |limits| &**limits);
        let mut records = Vec::new();
        for op in ops {
            let old = present.get(&*op.key);
            if !op.remove {
                check_limit(keys, &op.key, op.value)?;
            }
            let changes = match op.remove {
                true => old.is_some(),
                false => old != Some(&op.value),
            };
            if changes {
                let value = if op.remove { 0.0 } else { op.value };
                let key = op.key.to_string();
                records.push(ClientQuotaRecord { entity: entity.to_record(), key, value, remove: op.remove }.into());
            }
        }
        Ok(records)
    }
}

/// The last of several parts of one kind counts.
fn entity(entry: &EntryData) -> QuotaEntity {
    let name = |name: &Option<StrBytes>| name.as_ref().map(|name| name.to_string());
    let parts: BTreeMap<String, Option<String>> =
        entry.entity.iter().map(|part| (part.entity_type.to_string(), name(&part.entity_name))).collect();
    QuotaEntity::new(parts.into_iter().collect())
}

fn wire_part((kind, name): &(String, Option<String>)) -> EntityData {
    EntityData::default()
        .with_entity_type(StrBytes::from_string(kind.clone()))
        .with_entity_name(name.clone().map(StrBytes::from_string))
}

/// The limits that an entity may have.
fn keys_of(entity: &QuotaEntity) -> Result<&'static [(&'static str, Number)], ApiError> {
    if entity.parts().is_empty() {
        return Err(invalid("Invalid empty client quota entity"));
    }
    for (kind, name) in entity.parts() {
        if !matches!(kind.as_str(), USER | CLIENT_ID | IP) {
            return Err(invalid(format!("Unhandled client quota entity type: {kind}")));
        }
        if name.as_deref() == Some("") {
            return Err(invalid(format!("Empty {kind} not supported")));
        }
    }
    let Some(ip) = entity.part(IP) else { return Ok(USER_AND_CLIENT_KEYS) };
    if entity.parts().len() > 1 {
        return Err(invalid(
            "Invalid quota entity combination, IP entity should not be combined with User or ClientId",
        ));
    }
    match ip {
        Some(ip) if ip != "localhost" && ip.parse::<IpAddr>().is_err() => {
            Err(invalid(format!("{ip} is not a valid IP or resolvable host.")))
        }
        _ => Ok(IP_KEYS),
    }
}

fn check_limit(keys: &[(&str, Number)], key: &str, value: f64) -> Result<(), ApiError> {
    let Some((_, number)) = keys.iter().find(|(known, _)| *known == key) else {
        return Err(invalid(format!("Invalid configuration key {key}")));
    };
    // Also refuses what is no number at all.
    if !matches!(value.partial_cmp(&0.0), Some(std::cmp::Ordering::Greater)) {
        return Err(invalid(format!("Quota {key} must be greater than 0")));
    }
    match number {
        Number::Any => Ok(()),
        Number::Whole(max, kind) if value > *max => {
            Err(invalid(format!("Proposed value for {key} is too large for {kind}.")))
        }
        Number::Whole(..) if value.fract() > 1e-6 => Err(invalid(format!("{key} cannot be a fractional value."))),
        Number::Whole(..) => Ok(()),
    }
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, why)
}
