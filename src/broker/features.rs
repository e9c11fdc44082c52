//! The features of a 4.3 broker and the levels they can have.

/// A feature with the levels that this broker understands.
pub struct Feature {
    pub name: &'static str,
    pub min: i16,
    pub max: i16,
}

const fn feature(name: &'static str, min: i16, max: i16) -> Feature {
    Feature { name, min, max }
}

/// What ApiVersions tells as supported.
pub static SUPPORTED: &[Feature] = &[
    feature("eligible.leader.replicas.version", 0, 1),
    feature("group.version", 0, 1),
    feature("kraft.version", 0, 1),
    feature("metadata.version", 7, 30),
    feature("share.version", 0, 1),
    feature("streams.version", 0, 1),
    feature("transaction.version", 0, 2),
];

/// The levels in force, without those at 0. Clients believe a list only if its epoch is above the last one's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finalized {
    pub epoch: i64,
    pub levels: Vec<(String, i16)>,
}
