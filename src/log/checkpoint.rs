//! Kafka's checkpoint files: a version line, a count line, then one line an entry.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::disk::{self, Disk};
use crate::model::{Offset, TopicPartition};

/// Up to where each partition is known to be on stable storage and sound.
pub const RECOVERY_POINT: &str = "recovery-point-offset-checkpoint";
/// Where each partition starts, when that is behind its first segment's base.
pub const LOG_START: &str = "log-start-offset-checkpoint";
/// High watermarks.
pub const HIGH_WATERMARK: &str = "replication-offset-checkpoint";
/// Up to where each compacted partition has been cleaned.
pub const CLEANER: &str = "cleaner-offset-checkpoint";

const VERSION: &str = "0";

/// A checkpoint file whose text is not one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("checkpoint file unusable: {0}")]
pub struct BadCheckpoint(pub String);

pub fn to_text(lines: impl ExactSizeIterator<Item = String>) -> String {
    let mut text = format!("{VERSION}\n{}\n", lines.len());
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The entries of a checkpoint's text, once version and count are seen to hold.
pub fn lines(text: &str) -> Result<Vec<&str>, BadCheckpoint> {
    let mut lines = text.lines();
    if lines.next().map(str::trim) != Some(VERSION) {
        return Err(BadCheckpoint("its first line is not version 0".into()));
    }
    let count: Option<usize> = lines.next().and_then(|l| l.trim().parse().ok());
    let entries: Vec<&str> = lines.filter(|l| !l.is_empty()).collect();
    match count {
        Some(n) if n == entries.len() => Ok(entries),
        _ => Err(BadCheckpoint(format!("it counts {count:?} entries and has {}", entries.len()))),
    }
}

/// Offsets by partition.
pub type Offsets = HashMap<TopicPartition, Offset>;

pub fn offsets_to_text(offsets: &Offsets) -> String {
    let mut entries: Vec<_> = offsets.iter().collect();
    entries.sort_unstable();
    to_text(entries.iter().map(|(tp, offset)| format!("{} {} {offset}", tp.topic, tp.partition)))
}

pub fn offsets_from_text(text: &str) -> Result<Offsets, BadCheckpoint> {
    lines(text)?.into_iter().map(|line| entry(line).ok_or_else(|| BadCheckpoint(format!("entry {line:?}")))).collect()
}

fn entry(line: &str) -> Option<(TopicPartition, Offset)> {
    let mut words = line.split_whitespace();
    let (topic, partition, offset) = (words.next()?, words.next()?, words.next()?);
    Some((TopicPartition::new(topic, partition.parse().ok()?), Offset(offset.parse().ok()?)))
}

/// Reads a checkpoint file of a log directory; an absent one is empty.
pub fn read(disk: &dyn Disk, path: &Path) -> io::Result<Result<Offsets, BadCheckpoint>> {
    let Some(bytes) = disk::read_small(disk, path)? else { return Ok(Ok(Offsets::new())) };
    // Kafka makes the file before it has anything to say.
    if bytes.is_empty() {
        return Ok(Ok(Offsets::new()));
    }
    Ok(match std::str::from_utf8(&bytes) {
        Ok(text) => offsets_from_text(text),
        Err(_) => Err(BadCheckpoint("it is not text".into())),
    })
}

/// Replaces a checkpoint file; durable when this returns.
pub fn write(disk: &dyn Disk, path: &Path, offsets: &Offsets) -> io::Result<()> {
    disk::write_atomically(disk, path, offsets_to_text(offsets).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_read_back_in_a_stable_order() {
        let offsets: Offsets =
            [("b", 0, 7), ("a", 10, 1), ("a", 2, 3)].map(|(t, p, o)| (TopicPartition::new(t, p), Offset(o))).into();
        let text = offsets_to_text(&offsets);
        assert_eq!(text, "0\n3\na 2 3\na 10 1\nb 0 7\n");
        assert_eq!(offsets_from_text(&text).unwrap(), offsets);
        for bad in ["", "0", "0\n1\n", "0\n1\na 1\n", "0\n1\na x 1\n", "2\n0\n"] {
            assert!(offsets_from_text(bad).is_err(), "{bad:?}");
        }
    }
}
