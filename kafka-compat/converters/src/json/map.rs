//! Building maps from keys that may stand twice: the last value wins, in the first place.

use gantry_model::{MapValue, Value};

/// Up to this many entries, keys are compared one by one as they come.
const SCAN_LIMIT: usize = 16;

/// A map under construction.
#[derive(Default)]
pub(crate) struct MapBuilder {
    /// The first [`SCAN_LIMIT`] have distinct keys.
    entries: Vec<(Value, Value)>,
}

impl MapBuilder {
    /// Room for `capacity` entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity) }
    }
    /// Adds an entry; an equal key keeps its place and gets this value.
    pub(crate) fn insert(&mut self, key: Value, value: Value) {
        // Keys mostly are texts, of which a look at the lengths tells most apart.
        let text = key.as_str();
        let is_it = |known: &Value| match (known, text) {
            (Value::String(known), Some(text)) => **known == *text,
            _ => *known == key,
        };
        if self.entries.len() < SCAN_LIMIT
            && let Some((_, old)) = self.entries.iter_mut().find(|(known, _)| is_it(known))
        {
            *old = value;
        } else {
            self.entries.push((key, value));
        }
    }
    /// The finished map.
    pub(crate) fn build(self) -> Value {
        let map = if self.entries.len() <= SCAN_LIMIT {
            MapValue::from_distinct(self.entries)
        } else {
            MapValue::from_entries(self.entries)
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
