//! Building maps from keys that may stand twice: the last value wins, in the first place.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use gantry_model::{MapValue, Value};

/// Up to this many entries, keys are compared one by one; above, they are looked up by hash.
const SCAN_LIMIT: usize = 16;

/// A map under construction.
#[derive(Default)]
pub(crate) struct MapBuilder {
    entries: Vec<(Value, Value)>,
    /// Places of the entries by the hash of their key, once there are many.
    places: Option<Box<Places>>,
}

#[derive(Default)]
struct Places {
    hasher: RandomState,
    by_hash: HashMap<u64, usize>,
}

impl MapBuilder {
    /// Room for `capacity` entries.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), places: None }
    }
    /// Adds an entry; an equal key keeps its place and gets this value.
    pub(crate) fn insert(&mut self, key: Value, value: Value) {
        match self.find(&key) {
            Some(place) => {
                if let Some((_, old)) = self.entries.get_mut(place) {
                    *old = value;
                }
            }
            None => self.entries.push((key, value)),
        }
    }
    /// The finished map.
    pub(crate) fn build(self) -> Value {
        Value::map(MapValue::from_distinct(self.entries))
    }
    /// Where this key stands. Notes that it is about to be added, if it stands nowhere.
    fn find(&mut self, key: &Value) -> Option<usize> {
        if self.entries.len() < SCAN_LIMIT {
            return scan(&self.entries, key);
        }
        let entries = &self.entries;
        let places = self.places.get_or_insert_with(|| Box::new(Places::of(entries)));
        let hash = places.hash(key);
        match places.by_hash.get(&hash) {
            Some(&place) if entries.get(place).is_some_and(|(k, _)| k == key) => Some(place),
            // Two keys with one hash: only one of them is noted.
            Some(_) => scan(entries, key),
            None => {
                places.by_hash.insert(hash, entries.len());
                None
            }
        }
    }
}

fn scan(entries: &[(Value, Value)], key: &Value) -> Option<usize> {
    entries.iter().position(|(k, _)| k == key)
}

impl Places {
    fn of(entries: &[(Value, Value)]) -> Self {
        let mut places = Self::default();
        for (place, (key, _)) in entries.iter().enumerate() {
            let hash = places.hash(key);
            places.by_hash.insert(hash, place);
        }
        places
    }
    fn hash(&self, key: &Value) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hash_value(key, &mut hasher);
        hasher.finish()
    }
}

/// Equal values have equal hashes; maps and structs are told apart by their size alone.
fn hash_value(value: &Value, hasher: &mut impl Hasher) {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Null => {}
        Value::Boolean(b) => b.hash(hasher),
        Value::Int8(n) => n.hash(hasher),
        Value::Int16(n) => n.hash(hasher),
        Value::Int32(n) => n.hash(hasher),
        Value::Int64(n) | Value::Date(n) => n.hash(hasher),
        // All NaNs are equal, as in Java; the zeros of both signs are not.
        Value::Float32(n) => (if n.is_nan() { f32::NAN } else { *n }).to_bits().hash(hasher),
        Value::Float64(n) => (if n.is_nan() { f64::NAN } else { *n }).to_bits().hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Bytes(bytes) => bytes.hash(hasher),
        Value::Array(list) => list.iter().for_each(|v| hash_value(v, hasher)),
        Value::Map(map) => map.len().hash(hasher),
        Value::Struct(inner) => inner.values().iter().for_each(|v| hash_value(v, hasher)),
        Value::Decimal(decimal) => decimal.hash(hasher),
        Value::BigInteger(n) => n.hash(hasher),
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

    #[test]
    fn zeros_of_both_signs_are_two_keys_and_nan_is_one() {
        for more in [0, 100] {
            let mut builder = MapBuilder::default();
            for n in 0..more {
                builder.insert(Value::Float64(f64::from(n + 1)), Value::Null);
            }
            for key in [0.0, -0.0, f64::NAN, -f64::NAN, 0.0] {
                builder.insert(Value::Float64(key), Value::Boolean(true));
            }
            let Value::Map(map) = builder.build() else { panic!("no map") };
            assert_eq!(map.len(), more as usize + 3);
        }
    }
}
