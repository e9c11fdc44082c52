//! The topics that consumers name in their metadata, as far as the broker needs them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::ClassicGroup;

impl ClassicGroup {
    /// The topics of all members, if they are consumers and their metadata can be read.
    pub(super) fn compute_subscribed_topics(&self) -> Option<BTreeSet<Arc<str>>> {
        if !self.is_consumer_type() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol()?;
        let mut all = BTreeSet::new();
        for member in self.members.values() {
            all.extend(topics_of(member.metadata(protocol))?);
        }
        Some(all)
    }
}

/// A subscription starts with its version and the topics' names, in every version alike.
fn topics_of(mut metadata: Bytes) -> Option<Vec<Arc<str>>> {
    let version = metadata.try_get_i16().ok()?;
    if version < 0 {
        return None;
    }
    let count = usize::try_from(metadata.try_get_i32().ok()?).ok()?;
    let mut topics = Vec::new();
    for _ in 0..count {
        let len = usize::try_from(metadata.try_get_i16().ok()?).ok()?;
        if len > metadata.len() {
            return None;
        }
        topics.push(Arc::from(std::str::from_utf8(&metadata.split_to(len)).ok()?));
    }
    // User data must be there, be it null.
    metadata.try_get_i32().ok()?;
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_nonsense_is_none() {
        let good = Bytes::from_static(b"\0\x01\0\0\0\x02\0\x01t\0\x01u\xff\xff\xff\xff\0\0\0\0");
        assert_eq!(topics_of(good.clone()), Some(vec!["t".into(), "u".into()]));
        for cut in 0..16 {
            assert_eq!(topics_of(good.slice(..cut)), None, "cut to {cut}");
        }
        assert_eq!(topics_of(Bytes::from_static(b"\0\0\x7f\xff\xff\xff\0\x01t")), None);
        assert_eq!(topics_of(Bytes::from_static(b"connect")), None);
    }
}
