//! A cross-check by Kafka's own `kafka-producer-perf-test`: a real client, whose own cost on the same cores is far above
//! that of our load, against both brokers.

use anyhow::{Context, Result, bail};

use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::process::kafka::Kafka;
use crate::report::Sample;

const RECORD_BYTES: u64 = 1000;

pub struct PerfTest {
    pub kafka: Kafka,
}

impl Load for PerfTest {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(1)?;
        let records = on.scale.bytes / RECORD_BYTES;
        let meter = Meter::start(on.broker)?;
        let output = self
            .kafka
            .tool("org.apache.kafka.tools.ProducerPerformance")
            .args(["--topic", &topic.name, "--throughput", "-1"])
            .args(["--num-records", &records.to_string(), "--record-size", &RECORD_BYTES.to_string()])
            .args(["--producer-props", &format!("bootstrap.servers={}", on.address()), "acks=all", "batch.size=65536"])
            .output()?;
        let bytes = records * RECORD_BYTES;
        let mut sample = meter.stop(Moved { ops: records, requests: bytes / 65536, bytes })?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("kafka-producer-perf-test failed: {text} {}", String::from_utf8_lossy(&output.stderr));
        }
        let total = text.lines().rev().find(|line| line.contains("99.9th")).context("the tool tells no total")?;
        let per_second = total.split(',').find_map(|part| part.trim().strip_suffix(" MB/sec)")?.rsplit('(').next());
        let mib: f64 = per_second.context("the tool tells no rate")?.parse()?;
        sample.set("mb_per_s", mib * 1.048_576);
        Ok(sample)
    }
}
