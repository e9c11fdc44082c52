//! KIP-848 groups: the broker assigns, members follow their own epochs towards the target.

pub mod protocol;
mod topics_hash;
mod xxh3;
