//! All cases.

use super::beside::Beside;
use super::burst::Burst;
use super::committed::CommittedFetch;
use super::connections::{AfterBurst, Idle};
use super::coordinators::{Commitments, Commits, Rounds};
use super::fetch::{Fetch, ProduceAndFetch};
use super::latency::Latencies;
use super::life::{StartUp, Stop};
use super::membership::{Beats, Gather, GroupMemory, Protocol};
use super::produce::Produce;
use super::tools::{ByRdKafka, PerfTest};
use super::{Also, Case, Kind, Life, Load, Shows, less, more};
use crate::load::frames::Shape;
use crate::machine;
use crate::process::kafka::Kafka;
use crate::process::settings::Durability::{self, PageCache, Synced};

const KB: usize = 1 << 10;
const MB: usize = 1 << 20;
const RATE: Shows = more("mb_per_s", "MB/s");
const OPS: Shows = more("ops_per_s", "per s");

/// The cases of a run; those of a tool of Kafka's only where it is there.
pub fn all(kafka: Option<&Kafka>) -> Vec<Case> {
    let mut cases = lives();
    for durability in [PageCache, Synced] {
        cases.extend(produce(durability));
        cases.extend(latencies(durability));
        cases.extend(coordinators(durability));
    }
    cases.extend(fetch());
    cases.extend(beside());
    if let Some(kafka) = kafka {
        let load = PerfTest { kafka: kafka.clone() };
        cases.push(shared("perf-test 1KB in 64K, Java client", PageCache, false, RATE, None, load));
    }
    for (what, consumes) in [("produced", false), ("consumed", true)] {
        let name = format!("rdkafka 1KB in 64K, {what}");
        cases.push(shared(&name, PageCache, false, RATE, None, ByRdKafka { consumes }));
    }
    cases
}

fn shared(
    name: &str,
    durability: Durability,
    quick: bool,
    shows: Shows,
    limit: Option<&'static str>,
    load: impl Load + 'static,
) -> Case {
    Case { name: name.into(), durability, quick, shows, also: &[], limit, kind: Kind::Shared(Box::new(load)) }
}

fn alone(name: &str, quick: bool, shows: Shows, life: impl Life + 'static) -> Case {
    Case {
        name: name.into(),
        durability: PageCache,
        quick,
        shows,
        also: &[],
        limit: None,
        kind: Kind::Alone(Box::new(life)),
    }
}

fn lives() -> Vec<Case> {
    let start = |partitions, after| StartUp { partitions, after };
    let ready = less("first_answer_ms", "ms to first answer");
    const SERVED: &[Also] = &[("all served", less("ready_ms", "ms until all partitions are served"), None)];
    let group_mb = less("group_mb", "MB more than before");
    let many = Idle { connections: 10_000 };
    let burst = AfterBurst { large_requests: 200, connections: 1000 };
    vec![
        alone("start empty", true, ready, start(0, Stop::Clean)),
        Case { also: SERVED, ..alone("start 1000 partitions, clean", true, ready, start(1000, Stop::Clean)) },
        Case { also: SERVED, ..alone("start 1000 partitions, killed", false, ready, start(1000, Stop::Killed)) },
        Case { also: SERVED, ..alone("start 10000 partitions, clean", false, ready, start(10_000, Stop::Clean)) },
        Case { also: SERVED, ..alone("start 10000 partitions, killed", false, ready, start(10_000, Stop::Killed)) },
        alone("memory idle", false, less("resident_mb", "MB"), start(0, Stop::Clean)),
        alone("memory of a partition, 1000", false, less("kb_per_partition", "KB"), start(1000, Stop::Clean)),
        alone("memory of a connection, 10000 idle", false, less("kb_per_connection", "KB"), many),
        alone("memory after a burst, times idle", false, less("times_idle", "x"), burst),
        alone("memory of a group of 1000", false, group_mb, GroupMemory { members: 1000, protocol: Protocol::Classic }),
        alone(
            "memory of a group of 1000, new protocol",
            false,
            group_mb,
            GroupMemory { members: 1000, protocol: Protocol::Consumer },
        ),
    ]
}

