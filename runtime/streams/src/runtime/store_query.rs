//! The state of a running job, to the program that it runs in.

use std::marker::PhantomData;
use std::sync::{Arc, Weak, mpsc};

use tokio::runtime::Handle;

use super::asking::{Asker, Instance};
use crate::data::{Data, Key};
use crate::query::{Entry, QueryError, Question};
use crate::window::{Window, Windowed};

/// A store of a running job, over the tasks that this instance has: what they hold now, which may be
/// ahead of the last checkpoint. Each call asks the threads of the tasks, blocks until they have
/// answered, and gives up after 5 s. It does not keep the job alive.
pub struct StoreQuery<K, V> {
    asker: Weak<Asker>,
    runtime: Handle,
    store: String,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for StoreQuery<K, V> {
    fn clone(&self) -> Self {
        let (asker, runtime) = (Weak::clone(&self.asker), self.runtime.clone());
        Self { asker, runtime, store: self.store.clone(), types: PhantomData }
    }
}

impl<K, V> std::fmt::Debug for StoreQuery<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoreQuery({})", self.store)
    }
}

impl<K: Key, V: Data> StoreQuery<K, V> {
    pub(super) fn new(
        asker: &Arc<Asker>,
        runtime: &Handle,
        store: &str,
    ) -> Result<Self, QueryError> {
        asker.stored(store)?.types.check::<K, V>(store)?;
        let (asker, runtime) = (Arc::downgrade(asker), runtime.clone());
        Ok(Self { asker, runtime, store: store.to_owned(), types: PhantomData })
    }

    /// The value of a key; `None`: it has none. Fails with [`QueryError::NotHere`] if another instance
    /// has the key.
    pub fn get(&self, key: &K) -> Result<Option<V>, QueryError> {
        let found = self.ask(Question::Get(key.to_bytes()), 1)?;
        found.first().map(|entry| entry.value(&self.store)).transpose()
    }

    /// The first entries from one key up to and with another, in the order of the bytes of keys. At
    /// most 100,000 are given at once, whatever the limit is: to go on, ask from the last key.
    pub fn range(
        &self,
        from: Option<&K>,
        to: Option<&K>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, QueryError> {
        let question = Question::Range { from: from.map(K::to_bytes), to: to.map(K::to_bytes) };
        let found = self.ask(question, limit)?;
        found.iter().map(|entry| entry.pair(&self.store)).collect()
    }

    /// The first entries, in the order of the bytes of keys.
    pub fn all(&self, limit: usize) -> Result<Vec<(K, V)>, QueryError> {
        self.range(None, None, limit)
    }

    /// The windows or sessions of a key that begin within a time, both ends included; at most 10,000.
    /// Windows that are closed are gone.
    pub fn fetch(&self, key: &K, from_ms: i64, to_ms: i64) -> Result<Vec<(Window, V)>, QueryError> {
        let question = Question::Fetch { key: key.to_bytes(), starts: from_ms..=to_ms };
        let found = self.ask(question, crate::query::ENTRIES_MAX)?;
        found.iter().map(|entry| Ok((entry.window(), entry.value(&self.store)?))).collect()
    }

    /// The first windows of all keys that begin within a time: in the order of their start, sessions
    /// in that of the bytes of keys.
    pub fn windows(
        &self,
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Vec<(Windowed<K>, V)>, QueryError> {
        let found = self.ask(Question::Windows { starts: from_ms..=to_ms }, limit)?;
        let entries = found.iter().map(|entry| {
            let (key, value) = entry.pair(&self.store)?;
            Ok((Windowed { window: entry.window(), key }, value))
        });
        entries.collect()
    }

    /// Which instance has a key, as far as that is known.
    pub fn owner_of(&self, key: &K) -> Result<Option<Instance>, QueryError> {
        let asker = self.asker()?;
        Ok(asker.owner_of(asker.stored(&self.store)?, &key.to_bytes()))
    }

    fn asker(&self) -> Result<Arc<Asker>, QueryError> {
        self.asker.upgrade().ok_or_else(|| self.stopped())
    }

    fn stopped(&self) -> QueryError {
        let reason = "the job has stopped".to_owned();
        QueryError::NotReady { store: self.store.clone(), reason }
    }

    fn ask(&self, question: Question, entries_max: usize) -> Result<Vec<Entry>, QueryError> {
        let (asker, store) = (self.asker()?, self.store.clone());
        let (answer, answered) = mpsc::sync_channel(1);
        // Not on this thread, which may be one of an async runtime.
        self.runtime.spawn(async move {
            let told = asker.ask(&store, question, entries_max).await;
            drop(asker);
            let _ = answer.send(told);
        });
        answered.recv().unwrap_or_else(|_| Err(self.stopped()))
    }
}
