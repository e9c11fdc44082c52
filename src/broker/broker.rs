//! The broker as one value: what every handler can reach.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::features::Finalized;
use super::limits::Limits;

/// Shared by all connections.
pub struct Broker {
    limits: ArcSwap<Limits>,
    features: ArcSwap<Finalized>,
}

impl Broker {
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Broker { limits: ArcSwap::from_pointee(limits), features: ArcSwap::default() })
    }

    pub fn limits(&self) -> Arc<Limits> {
        self.limits.load_full()
    }

    /// The finalized features, as ApiVersions tells them.
    pub fn features(&self) -> Arc<Finalized> {
        self.features.load_full()
    }
}
