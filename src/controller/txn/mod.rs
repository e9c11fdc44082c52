//! The transaction coordinator: one [`TxnMachine`] for each partition of `__transaction_state`, and producer ids.
//!
//! A transactional id's whole life is one record, [`TxnMetadata`], rewritten at every step; the steps are the table in
//! [`state`]. Every request is decided by a function from the record and the request to a [`Decision`]
//! ([`init`], [`partitions`], [`end`]); [`machine`] turns decisions into records, replies and actions.
//!
//! Ending a transaction: the decision (`PrepareCommit`, `PrepareAbort`) is persisted, then at once the client has its
//! answer and the shell the order to write markers ([`MarkerOrder`]); when it reports them written, the completion is
//! persisted. Loading a log in which a decision has no completion gives the order again, so no marker is ever lost.
//!
//! Requests that meet a transaction whose markers are being written wait for them a moment (`busy_wait_ms`), as
//! Kafka's brokers do on behalf of a producer, and get CONCURRENT_TRANSACTIONS only when that was not enough.

pub mod describe;
pub mod end;
pub mod event;
pub mod ids;
pub mod init;
pub mod machine;
pub mod partitions;
pub mod records;
pub mod state;
pub mod timeouts;
pub mod waiting;

pub use event::{
    Decision, ListFilter, MarkerOrder, Request, TransactionalId, TxnAction, TxnConfig, TxnDescription, TxnEvent,
    TxnListing, TxnReply,
};
pub use ids::{Claim, ProducerIds};
pub use machine::TxnMachine;
pub use state::{TxnMetadata, TxnState, TxnVersion};
