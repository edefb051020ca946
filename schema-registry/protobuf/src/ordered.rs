//! Values by key, in the order in which the keys came.

use std::collections::HashMap;

/// Each key once, where it came first.
#[derive(Debug)]
pub(crate) struct Ordered<V> {
    entries: Vec<(String, V)>,
    places: HashMap<String, usize>,
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self { entries: Vec::new(), places: HashMap::new() }
    }
}

impl<V> Ordered<V> {
    /// Adds a value; `merge` puts it to the one that its key has already.
    pub(crate) fn add(&mut self, key: String, value: V, merge: impl FnOnce(&mut V, V)) {
        let known = self.places.get(&key).and_then(|at| self.entries.get_mut(*at));
        if let Some((_, known)) = known {
            merge(known, value);
        } else {
            self.places.insert(key.clone(), self.entries.len());
            self.entries.push((key, value));
        }
    }

    /// Sets the value of a key.
    pub(crate) fn set(&mut self, key: String, value: V) {
        self.add(key, value, |known, value| *known = value);
    }

    pub(crate) fn into_entries(self) -> Vec<(String, V)> {
        self.entries
    }
}

impl<V> FromIterator<(String, V)> for Ordered<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(entries: I) -> Self {
        let mut ordered = Self::default();
        for (key, value) in entries {
            ordered.set(key, value);
        }
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_places() {
        let pair = |key: &str, value: i32| (key.to_owned(), value);
        let mut ordered: Ordered<i32> =
            [pair("b", 1), pair("a", 2), pair("b", 3)].into_iter().collect();
        ordered.add("a".to_owned(), 5, |known, value| *known += value);
        ordered.add("c".to_owned(), 9, |_, _| {});
        assert_eq!(ordered.into_entries(), [pair("b", 3), pair("a", 7), pair("c", 9)]);
    }
}
