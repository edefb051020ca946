//! Maps, and the order in which Java lists them.
//!
//! Java has two kinds that matter here: `LinkedHashMap` lists its entries as they were put,
//! `HashMap` by the hash of their keys and the size of its table. People see that order: it is
//! the order of fields in JSON and in text. Entries are kept as they were put, which costs
//! nothing on the way; Java's order is worked out where a map is written ([`MapValue::ordered`]),
//! and remembered for maps of one shape ([`ShapeCache`]).

mod hash;
mod shape;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use shape::ShapeCache;
use table::Table;

use crate::value::Value;

/// Up to so many entries a scan is cheaper than hashing.
const SCANNED: usize = 16;

/// A map with distinct keys, which may be any value; small maps are scanned.
#[derive(Clone, Debug, Default)]
pub struct MapValue {
    /// As they were put.
    entries: Vec<(Value, Value)>,
    table: Table,
}

impl PartialEq for MapValue {
    /// Order does not matter, as for Java's maps.
    fn eq(&self, other: &Self) -> bool {
        if self.entries.len() != other.entries.len() {
            return false;
        }
        if self.entries == other.entries {
            return true;
        }
        if self.entries.len() <= SCANNED {
            return self.entries.iter().all(|(key, value)| other.get_value(key) == Some(value));
        }
        let index: HashMap<&Value, &Value> = other.entries.iter().map(|(k, v)| (k, v)).collect();
        self.entries.iter().all(|(key, value)| index.get(key) == Some(&value))
    }
}

impl MapValue {
    /// An empty map with room for `capacity` entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), table: Table::LINKED }
    }
    /// A map of entries whose keys the caller knows to be distinct.
    pub fn from_distinct(entries: Vec<(Value, Value)>) -> Self {
        Self { entries, table: Table::LINKED }
    }
    /// A map of entries in which a key may come again: the last value counts, at the place of
    /// the first. Takes linear time, where [`MapValue::insert`] searches for each key anew.
    pub fn from_entries(list: Vec<(Value, Value)>) -> Self {
        if list.len() <= SCANNED {
            let mut map = Self::with_capacity(list.len());
            for (key, value) in list {
                map.insert(key, value);
            }
            return map;
        }
        let mut places: HashMap<Value, usize> = HashMap::with_capacity(list.len());
        let mut entries: Vec<(Value, Value)> = Vec::with_capacity(list.len());
        for (key, value) in list {
            match places.get(&key).and_then(|&place| entries.get_mut(place)) {
                Some((_, old)) => *old = value,
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
        }
        Self::from_distinct(entries)
    }
    /// The same entries as a `HashMap` into which they were put one by one.
    #[must_use]
    pub fn into_hash_map(mut self) -> Self {
        self.table = Table::EMPTY.grown(self.entries.len());
        self
    }
    /// The same entries as a `HashMap` made for `capacity` entries, into which they were put one
    /// by one.
    #[must_use]
    pub fn into_hash_map_for(mut self, capacity: usize) -> Self {
        self.table = Table::for_capacity(capacity).grown(self.entries.len());
        self
    }
    /// Becomes the `HashMap` that Java makes as a copy of this map.
    pub fn copy_as_hash_map(&mut self) {
        let length = self.entries.len();
        if self.table.shrinks_again(length) {
            self.put_in_order();
        }
        self.table = self.table.copy(length);
    }
    /// Whether it is a `HashMap`.
    pub fn is_hashed(&self) -> bool {
        self.table.is_hashed()
    }
    /// The value of a text key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, v)| v)
    }
    /// Changes the value of a key. One that is not there comes to be there, made from null.
    pub fn update<E>(
        &mut self,
        key: &Value,
        change: impl FnOnce(&Value) -> Result<Value, E>,
    ) -> Result<(), E> {
        match self.value_of(key) {
            Some(value) => *value = change(value)?,
            None => {
                let value = change(&Value::Null)?;
                self.push(key.clone(), value);
            }
        }
        Ok(())
    }
    /// The value at a place, as the entries were put, to be changed.
    pub fn value_mut(&mut self, place: usize) -> Option<&mut Value> {
        self.entries.get_mut(place).map(|(_, v)| v)
    }
    /// The value of any key.
    pub fn get_value(&self, key: &Value) -> Option<&Value> {
        self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }
    /// Room for more entries, and no more than that.
    pub fn reserve(&mut self, additional: usize) {
        self.entries.reserve_exact(additional);
    }
    /// Sets the value of a key; an existing key keeps its place.
    pub fn insert(&mut self, key: Value, value: Value) -> Option<Value> {
        match self.value_of(&key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.push(key, value);
                None
            }
        }
    }
    fn value_of(&mut self, key: &Value) -> Option<&mut Value> {
        self.entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }
    /// Adds a key that is not there.
    fn push(&mut self, key: Value, value: Value) {
        self.entries.push((key, value));
        self.table.grow(self.entries.len());
    }
    /// Removes a text key, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let position = self.entries.iter().position(|(k, _)| k.as_str() == Some(key))?;
        self.table.removed(position);
        Some(self.entries.remove(position).1)
    }
    /// All entries as they were put.
    pub fn entries(&self) -> &[(Value, Value)] {
        &self.entries
    }
    /// All entries as they were put, taken.
    pub fn into_entries(self) -> Vec<(Value, Value)> {
        self.entries
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// All entries in Java's order.
    pub fn ordered(&self) -> impl Iterator<Item = &(Value, Value)> {
        let order = self.order();
        (0..self.entries.len()).filter_map(move |at| {
            let place = match &order {
                Some(order) => *order.get(at)?,
                None => at,
            };
            self.entries.get(place)
        })
    }
    /// The places of the entries in Java's order; `None` where that is the order they were put.
    pub fn order(&self) -> Option<Vec<usize>> {
        if !self.is_hashed() || self.entries.len() < 2 {
            return None;
        }
        let hashes: Vec<u32> = self.entries.iter().map(|(key, _)| hash::spread(key)).collect();
        let mut order: Vec<usize> = (0..hashes.len()).collect();
        let hash = |place: usize| hashes.get(place).copied().unwrap_or(0);
        // Stable: what the tables do not tell apart stays as it was put.
        order.sort_by(|&a, &b| self.table.compare((a, hash(a)), (b, hash(b))));
        Some(order)
    }
    fn put_in_order(&mut self) {
        if let Some(order) = self.order() {
            let mut old: Vec<Option<(Value, Value)>> =
                std::mem::take(&mut self.entries).into_iter().map(Some).collect();
            self.entries = order
                .into_iter()
                .filter_map(|place| old.get_mut(place).and_then(Option::take))
                .collect();
        }
    }
}