fn produce(durability: Durability) -> Vec<Case> {
    const CPU: &[Also] = &[("CPU", less("cpu_us_per_op", "us of CPU per record"), None)];
    let all_shapes = [
        ("100B single", Shape::single(100), &[1, 4, 16][..]),
        ("100B in 16K", Shape::new(100, 16 * KB), &[1, 16]),
        ("100B in 64K", Shape::new(100, 64 * KB), &[1, 16]),
        ("1KB single", Shape::single(1000), &[1, 16]),
        ("1KB in 16K", Shape::new(1000, 16 * KB), &[1, 16]),
        ("1KB in 64K", Shape::new(1000, 64 * KB), &[1, 4, 16]),
        ("1KB in 1M", Shape::new(1000, MB), &[1, 4]),
    ];
    let limit = if durability == PageCache { machine::APPEND } else { machine::SYNC_LARGE };
    let quick = ["100B single x4", "1KB in 64K x1", "1KB in 64K x4"];
    let mut cases = Vec::new();
    for (what, shape, counts) in all_shapes {
        let is_single = shape.batch_bytes == 0;
        let (shows, window) = if is_single { (OPS, 16) } else { (RATE, 5) };
        for &connections in counts {
            let name = format!("{what} x{connections}");
            let load = Produce { shape, connections, window, acks: -1 };
            let limit = (!is_single).then_some(limit);
            let is_quick = quick.contains(&name.as_str());
            let case = shared(&format!("produce {name}"), durability, is_quick, shows, limit, load);
            cases.push(Case { also: CPU, ..case });
        }
    }
    for (what, shape, connections) in
        [("100B single x4, acks=1", Shape::single(100), 4), ("1KB in 64K x4, acks=1", Shape::new(1000, 64 * KB), 4)]
    {
        let load = Produce { shape, connections, window: 16, acks: 1 };
        let shows = if shape.batch_bytes == 0 { OPS } else { RATE };
        cases.push(shared(&format!("produce {what}"), durability, false, shows, None, load));
    }
    cases
}

fn fetch() -> Vec<Case> {
    const CPU: &[Also] = &[("CPU", less("cpu_us_per_mb", "us of CPU per MB"), Some(machine::SENDFILE_CPU))];
    const COMMITTED: &[Also] = &[
        ("rate", more("rate_of_uncommitted", "x MB/s of uncommitted"), None),
        ("CPU", less("cpu_us_per_op", "us of CPU per record"), None),
    ];
    let kb = Shape::new(1000, 64 * KB);
    let committed = |name, quick, shape| {
        let load = CommittedFetch { shape, consumers: 4, abort_every: 100 };
        let shows = less("cpu_of_uncommitted", "x CPU of uncommitted");
        Case { also: COMMITTED, ..shared(name, PageCache, quick, shows, None, load) }
    };
    let case = |name, quick, load: Fetch| {
        let limit = if load.consumers == 1 { machine::SENDFILE_1 } else { machine::SENDFILE_4 };
        Case { also: CPU, ..shared(name, PageCache, quick, RATE, Some(limit), load) }
    };
    vec![
        case("fetch 1KB in 64K x1", true, Fetch::new(kb, 1)),
        case("fetch 1KB in 64K x4", true, Fetch::new(kb, 4)),
        case("fetch 1KB in 64K x16", false, Fetch::new(kb, 16)),
        case("fetch 1KB in 1M x4", false, Fetch::new(Shape::new(1000, MB), 4)),
        case("fetch 100B in 16K x4", false, Fetch::new(Shape::new(100, 16 * KB), 4)),
        case("fetch 1KB single x4", false, Fetch::new(Shape::single(1000), 4)),
        case("fetch 64K at a time x1", false, Fetch { fetch_bytes: 64 * KB as i32, ..Fetch::new(kb, 1) }),
        committed("fetch committed 1KB in 16K x4", true, Shape::new(1000, 16 * KB)),
        committed("fetch committed 1KB single x4", false, Shape::single(1000)),
        shared("both 1KB in 64K, 1+1", PageCache, true, RATE, None, ProduceAndFetch { shape: kb, pairs: 1 }),
        shared("both 1KB in 64K, 4+4", PageCache, false, RATE, None, ProduceAndFetch { shape: kb, pairs: 4 }),
    ]
}

