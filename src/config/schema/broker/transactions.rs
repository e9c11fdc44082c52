//! Broker keys of transactions and producer ids.

use crate::config::schema::table::*;

keys! {
    "add.partitions.to.txn.retry.backoff.max.ms": Int, Some("100"), AtLeast(0), High, ReadOnly, Ignored;
        "Longest wait before adding a partition to a transaction is tried again.";
    "add.partitions.to.txn.retry.backoff.ms": Int, Some("20"), AtLeast(1), High, ReadOnly, Ignored;
        "First wait before adding a partition to a transaction is tried again.";
    "producer.id.expiration.ms": Int, Some("86400000"), AtLeast(1), Low, ClusterWide, Honoured;
        "How long a partition remembers a producer that does not write.";
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": Int, Some("10000"), AtLeast(1), Low, ReadOnly, Honoured;
        "How often transactions that took too long are looked for.";
    "transaction.max.timeout.ms": Int, Some("900000"), AtLeast(1), High, ReadOnly, Honoured;
        "Longest timeout that a transaction may ask for.";
    "transaction.partition.verification.enable": Boolean, Some("true"), Any, Low, ClusterWide, Honoured;
        "Whether a transactional write must belong to an open transaction.";
    "transaction.remove.expired.transaction.cleanup.interval.ms": Int, Some("3600000"), AtLeast(1), Low, ReadOnly, Honoured;
        "How often expired transactional ids are looked for.";
    "transaction.state.log.load.buffer.size": Int, Some("5242880"), AtLeast(1), High, ReadOnly, Ignored;
        "Bytes read at a time when transactions are loaded.";
    "transaction.state.log.min.isr": Int, Some("2"), AtLeast(1), High, ReadOnly, Mapped;
        "In-sync replicas of the transactions topic; one node has one.";
    "transaction.state.log.num.partitions": Int, Some("50"), AtLeast(1), High, ReadOnly, Honoured;
        "Partitions of the transactions topic, set when it is created.";
    "transaction.state.log.replication.factor": Short, Some("3"), AtLeast(1), High, ReadOnly, Mapped;
        "Replicas of the transactions topic; one node has one.";
    "transaction.state.log.segment.bytes": Int, Some("104857600"), AtLeast(1), High, ReadOnly, Honoured;
        "Segment size of the transactions topic.";
    "transaction.two.phase.commit.enable": Boolean, Some("false"), Any, Low, ReadOnly, Refused;
        "Whether transactions may wait for an outer commit without a timeout.";
    "transactional.id.expiration.ms": Int, Some("604800000"), AtLeast(1), High, ReadOnly, Honoured;
        "How long an unused transactional id is remembered.";
}

internal_keys! {
    "producer.id.expiration.check.interval.ms": Int, Some("600000"), AtLeast(1), Low, ReadOnly, Honoured;
        "How often expired producer ids are looked for.";
}
