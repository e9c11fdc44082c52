//! Broker keys of transactions and producer ids.

use crate::config::schema::table::*;

keys! {
    "add.partitions.to.txn.retry.backoff.max.ms": Int, Some("100"), AtLeast(0), High, ReadOnly, Ignored;
        "";
    "add.partitions.to.txn.retry.backoff.ms": Int, Some("20"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "producer.id.expiration.ms": Int, Some("86400000"), AtLeast(1), Low, ClusterWide, Ignored;
        "";
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": Int, Some("10000"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "transaction.max.timeout.ms": Int, Some("900000"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "transaction.partition.verification.enable": Boolean, Some("true"), Any, Low, ClusterWide, Ignored;
        "";
    "transaction.remove.expired.transaction.cleanup.interval.ms": Int, Some("3600000"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "transaction.state.log.load.buffer.size": Int, Some("5242880"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "transaction.state.log.min.isr": Int, Some("2"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "transaction.state.log.num.partitions": Int, Some("50"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "transaction.state.log.replication.factor": Short, Some("3"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "transaction.state.log.segment.bytes": Int, Some("104857600"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "transaction.two.phase.commit.enable": Boolean, Some("false"), Any, Low, ReadOnly, Ignored;
        "";
    "transactional.id.expiration.ms": Int, Some("604800000"), AtLeast(1), High, ReadOnly, Ignored;
        "";
}

internal_keys! {
    "producer.id.expiration.check.interval.ms": Int, Some("600000"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
}
