//! Stores of a task whose state is kept elsewhere, in which everything happens in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_cluster::Epoch;
use gantry_log::LogRecord;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::view::Next;
use super::{Checkpoint, Found, Guard, Remote, Row, View};
use crate::store::{
    Backend, Batch, Flush, KeyedStore, Memory, PREFIX_BYTES, Place, StateStore, WindowStore, after,
    prefix,
};

/// What happens to a task.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Put(i64, String, Option<u64>),
    Add(i64, String),
    PutKeyed(String, Option<u64>),
    AddKeyed(String),
    Expire(i64),
    Checkpoint {
        save: bool,
    },
    Fetch {
        most: usize,
    },
    Take,
    /// The process ends, perhaps with a checkpoint in the database that is not in the log, perhaps
    /// with what it had on disk.
    Crash {
        is_ahead: bool,
        is_lost: bool,
    },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || (0..12_i64, "[ab]");
    let step = prop_oneof![
        2 => (place(), any::<Option<u64>>()).prop_map(|((t, key), v)| Step::Put(t, key, v)),
        2 => place().prop_map(|(time, key)| Step::Add(time, key)),
        2 => ("[a-f]", any::<Option<u64>>()).prop_map(|(key, value)| Step::PutKeyed(key, value)),
        2 => "[a-f]".prop_map(Step::AddKeyed),
        1 => (0..14_i64).prop_map(Step::Expire),
        3 => any::<bool>().prop_map(|save| Step::Checkpoint { save }),
        2 => (1..4_usize).prop_map(|most| Step::Fetch { most }),
        2 => Just(Step::Take),
        1 => any::<(bool, bool)>().prop_map(|(is_ahead, is_lost)| Step::Crash { is_ahead, is_lost }),
    ];
    prop::collection::vec(step, 1..120)
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    windows: BTreeMap<(i64, String), u64>,
    keyed: BTreeMap<String, u64>,
}

struct Trial {
    remote: Arc<dyn Remote>,
    queue: u32,
    /// How often it began.
    claim: u64,
    disk: Arc<Memory>,
    view: Guard,
    windows: WindowStore<String, u64>,
    keyed: KeyedStore<String, u64>,
    fetched: Option<(Next, Vec<Row>, usize)>,
    logged: u64,
    number: u64,
}

/// Numbers of the two stores.
const STORES: [u16; 2] = [3, 4];
const MARKER: &[u8] = b"\xff\xffmarker";

type Stores = (WindowStore<String, u64>, KeyedStore<String, u64>);

fn stores(backend: &Arc<dyn Backend>, queue: u32) -> Stores {
    let place = |store| {
        let (backend, prefix) = (Arc::clone(backend), prefix(store, queue));
        Place { backend, prefix, entries_max: 3 }
    };
    (WindowStore::new(place(STORES[0])).unwrap(), KeyedStore::new(place(STORES[1])))
}

impl Trial {
    /// A task that begins, as the job does it.
    fn begin(
        remote: Arc<dyn Remote>,
        queue: u32,
        claim: u64,
        disk: Arc<Memory>,
        logged: u64,
    ) -> Self {
        let found = remote.begin((0, queue), Epoch::of(claim), logged).unwrap();
        let Found::State { forgotten } = found else { panic!("{found:?}") };
        let prefixes: Vec<[u8; PREFIX_BYTES]> = STORES.map(|store| prefix(store, queue)).to_vec();
        let marked = disk.get(MARKER).unwrap();
        let marked = marked.map(|number| u64::from_be_bytes(number.try_into().unwrap()));
        let marked = marked.filter(|marked| (forgotten..=logged).contains(marked));
        if marked.is_none() {
            let ranges = prefixes.iter().map(|store| (store.to_vec(), after(store))).collect();
            disk.write(Batch { entries: vec![(MARKER.to_vec(), None)], ranges }).unwrap();
        }
        let (state, rows): (Arc<dyn Backend>, _) = (disk.clone(), remote.rows((0, queue)));
        let view = Arc::new(View::new(state, rows, prefixes, logged, marked));
        let backend: Arc<dyn Backend> = view.clone();
        let (windows, keyed) = stores(&backend, queue);
        let (view, fetched, number) = (Guard(view), None, logged);
        Self { remote, queue, claim, disk, view, windows, keyed, fetched, logged, number }
    }

