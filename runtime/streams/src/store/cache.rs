//! What is held in memory of a store: entries that were read or changed lately.
//!
//! A change goes to the change log at the next checkpoint, and to disk later, with others of the same
//! key: what is lost on disk by a kill is read again from the change log.

use std::hash::Hash;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::error::StreamsError;

struct Slot<V> {
    /// None: it is known that there is none.
    value: Option<V>,
    /// Since the last checkpoint.
    changed: bool,
    /// Since it was last written to disk.
    unsaved: bool,
    /// The change log has something of it that is not on disk.
    only_logged: bool,
    /// Since the cache was last made smaller.
    used: bool,
}

/// Entries with their keys. Those that changed stay until they were written to disk.
pub(super) struct Cache<K, V> {
    map: IndexMap<K, Slot<V>, RandomState>,
    /// Places in the map; nothing is taken out of it while there are any.
    changed: Vec<usize>,
    unsaved: Vec<usize>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { map: IndexMap::default(), changed: Vec::new(), unsaved: Vec::new() }
    }
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// How many are not on disk as they are here.
    pub(super) fn unsaved_count(&self) -> usize {
        self.unsaved.len()
    }

    fn slot(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, StreamsError>,
    ) -> Result<usize, StreamsError> {
        if let Some(at) = self.map.get_index_of(key) {
            return Ok(at);
        }
        let value = load()?;
        let slot = Slot { value, changed: false, unsaved: false, only_logged: false, used: true };
        Ok(self.map.insert_full(key.clone(), slot).0)
    }

    pub(super) fn get(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, StreamsError>,
    ) -> Result<Option<&V>, StreamsError> {
        let at = self.slot(key, load)?;
        let slot = &mut self.map[at];
        slot.used = true;
        Ok(slot.value.as_ref())
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
        slot.used = true;
        if !slot.changed {
            slot.changed = true;
            self.changed.push(at);
            if !slot.unsaved {
                slot.unsaved = true;
                self.unsaved.push(at);
            }
        }
        Ok(&mut slot.value)
    }

    /// All entries, in the order in which they came.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.map.iter().map(|(key, slot)| (key, slot.value.as_ref()))
    }

    fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = (&'a K, Option<&'a V>)> {
        let entries = places.iter().filter_map(|at| self.map.get_index(*at));
        entries.map(|(key, slot)| (key, slot.value.as_ref()))
    }

    /// The entries that changed since the last checkpoint, in the order in which they did first.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.at(&self.changed)
    }

    /// The entries that are not on disk as they are here.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.at(&self.unsaved)
    }

    /// The keys of which the change log has something, and the disk has not.
    pub(super) fn only_logged(self) -> impl Iterator<Item = K> {
        self.map.into_iter().filter(|(_, slot)| slot.only_logged).map(|(key, _)| key)
    }

    /// What changed is in the checkpoint.
    pub(super) fn checkpointed(&mut self) {
        for at in self.changed.drain(..) {
            self.map[at].changed = false;
            self.map[at].only_logged = true;
        }
    }

    /// Everything is on disk. If there are more entries than wanted, those go that were not used
    /// since this was last so, and if that is not enough, all.
    pub(super) fn saved(&mut self, entries_max: usize) {
        for at in self.unsaved.drain(..) {
            self.map[at].unsaved = false;
            self.map[at].only_logged = false;
        }
        if self.map.len() > entries_max {
            self.map.retain(|_, slot| std::mem::take(&mut slot.used));
        }
        if self.map.len() > entries_max {
            self.map.clear();
        }
    }
}
