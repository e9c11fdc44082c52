//! ApiVersions (18), versions 0-4: what this broker speaks.
//!
//! An unknown version is answered too, with the oldest body, UNSUPPORTED_VERSION and this API's own range (KIP-511), so
//! that a newer client finds common ground on the same connection. The answer's header never has tags.

use bytes::Bytes;

use crate::broker::features::{self, Feature};
use crate::model::ErrorCode;
use crate::wire::WireError;
use crate::wire::codec;
use crate::wire::messages::api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey};
use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::wire::versions::ApiKey;

use super::{Context, Outcome, encode, encode_at, served};

/// From here on features whose lowest level is 0 are told; older Java clients cannot read them (KAFKA-17011).
const TELLS_ZERO_LEVELS_FROM: i16 = 4;

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    let version = cx.version();
    if !ApiKey::ApiVersions.api().serves(version) {
        let mut response = ApiVersionsResponse::default();
        response.error_code = ErrorCode::UnsupportedVersion.code();
        response.api_keys = spoken(&cx).into_iter().filter(|api| api.api_key == ApiKey::ApiVersions.key()).collect();
        return encode_at(&cx, 0, &response);
    }
    let request: ApiVersionsRequest = codec::decode(version, body)?;
    let mut response = ApiVersionsResponse::default();
    if version >= 3 && !(is_software(&request.client_software_name) && is_software(&request.client_software_version)) {
        response.error_code = ErrorCode::InvalidRequest.code();
        return encode(&cx, &response);
    }
    response.api_keys = spoken(&cx);
    let finalized = cx.broker.features();
    response.supported_features = features::SUPPORTED
        .iter()
        .filter(|feature| version >= TELLS_ZERO_LEVELS_FROM || feature.min > 0)
        .map(supported)
        .collect();
    response.finalized_features_epoch = finalized.epoch;
    response.finalized_features = finalized
        .levels
        .iter()
        .map(|(name, level)| {
            let key = FinalizedFeatureKey::default().with_name(name.clone().into());
            key.with_min_version_level(*level).with_max_version_level(*level)
        })
        .collect();
    encode(&cx, &response)
}

fn supported(feature: &Feature) -> SupportedFeatureKey {
    let key = SupportedFeatureKey::default().with_name(feature.name.into());
    key.with_min_version(feature.min).with_max_version(feature.max)
}

/// The served APIs with the versions that clients are told of.
fn spoken(cx: &Context) -> Vec<ApiVersion> {
    served(cx.peer.at_controller)
        .map(|api| api.key.api())
        .filter(|api| api.advertised)
        .map(|api| {
            let told = ApiVersion::default().with_api_key(api.key.key());
            told.with_min_version(api.min).with_max_version(api.max)
        })
        .collect()
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`, Kafka's rule for the name and version of a client's software.
fn is_software(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
    match text.as_bytes() {
        [] => false,
        [only] => only.is_ascii_alphanumeric(),
        [first, middle @ .., last] => {
            first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() && middle.iter().all(|c| inner(*c))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_software;

    #[test]
    fn software_names_follow_kafkas_rule() {
        for good in ["a", "apache-kafka-java", "2.15.0", "x-1"] {
            assert!(is_software(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "a_b", "1,0", "twín"] {
            assert!(!is_software(bad), "{bad}");
        }
    }
}
