//! Every figure of every run, for programs.

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::results::{CaseResult, Results};
use super::stats::Samples;

pub fn write(results: &Results, path: &Path) -> Result<()> {
    let machine: Map<String, Value> =
        results.machine.iter().map(|(what, value)| (what.to_string(), json!(value))).collect();
    let document = json!({
        "date": results.date,
        "machine": machine,
        "notes": results.notes,
        "limits": samples(&results.limits),
        "cases": results.cases.iter().map(case).collect::<Vec<_>>(),
    });
    std::fs::write(path, serde_json::to_string_pretty(&document)?)?;
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
        let runs = samples.values(name);
        Some((name.to_string(), json!({ "median": s.median, "min": s.min, "max": s.max, "runs": runs })))
    });
    Value::Object(figures.collect())
}
