//! Broker keys about replicas.

use crate::config::schema::table::*;

keys! {
    "alter.log.dirs.replication.quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Ignored;
        "Windows over which moves between log directories are measured.";
    "alter.log.dirs.replication.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Ignored;
        "Length of a window for moves between log directories.";
    "auto.leader.rebalance.enable": Boolean, Some("true"), Any, High, ReadOnly, Ignored;
        "Whether leaderships are moved back to preferred replicas.";
    "default.replication.factor": Int, Some("1"), Any, Medium, ReadOnly, Mapped;
        "Replicas of topics that are created without a count; one node has one.";
    "follower.fetch.last.tiered.offset.enable": Boolean, Some("false"), Any, Medium, ClusterWide, Ignored;
        "Whether new followers start behind what is in tiered storage.";
    "inter.broker.listener.name": Str, None, Any, Medium, ReadOnly, Honoured;
        "Listener that other brokers would use.";
    "leader.imbalance.check.interval.seconds": Long, Some("300"), AtLeast(1), High, ReadOnly, Ignored;
        "How often leaderships are checked for balance.";
    "min.insync.replicas": Int, Some("1"), AtLeast(1), High, ClusterWide, Mapped;
        "Replicas that must have a record before acks=all is answered; one replica is always enough here.";
    "num.replica.alter.log.dirs.threads": Int, None, Any, High, ReadOnly, Ignored;
        "Threads that move replicas between log directories.";
    "num.replica.fetchers": Int, Some("1"), AtLeast(1), High, ClusterWide, Ignored;
        "Threads a source broker that fetch replicas.";
    "replica.fetch.backoff.ms": Int, Some("1000"), AtLeast(0), Medium, ReadOnly, Ignored;
        "Wait of a follower after an error.";
    "replica.fetch.max.bytes": Int, Some("1048576"), AtLeast(0), Medium, ReadOnly, Ignored;
        "Bytes a partition that a follower fetches.";
    "replica.fetch.min.bytes": Int, Some("1"), Any, High, ReadOnly, Ignored;
        "Least bytes of a fetch answer to a follower.";
    "replica.fetch.response.max.bytes": Int, Some("10485760"), AtLeast(0), Medium, ReadOnly, Ignored;
        "Most bytes of a fetch answer to a follower.";
    "replica.fetch.wait.max.ms": Int, Some("500"), Any, High, ReadOnly, Ignored;
        "Longest wait of a follower's fetch.";
    "replica.high.watermark.checkpoint.interval.ms": Long, Some("5000"), Any, High, ReadOnly, Honoured;
        "How often high watermarks are written to disk.";
    "replica.lag.time.max.ms": Long, Some("30000"), Any, High, ReadOnly, Ignored;
        "How long a follower may lag before it leaves the in-sync replicas.";
    "replica.selector.class": Str, None, Any, Medium, ReadOnly, Ignored;
        "Java class that chooses the replica a consumer reads from.";
    "replica.socket.receive.buffer.bytes": Int, Some("65536"), Any, High, ReadOnly, Ignored;
        "Receive buffer of followers' connections.";
    "replica.socket.timeout.ms": Int, Some("30000"), Any, High, ReadOnly, Ignored;
        "Socket timeout of followers' connections.";
    "replication.quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Ignored;
        "Windows over which replication quotas are measured.";
    "replication.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Ignored;
        "Length of a replication quota window.";
    "security.inter.broker.protocol": Str, Some("PLAINTEXT"), OneOf(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]), Medium, ReadOnly, Mapped;
        "Protocol between brokers; chooses the listener that they would use.";
    "unclean.leader.election.enable": Boolean, Some("false"), Any, High, ClusterWide, Ignored;
        "Whether a replica that lags may become leader; one replica never lags.";
}

internal_keys! {
    "unclean.leader.election.interval.ms": Long, Some("300000"), AtLeast(1), Medium, ReadOnly, Ignored;
        "How often unclean elections are considered.";
}
