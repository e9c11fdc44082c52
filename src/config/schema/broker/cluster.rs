//! Broker keys of identity, controller and metadata log.

use crate::config::schema::table::*;

keys! {
    "broker.heartbeat.interval.ms": Int, Some("2000"), Any, Medium, ReadOnly, Ignored;
        "";
    "broker.id": Int, Some("-1"), Any, High, ReadOnly, Ignored;
        "";
    "broker.rack": Str, None, Any, Medium, ReadOnly, Ignored;
        "";
    "broker.session.timeout.ms": Int, Some("9000"), Any, Medium, ReadOnly, Ignored;
        "";
    "config.providers": List, Some(""), Items { of: &[], may_be_empty: true }, Low, ClusterWide, Ignored;
        "";
    "controlled.shutdown.enable": Boolean, Some("true"), Any, Medium, ReadOnly, Ignored;
        "";
    "controller.listener.names": List, None, Items { of: &[], may_be_empty: false }, High, ReadOnly, Ignored;
        "";
    "controller.quorum.append.linger.ms": Int, Some("25"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "controller.quorum.auto.join.enable": Boolean, Some("false"), Any, Low, ReadOnly, Ignored;
        "";
    "controller.quorum.bootstrap.servers": List, Some(""), HostsAndPorts, High, ReadOnly, Ignored;
        "";
    "controller.quorum.election.backoff.max.ms": Int, Some("1000"), AtLeast(0), High, ReadOnly, Ignored;
        "";
    "controller.quorum.election.timeout.ms": Int, Some("1000"), AtLeast(0), High, ReadOnly, Ignored;
        "";
    "controller.quorum.fetch.max.bytes": Int, Some("1048576"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "controller.quorum.fetch.snapshot.max.bytes": Int, Some("1048576"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "controller.quorum.fetch.timeout.ms": Int, Some("2000"), AtLeast(0), High, ReadOnly, Ignored;
        "";
    "controller.quorum.request.timeout.ms": Int, Some("2000"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "controller.quorum.retry.backoff.ms": Int, Some("20"), AtLeast(0), Low, ReadOnly, Ignored;
        "";
    "controller.quorum.voters": List, Some(""), Voters, High, ReadOnly, Ignored;
        "";
    "controller.socket.timeout.ms": Int, Some("30000"), Any, Medium, ReadOnly, Ignored;
        "";
    "initial.broker.registration.timeout.ms": Int, Some("60000"), Any, Medium, ReadOnly, Ignored;
        "";
    "metadata.log.dir": Str, None, Any, High, ReadOnly, Ignored;
        "";
    "metadata.log.max.record.bytes.between.snapshots": Long, Some("20971520"), AtLeast(1), High, ReadOnly, Ignored;
        "";
    "metadata.log.max.snapshot.interval.ms": Long, Some("3600000"), AtLeast(0), High, ReadOnly, Ignored;
        "";
    "metadata.log.segment.bytes": Int, Some("1073741824"), AtLeast(8388608), High, ReadOnly, Ignored;
        "";
    "metadata.log.segment.ms": Long, Some("604800000"), Any, High, ReadOnly, Ignored;
        "";
    "metadata.max.idle.interval.ms": Int, Some("500"), AtLeast(0), Low, ReadOnly, Ignored;
        "";
    "metadata.max.retention.bytes": Long, Some("104857600"), Any, High, ReadOnly, Ignored;
        "";
    "metadata.max.retention.ms": Long, Some("604800000"), Any, High, ReadOnly, Ignored;
        "";
    "node.id": Int, None, AtLeast(0), High, ReadOnly, Ignored;
        "";
    "process.roles": List, None, Items { of: &["broker", "controller"], may_be_empty: false }, High, ReadOnly, Ignored;
        "";
}

internal_keys! {
    "controller.performance.always.log.threshold.ms": Long, Some("2000"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "controller.performance.sample.period.ms": Long, Some("60000"), AtLeast(100), Medium, ReadOnly, Ignored;
        "";
    "internal.metadata.delete.delay.millis": Long, Some("60000"), Any, Low, ReadOnly, Ignored;
        "";
    "internal.metadata.log.segment.bytes": Int, None, Any, Low, ReadOnly, Ignored;
        "";
    "internal.metadata.max.batch.size.in.bytes": Int, Some("8388608"), Any, Low, ReadOnly, Ignored;
        "";
    "server.max.startup.time.ms": Long, Some("9223372036854775807"), AtLeast(0), Medium, ReadOnly, Ignored;
        "";
    "unstable.api.versions.enable": Boolean, Some("false"), Any, High, ReadOnly, Ignored;
        "";
    "unstable.feature.versions.enable": Boolean, Some("false"), Any, High, ReadOnly, Ignored;
        "";
}
