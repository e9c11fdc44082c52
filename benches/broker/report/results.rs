//! All that a run found.

use super::stats::Samples;
use crate::cases::{Also, Case};

/// One case: what it shows, and the runs on each broker.
#[derive(Clone)]
pub struct CaseResult {
    pub name: String,
    pub durability: &'static str,
    pub metric: &'static str,
    pub unit: &'static str,
    pub higher_is_better: bool,
    pub limit: Option<&'static str>,
    pub ottla: Samples,
    pub kafka: Samples,
    /// Why a broker has no figure, or fewer.
    pub notes: Vec<String>,
}

impl CaseResult {
    pub fn of(case: &Case) -> CaseResult {
        CaseResult {
            name: case.name.clone(),
            durability: case.durability.name(),
            metric: case.shows.metric,
            unit: case.shows.unit,
            higher_is_better: case.shows.higher_is_better,
            limit: case.limit,
            ottla: Samples::default(),
            kafka: Samples::default(),
            notes: Vec::new(),
        }
    }

    /// The case's other figures, each as a result.
    pub fn others(&self, case: &Case) -> Vec<CaseResult> {
        let other = |(what, shows, limit): &Also| CaseResult {
            name: format!("{}, {what}", self.name),
            metric: shows.metric,
            unit: shows.unit,
            higher_is_better: shows.higher_is_better,
            limit: *limit,
            notes: Vec::new(),
            ottla: self.ottla.only(shows.metric),
            kafka: self.kafka.only(shows.metric),
            durability: self.durability,
        };
        case.also.iter().map(other).collect()
    }

    /// How many times better Ottla is: above one it is better.
    pub fn ratio(&self) -> Option<f64> {
        let (ottla, kafka) = (self.ottla.median(self.metric)?, self.kafka.median(self.metric)?);
        Some(if self.higher_is_better { ottla / kafka } else { kafka / ottla })
    }

    /// The first word of the name: cases of a family share a chart.
    pub fn family(&self) -> &str {
        self.name.split(' ').next().unwrap_or_default()
    }
}

#[derive(Clone, Default)]
pub struct Results {
    pub date: String,
    pub machine: Vec<(&'static str, String)>,
    /// What the reader must know: noise, unequal settings, what was left out.
    pub notes: Vec<String>,
    pub limits: Samples,
    pub cases: Vec<CaseResult>,
}
