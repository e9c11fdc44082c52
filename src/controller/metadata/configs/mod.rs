//! IncrementalAlterConfigs and AlterConfigs.

mod alter;
mod check;
#[cfg(test)]
mod tests;
