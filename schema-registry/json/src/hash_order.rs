//! The order in which Java's hash maps give their keys. Differences are reported in it, and
//! keywords side by side are combined in it.

use std::collections::HashSet;

use gantry_model::text::hash_code;

/// The table of a new `HashMap`.
const TABLE: usize = 16;

/// The entries of a `HashMap` that got them in the order given.
pub(crate) fn in_map<V>(entries: &[(String, V)]) -> Vec<(&str, &V)> {
    let entries = entries.iter().map(|(key, value)| (key.as_str(), value)).collect();
    ordered(entries, TABLE, |(key, _)| key)
}

/// The keys of a `HashMap`, as [`in_map`].
pub(crate) fn keys_in_map<V>(entries: &[(String, V)]) -> Vec<&str> {
    in_map(entries).into_iter().map(|(key, _)| key).collect()
}

/// The keys of a `HashSet` made of the keys of one `HashMap`, to which those of another were
/// added.
pub(crate) fn in_union<'a, V>(first: &'a [(String, V)], second: &'a [(String, V)]) -> Vec<&'a str> {
    let mut keys = keys_in_map(first);
    let mut known: HashSet<&str> = keys.iter().copied().collect();
    keys.extend(keys_in_map(second).into_iter().filter(|key| known.insert(key)));
    // A set takes a third more places than the collection that it is made of has elements.
    let table = (first.len() * 4 / 3 + 1).max(TABLE).next_power_of_two();
    ordered(keys, table, |key| key)
}

fn ordered<T>(mut items: Vec<T>, mut table: usize, key: impl Fn(&T) -> &str) -> Vec<T> {
    // A table doubles when it gets more than three quarters full. Keys of the same place stay in
    // the order in which they came.
    while items.len() > table / 4 * 3 {
        table *= 2;
    }
    items.sort_by_cached_key(|item| {
        let hash = hash_code(key(item));
        let spread = hash ^ (hash >> 16);
        usize::try_from(spread).unwrap_or(0) & (table - 1)
    });
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(keys: &[&str]) -> Vec<(String, ())> {
        keys.iter().map(|key| ((*key).to_owned(), ())).collect()
    }

    #[test]
    fn hashes_are_javas() {
        assert_eq!(hash_code(""), 0);
        assert_eq!(hash_code("a"), 97);
        assert_eq!(hash_code("properties"), 0xC8CD_8D33);
        assert_eq!(hash_code("Aa"), hash_code("BB"));
    }

    #[test]
    fn keys_come_by_place() {
        // h is 104, which is place 8 of 16; d is 100, place 4; p is 112, place 0.
        assert_eq!(keys_in_map(&entries(&["h", "d", "p"])), ["p", "d", "h"]);
        // Aa and BB share a place and stay as they came.
        assert_eq!(keys_in_map(&entries(&["BB", "Aa"])), ["BB", "Aa"]);
        assert_eq!(in_union(&entries(&["b", "a"]), &entries(&["c", "a"])), ["a", "b", "c"]);
        let many: Vec<String> = (0..13).map(|at| char::from(b'a' + at).to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let reversed: Vec<&str> = many.iter().rev().copied().collect();
        // 13 keys need a table of 32, in which a (97) has place 1.
        assert_eq!(keys_in_map(&entries(&reversed)), many);
    }
}
