//! Things that were costly to make, found again by a key.

use std::hash::Hash;

use indexmap::{Equivalent, IndexMap};

/// At most so many things; where one more comes, any of them goes, so that whoever has a few more
/// than that makes few of them again, and nobody pays for keeping count of their use.
#[derive(Debug)]
pub(crate) struct Slots<K, V> {
    things: IndexMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq, V> Slots<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { things: IndexMap::new(), capacity: capacity.max(1) }
    }

    /// The place of a thing: a number that holds until the next [`Slots::insert`].
    pub(crate) fn place<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<usize> {
        self.things.get_index_of(key)
    }

    pub(crate) fn at(&mut self, place: usize) -> Option<&mut V> {
        self.things.get_index_mut(place).map(|(_, thing)| thing)
    }

    /// Adds a thing, or puts it in the place of the one with that key.
    pub(crate) fn insert(&mut self, key: K, value: V) -> usize {
        if self.things.len() >= self.capacity && !self.things.contains_key(&key) {
            self.things.swap_remove_index(fastrand::usize(..self.things.len()));
        }
        self.things.insert_full(key, value).0
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
            assert!(slots.things.len() <= 3);
        }
        let place = slots.insert("99".to_owned(), 7);
        assert_eq!(slots.place("99"), Some(place));
        assert_eq!(slots.at(place), Some(&mut 7));
        assert_eq!(slots.place("no"), None);
    }

    #[test]
    fn one_more_than_there_is_room_for_costs_little() {
        let (mut slots, mut made) = (Slots::new(100), 0);
        for _ in 0..20 {
            for n in 0..101 {
                if slots.place(&n).is_none() {
                    made += 1;
                    slots.insert(n, ());
                }
            }
        }
        assert!(made < 101 * 5, "{made}");
    }
}
