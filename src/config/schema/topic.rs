//! Topic keys, with the broker keys that give their defaults.

use crate::config::schema::table::*;

keys! {
    "cleanup.policy": List, Some("delete"), Items { of: &["compact", "delete"], may_be_empty: true }, Medium, Live, Honoured, like &[("log.cleanup.policy", 1)];
        "What happens to old segments: delete, compact, both, or nothing.";
    "compression.gzip.level": Int, Some("-1"), GzipLevel, Medium, Live, Honoured, like &[("compression.gzip.level", 1)];
        "Level of gzip where the topic is stored with it.";
    "compression.lz4.level": Int, Some("9"), Between(1, 17), Medium, Live, Honoured, like &[("compression.lz4.level", 1)];
        "Level of lz4 where the topic is stored with it.";
    "compression.type": Str, Some("producer"), OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), Medium, Live, Honoured, like &[("compression.type", 1)];
        "How records are stored: with a codec, uncompressed, or as the producer sent them.";
    "compression.zstd.level": Int, Some("3"), Between(-131072, 22), Medium, Live, Honoured, like &[("compression.zstd.level", 1)];
        "Level of zstd where the topic is stored with it.";
    "delete.retention.ms": Long, Some("86400000"), AtLeast(0), Medium, Live, Honoured, like &[("log.cleaner.delete.retention.ms", 1)];
        "How long tombstones and transaction markers stay when the topic is compacted.";
    "file.delete.delay.ms": Long, Some("60000"), AtLeast(0), Medium, Live, Honoured, like &[("log.segment.delete.delay.ms", 1)];
        "Wait before files of deleted segments are removed.";
    "flush.messages": Long, Some("9223372036854775807"), AtLeast(1), Medium, Live, Honoured, like &[("log.flush.interval.messages", 1)];
        "Records of a partition after which they are synced to disk.";
    "flush.ms": Long, Some("9223372036854775807"), AtLeast(0), Medium, Live, Honoured, like &[("log.flush.interval.ms", 1), ("log.flush.scheduler.interval.ms", 1)];
        "Longest time that records stay unsynced.";
    "follower.replication.throttled.replicas": List, Some(""), ThrottledReplicas, Medium, Live, Ignored;
        "Replicas whose followers are throttled; one node has none.";
    "index.interval.bytes": Int, Some("4096"), AtLeast(0), Medium, Live, Honoured, like &[("log.index.interval.bytes", 1)];
        "Bytes of records between two entries of the offset index.";
    "leader.replication.throttled.replicas": List, Some(""), ThrottledReplicas, Medium, Live, Ignored;
        "Replicas whose leaders are throttled; one node has none.";
    "local.retention.bytes": Long, Some("-2"), AtLeast(-2), Medium, Live, Ignored, like &[("log.local.retention.bytes", 1)];
        "Bytes that stay on local disk with tiered storage.";
    "local.retention.ms": Long, Some("-2"), AtLeast(-2), Medium, Live, Ignored, like &[("log.local.retention.ms", 1)];
        "Time that records stay on local disk with tiered storage.";
    "max.compaction.lag.ms": Long, Some("9223372036854775807"), AtLeast(1), Medium, Live, Honoured, like &[("log.cleaner.max.compaction.lag.ms", 1)];
        "Longest time that a record may stay uncompacted.";
    "max.message.bytes": Int, Some("1048588"), AtLeast(0), Medium, Live, Honoured, like &[("message.max.bytes", 1)];
        "Largest batch of records that is taken.";
    "message.timestamp.after.max.ms": Long, Some("3600000"), AtLeast(0), Medium, Live, Honoured, like &[("log.message.timestamp.after.max.ms", 1)];
        "How far a record's time may lie after the broker's.";
    "message.timestamp.before.max.ms": Long, Some("9223372036854775807"), AtLeast(0), Medium, Live, Honoured, like &[("log.message.timestamp.before.max.ms", 1)];
        "How far a record's time may lie before the broker's.";
    "message.timestamp.type": Str, Some("CreateTime"), OneOf(&["CreateTime", "LogAppendTime"]), Medium, Live, Honoured, like &[("log.message.timestamp.type", 1)];
        "Whether records carry the producer's time or the broker's.";
    "min.cleanable.dirty.ratio": Double, Some("0.5"), Between(0, 1), Medium, Live, Honoured, like &[("log.cleaner.min.cleanable.ratio", 1)];
        "Share of uncleaned bytes at which the log is cleaned.";
    "min.compaction.lag.ms": Long, Some("0"), AtLeast(0), Medium, Live, Honoured, like &[("log.cleaner.min.compaction.lag.ms", 1)];
        "Shortest time that a record stays uncompacted.";
    "min.insync.replicas": Int, Some("1"), AtLeast(1), Medium, Live, Mapped, like &[("min.insync.replicas", 1)];
        "Replicas that must have a record before acks=all is answered; one replica is always enough here.";
    "preallocate": Boolean, Some("false"), Any, Medium, Live, Honoured, like &[("log.preallocate", 1)];
        "Whether new segments get their whole size on disk at once.";
    "remote.log.copy.disable": Boolean, Some("false"), Any, Medium, Live, Ignored;
        "Whether copies to tiered storage stop.";
    "remote.log.delete.on.disable": Boolean, Some("false"), Any, Medium, Live, Ignored;
        "Whether data in tiered storage goes when it is turned off.";
    "remote.storage.enable": Boolean, Some("false"), Any, Medium, Live, Refused;
        "Whether the topic uses tiered storage; Ottla keeps all data on local disks.";
    "retention.bytes": Long, Some("-1"), Any, Medium, Live, Honoured, like &[("log.retention.bytes", 1)];
        "Size of a partition above which old segments are deleted; -1 is no limit.";
    "retention.ms": Long, Some("604800000"), AtLeast(-1), Medium, Live, Honoured, like &[("log.retention.ms", 1), ("log.retention.minutes", 60000), ("log.retention.hours", 3600000)];
        "Milliseconds that records are kept; -1 is without end.";
    "segment.bytes": Int, Some("1073741824"), AtLeast(1048576), Medium, Live, Honoured, like &[("log.segment.bytes", 1)];
        "Size at which a segment is closed.";
    "segment.index.bytes": Int, Some("10485760"), AtLeast(4), Medium, Live, Honoured, like &[("log.index.size.max.bytes", 1)];
        "Largest size of an offset index.";
    "segment.jitter.ms": Long, Some("0"), AtLeast(0), Medium, Live, Honoured, like &[("log.roll.jitter.ms", 1), ("log.roll.jitter.hours", 3600000)];
        "Most milliseconds by which a segment is closed earlier, by chance.";
    "segment.ms": Long, Some("604800000"), AtLeast(1), Medium, Live, Honoured, like &[("log.roll.ms", 1), ("log.roll.hours", 3600000)];
        "Milliseconds after which a segment is closed.";
    "unclean.leader.election.enable": Boolean, Some("false"), Any, Medium, Live, Ignored, like &[("unclean.leader.election.enable", 1)];
        "Whether a replica that lags may become leader; one replica never lags.";
}

internal_keys! {
    "internal.segment.bytes": Int, None, Any, Medium, Live, Honoured;
        "Segment size in Kafka's own tests.";
}
