//! Keys of client metrics subscriptions.

use crate::config::schema::table::*;

keys! {
    "interval.ms": Int, Some("300000"), Any, Medium, Live, Ignored;
        "";
    "match": List, Some(""), Items { of: &[], may_be_empty: true }, Medium, Live, Ignored;
        "";
    "metrics": List, Some(""), Items { of: &[], may_be_empty: true }, Medium, Live, Ignored;
        "";
}
