//! The machine as a whole: taking office, security, features, and random operations against a simple model.

mod model;
mod office;
mod security;

use crate::wire::messages::StrBytes;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
