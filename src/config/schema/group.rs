//! Group keys, with the broker keys that give their defaults.

use crate::config::schema::table::*;

keys! {
    "consumer.assignment.interval.ms": Int, Some("1000"), AtLeast(0), Medium, Live, Ignored, like &[("group.consumer.assignment.interval.ms", 1)];
        "";
    "consumer.heartbeat.interval.ms": Int, Some("5000"), AtLeast(1), Medium, Live, Ignored, like &[("group.consumer.heartbeat.interval.ms", 1)];
        "";
    "consumer.session.timeout.ms": Int, Some("45000"), AtLeast(1), Medium, Live, Ignored, like &[("group.consumer.session.timeout.ms", 1)];
        "";
    "share.assignment.interval.ms": Int, Some("1000"), AtLeast(0), Medium, Live, Ignored, like &[("group.share.assignment.interval.ms", 1)];
        "";
    "share.auto.offset.reset": Str, Some("latest"), AutoOffsetReset, Medium, Live, Ignored;
        "";
    "share.delivery.count.limit": Int, Some("5"), AtLeast(2), Medium, Live, Ignored, like &[("group.share.delivery.count.limit", 1)];
        "";
    "share.heartbeat.interval.ms": Int, Some("5000"), AtLeast(1), Medium, Live, Ignored, like &[("group.share.heartbeat.interval.ms", 1)];
        "";
    "share.isolation.level": Str, Some("read_uncommitted"), OneOf(&["read_committed", "read_uncommitted"]), Medium, Live, Ignored;
        "";
    "share.partition.max.record.locks": Int, Some("2000"), AtLeast(100), Medium, Live, Ignored, like &[("group.share.partition.max.record.locks", 1)];
        "";
    "share.record.lock.duration.ms": Int, Some("30000"), AtLeast(1000), Medium, Live, Ignored, like &[("group.share.record.lock.duration.ms", 1)];
        "";
    "share.renew.acknowledge.enable": Boolean, Some("true"), Any, Medium, Live, Ignored;
        "";
    "share.session.timeout.ms": Int, Some("45000"), AtLeast(1), Medium, Live, Ignored, like &[("group.share.session.timeout.ms", 1)];
        "";
    "streams.assignment.interval.ms": Int, Some("1000"), AtLeast(0), Medium, Live, Ignored, like &[("group.streams.assignment.interval.ms", 1)];
        "";
    "streams.heartbeat.interval.ms": Int, Some("5000"), AtLeast(1), Medium, Live, Ignored, like &[("group.streams.heartbeat.interval.ms", 1)];
        "";
    "streams.initial.rebalance.delay.ms": Int, Some("3000"), AtLeast(0), Medium, Live, Ignored, like &[("group.streams.initial.rebalance.delay.ms", 1)];
        "";
    "streams.num.standby.replicas": Int, Some("0"), AtLeast(0), Medium, Live, Ignored, like &[("group.streams.num.standby.replicas", 1)];
        "";
    "streams.session.timeout.ms": Int, Some("45000"), AtLeast(1), Medium, Live, Ignored, like &[("group.streams.session.timeout.ms", 1)];
        "";
}
