//! Cross-checks by real clients, whose own cost on the same cores is far above that of our load: Kafka's
//! `kafka-producer-perf-test` and a program of the rdkafka crate.

use std::ffi::OsString;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

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

/// By the program with the rdkafka crate that the tests have too.
pub struct ByRdKafka {
    pub consumes: bool,
}

/// Runs the program, which is made the first time, and gives the MB/s that it tells.
fn rdkafka(arguments: &[&str]) -> Result<f64> {
    static MADE: OnceLock<Result<Vec<OsString>, String>> = OnceLock::new();
    let made = MADE.get_or_init(|| making::make_rust(&making::make_python()?));
    let words = made.as_ref().map_err(|why| anyhow!("the rdkafka crate is left out: {}", why.trim()))?;
    let output = Command::new(&words[0]).args(&words[1..]).args(arguments).output()?;
    if !output.status.success() {
        bail!("rdkafka failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}

impl Load for ByRdKafka {
    fn run(&self, on: &mut Stage<'_>) -> Result<Sample> {
        let topic = on.topic(1)?;
        let count = on.scale.bytes / RECORD_BYTES;
        let (broker, records) = (on.address().to_string(), count.to_string());
        let produce = ["produce", &broker, &topic.name, &records, &RECORD_BYTES.to_string()];
        let consume = ["consume", &broker, &topic.name, &records];
        if self.consumes {
            rdkafka(&produce)?;
        }
        let meter = Meter::start(on.broker)?;
        let mb_per_s = rdkafka(if self.consumes { &consume } else { &produce })?;
        let bytes = count * RECORD_BYTES;
        let mut sample = meter.stop(Moved { ops: count, requests: bytes / BATCH_BYTES, bytes })?;
        sample.set("mb_per_s", mb_per_s);
        Ok(sample)
    }
}
