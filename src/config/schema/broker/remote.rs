//! Broker keys of tiered storage.

use crate::config::schema::table::*;

keys! {
    "log.local.retention.bytes": Long, Some("-2"), AtLeast(-2), Medium, ClusterWide, Ignored;
        "";
    "log.local.retention.ms": Long, Some("-2"), AtLeast(-2), Medium, ClusterWide, Ignored;
        "";
    "remote.fetch.max.wait.ms": Int, Some("500"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.list.offsets.request.timeout.ms": Long, Some("30000"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.index.file.cache.total.size.bytes": Long, Some("1073741824"), AtLeast(1), Low, ClusterWide, Ignored;
        "";
    "remote.log.manager.copier.thread.pool.size": Int, Some("10"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.manager.copy.max.bytes.per.second": Long, Some("9223372036854775807"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.manager.copy.quota.window.num": Int, Some("11"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
    "remote.log.manager.copy.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
    "remote.log.manager.expiration.thread.pool.size": Int, Some("10"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.manager.fetch.max.bytes.per.second": Long, Some("9223372036854775807"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.manager.fetch.quota.window.num": Int, Some("11"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
    "remote.log.manager.fetch.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
    "remote.log.manager.follower.thread.pool.size": Int, Some("2"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.manager.task.interval.ms": Long, Some("30000"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "remote.log.manager.thread.pool.size": Int, Some("2"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
    "remote.log.metadata.custom.metadata.max.bytes": Int, Some("128"), AtLeast(0), Low, ReadOnly, Ignored;
        "";
    "remote.log.metadata.manager.class.name": Str, Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), NonEmpty, Medium, ReadOnly, Ignored;
        "";
    "remote.log.metadata.manager.class.path": Str, None, Any, Medium, ReadOnly, Ignored;
        "";
    "remote.log.metadata.manager.impl.prefix": Str, Some("rlmm.config."), NonEmpty, Medium, ReadOnly, Ignored;
        "";
    "remote.log.metadata.manager.listener.name": Str, None, NonEmpty, Medium, ReadOnly, Ignored;
        "";
    "remote.log.reader.max.pending.tasks": Int, Some("100"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
    "remote.log.reader.threads": Int, Some("10"), AtLeast(1), Medium, ClusterWide, Ignored;
        "";
    "remote.log.storage.manager.class.name": Str, None, NonEmpty, Medium, ReadOnly, Ignored;
        "";
    "remote.log.storage.manager.class.path": Str, None, Any, Medium, ReadOnly, Ignored;
        "";
    "remote.log.storage.manager.impl.prefix": Str, Some("rsm.config."), NonEmpty, Medium, ReadOnly, Ignored;
        "";
    "remote.log.storage.system.enable": Boolean, Some("false"), Any, Medium, ReadOnly, Refused;
        "Whether tiered storage is on; Ottla keeps all data on local disks.";
}

internal_keys! {
    "remote.log.index.file.cache.ttl.ms": Long, Some("900000"), AtLeast(-1), Low, ReadOnly, Ignored;
        "";
    "remote.log.manager.task.retry.backoff.max.ms": Long, Some("30000"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "remote.log.manager.task.retry.backoff.ms": Long, Some("500"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "remote.log.manager.task.retry.jitter": Double, Some("0.2"), BetweenReal(0.0, 0.5), Low, ReadOnly, Ignored;
        "";
}
