//! Every figure as `[median, least, most]` of the rounds, for programs.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::results::{CaseResult, Results};
use super::stats::Samples;

pub fn write(results: &Results, path: &Path) -> Result<()> {
    let machine: Map<String, Value> =
        results.machine.iter().map(|(what, value)| (what.to_string(), json!(value))).collect();
    let head = json!({
        "date": results.date,
        "machine": machine,
        "notes": results.notes,
        "limits": samples(&results.limits),
    });
    // A line for each case, so that two runs can be compared line by line.
    let cases: Vec<String> = results.cases.iter().map(|one| case(one).to_string()).collect();
    let text = format!("{{\"run\": {head},\n\"cases\": [\n{}\n]}}\n", cases.join(",\n"));
    std::fs::write(path, text)?;
    Ok(())
}

fn case(case: &CaseResult) -> Value {
    json!({
        "name": case.name,
        "durability": case.durability,
        "metric": case.metric,
        "unit": case.unit,
        "higher_is_better": case.higher_is_better,
        "ratio": case.ratio(),
        "limit": case.limit,
        "ottla": samples(&case.ottla),
        "kafka": samples(&case.kafka),
        "notes": case.notes,
    })
}

fn samples(samples: &Samples) -> Value {
    let figures = samples.names().into_iter().filter_map(|name| {
        let s = samples.summary(name)?;
        Some((name.to_string(), json!([rounded(s.median), rounded(s.min), rounded(s.max)])))
    });
    Value::Object(figures.collect())
}

/// To four significant figures: the rest is noise.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
