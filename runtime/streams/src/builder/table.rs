//! Tables: the last value of each key.

use bytes::Bytes;

use super::Stream;
use super::serde::Serde;
use crate::data::{Data, Key};

/// The last value of each key, as a stream of its changes.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    /// `None` takes a key away.
    changes: Stream<K, Option<V>>,
}

impl<K, V> From<Stream<K, Option<V>>> for Table<K, V> {
    fn from(changes: Stream<K, Option<V>>) -> Self {
        Self { changes }
    }
}

impl<K: Clone + 'static, V: Clone + 'static> Table<K, V> {
    /// What each key has now, each time that it changes; keys that are taken away are not told.
    pub fn to_stream(&self) -> Stream<K, V> {
        self.changes.flat_map_values(|value| value.iter().cloned().collect())
    }

    /// Each change; `None` takes a key away.
    pub fn changes(&self) -> Stream<K, Option<V>> {
        self.changes.clone()
    }

    /// Another value for each.
    #[must_use]
    pub fn map_values<W: Clone + 'static>(
        &self,
        function: impl Fn(&K, &V) -> W + Send + Sync + 'static,
    ) -> Table<K, W> {
        self.changes.map_values(move |key, value| value.map(|v| function(key, &v))).into()
    }

    /// Without the keys whose value a function does not want.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&K, &V) -> bool + Send + Sync + 'static) -> Self {
        self.changes.map_values(move |key, value| value.filter(|v| keep(key, v))).into()
    }
}

impl<K: Key, V: Data> Table<K, V> {
    /// Writes each change to a topic: a key that is taken away as a record without a value.
    pub fn sink(&self, topic: &str, key: Serde<K>, value: Serde<V>) {
        self.changes.write(topic, move |record| {
            let value: Option<Bytes> = record.value.as_ref().map(|v| value.write(v));
            (Some(key.write(&record.key)), value)
        });
    }
}
