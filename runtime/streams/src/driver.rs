//! A topology in a unit test: no log, no threads, and time as the test says.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_log::{LogRecord, Str};

use crate::aside::SideTopics;
use crate::builder::{Serde, Topology};
use crate::data::{Data, Key};
use crate::error::StreamsError;
use crate::metrics::OperatorStatus;
use crate::query::{self, Answer, QueryError, Question, Stored};
use crate::settings::{Settings, millis};
use crate::store::{Backend, Batch, Memory, global};
use crate::task::{Progress, Task, TaskSpec};
use crate::topology::assembly::Storage;
use crate::window::Windowed;

/// A question is given up after so long.
const ASK_LIMIT: Duration = Duration::from_secs(60);

/// Runs a topology with one queue of each topic, each record to its end, and keeps what comes out.
pub struct TestDriver {
    topology: Topology,
    backend: Arc<dyn Backend>,
    tasks: Vec<(Vec<Str>, Task)>,
    written: BTreeMap<Str, Vec<LogRecord>>,
    now_ms: i64,
    settings: Settings,
}

/// Records that are not taken yet, by topic.
#[derive(Default)]
struct Waiting(BTreeMap<Str, VecDeque<LogRecord>>);

impl Waiting {
    fn push(&mut self, topic: &Str, record: LogRecord) {
        self.0.entry(Str::clone(topic)).or_default().push_back(record);
    }

    /// Of the topic whose next record is the earliest.
    fn pop(&mut self) -> Option<(Str, LogRecord)> {
        let heads = self.0.iter().filter_map(|(topic, all)| Some((topic, all.front()?)));
        let (topic, _) = heads.min_by_key(|(_, record)| record.timestamp_ms)?;
        let topic = Str::clone(topic);
        let record = self.0.get_mut(&topic)?.pop_front()?;
        Some((topic, record))
    }
}

impl std::fmt::Debug for TestDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TestDriver({})", self.topology.job)
    }
}

impl TestDriver {
    /// With an empty state, at wall-clock time 0.
    pub fn new(topology: Topology) -> Result<Self, StreamsError> {
        Self::with_settings(topology, Settings::new(""))
    }

    /// The same with settings: what they say of lateness, idle time, and records that are late or cannot
    /// be read; what they say of threads, directories and reading does not count.
    pub fn with_settings(topology: Topology, settings: Settings) -> Result<Self, StreamsError> {
        let backend: Arc<dyn Backend> = Arc::new(Memory::default());
        let (tasks, written) = (Vec::new(), BTreeMap::new());
        let mut driver = Self { topology, backend, tasks, written, now_ms: 0, settings };
        driver.start(&mut Vec::new().into_iter())?;
        Ok(driver)
    }

    fn start(&mut self, progress: &mut dyn Iterator<Item = Progress>) -> Result<(), StreamsError> {
        self.topology.graph.check_names().map_err(|reason| StreamsError::Topology {
            job: self.topology.job.to_string(),
            reason,
        })?;
        let subs = self.topology.graph.sub_topologies();
        let mut first_store = 0;
        self.tasks.clear();
        for sub in &subs {
            let (backend, entries_max) = (Arc::clone(&self.backend), self.settings.cache_entries);
            let storage = Storage { backend, first_store, entries_max };
            first_store += u16::try_from(sub.stores.len()).unwrap_or(u16::MAX);
            let spec = TaskSpec {
                graph: &self.topology.graph,
                sub,
                queue: 0,
                storage: &storage,
                queues: &BTreeMap::new(),
                aside: &SideTopics::new(&self.settings),
                allowed_lateness_ms: millis(self.settings.allowed_lateness),
                changes: false,
                wall_clock_ms: self.now_ms,
            };
            let inputs = sub.inputs.iter().map(|topic| (Str::clone(topic), 0)).collect();
            let begin = Progress { inputs, ..Progress::default() };
            let task = Task::new(&spec, progress.next().unwrap_or(begin))?;
            self.tasks.push((sub.inputs.clone(), task));
        }
        Ok(())
    }

