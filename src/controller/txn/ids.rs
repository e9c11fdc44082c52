//! Producer ids, handed out from blocks that the metadata log has given to this node.

use std::ops::Range;

use crate::model::ProducerId;

/// Ids in one block, as Kafka's controller gives them.
pub const BLOCK_IDS: i64 = 1000;
/// A block is asked for when one in this many ids of the present one is left.
const ASK_WHEN_LEFT: i64 = 10;

/// The blocks in hand: the present one and at most one to follow.
#[derive(Debug, Default)]
pub struct ProducerIds {
    present: Range<i64>,
    present_size: i64,
    next: Option<Range<i64>>,
    is_asking: bool,
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// None when a block must come first.
    pub id: Option<ProducerId>,
    /// Ask the metadata log for a block now, and report back with `block_arrived` or `block_failed`.
    pub ask_for_block: bool,
}

impl ProducerIds {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn claim(&mut self) -> Claim {
        if self.present.is_empty()
            && let Some(next) = self.next.take()
        {
            self.present_size = next.end - next.start;
            self.present = next;
        }
        let id = self.present.next().map(ProducerId);
        let left = self.present.end - self.present.start;
        let runs_out = left <= self.present_size / ASK_WHEN_LEFT;
        let ask_for_block = runs_out && self.next.is_none() && !self.is_asking;
        self.is_asking |= ask_for_block;
        Claim { id, ask_for_block }
    }

    /// A block came. One that would hand out an id twice is refused.
    pub fn block_arrived(&mut self, first: ProducerId, count: i64) -> bool {
        self.is_asking = false;
        let after_all = self.next.as_ref().map_or(self.present.end, |next| next.end);
        let Some(end) = first.0.checked_add(count) else { return false };
        if count <= 0 || first.0 < after_all {
            return false;
        }
        self.next = Some(first.0..end);
        true
    }

    /// No block came; the next claim asks again.
    pub fn block_failed(&mut self) {
        self.is_asking = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_handed_out_once_in_order_across_blocks_and_asked_for_early() {
        let mut ids = ProducerIds::new();
        assert_eq!(ids.claim(), Claim { id: None, ask_for_block: true });
        assert_eq!(ids.claim(), Claim { id: None, ask_for_block: false });
        assert!(ids.block_arrived(ProducerId(0), 20));
        let mut asked_at = None;
        for expected in 0..20 {
            let claim = ids.claim();
            assert_eq!(claim.id, Some(ProducerId(expected)));
            if claim.ask_for_block {
                assert_eq!(asked_at.replace(expected), None, "asked twice");
                ids.block_failed();
                assert!(ids.claim().ask_for_block);
                assert!(ids.block_arrived(ProducerId(1000), 1000));
                break;
            }
        }
        assert_eq!(asked_at, Some(17));
        assert_eq!(ids.claim().id, Some(ProducerId(19)));
        assert_eq!(ids.claim().id, Some(ProducerId(1000)));
    }

    #[test]
    fn a_block_that_overlaps_what_was_handed_out_is_refused() {
        let mut ids = ProducerIds::new();
        assert!(ids.block_arrived(ProducerId(1000), BLOCK_IDS));
        ids.claim();
        assert!(!ids.block_arrived(ProducerId(1000), BLOCK_IDS));
        assert!(!ids.block_arrived(ProducerId(1999), BLOCK_IDS));
        assert!(!ids.block_arrived(ProducerId(i64::MAX), BLOCK_IDS));
        assert!(ids.block_arrived(ProducerId(2000), BLOCK_IDS));
    }
}
