//! The shell around log, controller and security: it owns the tasks, the locks and the waiting.

pub mod acks;
#[allow(clippy::module_inception)]
mod broker;
pub mod cleaner;
mod config_rules;
pub mod coordinator;
pub mod durability;
pub mod features;
pub mod fetch;
pub mod fetch_sessions;
pub mod groups;
pub mod housekeeping;
mod internal_topics;
pub mod limits;
pub mod log_dirs;
pub mod metadata_log;
pub mod moving;
mod opening;
pub mod partition;
pub mod partitions;
pub mod prepared;
pub mod produce;
pub mod purgatory;
pub mod quotas;
pub mod scram_keys;
pub mod start;
mod stop;
pub mod topic_settings;
pub mod topology;
pub mod transactions;

pub use broker::{Broker, Parts};
pub use limits::Limits;
