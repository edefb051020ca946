//! Which stores a job has that can be asked, and what is in them.

use std::any::{Any, TypeId};
use std::collections::BTreeSet;
use std::sync::Arc;

use gantry_log::Str;
use serde_json::Value;

use super::{QueryError, Question};
use crate::data::{Data, Key};
use crate::error::DataError;

/// What a store has for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// A value.
    Keyed,
    /// A value for each window.
    Windowed,
    /// A value for each session.
    Sessions,
}

impl StoreKind {
    pub(crate) fn has_windows(self) -> bool {
        self != Self::Keyed
    }
}

/// A store that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StoreInfo {
    /// Its name, as the program gave it.
    pub name: String,
    /// What it has for each key.
    pub kind: StoreKind,
    /// The type of its keys, as Rust names it.
    pub key_type: String,
    /// The type of its values, as Rust names it.
    pub value_type: String,
    /// The part of the topology whose tasks have it.
    pub sub_topology: usize,
    /// The queues whose tasks this instance has.
    pub queues: Vec<u32>,
    /// Queues whose tasks it does not have.
    pub queues_elsewhere: Vec<u32>,
}

/// A type, to be compared and to be told.
type Named = (TypeId, &'static str);

/// The types of a store, and what is done with its bytes.
#[cfg_attr(not(feature = "http"), expect(dead_code, reason = "JSON is for answers over HTTP"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Types {
    pub(crate) key: Named,
    pub(crate) value: Named,
    /// A key in bytes, from how it stands in an address.
    pub(crate) key_from_text: fn(&str) -> Result<Vec<u8>, DataError>,
    pub(crate) key_json: fn(&[u8]) -> Result<Value, DataError>,
    pub(crate) value_json: fn(&[u8]) -> Result<Value, DataError>,
    key_any: fn(&[u8]) -> Option<Box<dyn Any>>,
}

fn named<T: 'static>() -> Named {
    (TypeId::of::<T>(), std::any::type_name::<T>())
}

fn json<T: Data>(bytes: &[u8]) -> Result<Value, DataError> {
    T::decode(bytes).map(|data| data.to_json())
}

impl Types {
    pub(crate) fn of<K: Key, V: Data>() -> Self {
        Self {
            key: named::<K>(),
            value: named::<V>(),
            key_from_text: |text| K::from_text(text).map(|key| key.to_bytes()),
            key_json: json::<K>,
            value_json: json::<V>,
            key_any: |bytes| Some(Box::new(K::decode(bytes).ok()?)),
        }
    }

    /// Whether a store has these types.
    pub(crate) fn check<K: 'static, V: 'static>(&self, store: &str) -> Result<(), QueryError> {
        let (key, value) = (named::<K>(), named::<V>());
        if (key.0, value.0) == (self.key.0, self.value.0) {
            return Ok(());
        }
        let reason = format!(
            "its keys are {} and its values {}, not {} and {}",
            self.key.1, self.value.1, key.1, value.1
        );
        Err(QueryError::Unfit { store: store.to_owned(), reason })
    }

    pub(crate) fn are(&self, other: &Self) -> bool {
        (self.key.0, self.value.0) == (other.key.0, other.value.0)
    }
}

type Write = dyn Fn(&dyn Any) -> Option<Vec<u8>> + Send + Sync;

/// Writes keys as they are in a topic: by these bytes, the queue of a key was chosen. `None`: the
/// key is of another type.
#[derive(Clone)]
pub(crate) struct KeyWriter(Arc<Write>);

impl std::fmt::Debug for KeyWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyWriter")
    }
}

impl KeyWriter {
    pub(crate) fn new<K: 'static>(write: impl Fn(&K) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |key| key.downcast_ref::<K>().map(&write)))
    }

    /// The bytes in the topic of a key as a store has it.
    pub(crate) fn write(&self, types: &Types, key: &[u8]) -> Option<Vec<u8>> {
        (self.0)(&*(types.key_any)(key)?)
    }
}

/// A store, and how it is asked.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its name in the job.
    pub(crate) store: Str,
    pub(crate) kind: StoreKind,
    pub(crate) types: Types,
    /// Its keys are those of the records that come to it: by them it is known which task has one.
    pub(crate) by_record_key: bool,
}

impl Stored {
    /// The one of a name.
    pub(crate) fn of<'a>(
        named: &'a [(Str, Self)],
        job: &str,
        store: &str,
    ) -> Result<&'a Self, QueryError> {
        let found = named.iter().find(|(name, _)| **name == *store).map(|(_, stored)| stored);
        found.ok_or_else(|| {
            let names: BTreeSet<&str> = named.iter().map(|(name, _)| &**name).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let known = match names.is_empty() {
                true => "none can be asked; name a table with Table::materialized_as".to_owned(),
                false => format!("there are {}", names.join(", ")),
            };
            QueryError::UnknownStore { job: job.to_owned(), store: store.to_owned(), known }
        })
    }

    /// Whether a question is one for a store of this kind.
    pub(crate) fn check(&self, store: &str, question: &Question) -> Result<(), QueryError> {
        let asks_windows = matches!(question, Question::Fetch { .. } | Question::Windows { .. });
        if self.kind.has_windows() == asks_windows {
            return Ok(());
        }
        let reason = match asks_windows {
            false => "it has windows: ask for those of a key, or of a time",
            true => "it has no windows: ask for a key, or a range of keys",
        };
        Err(QueryError::Unfit { store: store.to_owned(), reason: reason.to_owned() })
    }
}
