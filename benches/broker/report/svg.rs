//! Charts: one a family of cases, a bar for each broker's median, a whisker from the least to the most, a tick where the
//! machine's limit lies.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::results::{CaseResult, Results};
use super::stats::{Samples, Summary};
use super::table::number;

const WIDTH: f64 = 860.0;
const LABELS: f64 = 240.0;
const VALUES: f64 = 90.0;
const BAR: f64 = 14.0;
const ROW: f64 = 44.0;
const TOP: f64 = 72.0;
const OTTLA: &str = "#0f766e";
const KAFKA: &str = "#a3a3a3";
const TEXT: &str = "font-family=\"system-ui,sans-serif\" fill=\"#1f2937\"";

/// Writes the charts and returns their file names.
pub fn write(results: &Results, dir: &Path) -> Result<Vec<String>> {
    let mut groups: Vec<(String, String, Vec<&CaseResult>)> = Vec::new();
    for case in results.cases.iter().filter(|c| !(c.ottla.is_empty() && c.kafka.is_empty())) {
        let file = format!("{}-{}-{}.svg", case.family(), case.metric, case.durability).replace([' ', '_'], "-");
        let title = format!("{} - {} ({})", case.family(), case.unit, case.durability);
        match groups.iter_mut().find(|(name, _, _)| *name == file) {
            Some((_, _, cases)) => cases.push(case),
            None => groups.push((file, title, vec![case])),
        }
    }
    for (file, title, cases) in &groups {
        fs::write(dir.join(file), chart(title, cases, &results.limits, &results.date))?;
    }
    Ok(groups.into_iter().map(|(file, _, _)| file).collect())
}

fn chart(title: &str, cases: &[&CaseResult], limits: &Samples, date: &str) -> String {
    let height = TOP + ROW * cases.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\"><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(&mut svg, 16.0, 26.0, 16, "start", &format!("<tspan font-weight=\"600\">{}</tspan>", escape(title)));
    let better = if cases.iter().all(|c| c.higher_is_better) { "longer is better" } else { "shorter is better" };
    let legend = format!("{better}; median, whiskers from least to most, tick: the machine's limit; {date}");
    text(&mut svg, 16.0, 46.0, 11, "start", &escape(&legend));
    for (x, color, name) in [(WIDTH - 150.0, OTTLA, "Ottla"), (WIDTH - 80.0, KAFKA, "Kafka")] {
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"16\" width=\"12\" height=\"12\" fill=\"{color}\"/>");
        text(&mut svg, x + 16.0, 26.0, 12, "start", name);
    }
    let scale = Scale::over(cases, limits);
    for (index, case) in cases.iter().enumerate() {
        row(&mut svg, TOP + ROW * index as f64, case, limits, &scale);
    }
    svg.push_str("</svg>\n");
    svg
}

/// From figures to places on the paper.
struct Scale {
    most: f64,
}

impl Scale {
    fn over(cases: &[&CaseResult], limits: &Samples) -> Scale {
        let most_of = |s: &Samples, name: &str| s.summary(name).map_or(0.0, |s| s.max);
        let most = cases.iter().map(|case| {
            let limit = case.limit.map_or(0.0, |name| limits.median(name).unwrap_or(0.0));
            limit.max(most_of(&case.ottla, case.metric)).max(most_of(&case.kafka, case.metric))
        });
        Scale { most: most.fold(f64::MIN_POSITIVE, f64::max) }
    }

    fn x(&self, value: f64) -> f64 {
        LABELS + (WIDTH - LABELS - VALUES) * (value / self.most)
    }
}

fn row(svg: &mut String, y: f64, case: &CaseResult, limits: &Samples, scale: &Scale) {
    let name = case.name.split_once(' ').map_or(case.name.as_str(), |(_, rest)| rest);
    text(svg, LABELS - 10.0, y + BAR + 5.0, 12, "end", &escape(name));
    for (samples, color, y) in [(&case.ottla, OTTLA, y), (&case.kafka, KAFKA, y + BAR + 3.0)] {
        if let Some(summary) = samples.summary(case.metric) {
            bar(svg, y, summary, color, scale);
        }
    }
    if let Some(limit) = case.limit.and_then(|name| limits.median(name)) {
        let (x, end) = (scale.x(limit), y + 2.0 * BAR + 5.0);
        let top = y - 2.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{end:.1}\" stroke=\"#b91c1c\" stroke-width=\"2\"/>"
        );
    }
}

fn bar(svg: &mut String, y: f64, figures: Summary, color: &str, scale: &Scale) {
    let (start, end) = (scale.x(0.0), scale.x(figures.median));
    let width = (end - start).max(1.0);
    let _ =
        writeln!(svg, "<rect x=\"{start:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{color}\"/>");
    let (least, most, middle) = (scale.x(figures.min), scale.x(figures.max), y + BAR / 2.0);
    let (above, below) = (middle - 3.0, middle + 3.0);
    let _ = writeln!(
        svg,
        "<path d=\"M{least:.1} {middle:.1}H{most:.1}M{least:.1} {above:.1}V{below:.1}M{most:.1} {above:.1}V{below:.1}\" \
         stroke=\"#111827\" fill=\"none\"/>"
    );
    text(svg, most.max(end) + 6.0, y + BAR - 3.0, 11, "start", &number(figures.median));
}

/// The content may hold markup; what comes from outside is escaped before.
fn text(svg: &mut String, x: f64, y: f64, size: u32, anchor: &str, content: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" text-anchor=\"{anchor}\" {TEXT}>{content}</text>"
    );
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
