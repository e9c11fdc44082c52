//! The table on the terminal.

use super::results::{CaseResult, Results};
use super::stats::{Samples, Summary};

const COLUMNS: [&str; 9] =
    ["case", "unit", "Ottla", "Kafka", "ratio", "CPU/op us O:K", "peak MB O:K", "client us", "of limit"];

pub fn print(results: &Results) {
    println!("\n{}", results.date);
    for (what, value) in &results.machine {
        println!("{what}: {value}");
    }
    for note in &results.notes {
        println!("note: {note}");
    }
    println!("\nThe machine's limits in this run, median (least to most):");
    for name in results.limits.names() {
        println!("  {name:<24} {}", spread(results.limits.summary(name)));
    }
    for durability in ["page cache", "synced"] {
        let cases: Vec<&CaseResult> = results.cases.iter().filter(|c| c.durability == durability).collect();
        if !cases.is_empty() {
            println!("\nAcknowledged from: {durability}. Median (least to most); a ratio above 1 favours Ottla.");
            rows(&cases, &results.limits);
        }
    }
    for case in &results.cases {
        for note in &case.notes {
            println!("{}: {note}", case.name);
        }
    }
}

fn rows(cases: &[&CaseResult], limits: &Samples) {
    let mut lines = vec![COLUMNS.map(String::from).to_vec()];
    lines.extend(cases.iter().map(|case| row(case, limits)));
    let width = |column: usize| lines.iter().filter_map(|l| l.get(column)).map(|t| t.chars().count()).max();
    let widths: Vec<usize> = (0..COLUMNS.len()).map(|c| width(c).unwrap_or(0)).collect();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}")).collect();
        println!("  {}", cells.join("  ").trim_end());
    }
}

fn row(case: &CaseResult, limits: &Samples) -> Vec<String> {
    let both = |name: &str| match (case.ottla.median(name), case.kafka.median(name)) {
        (None, None) => String::new(),
        (ottla, kafka) => format!("{} : {}", figure(ottla), figure(kafka)),
    };
    let of_limit = case.limit.and_then(|name| limits.median(name)).zip(case.ottla.median(case.metric));
    vec![
        case.name.clone(),
        case.unit.to_string(),
        spread(case.ottla.summary(case.metric)),
        spread(case.kafka.summary(case.metric)),
        case.ratio().map_or(String::new(), |r| format!("{r:.2}x")),
        both("cpu_us_per_op"),
        both("peak_mb"),
        figure(case.ottla.median("client_cpu_us_per_op").or(case.kafka.median("client_cpu_us_per_op"))),
        of_limit.map_or(String::new(), |(limit, ottla)| match case.higher_is_better {
            true => format!("{:.0} % of {}", 100.0 * ottla / limit, number(limit)),
            false => format!("{:.1}x of {}", ottla / limit, number(limit)),
        }),
    ]
}

fn figure(value: Option<f64>) -> String {
    value.map_or("-".into(), number)
}

fn spread(summary: Option<Summary>) -> String {
    summary.map_or("-".into(), |s| format!("{} ({}-{})", number(s.median), number(s.min), number(s.max)))
}

/// Three significant figures.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
