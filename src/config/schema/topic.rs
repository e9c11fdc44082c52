//! Topic keys, with the broker keys that give their defaults.

use crate::config::schema::table::*;

keys! {
    "cleanup.policy": List, Some("delete"), Items { of: &["compact", "delete"], may_be_empty: true }, Medium, Live, Ignored, like &[("log.cleanup.policy", 1)];
        "";
    "compression.gzip.level": Int, Some("-1"), GzipLevel, Medium, Live, Ignored, like &[("compression.gzip.level", 1)];
        "";
    "compression.lz4.level": Int, Some("9"), Between(1, 17), Medium, Live, Ignored, like &[("compression.lz4.level", 1)];
        "";
    "compression.type": Str, Some("producer"), OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Medium, Live, Ignored, like &[("compression.type", 1)];
        "";
    "compression.zstd.level": Int, Some("3"), Between(-131072, 22), Medium, Live, Ignored, like &[("compression.zstd.level", 1)];
        "";
    "delete.retention.ms": Long, Some("86400000"), AtLeast(0), Medium, Live, Ignored, like &[("log.cleaner.delete.retention.ms", 1)];
        "";
    "file.delete.delay.ms": Long, Some("60000"), AtLeast(0), Medium, Live, Ignored, like &[("log.segment.delete.delay.ms", 1)];
        "";
    "flush.messages": Long, Some("9223372036854775807"), AtLeast(1), Medium, Live, Ignored, like &[("log.flush.interval.messages", 1)];
        "";
    "flush.ms": Long, Some("9223372036854775807"), AtLeast(0), Medium, Live, Ignored, like &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)];
        "";
    "follower.replication.throttled.replicas": List, Some(""), ThrottledReplicas, Medium, Live, Ignored;
        "";
    "index.interval.bytes": Int, Some("4096"), AtLeast(0), Medium, Live, Ignored, like &[("log.index.interval.bytes", 1)];
        "";
    "leader.replication.throttled.replicas": List, Some(""), ThrottledReplicas, Medium, Live, Ignored;
        "";
    "local.retention.bytes": Long, Some("-2"), AtLeast(-2), Medium, Live, Ignored, like &[("log.local.retention.bytes", 1)];
        "";
    "local.retention.ms": Long, Some("-2"), AtLeast(-2), Medium, Live, Ignored, like &[("log.local.retention.ms", 1)];
        "";
    "max.compaction.lag.ms": Long, Some("9223372036854775807"), AtLeast(1), Medium, Live, Ignored, like &[("log.cleaner.max.compaction.lag.ms", 1)];
        "";
    "max.message.bytes": Int, Some("1048588"), AtLeast(0), Medium, Live, Ignored, like &[("message.max.bytes", 1)];
        "";
    "message.timestamp.after.max.ms": Long, Some("3600000"), AtLeast(0), Medium, Live, Ignored, like &[("log.message.timestamp.after.max.ms", 1)];
        "";
    "message.timestamp.before.max.ms": Long, Some("9223372036854775807"), AtLeast(0), Medium, Live, Ignored, like &[("log.message.timestamp.before.max.ms", 1)];
        "";
    "message.timestamp.type": Str, Some("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]), Medium, Live, Ignored, like &[("log.message.timestamp.type", 1)];
        "";
    "min.cleanable.dirty.ratio": Double, Some("0.5"), Between(0, 1), Medium, Live, Ignored, like &[("log.cleaner.min.cleanable.ratio", 1)];
        "";
    "min.compaction.lag.ms": Long, Some("0"), AtLeast(0), Medium, Live, Ignored, like &[("log.cleaner.min.compaction.lag.ms", 1)];
        "";
    "min.insync.replicas": Int, Some("1"), AtLeast(1), Medium, Live, Ignored, like &[("min.insync.replicas", 1)];
        "";
    "preallocate": Boolean, Some("false"), Any, Medium, Live, Ignored, like &[("log.preallocate", 1)];
        "";
    "remote.log.copy.disable": Boolean, Some("false"), Any, Medium, Live, Ignored;
        "";
    "remote.log.delete.on.disable": Boolean, Some("false"), Any, Medium, Live, Ignored;
        "";
    "remote.storage.enable": Boolean, Some("false"), Any, Medium, Live, Ignored;
        "";
    "retention.bytes": Long, Some("-1"), Any, Medium, Live, Ignored, like &[("log.retention.bytes", 1)];
        "";
    "retention.ms": Long, Some("604800000"), AtLeast(-1), Medium, Live, Ignored, like &[("log.retention.ms", 1), ("log.retention.minutes", 60000), ("log.retention.hours", 3600000)];
        "";
    "segment.bytes": Int, Some("1073741824"), AtLeast(1048576), Medium, Live, Ignored, like &[("log.segment.bytes", 1)];
        "";
    "segment.index.bytes": Int, Some("10485760"), AtLeast(4), Medium, Live, Ignored, like &[("log.index.size.max.bytes", 1)];
        "";
    "segment.jitter.ms": Long, Some("0"), AtLeast(0), Medium, Live, Ignored, like &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3600000)];
        "";
    "segment.ms": Long, Some("604800000"), AtLeast(1), Medium, Live, Ignored, like &[("log.roll.ms", 1), ("log.roll.hours", 3600000)];
        "";
    "unclean.leader.election.enable": Boolean, Some("false"), Any, Medium, Live, Ignored, like &[("unclean.leader.election.enable", 1)];
        "";
}

internal_keys! {
    "internal.segment.bytes": Int, None, Any, Medium, Live, Ignored;
        "";
}
