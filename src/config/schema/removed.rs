//! Keys of older Kafka versions that 4.3 no longer knows: files carry them for years, so each gets a word.

/// (key, what to do about it)
pub const KEYS: &[(&str, &str)] = &[
    ("zookeeper.connect", "there is no ZooKeeper any more; remove it"),
    ("zookeeper.connection.timeout.ms", "there is no ZooKeeper any more; remove it"),
    ("zookeeper.session.timeout.ms", "there is no ZooKeeper any more; remove it"),
    ("zookeeper.metadata.migration.enable", "there is no ZooKeeper any more; remove it"),
    ("inter.broker.protocol.version", "the cluster's features say this now; remove it"),
    ("log.message.format.version", "records are always of format 2; remove it"),
    ("log.message.downconversion.enable", "records are always of format 2; remove it"),
    (
        "log.message.timestamp.difference.max.ms",
        "use log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms",
    ),
    ("offsets.commit.required.acks", "commits are always as durable as acks=all; remove it"),
    ("control.plane.listener.name", "there is no control plane listener any more; remove it"),
    ("broker.id.generation.enable", "set node.id instead"),
    ("reserved.broker.max.id", "set node.id instead"),
    ("host.name", "use listeners"),
    ("port", "use listeners"),
    ("advertised.host.name", "use advertised.listeners"),
    ("advertised.port", "use advertised.listeners"),
    ("group.coordinator.new.enable", "both group protocols are always there; remove it"),
    ("group.share.enable", "share groups follow the feature share.version; remove it"),
    ("log.cleaner.io.buffer.memory", "use log.cleaner.dedupe.buffer.size"),
    ("delegation.token.master.key", "use delegation.token.secret.key"),
    ("password.encoder.secret", "there is no ZooKeeper any more; remove it"),
    ("eligible.leader.replicas.enable", "the feature eligible.leader.replicas.version says this now; remove it"),
    ("auto.include.jmx.reporter", "list reporters in metric.reporters"),
    ("controlled.shutdown.max.retries", "it has no effect since 4.0; remove it"),
    ("controlled.shutdown.retry.backoff.ms", "it has no effect since 4.0; remove it"),
];

/// What to do about a key that is gone.
pub fn advice(name: &str) -> Option<&'static str> {
    KEYS.iter().find(|(key, _)| *key == name).map(|(_, advice)| *advice)
}
