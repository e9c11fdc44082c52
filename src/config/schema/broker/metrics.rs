//! Broker keys of metrics, telemetry and quotas.

use crate::config::schema::table::*;

keys! {
    "client.quota.callback.class": Class, None, Any, Low, ReadOnly, Ignored;
        "";
    "controller.quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "controller.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "kafka.metrics.polling.interval.secs": Int, Some("10"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "kafka.metrics.reporters": List, Some(""), Items { of: &[], may_be_empty: true }, Low, ReadOnly, Ignored;
        "";
    "metric.reporters": List, Some("org.apache.kafka.common.metrics.JmxReporter"), Items { of: &[], may_be_empty: true }, Low, ClusterWide, Ignored;
        "";
    "metrics.num.samples": Int, Some("2"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "metrics.recording.level": Str, Some("INFO"), Any, Low, ReadOnly, Ignored;
        "";
    "metrics.sample.window.ms": Long, Some("30000"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
    "telemetry.max.bytes": Int, Some("1048576"), AtLeast(1), Low, ReadOnly, Ignored;
        "";
}