    /// Ends all tasks and starts them again with the state that they left: as after a restart.
    pub fn restart(&mut self) -> Result<(), StreamsError> {
        let mut progress = Vec::new();
        for (_, task) in &mut self.tasks {
            let written = task.checkpoint(true)?;
            self.backend.write(written.batch.unwrap_or_default())?;
            progress.push(written.progress);
        }
        self.start(&mut progress.into_iter())
    }

    /// The same, with the wall clock at a time when the tasks start again.
    pub fn restart_at(&mut self, now_ms: i64) -> Result<(), StreamsError> {
        self.now_ms = now_ms;
        self.restart()
    }

    /// Event time goes on with the wall clock where nothing came for so long.
    pub fn set_idle_time_ms(&mut self, idle_ms: i64) {
        self.settings.idle_time = Some(Duration::from_millis(idle_ms.max(0).unsigned_abs()));
    }

    /// A record with a text comes to a topic.
    pub fn send(
        &mut self,
        topic: &str,
        key: Option<&str>,
        value: &str,
        timestamp_ms: i64,
    ) -> Result<(), StreamsError> {
        self.send_record(
            topic,
            LogRecord {
                key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
                value: Some(Bytes::copy_from_slice(value.as_bytes())),
                headers: Vec::new(),
                timestamp_ms,
            },
        )
    }

    /// A record comes to a topic. All that follows from it is done when this returns.
    pub fn send_record(&mut self, topic: &str, record: LogRecord) -> Result<(), StreamsError> {
        self.send_records([(topic, record)])
    }

    /// Records come to several topics at once: they are taken in the order of time, those of one
    /// topic in their own order. All that follows from them is done when this returns.
    pub fn send_records<'a>(
        &mut self,
        records: impl IntoIterator<Item = (&'a str, LogRecord)>,
    ) -> Result<(), StreamsError> {
        let mut waiting = Waiting::default();
        for (topic, record) in records {
            waiting.push(&topic.into(), record);
        }
        self.take(waiting)
    }

    /// Records come to a topic one after the other, without a checkpoint between them.
    pub fn send_batch(&mut self, topic: &str, records: Vec<LogRecord>) -> Result<(), StreamsError> {
        let mut waiting = Waiting::default();
        self.give(&topic.into(), &records, &mut waiting)?;
        self.take(waiting)
    }

    fn take(&mut self, mut waiting: Waiting) -> Result<(), StreamsError> {
        while let Some((topic, record)) = waiting.pop() {
            self.give(&topic, &[record], &mut waiting)?;
        }
        Ok(())
    }

    /// Gives records of a topic to all that read it.
    fn give(
        &mut self,
        topic: &Str,
        records: &[LogRecord],
        waiting: &mut Waiting,
    ) -> Result<(), StreamsError> {
        let globals = self.topology.graph.globals();
        for (number, _) in (0..).zip(globals).filter(|(_, global)| *global == topic) {
            let mut batch = Batch::default();
            records.iter().for_each(|record| global::put(number, record, &mut batch));
            self.backend.write(batch)?;
        }
        for at in 0..self.tasks.len() {
            let (inputs, task) = &mut self.tasks[at];
            if !inputs.contains(topic) {
                continue;
            }
            let next = task.inputs().get(topic).copied().unwrap_or_default();
            let records: Vec<(u64, LogRecord)> = (next..).zip(records.to_vec()).collect();
            let mut rest = &records[..];
            while let Some((offset, reason)) = task.process(topic, rest.iter())? {
                let at = rest.partition_point(|(known, _)| *known <= offset);
                let how = (&self.settings.bad_records, &*self.topology.job);
                task.bad_record(how, (&**topic, offset), &rest[at - 1].1, reason)?;
                rest = &rest[at..];
            }
            self.settle(at, waiting)?;
        }
        Ok(())
    }

    /// The wall clock is at a time now.
    pub fn set_wall_clock_ms(&mut self, now_ms: i64) -> Result<(), StreamsError> {
        self.now_ms = now_ms;
        let mut waiting = Waiting::default();
        for at in 0..self.tasks.len() {
            self.tasks[at].1.wall_clock(now_ms, self.settings.idle_time.map(millis))?;
            self.settle(at, &mut waiting)?;
        }
        self.take(waiting)
    }

