//! The load generator: prepared frames over its own connections, driven by one thread that waits in `poll`. It costs far
//! less than a client library, so that what is measured is the broker.
//!
//! | file | idea |
//! | --- | --- |
//! | `connection.rs` | a socket with frames to write and frames that came |
//! | `pump.rs` | moves bytes for many connections and asks a [`pump::Traffic`] what to send |
//! | `frames.rs` | prepared requests, quick looks at answers |
//! | `setup.rs` | topics, coordinators, producer ids |
//! | `window.rs` | so many requests in flight, as fast as they are answered |
//! | `fill.rs` | keyed records for compaction |
//! | `readers.rs` | consumers that fetch to the end; producers and consumers at once |
//! | `paced.rs` | requests at a fixed rate whatever the answers do, for honest latencies |
//! | `gathering.rs`, `converging.rs` | members of large groups that all join at once, classic and in the new protocol |
//! | `groups.rs`, `transactions.rs` | members and transactional producers that come round again and again |

pub mod connection;
pub mod converging;
pub mod fill;
pub mod frames;
pub mod gathering;
pub mod groups;
pub mod latency;
pub mod paced;
pub mod pump;
pub mod readers;
pub mod setup;
pub mod transactions;
pub mod window;

pub use connection::Connection;
