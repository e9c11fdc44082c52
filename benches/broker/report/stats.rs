//! What one run measured, and what several runs say together.

use std::collections::BTreeMap;

/// The figures of one run, by name. The name tells the unit.
#[derive(Clone, Debug, Default)]
pub struct Sample(BTreeMap<&'static str, f64>);

impl Sample {
    pub fn set(&mut self, name: &'static str, value: f64) {
        self.0.insert(name, value);
    }

    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }
}

/// The runs of one case on one broker.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Sample>);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Samples {
    pub fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// One figure of the runs.
    pub fn only(&self, name: &'static str) -> Samples {
        let one = |sample: &Sample| Sample(sample.get(name).map(|value| (name, value)).into_iter().collect());
        Samples(self.0.iter().map(one).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.iter().flat_map(|s| s.0.keys().copied()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub fn values(&self, name: &str) -> Vec<f64> {
        self.0.iter().filter_map(|s| s.get(name)).collect()
    }

    pub fn summary(&self, name: &str) -> Option<Summary> {
        let mut values = self.values(name);
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = (values.get((values.len() - 1) / 2)?, values.get(values.len() / 2)?);
        Some(Summary { median: (low + high) / 2.0, min, max })
    }

    pub fn median(&self, name: &str) -> Option<f64> {
        self.summary(name).map(|s| s.median)
    }
}
