//! One member of a classic group.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use crate::controller::machine::Ticket;

/// A way to assign that a member offers, and what it tells the leader for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    pub name: Arc<str>,
    pub metadata: Bytes,
}

#[derive(Clone, Debug)]
pub struct Member {
    pub instance_id: Option<Arc<str>>,
    pub client_id: Arc<str>,
    pub client_host: Arc<str>,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// In order of preference.
    pub protocols: Vec<Protocol>,
    pub assignment: Bytes,
    /// It has never got the answer to its first JoinGroup, so it cannot send heartbeats.
    pub is_new: bool,
    /// The JoinGroup that waits for the rebalance.
    pub awaiting_join: Option<Ticket>,
    /// The SyncGroup that waits for the leader.
    pub awaiting_sync: Option<Ticket>,
}

impl Member {
    pub fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|p| &*p.name == protocol).map(|p| p.metadata.clone()).unwrap_or_default()
    }

    /// The first of its protocols that is a candidate.
    pub fn vote(&self, candidates: &BTreeSet<Arc<str>>) -> Option<&Arc<str>> {
        self.protocols.iter().map(|p| &p.name).find(|name| candidates.contains(*name))
    }

    /// A member whose request is parked here cannot send heartbeats and needs none.
    pub fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}
