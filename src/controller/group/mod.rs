//! Consumer groups, classic and KIP-848, and their offsets.
//!
//! [`GroupMachine`] runs the groups of one partition of `__consumer_offsets`. Hard state is what its records say:
//! committed offsets, a classic group's last generation, all of a KIP-848 group. Everything else (who waits for which
//! answer, timers, a classic group's rebalance in progress) is soft and is forgotten in a crash, as in Kafka.
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`records`] | keys and values of `__consumer_offsets` |
//! | [`events`] | what the machine is told and what it answers |
//! | [`machine`] | the machine: one event to the group it is for |
//! | [`modern`] | KIP-848 groups in the machine |
//! | [`store`] | the groups by id |
//! | [`classic`] | the classic protocol |
//! | [`offsets`] | commits, fetches, expiry |
//! | [`consumer`] | the KIP-848 protocol |
//! | [`regex`] | subscriptions by pattern |
//! | [`assign`] | the assignors of KIP-848 groups |
//! | [`timers`] | every deadline of the machine in one order |
//! | [`turn`] | what the handling of one event may touch |
//! | [`config`] | the settings of groups |

use std::sync::Arc;

pub mod assign;
pub mod classic;
pub mod config;
pub mod consumer;
pub mod events;
mod listing;
pub mod machine;
mod modern;
pub mod offsets;
pub mod records;
pub mod regex;
pub mod store;
#[cfg(test)]
mod tests;
pub mod timers;
pub mod turn;

pub use machine::GroupMachine;

/// A group's name.
pub type GroupId = Arc<str>;
/// A member's name, unique in its group.
pub type MemberId = Arc<str>;
