//! ListTransactions (66), versions 0-2: the transactional ids that pass all filters and that the client may see.
//!
//! Unlike in Kafka the pattern is a Rust regular expression: no look-around and no back references.

use bytes::Bytes;

use crate::controller::txn::{ListFilter, describe::unknown_states};
use crate::model::{ErrorCode, ProducerId};
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::list_transactions_response::TransactionState;
use crate::wire::messages::{self, ListTransactionsRequest, ListTransactionsResponse};

use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: ListTransactionsRequest| async move {
        let filter = ListFilter {
            states: request.state_filters.iter().map(|state| state.to_string()).collect(),
            producer_ids: request.producer_id_filters.iter().map(|id| ProducerId(id.0)).collect(),
            longer_than_ms: request.duration_filter,
            id_pattern: request.transactional_id_pattern.map(|pattern| pattern.to_string()),
        };
        let unknown = unknown_states(&filter.states);
        let mut response = ListTransactionsResponse::default();
        match cx.broker.transactions().list(filter).await {
            Ok(listed) => {
                let seen = |id: &str| cx.allows(Operation::Describe, ResourceType::TransactionalId, id);
                response.transaction_states = listed
                    .into_iter()
                    .filter(|listing| seen(&listing.transactional_id))
                    .map(|listing| {
                        TransactionState::default()
                            .with_transactional_id(
                                messages::StrBytes::from_string(listing.transactional_id.to_string()).into(),
                            )
                            .with_producer_id(messages::ProducerId(listing.producer_id.0))
                            .with_transaction_state(listing.state.name().to_string().into())
                    })
                    .collect();
                response.unknown_state_filters = unknown.into_iter().map(Into::into).collect();
            }
            Err(code) => {
                response.error_code = code.code();
                if code != ErrorCode::InvalidRegularExpression {
                    response.unknown_state_filters = unknown.into_iter().map(Into::into).collect();
                }
            }
        }
        response
    })
}
