//! DescribeTransactions (65), version 0: where each transactional id stands.

use bytes::Bytes;

use crate::controller::txn::TxnDescription;
use crate::model::ErrorCode;
use crate::security::{Operation, ResourceType};
use crate::wire::WireError;
use crate::wire::messages::describe_transactions_response::{TopicData, TransactionState};
use crate::wire::messages::{self, DescribeTransactionsRequest, DescribeTransactionsResponse, TransactionalId};

use super::{Context, Outcome, answer_later};

pub(super) fn handle(cx: Context, body: Bytes) -> Result<Outcome, WireError> {
    answer_later(cx, body, |cx, request: DescribeTransactionsRequest| async move {
        let mut response = DescribeTransactionsResponse::default();
        for id in request.transactional_ids {
            let described = match cx.allows(Operation::Describe, ResourceType::TransactionalId, &id) {
                true => cx.broker.transactions().describe(&id).await,
                false => Err(ErrorCode::TransactionalIdAuthorizationFailed),
            };
            response.transaction_states.push(state(&cx, id, described));
        }
        response
    })
}

fn state(cx: &Context, id: TransactionalId, described: Result<TxnDescription, ErrorCode>) -> TransactionState {
    let mut state = TransactionState::default().with_transactional_id(id);
    let described = match described {
        Ok(described) => described,
        Err(code) => return state.with_error_code(code.code()),
    };
    state.producer_id = messages::ProducerId(described.producer.id.0);
    state.producer_epoch = described.producer.epoch.0;
    state.transaction_state = described.state.name().to_string().into();
    state.transaction_timeout_ms = described.timeout_ms;
    state.transaction_start_time_ms = described.start_ms;
    for at in described.partitions {
        match state.topics.last_mut() {
            Some(topic) if topic.topic.as_str() == &*at.topic => topic.partitions.push(at.partition.0),
            _ if !cx.allows(Operation::Describe, ResourceType::Topic, &at.topic) => {}
            _ => {
                let topic = TopicData::default().with_topic(super::topic_name(&at.topic));
                state.topics.push(topic.with_partitions(vec![at.partition.0]));
            }
        }
    }
    state
}
