//! KIP-848 groups: the broker assigns, members follow their own epochs towards the target.
//!
//! A member says what it subscribes to ([`heartbeat`]); that raises the group's epoch ([`rebalance`]); for a new epoch
//! a target assignment of all members is computed ([`target`]); every member is moved towards its target when it is
//! heard of next ([`current`]): it first gives partitions back, then gets the new epoch, then what others gave back.
//! So no partition ever has two owners.
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`state`] | the group as its records say it is |
//! | [`member`] | one member of it |
//! | [`subscriptions`] | what its members subscribe to together |
//! | [`heartbeat`] | joining, staying, leaving |
//! | [`rebalance`] | the steps that follow a member's word |
//! | [`target`] | the target assignment |
//! | [`current`] | one member's way to its target |
//! | [`patterns`] | subscriptions by pattern |
//! | [`fence`] | members that go, and deadlines |
//! | [`classic_members`] | members that speak the classic protocol |
//! | [`migration`] | from one protocol to the other |
//! | [`commits`] | who may commit and fetch offsets |
//! | [`describe`] | ConsumerGroupDescribe |

pub mod classic_members;
pub mod commits;
pub mod context;
mod current;
pub mod describe;
pub mod fence;
pub mod heartbeat;
pub mod member;
pub mod migration;
mod patterns;
pub mod protocol;
mod rebalance;
pub mod state;
mod subscriptions;
mod target;
mod topics_hash;
mod xxh3;

pub use context::Context;
pub use state::ConsumerGroup;
