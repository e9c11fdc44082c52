//! What a topic may be called.

use crate::controller::metadata::event::ApiError;
use crate::model::ErrorCode;
use crate::model::limits::TOPIC_NAME_BYTES_MAX;

/// The topic that the metadata log itself lies in; nobody creates or deletes it.
pub(super) const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

/// Topics that the broker keeps for itself and that producers may not write.
pub fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// Refuses a name that would not be a sane file name.
pub fn validate_topic_name(name: &str) -> Result<(), ApiError> {
    let why = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if name == "." || name == ".." {
        format!("'{name}' is not allowed")
    } else if name.chars().count() > TOPIC_NAME_BYTES_MAX {
        format!("the length of '{name}' is longer than the max allowed length {TOPIC_NAME_BYTES_MAX}")
    } else if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
        format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
    } else {
        return Ok(());
    };
    Err(ApiError::new(ErrorCode::InvalidTopicException, format!("Topic name is invalid: {why}")))
}
