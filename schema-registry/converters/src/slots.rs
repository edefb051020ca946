//! Things that were costly to make, found again by a key.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

/// At most so many things; when there are more, all are forgotten: whoever has that many pays for
/// making a few of them again, and nobody else pays for keeping count of their use.
#[derive(Debug)]
pub(crate) struct Slots<K, V> {
    values: Vec<V>,
    index: HashMap<K, usize>,
    capacity: usize,
}

impl<K: Hash + Eq, V> Slots<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { values: Vec::new(), index: HashMap::new(), capacity: capacity.max(1) }
    }

    /// The place of a thing: a number that holds until the next [`Slots::insert`].
    pub(crate) fn place<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        self.index.get(key).copied()
    }

    pub(crate) fn at(&mut self, place: usize) -> Option<&mut V> {
        self.values.get_mut(place)
    }

    /// Adds a thing, or puts it in the place of the one with that key.
    pub(crate) fn insert(&mut self, key: K, value: V) -> usize {
        if let Some(&place) = self.index.get(&key) {
            self.values[place] = value;
            return place;
        }
        if self.values.len() >= self.capacity {
            self.values.clear();
            self.index.clear();
        }
        let place = self.values.len();
        self.values.push(value);
        self.index.insert(key, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_and_what_is_there_is_found() {
        let mut slots = Slots::new(3);
        for n in 0..100 {
            let place = slots.insert(n.to_string(), n);
            assert_eq!(slots.at(place), Some(&mut n.clone()));
            assert_eq!(slots.place(n.to_string().as_str()), Some(place));
            assert!(slots.values.len() <= 3);
        }
        let place = slots.insert("99".to_owned(), 7);
        assert_eq!(slots.place("99"), Some(place));
        assert_eq!(slots.at(place), Some(&mut 7));
        assert_eq!(slots.place("0"), None);
    }
}
