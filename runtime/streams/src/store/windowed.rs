//! Values by time and key: the times are starts of windows or panes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::data::{Data, Key};
use crate::error::StreamsError;

use super::cache::Cache;
use super::keyed::unreadable;
use super::page::{Entries, Most, Page, Range};
use super::{Flush, PREFIX_BYTES, Place, StateStore};

/// The state of one task: a value for each time and key. All of one time stands together, so that
/// to let it go costs no look at what stays.
pub struct WindowStore<K, V> {
    place: Place,
    buckets: BTreeMap<i64, Cache<K, V>>,
    /// Times before this are kept no more, but still on disk.
    expired: Option<i64>,
    /// Of those, the change log knows it of times before this.
    told: Option<i64>,
    /// Of those, what the change log has and the disk has not.
    expired_keys: Vec<(i64, K)>,
    /// Nothing is on disk before this time: it need not be asked.
    floor: i64,
    /// Nothing is on disk from this time on.
    ceiling: i64,
}

impl<K, V> std::fmt::Debug for WindowStore<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WindowStore({:?})", self.place)
    }
}

impl<K: Key, V: Data> WindowStore<K, V> {
    /// Reads of what times there is something on disk.
    pub(crate) fn new(place: Place) -> Result<Self, StreamsError> {
        let mut store = Self {
            place,
            buckets: BTreeMap::new(),
            expired: None,
            told: None,
            expired_keys: Vec::new(),
            floor: i64::MIN,
            ceiling: i64::MAX,
        };
        let times = store.times_on_disk()?;
        for time in &times {
            store.buckets.insert(*time, Cache::default());
        }
        store.floor = times.first().copied().unwrap_or(i64::MAX);
        store.ceiling = times.last().map_or(i64::MIN, |last| last.saturating_add(1));
        Ok(store)
    }

    /// Each time once: the next one is looked for behind the last.
    fn times_on_disk(&self) -> Result<Vec<i64>, StreamsError> {
        let mut times = Vec::new();
        let end = super::keyed::after(&self.place.prefix);
        let mut from = self.place.prefix.to_vec();
        loop {
            let mut found = None;
            self.place.backend.scan(&from, &end, &mut |key, _| {
                found = Some(time_of(&self.place, key)?);
                Ok(false)
            })?;
            let Some(time) = found else { return Ok(times) };
            times.push(time);
            let Some(next) = time.checked_add(1) else { return Ok(times) };
            from = self.time_bytes(next);
        }
    }

    fn time_bytes(&self, time_ms: i64) -> Vec<u8> {
        let mut bytes = self.place.prefix.to_vec();
        time_ms.encode(&mut bytes);
        bytes
    }

    /// Whether there may be something on disk of a time that has not expired.
    fn on_disk(&self, time_ms: i64) -> bool {
        let written = self.floor <= time_ms && time_ms < self.ceiling;
        written && self.expired.is_none_or(|before| time_ms >= before)
    }

    /// Makes the value of a key at a time another one; `None` takes it away.
    pub fn put(&mut self, time_ms: i64, key: &K, value: Option<V>) -> Result<(), StreamsError> {
        let bucket = self.buckets.entry(time_ms).or_default();
        // What was there need not be read.
        *bucket.change(key, || Ok(None))? = value;
        Ok(())
    }

    /// The value of a key at a time, to be changed where it stands.
    pub fn change(&mut self, time_ms: i64, key: &K) -> Result<&mut Option<V>, StreamsError> {
        let on_disk = self.on_disk(time_ms);
        let place = &self.place;
        let bucket = self.buckets.entry(time_ms).or_default();
        bucket.change(key, || if on_disk { load(place, time_ms, key) } else { Ok(None) })
    }

    /// The value of a key at a time.
    pub fn get(&mut self, time_ms: i64, key: &K) -> Result<Option<&V>, StreamsError> {
        let on_disk = self.on_disk(time_ms);
        let Some(bucket) = self.buckets.get_mut(&time_ms) else { return Ok(None) };
        // What is nowhere need not be remembered either.
        if !on_disk && bucket.known(key).is_none() {
            return Ok(None);
        }
        let place = &self.place;
        bucket.get(key, || if on_disk { load(place, time_ms, key) } else { Ok(None) })
    }

    /// The times of which there is something, within a range.
    pub fn times(&self, within: std::ops::Range<i64>) -> Vec<i64> {
        if within.start >= within.end {
            return Vec::new();
        }
        self.buckets.range(within).map(|(time, _)| *time).collect()
    }

    /// The first time of which there is something.
    pub fn first_time(&self) -> Option<i64> {
        self.buckets.first_key_value().map(|(time, _)| *time)
    }

