//! Key to newest offset, in a bounded piece of memory.
//!
//! Keys are not kept, only 128 bits of a hash with a secret: two keys of one log share it about as often as a disk
//! forgets. An entry takes 24 bytes, as in Kafka, so one buffer size means as many keys in either broker.

use super::sip::sip13;
use crate::model::Offset;

/// Hash in two words, then the offset plus one: zero is an empty place.
type Slot = [u64; 3];

pub const SLOT_BYTES: usize = size_of::<Slot>();

/// Newest offset by key, for one pass over one log.
pub struct OffsetMap {
    slots: Vec<Slot>,
    used: usize,
    used_max: usize,
    secret: (u64, u64),
}

impl OffsetMap {
    /// Room for `keys_max` keys, or for as many as `memory_bytes` allow when filled to `load_factor`. Memory is only
    /// taken where keys are put.
    pub fn new(memory_bytes: usize, load_factor: f64, keys_max: u64, secret: (u64, u64)) -> OffsetMap {
        let slots_max = (memory_bytes / SLOT_BYTES).max(2);
        let load_factor = if load_factor > 0.0 { load_factor.min(1.0) } else { 0.9 };
        let fitting = ((slots_max as f64 * load_factor) as usize).clamp(1, slots_max - 1);
        let keys = usize::try_from(keys_max).unwrap_or(usize::MAX).clamp(1, fitting);
        let slots = ((keys as f64 / load_factor) as usize).saturating_add(1).clamp(keys + 1, slots_max);
        OffsetMap { slots: vec![[0; 3]; slots], used: 0, used_max: keys, secret }
    }

    /// Remembers the offset as the key's newest. False: there is no room, and nothing was changed.
    #[inline]
    pub fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        if self.used >= self.used_max {
            return false;
        }
        let (a, b) = sip13(self.secret, key);
        let at = self.find(a, b);
        // The table is never full, so `find` ends at a slot.
        if let Some(slot) = self.slots.get_mut(at) {
            if slot[2] == 0 {
                self.used += 1;
            }
            *slot = [a, b, offset.0 as u64 + 1];
        }
        true
    }

    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<Offset> {
        let (a, b) = sip13(self.secret, key);
        let slot = self.slots.get(self.find(a, b))?;
        slot[2].checked_sub(1).map(|offset| Offset(offset as i64))
    }

    /// The slot with this hash, or the empty one where it would go.
    #[inline]
    fn find(&self, a: u64, b: u64) -> usize {
        let count = self.slots.len();
        // The upper bits pick the place, as even as a remainder and without a division.
        let mut at = ((u128::from(a) * count as u128) >> 64) as usize;
        loop {
            match self.slots.get(at) {
                Some(slot) if slot[2] == 0 || (slot[0] == a && slot[1] == b) => return at,
                Some(_) => at += 1,
                None => at = 0,
            }
        }
    }

    pub fn len(&self) -> usize {
        self.used
    }

    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub fn memory_bytes(&self) -> usize {
        self.slots.len() * SLOT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_offset_of_every_key_is_kept_up_to_the_last_place() {
        let mut map = OffsetMap::new(24 * 1000, 0.9, u64::MAX, (3, 4));
        assert!(map.memory_bytes() <= 24 * 1000);
        let mut n = 0u64;
        while map.put(&n.to_le_bytes(), Offset(n as i64)) {
            n += 1;
        }
        assert_eq!((n, map.len()), (900, 900));
        for key in 0..n {
            assert_eq!(map.get(&key.to_le_bytes()), Some(Offset(key as i64)));
        }
        assert_eq!(map.get(b"never put"), None);
        assert!(!map.put(&5u64.to_le_bytes(), Offset(1000)), "a full map takes nothing, as Kafka's");
    }

    #[test]
    fn a_small_log_takes_a_small_map() {
        let mut map = OffsetMap::new(128 << 20, 0.9, 10, (3, 4));
        assert!(map.memory_bytes() < 500);
        for n in 0..10u8 {
            assert!(map.put(&[n], Offset(i64::from(n))));
        }
        assert_eq!(map.get(&[3]), Some(Offset(3)));
        let mut one = OffsetMap::new(1, 0.9, 1, (3, 4));
        assert!(one.put(b"k", Offset(0)));
        assert_eq!(one.get(b"k"), Some(Offset(0)));
    }
}
