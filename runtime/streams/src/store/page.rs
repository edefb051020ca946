//! Entries in order, some at a time: those that a cache has, and those on disk that it does not know.

use std::collections::BTreeMap;

use super::Place;
use super::cache::Cache;
use super::keyed::unreadable;
use crate::data::{Data, Key};
use crate::error::StreamsError;

/// How much is wanted at most.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pub(crate) entries: usize,
    /// Of keys and values on disk.
    pub(crate) bytes: usize,
}

impl Most {
    pub(crate) const ALL: Self = Self { entries: usize::MAX, bytes: usize::MAX };
}

/// Which entries: from one place up to before another.
pub(crate) struct Range {
    pub(crate) low: Vec<u8>,
    pub(crate) high: Vec<u8>,
}

/// Entries in order; `None`: they have too many bytes.
pub(crate) type Page<K, V> = Option<Vec<Ordered<K, V>>>;

/// An entry with the bytes by which it stands in order.
pub(crate) type Ordered<K, V> = (Vec<u8>, (K, V));

/// Where the entries of a store, or of one time of it, are.
pub(super) struct Entries<'a, K, V> {
    pub(super) place: &'a Place,
    pub(super) cache: &'a Cache<K, V>,
    /// What stands in front of their keys: the store's prefix, and the time where there is one.
    pub(super) head: &'a [u8],
    pub(super) on_disk: bool,
}

impl<K: Key, V: Data> Entries<'_, K, V> {
    /// The first ones of a range.
    pub(super) fn page(&self, range: &Range, most: Most) -> Result<Page<K, V>, StreamsError> {
        let Some(mut entries) = self.stored(range, most)? else { return Ok(None) };
        for (bytes, (key, value)) in self.cached(range, most.entries) {
            entries.insert(bytes, (key.clone(), value.clone()));
        }
        Ok(Some(entries.into_iter().take(most.entries).collect()))
    }

    fn cached(&self, range: &Range, entries_max: usize) -> BTreeMap<Vec<u8>, (&K, &V)> {
        let mut found: BTreeMap<Vec<u8>, (&K, &V)> = BTreeMap::new();
        let mut bytes = self.head.to_vec();
        for (key, value) in self.cache.entries() {
            let Some(value) = value else { continue };
            bytes.truncate(self.head.len());
            key.encode(&mut bytes);
            if bytes < range.low || bytes >= range.high {
                continue;
            }
            if found.len() < entries_max {
                found.insert(bytes.clone(), (key, value));
            } else if found.last_key_value().is_some_and(|(last, _)| *last > bytes) {
                found.pop_last();
                found.insert(bytes.clone(), (key, value));
            }
        }
        found
    }

    fn stored(&self, range: &Range, most: Most) -> Result<Stored<K, V>, StreamsError> {
        let (mut found, mut size) = (BTreeMap::new(), 0_usize);
        if !self.on_disk || most.entries == 0 {
            return Ok(Some(found));
        }
        self.place.backend.scan(&range.low, &range.high, &mut |bytes, value| {
            let key = bytes.get(self.head.len()..).unwrap_or_default();
            let key = K::decode(key).map_err(|error| unreadable(self.place, &error))?;
            if self.cache.known(&key).is_none() {
                size = size.saturating_add(bytes.len() + value.len());
                if size > most.bytes {
                    return Ok(false);
                }
                let value = V::decode(value).map_err(|error| unreadable(self.place, &error))?;
                found.insert(bytes.to_vec(), (key, value));
            }
            Ok(found.len() < most.entries)
        })?;
        Ok((size <= most.bytes).then_some(found))
    }
}

type Stored<K, V> = Option<BTreeMap<Vec<u8>, (K, V)>>;