    fn settle(&mut self, at: usize, waiting: &mut Waiting) -> Result<(), StreamsError> {
        let written = self.tasks[at].1.checkpoint(false)?;
        self.backend.write(written.batch.unwrap_or_default())?;
        for (topic, _, records) in written.outputs {
            if self.tasks.iter().any(|(inputs, _)| inputs.contains(&topic)) {
                records.iter().for_each(|record| waiting.push(&topic, record.clone()));
            }
            if !self.topology.graph.is_shuffle(&topic) {
                self.written.entry(topic).or_default().extend(records);
            }
        }
        Ok(())
    }

    /// What was written to a topic since it was last asked.
    pub fn records(&mut self, topic: &str) -> Vec<LogRecord> {
        self.written.remove(topic).unwrap_or_default()
    }

    /// Their values as texts.
    pub fn texts(&mut self, topic: &str) -> Vec<String> {
        let text = |record: LogRecord| {
            String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
        };
        self.records(topic).into_iter().map(text).collect()
    }

    /// Their keys and values, read; `None` for a value that is not there.
    pub fn read<K, V>(
        &mut self,
        topic: &str,
        key: &Serde<K>,
        value: &Serde<V>,
    ) -> Result<Vec<(K, Option<V>)>, crate::DataError> {
        let read = |record: LogRecord| {
            let key = key.read(&record.key.unwrap_or_default())?;
            Ok((key, record.value.map(|bytes| value.read(&bytes)).transpose()?))
        };
        self.records(topic).into_iter().map(read).collect()
    }

    /// The value of a key in a store that can be asked.
    pub fn get<K: Key, V: Data>(&self, store: &str, key: &K) -> Result<Option<V>, QueryError> {
        let found = self.ask::<K, V>(store, &Question::Get(key.to_bytes()), 1)?;
        found.first().map(|entry| entry.value(store)).transpose()
    }

    /// The first entries of a store that can be asked, from one key up to and with another, in the
    /// order of the bytes of keys.
    pub fn range<K: Key, V: Data>(
        &self,
        store: &str,
        from: Option<&K>,
        to: Option<&K>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, QueryError> {
        let question = Question::Range { from: from.map(K::to_bytes), to: to.map(K::to_bytes) };
        let found = self.ask::<K, V>(store, &question, limit)?;
        found.iter().map(|entry| entry.pair(store)).collect()
    }

    /// The first windows of a store that can be asked, of a key or of all, that begin within a time.
    pub fn windows<K: Key, V: Data>(
        &self,
        store: &str,
        key: Option<&K>,
        starts_ms: RangeInclusive<i64>,
        limit: usize,
    ) -> Result<Vec<(Windowed<K>, V)>, QueryError> {
        let question = match key {
            Some(key) => Question::Fetch { key: key.to_bytes(), starts: starts_ms },
            None => Question::Windows { starts: starts_ms },
        };
        let found = self.ask::<K, V>(store, &question, limit)?;
        let windows = found.iter().map(|entry| {
            let (key, value) = entry.pair(store)?;
            Ok((Windowed { window: entry.window(), key }, value))
        });
        windows.collect()
    }

    fn ask<K: Key, V: Data>(
        &self,
        store: &str,
        question: &Question,
        limit: usize,
    ) -> Result<Vec<query::Entry>, QueryError> {
        let stored = Stored::of(&self.topology.graph.named, &self.topology.job, store)?;
        stored.types.check::<K, V>(store)?;
        stored.check(store, question)?;
        let answer = || Answer::new(limit, Instant::now() + ASK_LIMIT);
        let mut tasks = self.tasks.iter();
        let told = tasks.find_map(|(_, task)| task.answer(&stored.store, question, answer()));
        told.unwrap_or_else(|| Ok(Vec::new())).map_err(|fault| fault.of(store))
    }

    /// What each operator did since the tasks started; those of all parts one after the other.
    pub fn operators(&self) -> Vec<OperatorStatus> {
        self.tasks.iter().flat_map(|(_, task)| task.operators()).collect()
    }

    /// Records that came too late for their windows.
    pub fn late(&self) -> u64 {
        self.tasks.iter().map(|(_, task)| task.late()).sum()
    }
}
