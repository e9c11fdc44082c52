//! Consumer groups, classic and KIP-848, and their offsets.
pub mod assign;
