//! Broker keys of metrics, telemetry and quotas.

use crate::config::schema::table::*;

keys! {
    "client.quota.callback.class": Class, None, Any, Low, ReadOnly, Refused;
        "Java class that decides on quotas.";
    "controller.quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Honoured;
        "Windows over which changes of topics are measured.";
    "controller.quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Honoured;
        "Length of a window for changes of topics.";
    "kafka.metrics.polling.interval.secs": Int, Some("10"), AtLeast(1), Low, ReadOnly, Ignored;
        "How often Java metrics reporters are called.";
    "kafka.metrics.reporters": List, Some(""), Items { of: &[], may_be_empty: true }, Low, ReadOnly, Ignored;
        "Java metrics reporters of the old kind.";
    "metric.reporters": List, Some("org.apache.kafka.common.metrics.JmxReporter"), Items { of: &[], may_be_empty: true }, Low, ClusterWide, Ignored;
        "Java metrics reporters.";
    "metrics.num.samples": Int, Some("2"), AtLeast(1), Low, ReadOnly, Ignored;
        "Samples that Java metrics are made of.";
    "metrics.recording.level": Str, Some("INFO"), Any, Low, ReadOnly, Ignored;
        "How much the Java metrics record.";
    "metrics.sample.window.ms": Long, Some("30000"), AtLeast(1), Low, ReadOnly, Ignored;
        "Length of a sample of Java metrics.";
    "quota.window.num": Int, Some("11"), AtLeast(1), Low, ReadOnly, Honoured;
        "Windows over which client quotas are measured.";
    "quota.window.size.seconds": Int, Some("1"), AtLeast(1), Low, ReadOnly, Honoured;
        "Length of a client quota window.";
    "telemetry.max.bytes": Int, Some("1048576"), AtLeast(1), Low, ReadOnly, Ignored;
        "Most bytes of metrics that a client may push.";
}
