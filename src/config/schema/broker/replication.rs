//! Broker keys about replicas.

use crate::config::schema::table::*;

keys! {
    "alter.log.dirs.replication.quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "alter.log.dirs.replication.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "auto.leader.rebalance.enable": Boolean, Some("true"), Any, High, ReadOnly, Ignored;
        "";
    "default.replication.factor": Int, Some("1"), Any, Medium, ReadOnly, Ignored;
        "";
    "follower.fetch.last.tiered.offset.enable": Boolean, Some("false"), Any, Medium, ClusterWide, Ignored;
        "";
    "inter.broker.listener.name": Str, None, Any, Medium, ReadOnly, Ignored;
        "";
    "leader.imbalance.check.interval.seconds": Long, Some("300"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "min.insync.replicas": Int, Some("1"), AtLeast(1), High, ClusterWide, Ignored;
        "";
    "num.replica.alter.log.dirs.threads": Int, None, Any, High, ReadOnly, Ignored;
        "";
    "num.replica.fetchers": Int, Some("1"), AtLeast(1), High, ClusterWide, Ignored;
        "";
    "replica.fetch.backoff.ms": Int, Some("1000"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "replica.fetch.max.bytes": Int, Some("1048576"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "replica.fetch.min.bytes": Int, Some("1"), Any, High, ReadOnly, Ignored;
        "";
    "replica.fetch.response.max.bytes": Int, Some("10485760"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "replica.fetch.wait.max.ms": Int, Some("500"), Any, High, ReadOnly, Ignored;
        "";
    "replica.high.watermark.checkpoint.interval.ms": Long, Some("5000"), Any, High, ReadOnly, Ignored;
        "";
    "replica.lag.time.max.ms": Long, Some("30000"), Any, High, ReadOnly, Ignored;
        "";
    "replica.selector.class": Str, None, Any, Medium, ReadOnly, Ignored;
        "";
    "replica.socket.receive.buffer.bytes": Int, Some("65536"), Any, High, ReadOnly, Ignored;
        "";
    "replica.socket.timeout.ms": Int, Some("30000"), Any, High, ReadOnly, Ignored;
        "";
    "replication.quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "replication.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "security.inter.broker.protocol": Str, Some("PLAINTEXT"), OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), Medium, ReadOnly, Ignored;
        "";
    "unclean.leader.election.enable": Boolean, Some("false"), Any, High, ClusterWide, Ignored;
        "";
}

internal_keys! {
    "unclean.leader.election.interval.ms": Long, Some("300000"), AtLeast(1), Medium, ReadOnly, Ignored;
        "";
}