    fn flush(&mut self, batch: Option<&mut Batch>) {
        let (mut batch, mut changes) = (batch, Vec::new());
        let stores: [&mut dyn StateStore; 2] = [&mut self.windows, &mut self.keyed];
        for (number, store) in STORES.into_iter().zip(stores) {
            let mut records: Vec<LogRecord> = Vec::new();
            let batch = batch.as_deref_mut();
            let mut to = Flush { batch, changes: Some(&mut records), ..Flush::default() };
            store.flush(&mut to).unwrap();
            changes.push((number, records));
        }
        self.number += 1;
        let (task, number, by) = ((0, self.queue), self.number, Epoch::of(self.claim));
        let forget = self.view.0.marked().min(number.saturating_sub(2));
        // Who had it before is refused, and what he writes is nowhere.
        let former = Epoch { claim: self.claim - 1, session: 7 };
        let late =
            Checkpoint { task, by: former, number, changes: changes.clone(), forget: number };
        assert_eq!(self.remote.write(vec![late]).unwrap(), [task]);
        let checkpoint = Checkpoint { task, by, number, changes, forget };
        assert_eq!(self.remote.write(vec![checkpoint]).unwrap(), []);
    }

    fn checkpoint(&mut self, save: bool) {
        let mut batch = save.then(Batch::default);
        self.flush(batch.as_mut());
        self.logged = self.number;
        if let Some(batch) = batch {
            let marker = (MARKER.to_vec(), Some(self.number.to_be_bytes().to_vec()));
            self.view.0.save(batch, self.number, marker).unwrap();
        }
    }

    fn fetch(&mut self, most: usize) {
        let next = self.view.0.next();
        self.fetched = next.map(|next| {
            let rows = self.view.0.fetch(&next, most).unwrap();
            (next, rows, most)
        });
    }

    fn take(&mut self) {
        if let Some((next, rows, most)) = self.fetched.take() {
            self.view.0.take(next, rows, most).unwrap();
        }
    }

    fn crash(mut self, is_ahead: bool, is_lost: bool) -> Self {
        if is_ahead {
            self.flush(None);
        }
        let Self { remote, queue, claim, disk, view, fetched, logged, .. } = self;
        let loader = Arc::clone(&view.0);
        drop(view);
        let disk = if is_lost { Arc::default() } else { disk };
        let trial = Self::begin(remote, queue, claim + 1, disk, logged);
        // A loader that was in the middle of it comes to its end only now.
        if let Some((next, rows, most)) = fetched {
            loader.take(next, rows, most).unwrap();
        }
        trial
    }

    fn all(&self) -> Model {
        let times = self.windows.times(i64::MIN..i64::MAX).into_iter();
        let windows = times.flat_map(|time| {
            let entries = self.windows.at(time).unwrap().into_iter();
            entries.map(move |(key, value)| ((time, key), value))
        });
        let keyed = self.keyed.range(None, None).unwrap().into_iter();
        Model { windows: windows.collect(), keyed: keyed.collect() }
    }
}

fn set<K: Ord>(map: &mut BTreeMap<K, u64>, key: K, value: Option<u64>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

/// Whatever happens, the stores have what was put into them, or what they had at the last checkpoint.
pub(super) fn run(remote: Arc<dyn Remote>, queue: u32, steps: Vec<Step>) -> TestCaseResult {
    let mut trial = Trial::begin(remote, queue, 1, Arc::default(), 0);
    let (mut model, mut checkpointed) = (Model::default(), Model::default());
    for step in steps {
        match step {
            Step::Put(time, key, value) => {
                trial.windows.put(time, &key, value).unwrap();
                set(&mut model.windows, (time, key), value);
            }
            Step::Add(time, key) => {
                let value = trial.windows.change(time, &key).unwrap();
                *value = Some(value.unwrap_or(0).wrapping_add(1));
                add(&mut model.windows, (time, key));
            }
            Step::PutKeyed(key, value) => {
                trial.keyed.put(&key, value).unwrap();
                set(&mut model.keyed, key, value);
            }
            Step::AddKeyed(key) => {
                let value = trial.keyed.change(&key).unwrap();
                *value = Some(value.unwrap_or(0).wrapping_add(1));
                add(&mut model.keyed, key);
            }
            Step::Expire(before) => {
                trial.windows.expire(before);
                model.windows.retain(|(time, _), _| *time >= before);
            }
            Step::Checkpoint { save } => {
                trial.checkpoint(save);
                checkpointed = model.clone();
            }
            Step::Fetch { most } => trial.fetch(most),
            Step::Take => trial.take(),
            Step::Crash { is_ahead, is_lost } => {
                trial = trial.crash(is_ahead, is_lost);
                model = checkpointed.clone();
            }
        }
        prop_assert_eq!(trial.all(), model.clone());
    }
    // Loaded to its end and saved, it is on disk alone.
    trial.fetch(2);
    while trial.fetched.is_some() {
        trial.take();
        trial.fetch(2);
    }
    prop_assert!(trial.view.0.is_complete());
    trial.checkpoint(true);
    let disk: Arc<dyn Backend> = trial.disk.clone();
    (trial.windows, trial.keyed) = stores(&disk, trial.queue);
    prop_assert_eq!(trial.all(), model);
    Ok(())
}

fn add<K: Ord>(map: &mut BTreeMap<K, u64>, key: K) {
    let known = map.entry(key).or_default();
    *known = known.wrapping_add(1);
}
