//! Results: samples, their medians, and the ways they are shown.
//!
//! | file | idea |
//! | --- | --- |
//! | `stats.rs` | what one run measured; median, least and most of several |
//! | `results.rs` | all cases of a run, for both brokers |
//! | `table.rs`, `json.rs` | for the terminal, for programs |
//! | `markdown.rs`, `svg.rs` | for the README |

pub mod json;
pub mod markdown;
pub mod results;
pub mod stats;
pub mod svg;
pub mod table;

pub use results::{CaseResult, Results};
pub use stats::{Sample, Samples};
