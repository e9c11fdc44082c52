//! Metadata of all topics as bytes on the wire: the largest answer that many clients ask for again and again. What is
//! kept is of the present metadata only.

use bytes::Bytes;
use parking_lot::Mutex;

/// Answers kept: clients of a few versions and listeners ask by turns.
const KEPT_MAX: usize = 2;

/// What an answer depends on, when it holds everything and everyone may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedKey {
    /// Of the metadata that it shows.
    pub next_offset: i64,
    pub version: i16,
    /// Where clients find this broker.
    pub host: String,
    pub port: u16,
}

/// The answers, the one that was used last first.
#[derive(Default)]
pub struct PreparedMetadata {
    kept: Mutex<Vec<(PreparedKey, Bytes)>>,
}

impl PreparedMetadata {
    pub fn get(&self, key: &PreparedKey) -> Option<Bytes> {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|(of, _)| of == key)?;
        kept.swap(0, at);
        kept.first().map(|(_, bytes)| bytes.clone())
    }

    pub fn put(&self, key: PreparedKey, bytes: Bytes) {
        let mut kept = self.kept.lock();
        kept.retain(|(of, _)| *of != key && of.next_offset == key.next_offset);
        kept.insert(0, (key, bytes));
        kept.truncate(KEPT_MAX);
    }

    /// The metadata has changed.
    pub fn clear(&self) {
        *self.kept.lock() = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(next_offset: i64, version: i16) -> PreparedKey {
        PreparedKey { next_offset, version, host: "h".into(), port: 1 }
    }

    #[test]
    fn the_answers_used_last_are_kept_and_those_of_older_metadata_are_not() {
        let prepared = PreparedMetadata::default();
        for version in 1..=2 {
            prepared.put(key(5, version), Bytes::from(vec![version as u8]));
        }
        assert_eq!(prepared.get(&key(5, 1)).unwrap(), &b"\x01"[..]);
        prepared.put(key(5, 3), Bytes::new());
        assert!(prepared.get(&key(5, 2)).is_none() && prepared.get(&key(5, 1)).is_some());
        prepared.put(key(6, 1), Bytes::new());
        assert!(prepared.get(&key(5, 1)).is_none() && prepared.get(&key(6, 1)).is_some());
        prepared.clear();
        assert!(prepared.get(&key(6, 1)).is_none());
    }
}
