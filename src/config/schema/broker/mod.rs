//! Broker keys, by theme.

mod cluster;
mod groups;
mod log;
mod metrics;
mod network;
mod remote;
mod replication;
mod security;
mod transactions;

use super::{Key, ottla};

/// Every list of broker keys, Ottla's own the last.
pub const ALL: &[&[Key]] = &[
    cluster::KEYS,
    cluster::INTERNAL_KEYS,
    network::KEYS,
    log::KEYS,
    log::INTERNAL_KEYS,
    groups::KEYS,
    groups::INTERNAL_KEYS,
    transactions::KEYS,
    transactions::INTERNAL_KEYS,
    metrics::KEYS,
    replication::KEYS,
    replication::INTERNAL_KEYS,
    remote::KEYS,
    remote::INTERNAL_KEYS,
    security::KEYS,
    ottla::KEYS,
];
