//! What a request costs its client, where clients have quotas: bytes sent and time taken. Paid when the answer is there,
//! by a wait that the answer names and during which the connection is not read.

use std::time::Duration;

use crate::api::{Outcome, Peer};
use crate::broker::Broker;
use crate::broker::quotas::{Client, Kind};
use crate::wire::header::RequestHeader;
use crate::wire::messages::StrBytes;
use crate::wire::throttle;
use crate::wire::versions::ApiKey;

const NANOSECONDS_PER_PERCENT: f64 = 10_000_000.0;

/// The bill of one request.
pub(super) struct Bill {
    api: ApiKey,
    version: i16,
    client_id: Option<StrBytes>,
    request_bytes: usize,
    spent_ns: i64,
}

impl Bill {
    pub(super) fn new(api: ApiKey, header: &RequestHeader, request_bytes: usize) -> Self {
        let client_id = header.client_id.clone();
        Bill { api, version: header.version, client_id, request_bytes, spent_ns: 0 }
    }

    /// Adds time that a worker spent on the request.
    pub(super) fn spend(&mut self, ns: i64) {
        self.spent_ns += ns.max(0);
    }

    /// Settles the bill: the outcome with the wait in it, and how long not to read the connection.
    pub(super) fn settle(self, broker: &Broker, peer: &Peer, outcome: Outcome) -> (Outcome, Option<Duration>) {
        let told_ms = match &outcome {
            Outcome::Answer(reply) => i64::from(throttle::told_ms(self.api, self.version, reply.first())),
            Outcome::Silence => 0,
            _ => return (outcome, None),
        };
        // Who asked for no answer pays for bytes only.
        let answered = matches!(outcome, Outcome::Answer(_));
        let client = Client { user: &peer.principal.name, client_id: self.client_id.as_deref().unwrap_or("") };
        let (quotas, now_ms) = (broker.quotas(), broker.clock().monotonic_ms());
        let mut wait_ms = told_ms;
        if answered {
            let percent = self.spent_ns as f64 / NANOSECONDS_PER_PERCENT;
            wait_ms = wait_ms.max(quotas.record(Kind::RequestPercentage, client, percent, now_ms));
        }
        if self.api == ApiKey::Produce {
            let bytes = self.request_bytes as f64;
            wait_ms = wait_ms.max(quotas.record(Kind::ProducerByteRate, client, bytes, now_ms));
        }
        if wait_ms <= 0 {
            return (outcome, None);
        }
        let wait_ms = i32::try_from(wait_ms).unwrap_or(i32::MAX);
        let outcome = match outcome {
            Outcome::Answer(reply) if i64::from(wait_ms) > told_ms => {
                Outcome::Answer(reply.map_first(|first| throttle::tell(self.api, self.version, first, wait_ms)))
            }
            outcome => outcome,
        };
        (outcome, Some(Duration::from_millis(wait_ms as u64)))
    }
}
