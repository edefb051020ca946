//! Building maps from keys that may stand twice: the last value wins, in the first place.

use gantry_model::{MapValue, Text, Value};

use super::names::{Place, Seen};

/// Up to this many entries, keys are compared one by one as they come.
const SCAN_LIMIT: usize = 16;

/// A map under construction.
#[derive(Debug, Default)]
pub struct MapBuilder {
    entries: Vec<(Value, Value)>,
    /// Known names among the keys.
    seen: Seen,
    /// A key may stand twice.
    doubtful: bool,
}

impl MapBuilder {
    /// Room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), ..Self::default() }
    }
    /// Adds an entry whose key is not known; an equal key keeps its place and gets this value.
    pub fn insert(&mut self, key: Value, value: Value) {
        if self.entries.len() >= SCAN_LIMIT {
            self.doubtful = true;
        } else if let Some((_, old)) = self.entries.iter_mut().find(|(known, _)| *known == key) {
            *old = value;
            return;
        }
        self.entries.push((key, value));
    }
    /// Where the value of a text key goes that may be known. What stood there before counts no
    /// more.
    #[inline]
    pub(crate) fn slot(&mut self, place: Option<Place>, key: Text) -> &mut Value {
        let first = place.is_some_and(|place| self.seen.first(place));
        let found = if first { None } else { self.find_text(&key) };
        let at = found.unwrap_or(self.entries.len());
        if found.is_none() {
            self.entries.push((Value::String(key), Value::Null));
        }
        match self.entries.get_mut(at) {
            Some((_, value)) => value,
            None => unreachable!("found, or pushed just now"),
        }
    }
    #[cold]
    fn find_text(&mut self, key: &str) -> Option<usize> {
        if self.entries.len() >= SCAN_LIMIT {
            self.doubtful = true;
            return None;
        }
        self.entries.iter().position(|(known, _)| known.as_str() == Some(key))
    }
    /// The finished map.
    pub fn build(self) -> Value {
        let map = if self.doubtful {
            MapValue::from_entries(self.entries)
        } else {
            MapValue::from_distinct(self.entries)
        };
        Value::map(map.into_hash_map())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_wins_in_small_and_large_maps() {
        for size in [3, SCAN_LIMIT - 1, SCAN_LIMIT, SCAN_LIMIT + 1, 5000] {
            let mut builder = MapBuilder::default();
            for round in 0..2i64 {
                for n in 0..size {
                    builder.insert(Value::str(&n.to_string()), Value::Int64(round));
                }
            }
            let Value::Map(map) = builder.build() else { panic!("no map") };
            assert_eq!(map.len(), size);
            assert_eq!(map.entries()[size - 1].0, Value::str(&(size - 1).to_string()));
            assert!(map.entries().iter().all(|(_, v)| *v == Value::Int64(1)));
        }
    }
}
