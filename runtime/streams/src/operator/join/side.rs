//! What came on one side of a join of two streams, as long as it may find a partner.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::rc::Rc;

use crate::data::{Data, Key};
use crate::error::{DataError, StreamsError};
use crate::store::WindowStore;

/// A record that may find a partner.
#[derive(Clone, Debug)]
pub(crate) struct Kept<V> {
    pub(crate) timestamp_ms: i64,
    /// It is to be told without a partner, if none comes.
    pub(crate) alone: bool,
    pub(crate) value: V,
}

impl<V: Data> Data for Kept<V> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.timestamp_ms.encode(to);
        self.alone.encode(to);
        self.value.encode(to);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let cut = || DataError::new("it ends too early");
        let (timestamp_ms, rest) = bytes.split_at_checked(8).ok_or_else(cut)?;
        let (alone, value) = rest.split_at_checked(1).ok_or_else(cut)?;
        Ok(Self {
            timestamp_ms: i64::decode(timestamp_ms)?,
            alone: bool::decode(alone)?,
            value: V::decode(value)?,
        })
    }
}

/// Some of the records of a key in one bucket of time. Chunk 0 takes new ones; a full one becomes
/// the next number and is written once, so that a key with many records is not written all over
/// again with each.
#[derive(Clone, Debug)]
pub(crate) struct Chunk<V> {
    /// In chunk 0: how many others there are.
    full: u32,
    records: Vec<Kept<V>>,
}

impl<V: Data> Data for Chunk<V> {
    fn encode(&self, to: &mut Vec<u8>) {
        self.full.encode(to);
        self.records.encode(to);
    }
    fn decode(bytes: &[u8]) -> Result<Self, DataError> {
        let parts = bytes.split_at_checked(4).ok_or_else(|| DataError::new("it ends too early"))?;
        Ok(Self { full: u32::decode(parts.0)?, records: Vec::decode(parts.1)? })
    }
}

/// Records of a full chunk.
const CHUNK: usize = 64;
/// Into so many buckets the time is divided in which partners are looked for: a look goes to few of
/// them, and little is kept longer than it must be.
const BUCKETS: i64 = 8;

pub(crate) type SideStore<K, V> = Rc<RefCell<WindowStore<(K, u32), Chunk<V>>>>;

/// The records of one side, in buckets of time.
pub(crate) struct Side<K, V> {
    store: SideStore<K, V>,
    bucket_ms: i64,
}

impl<K: Key, V: Data> Side<K, V> {
    /// For partners that are at most a span of time apart.
    pub(crate) fn new(store: SideStore<K, V>, span_ms: i64) -> Self {
        Self { store, bucket_ms: (span_ms / BUCKETS).max(1) }
    }

    fn bucket_of(&self, timestamp_ms: i64) -> i64 {
        timestamp_ms.saturating_sub(timestamp_ms.rem_euclid(self.bucket_ms))
    }

    pub(crate) fn add(&self, key: &K, kept: Kept<V>) -> Result<(), StreamsError> {
        let mut store = self.store.borrow_mut();
        let bucket = self.bucket_of(kept.timestamp_ms);
        let mut place = (key.clone(), 0);
        let open = store.change(bucket, &place)?;
        let open = open.get_or_insert_with(|| Chunk { full: 0, records: Vec::new() });
        open.records.push(kept);
        if open.records.len() >= CHUNK {
            open.full += 1;
            place.1 = open.full;
            let records = std::mem::take(&mut open.records);
            *store.change(bucket, &place)? = Some(Chunk { full: 0, records });
        }
        Ok(())
    }

    /// Where the records of a key within a range of time are.
    fn places(
        &self,
        key: &mut (K, u32),
        within: &RangeInclusive<i64>,
    ) -> Result<Vec<(i64, u32)>, StreamsError> {
        let mut store = self.store.borrow_mut();
        let mut places = Vec::new();
        let buckets = self.bucket_of(*within.start())..within.end().saturating_add(1);
        for bucket in store.times(buckets) {
            key.1 = 0;
            let Some(open) = store.get(bucket, key)? else { continue };
            places.extend((1..=open.full).chain([0]).map(|number| (bucket, number)));
        }
        Ok(places)
    }

    /// What a function makes of the records of a key within a range of time: by time, and those of
    /// one time in the order in which they came. None of them is alone any more; `was_alone` hears
    /// of those that were.
    pub(crate) fn find<T>(
        &self,
        key: &K,
        within: &RangeInclusive<i64>,
        mut make: impl FnMut(&Kept<V>) -> Option<T>,
        mut was_alone: impl FnMut(i64),
    ) -> Result<Vec<(i64, T)>, StreamsError> {
        let mut key = (key.clone(), 0);
        let places = self.places(&mut key, within)?;
        let mut store = self.store.borrow_mut();
        let mut found = Vec::new();
        for (bucket, number) in places {
            key.1 = number;
            let mut alone = false;
            let records = store.get(bucket, &key)?.into_iter().flat_map(|chunk| &chunk.records);
            for kept in records.filter(|kept| within.contains(&kept.timestamp_ms)) {
                alone |= kept.alone;
                found.extend(make(kept).map(|made| (kept.timestamp_ms, made)));
            }
            if alone && let Some(chunk) = store.change(bucket, &key)? {
                let records = chunk.records.iter_mut();
                for kept in records.filter(|k| k.alone && within.contains(&k.timestamp_ms)) {
                    kept.alone = false;
                    was_alone(kept.timestamp_ms);
                }
            }
        }
        found.sort_by_key(|(timestamp_ms, _)| *timestamp_ms);
        Ok(found)
    }

    /// The times and keys of all records that are alone.
    pub(crate) fn all_alone(&self) -> Result<Vec<(i64, K)>, StreamsError> {
        let store = self.store.borrow();
        let mut found = Vec::new();
        for bucket in store.times(i64::MIN..i64::MAX) {
            for ((key, _), chunk) in store.at(bucket)? {
                let alone = chunk.records.iter().filter(|kept| kept.alone);
                found.extend(alone.map(|kept| (kept.timestamp_ms, key.clone())));
            }
        }
        Ok(found)
    }

    /// Lets go of what is before a time, a bucket at once.
    pub(crate) fn expire(&self, before_ms: i64) {
        let bucket = before_ms.saturating_sub(self.bucket_ms).saturating_add(1);
        self.store.borrow_mut().expire(bucket);
    }
}
