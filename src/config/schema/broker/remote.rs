//! Broker keys of tiered storage.

use crate::config::schema::table::*;

keys! {
    "log.local.retention.bytes": Long, Some("-2"), AtLeast(-2), Medium, ClusterWide, Ignored;
        "Bytes that stay on local disk with tiered storage.";
    "log.local.retention.ms": Long, Some("-2"), AtLeast(-2), Medium, ClusterWide, Ignored;
        "Time that records stay on local disk with tiered storage.";
    "remote.fetch.max.wait.ms": Int, Some("500"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Longest wait for a fetch from tiered storage.";
    "remote.list.offsets.request.timeout.ms": Long, Some("30000"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Longest wait for an offset look-up in tiered storage.";
    "remote.log.index.file.cache.total.size.bytes": Long, Some("1073741824"), AtLeast(1), Low, ClusterWide, Ignored;
        "Size of the cache for indexes of tiered storage.";
    "remote.log.manager.copier.thread.pool.size": Int, Some("10"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Threads that copy segments to tiered storage.";
    "remote.log.manager.copy.max.bytes.per.second": Long, Some("9223372036854775807"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Most bytes a second copied to tiered storage.";
    "remote.log.manager.copy.quota.window.num": Int, Some("11"), AtLeast(1), Medium, ReadOnly, Ignored;
        "Windows over which copies to tiered storage are measured.";
    "remote.log.manager.copy.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Medium, ReadOnly, Ignored;
        "Length of a window for copies to tiered storage.";
    "remote.log.manager.expiration.thread.pool.size": Int, Some("10"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Threads that delete segments from tiered storage.";
    "remote.log.manager.fetch.max.bytes.per.second": Long, Some("9223372036854775807"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Most bytes a second read from tiered storage.";
    "remote.log.manager.fetch.quota.window.num": Int, Some("11"), AtLeast(1), Medium, ReadOnly, Ignored;
        "Windows over which reads from tiered storage are measured.";
    "remote.log.manager.fetch.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Medium, ReadOnly, Ignored;
        "Length of a window for reads from tiered storage.";
    "remote.log.manager.follower.thread.pool.size": Int, Some("2"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Threads for followers' work on tiered storage.";
    "remote.log.manager.task.interval.ms": Long, Some("30000"), AtLeast(1), Low, ReadOnly, Ignored;
        "How often work on tiered storage is looked for.";
    "remote.log.manager.thread.pool.size": Int, Some("2"), AtLeast(1), Medium, ReadOnly, Ignored;
        "Threads for work on tiered storage, by its old name.";
    "remote.log.metadata.custom.metadata.max.bytes": Int, Some("128"), AtLeast(0), Low, ReadOnly, Ignored;
        "Most bytes of custom metadata a segment of tiered storage has.";
    "remote.log.metadata.manager.class.name": Str, Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), NonEmpty, Medium, ReadOnly, Ignored;
        "Java class that keeps metadata of tiered storage.";
    "remote.log.metadata.manager.class.path": Str, None, Any, Medium, ReadOnly, Ignored;
        "Class path of the metadata manager of tiered storage.";
    "remote.log.metadata.manager.impl.prefix": Str, Some("rlmm.config."), NonEmpty, Medium, ReadOnly, Ignored;
        "Prefix of the keys of the metadata manager of tiered storage.";
    "remote.log.metadata.manager.listener.name": Str, None, NonEmpty, Medium, ReadOnly, Ignored;
        "Listener that the metadata manager of tiered storage uses.";
    "remote.log.reader.max.pending.tasks": Int, Some("100"), AtLeast(1), Medium, ReadOnly, Ignored;
        "Most reads from tiered storage that wait.";
    "remote.log.reader.threads": Int, Some("10"), AtLeast(1), Medium, ClusterWide, Ignored;
        "Threads that read from tiered storage.";
    "remote.log.storage.manager.class.name": Str, None, NonEmpty, Medium, ReadOnly, Ignored;
        "Java class that stores segments in tiered storage.";
    "remote.log.storage.manager.class.path": Str, None, Any, Medium, ReadOnly, Ignored;
        "Class path of the storage manager of tiered storage.";
    "remote.log.storage.manager.impl.prefix": Str, Some("rsm.config."), NonEmpty, Medium, ReadOnly, Ignored;
        "Prefix of the keys of the storage manager of tiered storage.";
    "remote.log.storage.system.enable": Boolean, Some("false"), Any, Medium, ReadOnly, Refused;
        "Whether tiered storage is on; Ottla keeps all data on local disks.";
}

internal_keys! {
    "remote.log.index.file.cache.ttl.ms": Long, Some("900000"), AtLeast(-1), Low, ReadOnly, Ignored;
        "Time that indexes of tiered storage stay in the cache.";
    "remote.log.manager.task.retry.backoff.max.ms": Long, Some("30000"), AtLeast(1), Low, ReadOnly, Ignored;
        "Longest wait before work on tiered storage is repeated.";
    "remote.log.manager.task.retry.backoff.ms": Long, Some("500"), AtLeast(1), Low, ReadOnly, Ignored;
        "First wait before work on tiered storage is repeated.";
    "remote.log.manager.task.retry.jitter": Double, Some("0.2"), BetweenReal(0.0, 0.5), Low, ReadOnly, Ignored;
        "Chance in the wait before work on tiered storage is repeated.";
}
