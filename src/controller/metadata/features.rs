//! The features that this node can work at, and UpdateFeatures.

use std::collections::BTreeMap;

use super::event::{ApiError, QuorumChange};
use super::image::{ConfigKind, ConfigResource, ELIGIBLE_LEADER_REPLICAS, KRAFT_VERSION, METADATA_VERSION};
use super::machine::MetadataMachine;
use crate::controller::records::{
    ConfigRecord, FeatureLevel, FeatureRange, METADATA_VERSION_LATEST, METADATA_VERSION_MIN, MetadataRecord,
};
use crate::model::ErrorCode;
use crate::wire::messages::update_features_response::UpdatableFeatureResult;
use crate::wire::messages::{StrBytes, UpdateFeaturesRequest, UpdateFeaturesResponse};

/// Feature, lowest and highest level, in order of names.
const SUPPORTED: &[(&str, i16, i16)] = &[
    (ELIGIBLE_LEADER_REPLICAS, 0, 1),
    ("group.version", 0, 1),
    (KRAFT_VERSION, 0, 1),
    (METADATA_VERSION, METADATA_VERSION_MIN, METADATA_VERSION_LATEST),
    ("share.version", 0, 1),
    ("streams.version", 0, 1),
    ("transaction.version", 0, 2),
];

/// Levels of metadata.version that brought new records: stepping back over one would lose what they hold.
const FORMAT_CHANGES: &[i16] = &[7, 8, 11, 13, 14, 15, 17, 23, 30];

/// The ranges as registrations and ApiVersions tell them.
pub fn supported_features() -> Vec<FeatureRange> {
    SUPPORTED.iter().map(|(name, min, max)| FeatureRange { name: (*name).to_owned(), min: *min, max: *max }).collect()
}

/// The levels that a new cluster starts with, metadata.version first.
pub fn initial_features() -> Vec<FeatureLevel> {
    let level = |name: &str, level: i16| FeatureLevel { name: name.to_owned(), level };
    let others = SUPPORTED.iter().filter(|(name, ..)| !matches!(*name, METADATA_VERSION | KRAFT_VERSION));
    std::iter::once(level(METADATA_VERSION, METADATA_VERSION_LATEST))
        .chain(others.map(|(name, _, max)| level(name, *max)))
        .collect()
}

/// How far an update may go, by Kafka's numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UpgradeType {
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
    Unknown,
}

impl From<i8> for UpgradeType {
    fn from(number: i8) -> Self {
        match number {
            1 => UpgradeType::Upgrade,
            2 => UpgradeType::SafeDowngrade,
            3 => UpgradeType::UnsafeDowngrade,
            _ => UpgradeType::Unknown,
        }
    }
}

impl MetadataMachine {
    /// All updates of a request happen, or none.
    pub(super) fn update_features(
        &self,
        request: UpdateFeaturesRequest,
        version: i16,
        records: &mut Vec<MetadataRecord>,
        actions: &mut Vec<QuorumChange>,
    ) -> UpdateFeaturesResponse {
        let mut response = UpdateFeaturesResponse::default().with_error_message(None);
        let updates: BTreeMap<&str, (i16, UpgradeType)> = request
            .feature_updates
            .iter()
            .map(|update| (&*update.feature, (update.max_version_level, update.upgrade_type.into())))
            .collect();
        let mut made = Vec::new();
        for (feature, (level, kind)) in &updates {
            if let Err(error) = self.update_feature(feature, *level, *kind, &updates, &mut made) {
                let why = error.message.unwrap_or_default();
                response.error_code = error.code.code();
                response.error_message = Some(StrBytes::from_string(format!(
                    "The update failed for all features since the following feature had an error: {why}"
                )));
                return response;
            }
        }
        if !request.validate_only {
            if updates.get(ELIGIBLE_LEADER_REPLICAS).is_some_and(|(level, _)| *level > 0) {
                self.pin_min_insync_replicas(records);
            }
            records.append(&mut made);
            let present = self.image.features.kraft_version;
            let raised = updates.get(KRAFT_VERSION).filter(|(level, _)| *level > present);
            actions.extend(raised.map(|(level, _)| QuorumChange::RaiseKraftVersion(*level)));
        }
        if version <= 1 {
            let result = |update: &crate::wire::messages::update_features_request::FeatureUpdateKey| {
                UpdatableFeatureResult::default()
                    .with_feature(update.feature.clone())
                    .with_error_message(Some(StrBytes::from_static_str("NONE")))
            };
            response.results = request.feature_updates.iter().map(result).collect();
        }
        response
    }

