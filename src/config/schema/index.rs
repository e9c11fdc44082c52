//! Keys by name.

use std::ops;
use std::sync::OnceLock;

use super::Key;

/// The keys of some lists in the order of their names, put in order when they are first asked for.
#[derive(Debug)]
pub struct Index {
    lists: &'static [&'static [Key]],
    sorted: OnceLock<Vec<&'static Key>>,
}

impl Index {
    pub const fn of(lists: &'static [&'static [Key]]) -> Index {
        Index { lists, sorted: OnceLock::new() }
    }

    fn sorted(&self) -> &[&'static Key] {
        self.sorted.get_or_init(|| {
            let mut keys: Vec<&Key> = self.lists.iter().copied().flatten().collect();
            keys.sort_unstable_by_key(|key| key.name);
            keys
        })
    }

    /// Where the key stands among the names.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.sorted().binary_search_by(|key| key.name.cmp(name)).ok()
    }

    /// The key at a place.
    pub fn at(&self, place: usize) -> &'static Key {
        self.sorted()[place]
    }

    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.sorted().get(self.place(name)?).copied()
    }

    pub fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.values().map(|key| key.name)
    }

    pub fn values(&self) -> impl Iterator<Item = &'static Key> {
        self.sorted().iter().copied()
    }

    pub fn len(&self) -> usize {
        self.sorted().len()
    }

    pub fn is_empty(&self) -> bool {
        self.sorted().is_empty()
    }
}

impl ops::Index<&str> for Index {
    type Output = Key;

    fn index(&self, name: &str) -> &Key {
        self.get(name).unwrap_or_else(|| panic!("{name} stands in no table"))
    }
}
