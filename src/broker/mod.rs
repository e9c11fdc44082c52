//! The shell around log, controller and security: it owns the tasks, the locks and the waiting.

pub mod acks;
pub mod durability;
pub mod fetch_sessions;
pub mod purgatory;