    /// All entries of one time, ordered by the bytes of their keys.
    pub fn at(&self, time_ms: i64) -> Result<Vec<(K, V)>, StreamsError> {
        let entries = self.page(time_ms, Most::ALL)?.unwrap_or_default();
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// The first entries of one time, with the bytes of their keys.
    pub(crate) fn page(&self, time_ms: i64, most: Most) -> Result<Page<K, V>, StreamsError> {
        let Some(cache) = self.buckets.get(&time_ms) else { return Ok(Some(Vec::new())) };
        let low = self.time_bytes(time_ms);
        let range = Range { high: super::after(&low), low };
        let (place, head, on_disk) = (&self.place, &range.low[..], self.on_disk(time_ms));
        let mut found = Entries { place, cache, head, on_disk }.page(&range, most)?;
        for (bytes, _) in found.iter_mut().flatten() {
            bytes.drain(..head.len());
        }
        Ok(found)
    }

    /// The value of a key at a time, which is not remembered.
    pub(crate) fn peek(&self, time_ms: i64, key: &K) -> Result<Option<V>, StreamsError> {
        let Some(bucket) = self.buckets.get(&time_ms) else { return Ok(None) };
        match bucket.known(key) {
            Some(value) => Ok(value.cloned()),
            None if self.on_disk(time_ms) => load(&self.place, time_ms, key),
            None => Ok(None),
        }
    }

    /// The first time within a range of which there is something.
    pub(crate) fn next_time(&self, within: RangeInclusive<i64>) -> Option<i64> {
        if within.is_empty() {
            return None;
        }
        self.buckets.range(within).next().map(|(time, _)| *time)
    }

    /// The entries that changed since the last checkpoint: time, key, value.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (i64, &K, Option<&V>)> {
        self.buckets.iter().flat_map(|(time, bucket)| {
            bucket.changes().map(move |(key, value)| (*time, key, value))
        })
    }

    /// Lets go of all times before this one.
    pub fn expire(&mut self, before_ms: i64) {
        if self.first_time().is_none_or(|first| first >= before_ms) {
            return;
        }
        let kept = self.buckets.split_off(&before_ms);
        for (time, bucket) in std::mem::replace(&mut self.buckets, kept) {
            self.expired_keys.extend(bucket.only_logged().map(|key| (time, key)));
        }
        self.expired = self.expired.max(Some(before_ms));
    }

    /// Takes away what is kept no more: from the change log now, so that a restore does not bring it
    /// back, from disk when that is written to.
    fn flush_expired(&mut self, to: &mut Flush<'_>) -> Result<(), StreamsError> {
        for (time, key) in self.expired_keys.drain(..) {
            to.change(|bytes| encode_entry(time, &key, bytes), None);
        }
        let Some(before) = self.expired else { return Ok(()) };
        if to.changes.is_some() && self.floor < before {
            let low = self.time_bytes(self.told.map_or(self.floor, |told| told.max(self.floor)));
            // What was written again since comes behind it.
            self.place.backend.scan(&low, &self.time_bytes(before), &mut |key, _| {
                to.change(|bytes| bytes.extend_from_slice(&key[PREFIX_BYTES..]), None);
                Ok(true)
            })?;
            self.told = self.told.max(Some(before));
        }
        let Some(batch) = to.batch.as_deref_mut() else { return Ok(()) };
        (self.expired, self.told) = (None, None);
        // Also if nothing was found there: what is loaded while the task runs may be older there.
        batch.ranges.push((self.place.prefix.to_vec(), self.time_bytes(before)));
        self.floor = self.floor.max(before);
        Ok(())
    }
}

const TIME_BYTES: usize = 8;

fn time_of(place: &Place, key: &[u8]) -> Result<i64, StreamsError> {
    let time = key.get(PREFIX_BYTES..PREFIX_BYTES + TIME_BYTES).unwrap_or_default();
    i64::decode(time).map_err(|error| unreadable(place, &error))
}

fn entry_bytes<K: Data>(place: &Place, time_ms: i64, key: &K) -> Vec<u8> {
    let mut bytes = place.prefix.to_vec();
    encode_entry(time_ms, key, &mut bytes);
    bytes
}

/// What stands behind the prefix.
fn encode_entry<K: Data>(time_ms: i64, key: &K, to: &mut Vec<u8>) {
    time_ms.encode(to);
    key.encode(to);
}

fn load<K: Data, V: Data>(place: &Place, time: i64, key: &K) -> Result<Option<V>, StreamsError> {
    let found = place.backend.get(&entry_bytes(place, time, key))?;
    found.map(|bytes| V::decode(&bytes).map_err(|error| unreadable(place, &error))).transpose()
}

