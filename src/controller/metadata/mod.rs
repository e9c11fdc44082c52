//! Topics, configs, features and all else that `__cluster_metadata` holds, as a pure state machine.
//!
//! [`MetadataMachine`] takes administrators' requests and answers with Kafka's responses and with records for the
//! metadata log. [`MetadataImage`] is what the records make: immutable once published, cheap to copy.

mod event;
mod image;
mod machine;
mod rules;
mod shared_map;
#[cfg(test)]
mod testing;
mod topics;

pub use event::{ApiError, Caller, Deed, Event, Everyone, IdSource, Reply, Request};
pub use image::*;
pub use machine::{MetadataMachine, Settings};
pub use rules::{ConfigRules, ConfigSource, EffectiveConfig};
pub use shared_map::SharedMap;
pub use topics::{is_internal, validate_topic_name};
