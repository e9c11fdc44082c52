//! Keys of client metrics subscriptions.

use crate::config::schema::table::*;

keys! {
    "interval.ms": Int, Some("300000"), Any, Medium, Live, Ignored;
        "How often clients push the metrics.";
    "match": List, Some(""), Items { of: &[], may_be_empty: true }, Medium, Live, Ignored;
        "Patterns that choose the clients, as selector=regex.";
    "metrics": List, Some(""), Items { of: &[], may_be_empty: true }, Medium, Live, Ignored;
        "Prefixes of the names of the metrics; * is all.";
}
