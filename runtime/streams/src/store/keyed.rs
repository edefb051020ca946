//! Values by key.

use crate::data::{Data, Key};
use crate::error::StreamsError;

use super::cache::Cache;
use super::page::{Entries, Most, Page, Range};
use super::{Flush, Place, StateStore};

/// The state of one task: a value for each key.
pub struct KeyedStore<K, V> {
    place: Place,
    cache: Cache<K, V>,
}

impl<K, V> std::fmt::Debug for KeyedStore<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyedStore({:?})", self.place)
    }
}

/// An entry that cannot be read again.
pub(super) fn unreadable(place: &Place, error: &crate::DataError) -> StreamsError {
    let place = format!("store {:?}", place.prefix);
    StreamsError::State { place, reason: error.to_string() }
}

impl<K: Key, V: Data> KeyedStore<K, V> {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, cache: Cache::default() }
    }

    /// The value of a key.
    pub fn get(&mut self, key: &K) -> Result<Option<&V>, StreamsError> {
        let place = &self.place;
        self.cache.get(key, || load(place, key))
    }

    /// Makes the value of a key another one; `None` takes it away.
    pub fn put(&mut self, key: &K, value: Option<V>) -> Result<(), StreamsError> {
        // What was there need not be read.
        *self.cache.change(key, || Ok(None))? = value;
        Ok(())
    }

    /// The value of a key, to be changed where it stands.
    pub fn change(&mut self, key: &K) -> Result<&mut Option<V>, StreamsError> {
        let place = &self.place;
        self.cache.change(key, || load(place, key))
    }

    /// All entries in the order of the bytes of their keys, from one key up to and with another.
    pub fn range(&self, from: Option<&K>, to: Option<&K>) -> Result<Vec<(K, V)>, StreamsError> {
        let entries = self.page(&self.within(from, to), Most::ALL)?.unwrap_or_default();
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// From one key up to and with another.
    pub(crate) fn within(&self, from: Option<&K>, to: Option<&K>) -> Range {
        let bound = |key: &K| key_bytes(&self.place, key);
        let high = to.map(|key| {
            let mut bytes = bound(key);
            bytes.push(0);
            bytes
        });
        Range {
            low: from.map_or_else(|| self.place.prefix.to_vec(), bound),
            high: high.unwrap_or_else(|| after(&self.place.prefix)),
        }
    }

    /// The first entries in the order of the bytes of their keys, which they come with.
    pub(crate) fn page(&self, range: &Range, most: Most) -> Result<Page<K, V>, StreamsError> {
        let (place, head) = (&self.place, &self.place.prefix);
        Entries { place, cache: &self.cache, head, on_disk: true }.page(range, most)
    }

    /// The value of a key, which is not remembered.
    pub(crate) fn peek(&self, key: &K) -> Result<Option<V>, StreamsError> {
        match self.cache.known(key) {
            Some(value) => Ok(value.cloned()),
            None => load(&self.place, key),
        }
    }

    /// The entries that changed since the last checkpoint.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.cache.changes()
    }
}

/// The first bytes behind all that begin with these.
pub(crate) fn after(prefix: &[u8]) -> Vec<u8> {
    let mut bytes = prefix.to_vec();
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            break;
        }
    }
    bytes
}

fn key_bytes<K: Data>(place: &Place, key: &K) -> Vec<u8> {
    let mut bytes = place.prefix.to_vec();
    key.encode(&mut bytes);
    bytes
}

fn load<K: Data, V: Data>(place: &Place, key: &K) -> Result<Option<V>, StreamsError> {
    let found = place.backend.get(&key_bytes(place, key))?;
    found.map(|bytes| V::decode(&bytes).map_err(|error| unreadable(place, &error))).transpose()
}

impl<K: Key, V: Data> StateStore for KeyedStore<K, V> {
    fn flush(&mut self, to: &mut Flush<'_>) -> Result<(), StreamsError> {
        if to.changes.is_some() {
            for (key, value) in self.cache.changes() {
                to.change(|bytes| key.encode(bytes), value.map(Data::to_bytes));
            }
        }
        self.cache.checkpointed();
        if let Some(batch) = to.batch.as_deref_mut() {
            let entries = self
                .cache
                .unsaved()
                .map(|(key, value)| (key_bytes(&self.place, key), value.map(Data::to_bytes)));
            batch.entries.extend(entries);
            self.cache.saved(self.place.entries_max);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.cache.unsaved_count() > self.place.entries_max
            || self.cache.len() > self.place.entries_max.saturating_mul(2)
    }

    fn cached(&self) -> usize {
        self.cache.len()
    }
}
