//! Ottla's own keys, and keys of Kafka's authorizer, which no broker declares.

use crate::config::schema::table::*;

keys! {
    "ottla.acks.all": Str, Some("fsync"), OneOf(&["fsync", "page-cache"]), High, ClusterWide, Honoured;
        "What acks=all, offset commits and metadata wait for: fsync survives a power cut, page-cache only the death of the process.";
    "ottla.disk.reserve.bytes": Long, Some("67108864"), AtLeast(0), Medium, ClusterWide, Honoured;
        "Free bytes that a log directory keeps for metadata and recovery: below them appends are refused.";
}

/// Read by the authorizer out of the broker's file; DescribeConfigs shows them, if set, as values of unknown type.
pub mod authorizer {
    use crate::config::schema::table::*;

    keys! {
        "allow.everyone.if.no.acl.found": Boolean, Some("false"), Any, High, ReadOnly, Honoured;
            "Whether a resource that no ACL names is open to everyone.";
        "super.users": Str, Some(""), Any, High, ReadOnly, Honoured;
            "Principals that may do everything, separated by semicolons.";
    }
}
