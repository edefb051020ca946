//! What is held in memory of a store: entries that were read or changed lately.

use std::hash::Hash;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::error::StreamsError;

struct Slot<V> {
    /// None: it is known that there is none.
    value: Option<V>,
    changed: bool,
    /// Since the cache was last made smaller.
    used: bool,
}

/// Entries with their keys. Those that changed stay until they were written.
pub(super) struct Cache<K, V> {
    map: IndexMap<K, Slot<V>, RandomState>,
    /// Places in the map; nothing is taken out of it while there are any.
    changed: Vec<usize>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { map: IndexMap::default(), changed: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// How many have changed.
    pub(super) fn changed(&self) -> usize {
        self.changed.len()
    }

    fn slot(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, StreamsError>,
    ) -> Result<usize, StreamsError> {
        if let Some(at) = self.map.get_index_of(key) {
            self.map[at].used = true;
            return Ok(at);
        }
        let slot = Slot { value: load()?, changed: false, used: true };
        Ok(self.map.insert_full(key.clone(), slot).0)
    }

    pub(super) fn get(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, StreamsError>,
    ) -> Result<Option<&V>, StreamsError> {
        let at = self.slot(key, load)?;
        Ok(self.map[at].value.as_ref())
    }

    /// What it has of a key; `None`: it does not know.
    pub(super) fn known(&self, key: &K) -> Option<Option<&V>> {
        self.map.get(key).map(|slot| slot.value.as_ref())
    }

    /// The value, to be changed.
    pub(super) fn change(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, StreamsError>,
    ) -> Result<&mut Option<V>, StreamsError> {
        let at = self.slot(key, load)?;
        let slot = &mut self.map[at];
        if !slot.changed {
            slot.changed = true;
            self.changed.push(at);
        }
        Ok(&mut slot.value)
    }

    /// All entries, in the order in which they came.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.map.iter().map(|(key, slot)| (key, slot.value.as_ref()))
    }

    /// The entries that changed, in the order in which they did first.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        let entries = self.changed.iter().filter_map(|at| self.map.get_index(*at));
        entries.map(|(key, slot)| (key, slot.value.as_ref()))
    }

    /// What changed was written. If there are more entries than wanted, those go that were not used
    /// since this was last so, and if that is not enough, all.
    pub(super) fn written(&mut self, entries_max: usize) {
        for at in self.changed.drain(..) {
            self.map[at].changed = false;
        }
        if self.map.len() > entries_max {
            self.map.retain(|_, slot| std::mem::take(&mut slot.used));
        }
        if self.map.len() > entries_max {
            self.map.clear();
        }
    }
}
