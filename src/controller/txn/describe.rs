//! DescribeTransactions and ListTransactions: what tools see.

use super::event::{ListFilter, TransactionalId, TxnDescription, TxnListing};
use super::state::{TxnMetadata, TxnState};
use crate::controller::group::regex::TopicPattern as NamePattern;
use crate::model::ErrorCode;

pub fn describe(metadata: &TxnMetadata) -> TxnDescription {
    TxnDescription {
        producer: metadata.producer,
        state: metadata.state,
        timeout_ms: metadata.timeout_ms,
        start_ms: metadata.start_ms,
        partitions: metadata.partitions.iter().cloned().collect(),
    }
}

/// The names in a state filter that are no states.
pub fn unknown_states(names: &[String]) -> Vec<String> {
    let is_known = |name: &str| {
        TxnState::ALL.iter().any(|state| state.name() == name) || TxnState::TRANSIENT_NAMES.contains(&name)
    };
    names.iter().filter(|name| !is_known(name)).cloned().collect()
}

/// Those that pass the filter, in order of id.
pub fn list<'a>(
    all: impl Iterator<Item = (&'a TransactionalId, &'a TxnMetadata)>,
    filter: &ListFilter,
    now_ms: i64,
) -> Result<Vec<TxnListing>, ErrorCode> {
    let pattern = match filter.id_pattern.as_deref() {
        None | Some("") => None,
        Some(pattern) => Some(NamePattern::parse(pattern).map_err(|_| ErrorCode::InvalidRegularExpression)?),
    };
    let passes = |id: &str, metadata: &TxnMetadata| {
        (filter.producer_ids.is_empty() || filter.producer_ids.contains(&metadata.producer.id))
            && (filter.states.is_empty() || filter.states.iter().any(|name| name == metadata.state.name()))
            && (filter.longer_than_ms < 0 || now_ms.saturating_sub(metadata.start_ms) > filter.longer_than_ms)
            && pattern.as_ref().is_none_or(|pattern| pattern.matches(id))
    };
    Ok(all
        .filter(|(id, metadata)| passes(id, metadata))
        .map(|(id, metadata)| TxnListing {
            transactional_id: id.clone(),
            producer_id: metadata.producer.id,
            state: metadata.state,
        })
        .collect())
}
