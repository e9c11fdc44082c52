//! Settings: the `.properties` format, the table of all Kafka keys, and the typed values that code reads.
//!
//! Text comes in through [`settings::Settings`] (file below environment below command line), is typed by
//! [`values::Values`] with the help of the table in [`schema`], and is read by everyone else as
//! [`BrokerConfig`] and [`TopicSettings`].

pub mod broker;
mod checks;
pub mod duration;
pub mod env;
pub mod listeners;
pub mod properties;
pub mod schema;
mod sections;
pub mod settings;
pub mod topic;
pub mod value;
pub mod values;

pub use broker::BrokerConfig;
pub use settings::{Origin, Problem, Settings};
pub use topic::{Overrides, TopicSettings};
pub use value::{Value, ValueError};
pub use values::Values;
