//! Group keys, with the broker keys that give their defaults.

use crate::config::schema::table::*;

keys! {
    "consumer.assignment.interval.ms": Int, Some("1000"), AtLeast(0), Medium, Live, Honoured, like &[("group.consumer.assignment.interval.ms", 1)];
        "Shortest time between two assignments of the consumer group.";
    "consumer.heartbeat.interval.ms": Int, Some("5000"), AtLeast(1), Medium, Live, Honoured, like &[("group.consumer.heartbeat.interval.ms", 1)];
        "How often members of the consumer group send heartbeats.";
    "consumer.session.timeout.ms": Int, Some("45000"), AtLeast(1), Medium, Live, Honoured, like &[("group.consumer.session.timeout.ms", 1)];
        "A member of the consumer group that is silent this long is out.";
    "share.assignment.interval.ms": Int, Some("1000"), AtLeast(0), Medium, Live, Ignored, like &[("group.share.assignment.interval.ms", 1)];
        "Shortest time between two assignments of the share group.";
    "share.auto.offset.reset": Str, Some("latest"), AutoOffsetReset, Medium, Live, Ignored;
        "Where a new share group starts: earliest, latest, or by_duration before now.";
    "share.delivery.count.limit": Int, Some("5"), AtLeast(2), Medium, Live, Ignored, like &[("group.share.delivery.count.limit", 1)];
        "How often a record is delivered to the share group at most.";
    "share.heartbeat.interval.ms": Int, Some("5000"), AtLeast(1), Medium, Live, Ignored, like &[("group.share.heartbeat.interval.ms", 1)];
        "How often members of the share group send heartbeats.";
    "share.isolation.level": Str, Some("read_uncommitted"), OneOf(&["read_committed", "read_uncommitted"]), Medium, Live, Ignored;
        "Whether the share group reads records of open and aborted transactions.";
    "share.partition.max.record.locks": Int, Some("2000"), AtLeast(100), Medium, Live, Ignored, like &[("group.share.partition.max.record.locks", 1)];
        "Most records of a partition that the share group has locked.";
    "share.record.lock.duration.ms": Int, Some("30000"), AtLeast(1000), Medium, Live, Ignored, like &[("group.share.record.lock.duration.ms", 1)];
        "How long a record stays locked for the member that got it.";
    "share.renew.acknowledge.enable": Boolean, Some("true"), Any, Medium, Live, Ignored;
        "Whether members of the share group may prolong their locks.";
    "share.session.timeout.ms": Int, Some("45000"), AtLeast(1), Medium, Live, Ignored, like &[("group.share.session.timeout.ms", 1)];
        "A member of the share group that is silent this long is out.";
    "streams.assignment.interval.ms": Int, Some("1000"), AtLeast(0), Medium, Live, Ignored, like &[("group.streams.assignment.interval.ms", 1)];
        "Shortest time between two assignments of the streams group.";
    "streams.heartbeat.interval.ms": Int, Some("5000"), AtLeast(1), Medium, Live, Ignored, like &[("group.streams.heartbeat.interval.ms", 1)];
        "How often members of the streams group send heartbeats.";
    "streams.initial.rebalance.delay.ms": Int, Some("3000"), AtLeast(0), Medium, Live, Ignored, like &[("group.streams.initial.rebalance.delay.ms", 1)];
        "How long the empty streams group waits for more members before its first assignment.";
    "streams.num.standby.replicas": Int, Some("0"), AtLeast(0), Medium, Live, Ignored, like &[("group.streams.num.standby.replicas", 1)];
        "Standby replicas of each task of the streams group.";
    "streams.session.timeout.ms": Int, Some("45000"), AtLeast(1), Medium, Live, Ignored, like &[("group.streams.session.timeout.ms", 1)];
        "A member of the streams group that is silent this long is out.";
}