fn beside() -> Vec<Case> {
    const MORE: &[Also] = &[
        ("times idle", less("times_idle", "times the p99 without it"), None),
        ("median", less("ack_p50_us", "us, median"), None),
        ("p99.9", less("ack_p99_9_us", "us, p99.9"), None),
        ("idle median", less("idle_ack_p50_us", "us, median"), None),
        ("idle p99", less("idle_ack_p99_us", "us, p99"), None),
        ("idle p99.9", less("idle_ack_p99_9_us", "us, p99.9"), None),
        ("it takes", less("took_ms", "ms until it is done"), None),
    ];
    let p99 = less("ack_p99_us", "us, p99");
    let case = |what, durability, load: Beside| {
        let name = format!("latency of the ack while a log is {what}");
        Case { also: MORE, ..shared(&name, durability, false, p99, None, load) }
    };
    vec![
        case("compacted", PageCache, Beside::Compaction),
        case("compacted", Synced, Beside::Compaction),
        case("removed", Synced, Beside::Removal),
    ]
}

fn latencies(durability: Durability) -> Vec<Case> {
    const MEDIAN: Shows = less("e2e_p50_us", "us, median");
    const ACK_MEDIAN: Shows = less("ack_p50_us", "us, median");
    const BURST: Shows = less("burst_p50_us", "us, median");
    const FAR: &[Also] =
        &[("p99", less("e2e_p99_us", "us, p99"), None), ("p99.9", less("e2e_p99_9_us", "us, p99.9"), None)];
    const ACK_FAR: &[Also] =
        &[("p99", less("ack_p99_us", "us, p99"), None), ("p99.9", less("ack_p99_9_us", "us, p99.9"), None)];
    const BURST_FAR: &[Also] = &[("p99", less("burst_p99_us", "us, p99"), None)];
    let limit = Some(if durability == PageCache { machine::PACED_PING_US } else { machine::SYNC_SMALL_US });
    let paced = |name, quick, per_second, consumed| {
        let (shows, also) = if consumed { (MEDIAN, FAR) } else { (ACK_MEDIAN, ACK_FAR) };
        let load = Latencies { per_second, producers: 4, consumed };
        Case { also, ..shared(name, durability, quick, shows, limit, load) }
    };
    let burst = |name, quick, partitions| {
        let case = shared(name, durability, quick, BURST, limit, Burst { partitions });
        Case { also: BURST_FAR, ..case }
    };
    vec![
        paced("latency end to end, 1000/s", true, 1000, true),
        paced("latency end to end, 10000/s", false, 10_000, true),
        paced("latency of the ack, 1000/s", false, 1000, false),
        paced("latency of the ack, 10000/s", false, 10_000, false),
        burst("burst over 1 partition", false, 1),
        burst("burst over 100 partitions", true, 100),
        burst("burst over 1000 partitions", false, 1000),
    ]
}

fn coordinators(durability: Durability) -> Vec<Case> {
    const STABLE: Shows = less("stable_ms", "ms");
    let commits = Commits { in_flight: 200, connections: 16 };
    const BEATING: Shows = less("core_percent", "% of a core");
    let gather = |name, members, protocol| {
        let quick = protocol == Protocol::Consumer && members == 200 && durability == PageCache;
        shared(name, durability, quick, STABLE, None, Gather { members, protocol })
    };
    let beats = |name, protocol, every_ms| {
        let load = Beats { groups: 100, members_each: 100, protocol, every_ms };
        shared(name, durability, false, BEATING, None, load)
    };
    let transactions = |name, producers| shared(name, durability, false, OPS, None, Commitments { producers });
    let mut cases = vec![
        shared("commits 200 in flight x16", durability, true, OPS, None, commits),
        shared("groups join to leave x16", durability, false, OPS, None, Rounds { members: 16 }),
        gather("group of 200 settles", 200, Protocol::Classic),
        gather("group of 1000 settles", 1000, Protocol::Classic),
        gather("group of 200 settles, new protocol", 200, Protocol::Consumer),
        gather("group of 1000 settles, new protocol", 1000, Protocol::Consumer),
        transactions("transactions of one record x1", 1),
        transactions("transactions of one record x8", 8),
        transactions("transactions of one record x16", 16),
    ];
    // They write nothing, so they are the same however it is kept.
    if durability == PageCache {
        cases.push(beats("heartbeats of 10000 members", Protocol::Classic, 3000));
        cases.push(beats("heartbeats of 10000 members, new protocol", Protocol::Consumer, 5000));
    }
    cases
}
