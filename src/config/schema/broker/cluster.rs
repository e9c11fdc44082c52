//! Broker keys of identity, controller and metadata log.

use crate::config::schema::table::*;

keys! {
    "broker.heartbeat.interval.ms": Int, Some("2000"), Any, Medium, ReadOnly, Ignored;
        "How often a broker tells the controller that it lives.";
    "broker.id": Int, Some("-1"), Any, High, ReadOnly, Mapped;
        "Old name of node.id.";
    "broker.rack": Str, None, Any, Medium, ReadOnly, Honoured;
        "Rack of this node, told to clients.";
    "broker.session.timeout.ms": Int, Some("9000"), Any, Medium, ReadOnly, Ignored;
        "How long a silent broker keeps its lease.";
    "config.providers": List, Some(""), Items { of: &[], may_be_empty: true }, Low, ClusterWide, Ignored;
        "Java classes that fill in variables of values.";
    "controlled.shutdown.enable": Boolean, Some("true"), Any, Medium, ReadOnly, Ignored;
        "Whether a stopping broker hands its leaderships over first.";
    "controller.listener.names": List, None, Items { of: &[], may_be_empty: false }, High, ReadOnly, Mapped;
        "Listeners of the controller: only tools that bootstrap from controllers use them.";
    "controller.quorum.append.linger.ms": Int, Some("25"), AtLeast(0), Medium, ReadOnly, Ignored;
        "How long the quorum's leader gathers records before it writes.";
    "controller.quorum.auto.join.enable": Boolean, Some("false"), Any, Low, ReadOnly, Ignored;
        "Whether a controller joins the quorum by itself.";
    "controller.quorum.bootstrap.servers": List, Some(""), HostsAndPorts, High, ReadOnly, Ignored;
        "Addresses where a quorum is found.";
    "controller.quorum.election.backoff.max.ms": Int, Some("1000"), AtLeast(0), High, ReadOnly, Ignored;
        "Longest wait before another election.";
    "controller.quorum.election.timeout.ms": Int, Some("1000"), AtLeast(0), High, ReadOnly, Ignored;
        "How long a voter waits for a leader.";
    "controller.quorum.fetch.max.bytes": Int, Some("1048576"), AtLeast(1), Low, ReadOnly, Ignored;
        "Most bytes of one fetch between controllers.";
    "controller.quorum.fetch.snapshot.max.bytes": Int, Some("1048576"), AtLeast(1), Low, ReadOnly, Ignored;
        "Most bytes of one snapshot fetch between controllers.";
    "controller.quorum.fetch.timeout.ms": Int, Some("2000"), AtLeast(0), High, ReadOnly, Ignored;
        "How long a voter waits without a fetch before an election.";
    "controller.quorum.request.timeout.ms": Int, Some("2000"), AtLeast(0), Medium, ReadOnly, Ignored;
        "How long a request between controllers may take.";
    "controller.quorum.retry.backoff.ms": Int, Some("20"), AtLeast(0), Low, ReadOnly, Ignored;
        "Wait before a request between controllers is repeated.";
    "controller.quorum.voters": List, Some(""), Voters, High, ReadOnly, Mapped;
        "The voters of the quorum as id@host:port; only this node may be named.";
    "controller.socket.timeout.ms": Int, Some("30000"), Any, Medium, ReadOnly, Ignored;
        "Socket timeout from controller to broker.";
    "initial.broker.registration.timeout.ms": Int, Some("60000"), Any, Medium, ReadOnly, Ignored;
        "How long a starting broker waits for its registration.";
    "metadata.log.dir": Str, None, Any, High, ReadOnly, Honoured;
        "Directory of the metadata log; the first log directory where it is not set.";
    "metadata.log.max.record.bytes.between.snapshots": Long, Some("20971520"), AtLeast(1), High, ReadOnly, Honoured;
        "Bytes of metadata records after which a snapshot is written.";
    "metadata.log.max.snapshot.interval.ms": Long, Some("3600000"), AtLeast(0), High, ReadOnly, Honoured;
        "Longest time between snapshots while there are new records; 0 is no limit.";
    "metadata.log.segment.bytes": Int, Some("1073741824"), AtLeast(8388608), High, ReadOnly, Honoured;
        "Size at which a segment of the metadata log is closed.";
    "metadata.log.segment.ms": Long, Some("604800000"), Any, High, ReadOnly, Honoured;
        "Age at which a segment of the metadata log is closed.";
    "metadata.max.idle.interval.ms": Int, Some("500"), AtLeast(0), Low, ReadOnly, Ignored;
        "How often an idle controller writes a record to show that it lives.";
    "metadata.max.retention.bytes": Long, Some("104857600"), Any, High, ReadOnly, Honoured;
        "Size of metadata log and snapshots above which old ones are removed.";
    "metadata.max.retention.ms": Long, Some("604800000"), Any, High, ReadOnly, Honoured;
        "Age above which metadata log segments and snapshots are removed.";
    "node.id": Int, None, AtLeast(0), High, ReadOnly, Honoured;
        "Number of this node in its cluster.";
    "process.roles": List, None, Items { of: &["broker", "controller"], may_be_empty: false }, High, ReadOnly, Mapped;
        "Roles of this process; Ottla is always both broker and controller.";
}

internal_keys! {
    "controller.performance.always.log.threshold.ms": Long, Some("2000"), AtLeast(0), Medium, ReadOnly, Ignored;
        "Controller events slower than this are always logged.";
    "controller.performance.sample.period.ms": Long, Some("60000"), AtLeast(100), Medium, ReadOnly, Ignored;
        "Period over which the controller measures its events.";
    "internal.metadata.delete.delay.millis": Long, Some("60000"), Any, Low, ReadOnly, Ignored;
        "Delay before files of the metadata log are removed.";
    "internal.metadata.log.segment.bytes": Int, None, Any, Low, ReadOnly, Ignored;
        "Segment size of the metadata log in Kafka's own tests.";
    "internal.metadata.max.batch.size.in.bytes": Int, Some("8388608"), Any, Low, ReadOnly, Ignored;
        "Largest batch of the metadata log in Kafka's own tests.";
    "server.max.startup.time.ms": Long, Some("9223372036854775807"), AtLeast(0), Medium, ReadOnly, Ignored;
        "Longest time that a start may take.";
    "unstable.api.versions.enable": Boolean, Some("false"), Any, High, ReadOnly, Ignored;
        "Whether API versions still in development are served.";
    "unstable.feature.versions.enable": Boolean, Some("false"), Any, High, ReadOnly, Ignored;
        "Whether feature levels still in development may be set.";
}
