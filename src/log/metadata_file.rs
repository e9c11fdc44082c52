//! `partition.metadata`: which topic, by id, a directory belongs to.

use crate::model::TopicId;

pub const FILE_NAME: &str = "partition.metadata";

/// The text is not that of such a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("partition.metadata is not readable")]
pub struct BadMetadata;

pub fn encode(topic_id: TopicId) -> String {
    format!("version: 0\ntopic_id: {topic_id}\n")
}

pub fn decode(bytes: &[u8]) -> Result<TopicId, BadMetadata> {
    let text = std::str::from_utf8(bytes).map_err(|_| BadMetadata)?;
    let mut lines = text.lines();
    let version = lines.next().and_then(|l| l.strip_prefix("version:")).map(str::trim);
    let id = lines.next().and_then(|l| l.strip_prefix("topic_id:")).map(str::trim);
    match (version, id) {
        (Some("0"), Some(id)) => id.parse().map_err(|_| BadMetadata),
        _ => Err(BadMetadata),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_back() {
        let id: TopicId = "ASNFZ4mrze8BI0VniavN7w".parse().unwrap();
        assert_eq!(encode(id), "version: 0\ntopic_id: ASNFZ4mrze8BI0VniavN7w\n");
        assert_eq!(decode(encode(id).as_bytes()), Ok(id));
        for bad in ["", "version: 1\ntopic_id: ASNFZ4mrze8BI0VniavN7w", "version: 0\n", "version: 0\ntopic_id: x\n"] {
            assert_eq!(decode(bad.as_bytes()), Err(BadMetadata), "{bad:?}");
        }
    }
}
