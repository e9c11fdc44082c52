//! # Ottla: one node, one binary, Kafka's protocol and Kafka's files
//!
//! To a client Ottla is a healthy one-node Apache Kafka 4.3 cluster in KRaft mode. This page is the map.
//!
//! ## Layers
//! A module uses only what stands below it, and modules of one layer do not know each other.
//! `tests/layering.rs` reads the sources and proves it.
//!
//! ```text
//! L6  main  cli                  what a person types
//! L5  server                     sockets and the life of the process
//! L4  api                        one file per Kafka API: request in, answer out
//! L3  broker                     the shell: joins log, controller and security; owns tasks and locks
//! L2  log  controller  security  what the broker knows and decides; no tokio from here down
//! L1  wire  records  disk  config
//! L0  model  clock  metrics  memory
//! ```
//!
//! | module | what is in it |
//! | --- | --- |
//! | [`model`] | ids as newtypes, Kafka's error codes, every named bound |
//! | [`clock`] | the only place that reads a clock; a manual one for tests |
//! | [`metrics`] | counters and gauges held by the thing they measure |
//! | [`memory`] | gives freed memory back to the system |
//! | [`config`] | `.properties`, the table of every Kafka key, the typed broker and topic settings |
//! | [`disk`] | the seam to files: the real one and a simulated one that loses unsynced writes |
//! | [`wire`] | frames, headers, versions, messages; the only module that calls the `kafka-protocol` codec |
//! | [`records`] | record batches as bytes: header view, validation, compression, building |
//! | [`log`] | one partition on disk: segments, indexes, recovery, retention, compaction |
//! | [`controller`] | pure state machines: metadata, consumer groups, transactions |
//! | [`security`] | principals and the authorizer |
//! | [`broker`] | partitions in memory, produce and fetch paths, group commit, coordinators, housekeeping |
//! | [`api`] | the table of served APIs and their handlers |
//! | [`server`] | listeners and connections |
//! | [`cli`] | the command line |
//!
//! ## Invariants
//! - Wire and disk input never reaches a panic or an allocation sized by an unchecked count.
//! - `controller` never does I/O, reads a clock or rolls dice; time and entropy come in with the event.
//! - `apply(record)` is the only thing that changes a machine's hard state, live and on replay alike.
//! - With `ottla.acks.all=fsync` the high watermark of a partition never passes what is on stable storage.
//! - A failed sync is final for its log directory; nothing retries it.
//! - No lock is held across a sync, but for the writer of a partition that changes its directory, and no sync or cold
//!   read runs on a network worker.
//!
//! ## Reading order
//! `server/connection.rs`, `api/mod.rs`, `api/produce.rs`, `broker/partition/mod.rs`, `records/batch.rs`,
//! `log/FORMAT.md`, `controller/machine.rs`, `controller/group/`, then the tests.

// L0
pub mod clock;
pub mod memory;
pub mod metrics;
pub mod model;
// L1
pub mod config;
pub mod disk;
pub mod records;
pub mod wire;
// L2
pub mod controller;
pub mod log;
pub mod security;
// L3
pub mod broker;
// L4
pub mod api;
// L5
pub mod server;
// L6
pub mod cli;
