//! Settings: the `.properties` format, the table of all Kafka keys, and the typed values that code reads.
//!
//! Text comes in through [`settings::Settings`] (file below environment below command line), is typed by
//! [`values::Values`] with the help of the table in [`schema`], and is read by everyone else as
//! [`BrokerConfig`] and [`TopicSettings`]. [`Layers`] lays what changes while running over what was set at the start;
//! [`describe`] tells it all the way DescribeConfigs does.

pub mod broker;
mod checks;
pub mod classes;
pub mod client_metrics;
pub mod describe;
pub mod duration;
pub mod dynamic;
pub mod env;
pub mod group;
pub mod listeners;
pub mod log_levels;
pub mod properties;
pub mod schema;
mod sections;
pub mod settings;
pub mod topic;
pub mod value;
pub mod values;

pub use broker::BrokerConfig;
pub use dynamic::{Layers, Level};
pub use settings::{Origin, Problem, Settings};
pub use topic::{Overrides, TopicSettings};
pub use value::{Value, ValueError};
pub use values::Values;
