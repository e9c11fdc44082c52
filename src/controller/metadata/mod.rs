//! Topics, configs, features and all else that `__cluster_metadata` holds, as a pure state machine.
//!
//! [`MetadataMachine`] takes administrators' requests and answers with Kafka's responses and with records for the
//! metadata log. [`MetadataImage`] is what the records make: immutable once published, cheap to copy.

mod acls;
mod activate;
mod brokers;
mod configs;
mod directories;
mod event;
mod features;
mod image;
mod leaders;
mod machine;
mod quotas;
mod rules;
mod scram;
mod shared_map;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod topics;

pub use acls::AclFilter;
pub use activate::Activation;
pub use brokers::PRODUCER_ID_BLOCK;
pub use event::{ApiError, Caller, Deed, Event, Everyone, IdSource, QuorumChange, Reply, Request, ThrottleMs};
pub use features::{initial_features, supported_features};
pub use image::*;
pub use machine::{MetadataMachine, Settings};
pub use rules::{ConfigRules, ConfigSource, EffectiveConfig};
pub use scram::{DeriveScramKeys, ScramKeys};
pub use shared_map::SharedMap;
pub use topics::{is_internal, validate_topic_name};
