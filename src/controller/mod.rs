//! What the broker decides, as pure state machines: metadata, consumer groups, transactions.
//! Nothing here does I/O, reads a clock or rolls dice; see [`machine`] for the contract.

pub mod group;
pub mod machine;
pub mod metadata;
pub mod records;
pub mod topics;
pub mod txn;
