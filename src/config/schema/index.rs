//! Keys by name, put in order when the program is compiled: a start reads the table and builds nothing.

use std::ops;

use super::Key;

/// Keys in the order of their names.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    sorted: &'static [&'static Key],
}

impl Index {
    pub const fn of(sorted: &'static [&'static Key]) -> Index {
        Index { sorted }
    }

    /// Where the key stands among the names.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.sorted.binary_search_by(|key| key.name.cmp(name)).ok()
    }

    /// The key at a place.
    pub fn at(&self, place: usize) -> &'static Key {
        self.sorted[place]
    }

    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.sorted.get(self.place(name)?).copied()
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    pub fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.values().map(|key| key.name)
    }

    pub fn values(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.sorted.iter().copied()
    }

    pub const fn len(&self) -> usize {
        self.sorted.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }
}

impl ops::Index<&str> for Index {
    type Output = Key;

    fn index(&self, name: &str) -> &Key {
        self.get(name).unwrap_or_else(|| panic!("{name} stands in no table"))
    }
}

/// How many keys some lists have together.
pub const fn count(lists: &[&[Key]]) -> usize {
    let (mut total, mut list) = (0, 0);
    while list < lists.len() {
        total += lists[list].len();
        list += 1;
    }
    total
}

/// The keys of all lists in the order of their names; `N` is their [`count`].
pub const fn sorted<const N: usize>(lists: &[&'static [Key]]) -> [&'static Key; N] {
    let mut keys = all(lists);
    // Runs of twice the length with each pass: few enough steps for the compiler's own evaluation.
    let mut width = 1;
    while width < N {
        keys = merged(keys, width);
        width *= 2;
    }
    keys
}

const fn all<const N: usize>(lists: &[&'static [Key]]) -> [&'static Key; N] {
    let mut first = 0;
    while lists[first].is_empty() {
        first += 1;
    }
    let mut keys = [&lists[first][0]; N];
    let (mut at, mut list) = (0, 0);
    while list < lists.len() {
        let mut place = 0;
        while place < lists[list].len() {
            keys[at] = &lists[list][place];
            (at, place) = (at + 1, place + 1);
        }
        list += 1;
    }
    keys
}

/// Neighbouring sorted runs of this width become one.
const fn merged<const N: usize>(keys: [&'static Key; N], width: usize) -> [&'static Key; N] {
    let mut out = keys;
    let mut start = 0;
    while start < N {
        let (middle, end) = (least(start + width, N), least(start + 2 * width, N));
        let (mut left, mut right, mut at) = (start, middle, start);
        while at < end {
            let take_left = right == end || (left < middle && !is_before(keys[right].name, keys[left].name));
            out[at] = if take_left { keys[left] } else { keys[right] };
            if take_left {
                left += 1
            } else {
                right += 1
            }
            at += 1;
        }
        start = end;
    }
    out
}

const fn least(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

const fn is_before(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    a.len() < b.len()
}