    fn update_feature(
        &self,
        feature: &str,
        level: i16,
        kind: UpgradeType,
        updates: &BTreeMap<&str, (i16, UpgradeType)>,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<(), ApiError> {
        let refuse = |why: String| {
            let why = format!("Invalid update version {level} for feature {feature}. {why}");
            Err(ApiError::new(ErrorCode::InvalidUpdateVersion, why))
        };
        if kind == UpgradeType::Unknown {
            return refuse("The controller does not support the given upgrade type.".into());
        }
        let present = self.image.features.level(feature);
        if level < 0 {
            return refuse("A feature version cannot be less than 0.".into());
        }
        if let Some(why) = self.unsupported(feature, level) {
            return refuse(why);
        }
        if level < present && kind == UpgradeType::Upgrade {
            return refuse(
                "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
                 downgrade."
                    .into(),
            );
        }
        if level > present && kind != UpgradeType::Upgrade {
            return refuse("Can't downgrade to a newer version.".into());
        }
        match feature {
            METADATA_VERSION => check_metadata_downgrade(present, level, kind)?,
            KRAFT_VERSION => {
                return match level == present {
                    true => Ok(()),
                    false if kind != UpgradeType::Upgrade => {
                        refuse("Can't downgrade the version of this feature.".into())
                    }
                    false if self.settings.voter.is_none() => {
                        refuse("Without a controller listener there is no address by which to name the voter.".into())
                    }
                    false => Ok(()),
                };
            }
            ELIGIBLE_LEADER_REPLICAS if level > 0 => {
                let metadata_version =
                    updates.get(METADATA_VERSION).map_or(self.image.metadata_version(), |(level, _)| *level);
                if metadata_version < 23 {
                    return refuse(format!(
                        "{feature} could not be set to {level} because it depends on {METADATA_VERSION} level 23"
                    ));
                }
            }
            other if !SUPPORTED.iter().any(|(name, ..)| *name == other) => {
                return refuse(format!("Feature {other} not found."));
            }
            _ => {}
        }
        records.push(FeatureLevel { name: feature.to_owned(), level }.into());
        Ok(())
    }

    fn unsupported(&self, feature: &str, level: i16) -> Option<String> {
        let node = self.settings.node_id;
        let what = format!("Local controller {node}");
        let (_, min, max) = SUPPORTED.iter().find(|(name, ..)| *name == feature).copied().unwrap_or(("", 0, 0));
        if (min..=max).contains(&level) {
            None
        } else if max == 0 {
            Some(format!("{what} does not support this feature."))
        } else {
            Some(format!("{what} only supports versions {min}-{max}"))
        }
    }

    /// With eligible leader replicas the smallest in-sync set must be the same for every broker, and written down.
    fn pin_min_insync_replicas(&self, records: &mut Vec<MetadataRecord>) {
        let config = |name: &str, value: Option<String>| ConfigRecord {
            resource_type: ConfigKind::Broker.number(),
            resource_name: name.to_owned(),
            name: MIN_INSYNC_REPLICAS.to_owned(),
            value,
        };
        if self.image.configs.value(&ConfigResource::cluster_default(), MIN_INSYNC_REPLICAS).is_none() {
            records.push(config("", Some(self.settings.min_insync_replicas.to_string())).into());
        }
        for (resource, values) in self.image.configs.iter() {
            let broker = resource.kind == ConfigKind::Broker && !resource.name.is_empty();
            if broker && values.contains_key(MIN_INSYNC_REPLICAS) {
                records.push(config(&resource.name, None).into());
            }
        }
    }
}

/// The one config that eligible leader replicas hang on.
pub(super) const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

fn check_metadata_downgrade(present: i16, level: i16, kind: UpgradeType) -> Result<(), ApiError> {
    let loses = FORMAT_CHANGES.iter().any(|change| level < *change && *change <= present);
    if !loses {
        return Ok(());
    }
    let why = match kind {
        UpgradeType::UnsafeDowngrade => "Unsafe metadata downgrade is not supported in this version.",
        _ => "Refusing to perform the requested downgrade because it might delete metadata information.",
    };
    let why = format!("Unsupported metadata.version downgrade from {present} to {level}. {why}");
    Err(ApiError::new(ErrorCode::InvalidUpdateVersion, why))
}
