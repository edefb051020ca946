//! The order in which Java's hash sets list what is in them.
//!
//! Confluent's registry walks through such sets: the sentences of its answers come in this order.

use std::collections::HashSet;
use std::hash::Hash;

use gantry_model::text::hash_code;

/// A table has so many places at least.
const MIN_PLACES: usize = 16;

/// What Java can tell a place in a table by.
pub(crate) trait JavaHash {
    fn java_hash(&self) -> i32;
}

impl JavaHash for i32 {
    fn java_hash(&self) -> i32 {
        *self
    }
}

impl JavaHash for &str {
    fn java_hash(&self) -> i32 {
        hash_code(self).cast_signed()
    }
}

/// How many places a table has that grows from so many while it takes so many keys.
fn grown(mut places: usize, keys: usize) -> usize {
    while keys.saturating_mul(4) > places.saturating_mul(3) {
        places = places.saturating_mul(2);
    }
    places
}

fn place<K: JavaHash>(key: &K, places: usize) -> usize {
    let hash = key.java_hash().cast_unsigned();
    usize::try_from(hash ^ (hash >> 16)).unwrap_or_default() & (places - 1)
}

/// The keys of a map into which they were put one after the other. `keys` may have some twice;
/// `ever` is how many different ones there were before others were taken out again.
fn of_map<K: JavaHash + Copy + Eq + Hash>(
    keys: impl IntoIterator<Item = K>,
    ever: Option<usize>,
) -> Vec<K> {
    let mut seen = HashSet::new();
    let mut keys: Vec<K> = keys.into_iter().filter(|key| seen.insert(*key)).collect();
    let places = grown(MIN_PLACES, ever.unwrap_or(keys.len()));
    keys.sort_by_key(|key| place(key, places));
    keys
}

/// The keys of two maps in the order of a set that was made of the first and took the second.
/// `ever` is how many keys the first map had once.
pub(crate) fn union<K: JavaHash + Copy + Eq + Hash>(
    first: impl IntoIterator<Item = K>,
    ever: Option<usize>,
    second: impl IntoIterator<Item = K>,
) -> Vec<K> {
    let mut keys = of_map(first, ever);
    // A set that is made of others has room for them, and for a third more.
    let room = (keys.len().saturating_mul(4) / 3 + 1).max(MIN_PLACES).next_power_of_two();
    let known: HashSet<K> = keys.iter().copied().collect();
    keys.extend(of_map(second, None).into_iter().filter(|key| !known.contains(key)));
    let places = grown(room, keys.len());
    keys.sort_by_key(|key| place(key, places));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_places() {
        assert_eq!("P".java_hash(), 80);
        assert_eq!("Hello".java_hash(), 69_609_650);
        assert_eq!(union([3, 1, 2, 1], None, [5, 4]), [1, 2, 3, 4, 5]);
        // 17 and 1 share a place of sixteen: what was there first comes first.
        assert_eq!(union([17, 2, 1], None, [33]), [17, 1, 33, 2]);
        assert_eq!(union(1..=13, None, [17, 33, -1]).last(), Some(&17));
        assert_eq!(union(["B", "A"], None, ["C"]), ["A", "B", "C"]);
        assert!(union(Vec::<i32>::new(), None, []).is_empty());
    }

    #[test]
    fn tables_grow() {
        assert_eq!((grown(16, 12), grown(16, 13), grown(16, 25)), (16, 32, 64));
    }
}
