//! Key to newest offset, in a bounded piece of memory.
//!
//! The table begins small and doubles with the keys, up to its bound: a log of many records has often few keys.
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
    /// How often the table may still double.
    doublings: u32,
    slots_max: usize,
    load_factor: f64,
    secret: (u64, u64),
}

/// A table larger than this was smaller once.
const FIRST_SLOTS_MAX: usize = 1024;
/// How full a table may be that can still grow: searches get long beyond.
const GROWN_LOAD_MAX: f64 = 0.75;

impl OffsetMap {
    /// Room for `keys_max` keys, or for as many as `memory_bytes` allow when filled to `load_factor`.
    pub fn new(memory_bytes: usize, load_factor: f64, keys_max: u64, secret: (u64, u64)) -> OffsetMap {
        let slots_max = (memory_bytes / SLOT_BYTES).max(2);
        let load_factor = if load_factor > 0.0 { load_factor.min(1.0) } else { 0.9 };
        let fitting = ((slots_max as f64 * load_factor) as usize).clamp(1, slots_max - 1);
        let keys = usize::try_from(keys_max).unwrap_or(usize::MAX).clamp(1, fitting);
        let slots_max = ((keys as f64 / load_factor) as usize).saturating_add(1).clamp(keys + 1, slots_max);
        let doublings = (slots_max / FIRST_SLOTS_MAX).checked_ilog2().map_or(0, |log| log + 1);
        let slots = vec![[0; 3]; slots_max >> doublings];
        OffsetMap { slots, used: 0, used_max: keys, doublings, slots_max, load_factor, secret }
    }

    /// Remembers the offset as the key's newest. False: there is no room, and nothing was changed.
    #[inline]
    pub fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        if self.used >= self.used_max {
            return false;
        }
        let (a, b) = sip13(self.secret, key);
        if self.doublings > 0 && self.used as f64 >= self.slots.len() as f64 * self.load_factor.min(GROWN_LOAD_MAX) {
            self.grow();
        }
        self.used += usize::from(self.place([a, b, offset.0 as u64 + 1]));
        true
    }

    /// True when the key is new.
    #[inline]
    fn place(&mut self, entry: Slot) -> bool {
        let at = self.find(entry[0], entry[1]);
        // The table is never full, so `find` ends at a slot.
        let Some(slot) = self.slots.get_mut(at) else { return false };
        let is_new = slot[2] == 0;
        *slot = entry;
        is_new
    }

    /// Doubles the table where it lies. Places are in the order of the hashes, so an entry's new place is about twice as
    /// far from the start as its old one: taken from the end on, entries find their new places free. The few that had to
    /// step aside far, near the start or over the end, wait until all others have moved.
    #[cold]
    fn grow(&mut self) {
        let old = self.slots.len();
        self.doublings -= 1;
        self.slots.resize(self.slots_max >> self.doublings, [0; 3]);
        let mut waiting = Vec::new();
        for at in (0..old).rev() {
            let Some(entry) = self.slots.get_mut(at).map(std::mem::take).filter(|entry| entry[2] != 0) else {
                continue;
            };
            let home = self.home(entry[0]);
            let free = (home >= at).then(|| self.find(entry[0], entry[1])).filter(|to| *to >= home);
            match free.and_then(|to| self.slots.get_mut(to)) {
                Some(slot) => *slot = entry,
                None => waiting.push(entry),
            }
        }
        for entry in waiting {
            self.place(entry);
        }
    }

    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<Offset> {
        let (a, b) = sip13(self.secret, key);
        let slot = self.slots.get(self.find(a, b))?;
        slot[2].checked_sub(1).map(|offset| Offset(offset as i64))
    }

    /// Where a hash belongs: its upper bits pick the place, as even as a remainder and without a division.
    #[inline]
    fn home(&self, a: u64) -> usize {
        ((u128::from(a) * self.slots.len() as u128) >> 64) as usize
    }

    /// The slot with this hash, or the empty one where it would go.
    #[inline]
    fn find(&self, a: u64, b: u64) -> usize {
        let mut at = self.home(a);
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
    fn memory_follows_the_keys_and_nothing_is_lost_on_the_way() {
        for secret in 0..5 {
            let mut map = OffsetMap::new(24 * 30_001, 1.0, u64::MAX, (secret, 4));
            for n in 0..30_000u64 {
                assert!(map.put(&(n / 2).to_le_bytes(), Offset(n as i64)), "{n}");
                let needed = SLOT_BYTES * (map.len() + FIRST_SLOTS_MAX);
                assert!(map.memory_bytes() <= 3 * needed, "{} bytes for {} keys", map.memory_bytes(), map.len());
            }
            assert_eq!(map.len(), 15_000);
            for key in 0..15_000 {
                assert_eq!(map.get(&u64::to_le_bytes(key)), Some(Offset(2 * key as i64 + 1)));
            }
            assert_eq!(map.get(&15_000u64.to_le_bytes()), None);
            while map.put(&(1_000_000 + map.len()).to_le_bytes(), Offset(7)) {}
            assert_eq!((map.len(), map.memory_bytes()), (30_000, 24 * 30_001));
            assert_eq!(map.get(&0u64.to_le_bytes()), Some(Offset(1)));
        }
    }

    #[test]
    fn entries_that_lie_over_the_end_are_found_after_growing() {
        for secret in 0..200 {
            let mut map = OffsetMap::new(24 * 2_000, 0.9, u64::MAX, (secret, 4));
            let before = map.memory_bytes();
            for n in 0..760u64 {
                assert!(map.put(&n.to_le_bytes(), Offset(n as i64)));
            }
            assert!(map.memory_bytes() > before);
            assert!((0..760u64).all(|n| map.get(&n.to_le_bytes()) == Some(Offset(n as i64))), "secret {secret}");
        }
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