impl<K: Key, V: Data> StateStore for WindowStore<K, V> {
    fn flush(&mut self, to: &mut Flush<'_>) -> Result<(), StreamsError> {
        self.flush_expired(to)?;
        let total = self.cached().max(1);
        for (time, bucket) in &mut self.buckets {
            if to.changes.is_some() {
                for (key, value) in bucket.changes() {
                    let value = value.map(Data::to_bytes);
                    to.change(|bytes| encode_entry(*time, key, bytes), value);
                }
            }
            bucket.checkpointed();
            let Some(batch) = to.batch.as_deref_mut() else { continue };
            if bucket.unsaved_count() > 0 {
                self.floor = self.floor.min(*time);
                self.ceiling = self.ceiling.max(time.saturating_add(1));
            }
            batch.entries.extend(bucket.unsaved().map(|(key, value)| {
                (entry_bytes(&self.place, *time, key), value.map(Data::to_bytes))
            }));
            // Each time has its share.
            let share = self.place.entries_max as u128 * bucket.len() as u128 / total as u128;
            bucket.saved(usize::try_from(share).unwrap_or(usize::MAX));
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let unsaved: usize = self.buckets.values().map(Cache::unsaved_count).sum();
        unsaved > self.place.entries_max || self.cached() > self.place.entries_max.saturating_mul(2)
    }

    fn cached(&self) -> usize {
        self.buckets.values().map(Cache::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::store::{Backend, Batch, Memory, prefix};

    #[derive(Clone, Debug)]
    enum Step {
        Put(i64, String, Option<u64>),
        Add(i64, String),
        Expire(i64),
        Checkpoint {
            save: bool,
        },
        /// What was not saved is lost, or all that was saved too; it comes back from the change log.
        Crash {
            lost: bool,
        },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let place = || (0..12_i64, "[ab]");
        let step = prop_oneof![
            (place(), any::<Option<u64>>()).prop_map(|((time, key), v)| Step::Put(time, key, v)),
            place().prop_map(|(time, key)| Step::Add(time, key)),
            (0..14_i64).prop_map(Step::Expire),
            any::<bool>().prop_map(|save| Step::Checkpoint { save }),
            any::<bool>().prop_map(|save| Step::Checkpoint { save }),
            any::<bool>().prop_map(|lost| Step::Crash { lost }),
        ];
        prop::collection::vec(step, 1..60)
    }

    type Store = WindowStore<String, u64>;
    type Model = BTreeMap<(i64, String), u64>;

    struct Trial {
        backend: Arc<dyn Backend>,
        /// The whole change log, and from where on it is not on disk.
        log: Vec<gantry_log::LogRecord>,
        saved: usize,
        store: Store,
    }

    impl Trial {
        fn place(backend: &Arc<dyn Backend>) -> Place {
            Place { backend: Arc::clone(backend), prefix: prefix(3, 1), entries_max: 3 }
        }

        fn new() -> Self {
            let backend: Arc<dyn Backend> = Arc::new(Memory::default());
            let store = Store::new(Self::place(&backend)).unwrap();
            Self { backend, log: Vec::new(), saved: 0, store }
        }

        fn checkpoint(&mut self, save: bool) {
            let mut batch = save.then(Batch::default);
            let changes = Some(&mut self.log);
            self.store
                .flush(&mut Flush { batch: batch.as_mut(), changes, ..Flush::default() })
                .unwrap();
            if let Some(batch) = batch {
                self.backend.write(batch).unwrap();
                self.saved = self.log.len();
            }
        }

        fn crash(&mut self, lost: bool) {
            if lost {
                (self.backend, self.saved) = (Arc::new(Memory::default()), 0);
            }
            let entries = self.log[self.saved..].iter().map(|record| {
                let key = record.key.as_deref().unwrap();
                let value = record.value.as_ref().map(|value| value.to_vec());
                ([&prefix(3, 1)[..], key].concat(), value)
            });
            let batch = Batch { entries: entries.collect(), ..Batch::default() };
            self.backend.write(batch).unwrap();
            self.saved = self.log.len();
            self.store = Store::new(Self::place(&self.backend)).unwrap();
        }

        fn all(&self) -> Model {
            let times = self.store.times(i64::MIN..i64::MAX).into_iter();
            let found = times.flat_map(|time| {
                let entries = self.store.at(time).unwrap().into_iter();
                entries.map(move |(key, value)| ((time, key), value))
            });
            found.collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn a_store_is_a_map_and_after_a_crash_that_of_the_last_checkpoint(steps in steps()) {
            let mut trial = Trial::new();
            let (mut model, mut checkpointed) = (Model::new(), Model::new());
            for step in steps {
                match step {
                    Step::Put(time, key, value) => {
                        trial.store.put(time, &key, value).unwrap();
                        match value {
                            Some(value) => model.insert((time, key), value),
                            None => model.remove(&(time, key)),
                        };
                    }
                    Step::Add(time, key) => {
                        let slot = trial.store.change(time, &key).unwrap();
                        *slot = Some(slot.unwrap_or(0).wrapping_add(1));
                        let known = model.entry((time, key)).or_default();
                        *known = known.wrapping_add(1);
                    }
                    Step::Expire(before) => {
                        trial.store.expire(before);
                        model.retain(|(time, _), _| *time >= before);
                    }
                    Step::Checkpoint { save } => {
                        trial.checkpoint(save);
                        checkpointed = model.clone();
                    }
                    Step::Crash { lost } => {
                        trial.crash(lost);
                        model = checkpointed.clone();
                    }
                }
                prop_assert_eq!(&trial.all(), &model);
            }
        }
    }
}
