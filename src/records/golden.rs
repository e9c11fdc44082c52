//! Batches as Apache Kafka builds them, for tests.

/// One of `tests/wire/java-batches.hex`, by name.
pub fn java_batch(name: &str) -> Vec<u8> {
    let lines = include_str!("../../tests/wire/java-batches.hex").lines();
    let hex = lines.filter_map(|line| line.split_once(' ')).find(|(n, _)| *n == name).expect("a batch of that name").1;
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect()
}
