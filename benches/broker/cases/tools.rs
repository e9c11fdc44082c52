//! Cross-checks by real clients, whose own cost on the same cores is far above that of our load: Kafka's
//! `kafka-producer-perf-test` and a program of the rdkafka crate.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::making;
use super::meter::{Meter, Moved};
use super::{Load, Stage};
use crate::process::kafka::Kafka;
use crate::report::Sample;

const RECORD_BYTES: u64 = 1000;
const BATCH_BYTES: u64 = 64 << 10;

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
        let mut sample = meter.stop(Moved { ops: records, requests: bytes / BATCH_BYTES, bytes })?;
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

/// The program with the rdkafka crate that the tests have too.
#[derive(Clone)]
pub struct RdKafka {
    words: Vec<std::ffi::OsString>,
}

impl RdKafka {
    /// Makes it the first time. The error says what is missing.
    pub fn make() -> Result<RdKafka> {
        let made = making::make_python().and_then(|python| making::make_rust(Path::new(&python)));
        Ok(RdKafka { words: made.map_err(|why| anyhow::anyhow!(why))? })
    }

    /// The MB/s that it tells.
    fn call(&self, arguments: &[&str]) -> Result<f64> {
        let output = Command::new(&self.words[0]).args(&self.words[1..]).args(arguments).output()?;
        if !output.status.success() {
            bail!("rdkafka failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    }
}

pub struct ByRdKafka {
    pub client: RdKafka,
    pub consumes: bool,
}

impl Load for ByRdKafka {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(1)?;
        let count = on.scale.bytes / RECORD_BYTES;
        let (broker, records) = (on.address().to_string(), count.to_string());
        let produce = ["produce", &broker, &topic.name, &records, &RECORD_BYTES.to_string()];
        let consume = ["consume", &broker, &topic.name, &records];
        if self.consumes {
            self.client.call(&produce)?;
        }
        let meter = Meter::start(on.broker)?;
        let mb_per_s = self.client.call(if self.consumes { &consume } else { &produce })?;
        let bytes = count * RECORD_BYTES;
        let mut sample = meter.stop(Moved { ops: count, requests: bytes / BATCH_BYTES, bytes })?;
        sample.set("mb_per_s", mb_per_s);
        Ok(sample)
    }
}
