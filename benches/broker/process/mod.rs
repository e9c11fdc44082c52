//! The brokers as processes: started on fresh directories with the same settings, watched through `/proc`, stopped by
//! their id.
//!
//! | file | idea |
//! | --- | --- |
//! | `broker.rs` | a running broker: start, wait for an answer, stop, kill |
//! | `settings.rs` | the settings both get |
//! | `kafka.rs` | Apache Kafka: its jars by Maven, its command line |
//! | `usage.rs` | CPU time, memory and open files of a process |

pub mod broker;
pub mod kafka;
pub mod settings;
pub mod usage;

pub use broker::{Broker, Product};
