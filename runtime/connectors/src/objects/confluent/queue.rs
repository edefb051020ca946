//! The open files of one queue: which record goes where, and when all of them are ended.
//!
//! Where only records decide when files are ended, they end at the same records each time, so that what is written
//! again after a crash has the same names and the same content. What is done is Java's `TopicPartitionWriter`.

use std::collections::{BTreeMap, HashMap};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gantry_api::{Result, SinkRecord, TopicPartition};

use super::super::partition::LastSpan;
use super::super::store::{Fault, Store};
use super::Config;
use super::file::OpenFile;

/// So many files are ended at once.
const ENDING_MAX: usize = 8;

/// What is open of one queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) origin: TopicPartition,
    files: HashMap<String, OpenFile>,
    /// Bytes of open files in memory.
    held: usize,
    /// Records in open files, and the offset of the first.
    records: i64,
    first: Option<u64>,
    /// Behind the last record that was taken or passed over.
    pub(super) next: Option<u64>,
    /// The time of the first of these.
    base_ms: Option<i64>,
    /// The directory of the last record, and of the one that comes.
    current: String,
    place: String,
    time_ms: Option<i64>,
    span: LastSpan,
    next_schedule_ms: Option<i64>,
    /// Files are being ended.
    ends: bool,
    /// What is read again is awaited, and all else passed over.
    pub(super) is_rewound: bool,
}

impl Queue {
    pub(super) fn new(origin: TopicPartition) -> Self {
        Self {
            origin,
            files: HashMap::new(),
            held: 0,
            records: 0,
            first: None,
            next: None,
            base_ms: None,
            current: String::new(),
            place: String::new(),
            time_ms: None,
            span: LastSpan::default(),
            next_schedule_ms: None,
            ends: false,
            is_rewound: false,
        }
    }

    /// The first offset that is not stored, if files are open.
    pub(super) fn unstored(&self) -> Option<u64> {
        self.first
    }

    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    /// Finds out where a record goes, and whether all files have to be ended before it.
    pub(super) fn look(&mut self, config: &Config, record: &SinkRecord, now_ms: i64) -> Result<()> {
        let partitioning = &config.partitioning;
        self.time_ms = partitioning.timestamp(record, now_ms)?;
        partitioning.encode(record, self.time_ms, &mut self.span, &mut self.place)?;
        if self.records == 0 {
            return Ok(());
        }
        self.ends = self.ends_before(config, record, now_ms)?;
        Ok(())
    }

    fn ends_before(&mut self, config: &Config, record: &SinkRecord, now_ms: i64) -> Result<bool> {
        let schema = record.record.value.schema.as_ref();
        let file = self.files.get(self.place.as_str());
        if let Some(file) = file
            && file.schema.is_some() != schema.is_some()
        {
            return Ok(true);
        }
        if self.is_time(config, now_ms) {
            self.schedule(config, now_ms);
            return Ok(true);
        }
        let Some(file) = self.files.get(self.place.as_str()) else {
            return Ok(config.rotation.files_max.is_some_and(|max| self.files.len() >= max));
        };
        config.compatibility.needs_new_file(schema, file.schema.as_ref())
    }

    /// Whether files are to be ended by the time of the record that comes, by its directory, or by the clock.
    fn is_time(&self, config: &Config, now_ms: i64) -> bool {
        let rotation = &config.rotation;
        let by_records = rotation.interval_ms > 0 && self.is_by_time(config) && {
            let passed =
                self.time_ms.zip(self.base_ms).map(|(time, base)| time.saturating_sub(base));
            passed.is_some_and(|passed| passed >= rotation.interval_ms)
                || (rotation.on_partition_change
                    && self.place != self.current
                    && !self.is_at_tombstones(config))
        };
        by_records || self.next_schedule_ms.is_some_and(|at| now_ms >= at)
    }

    fn is_by_time(&self, config: &Config) -> bool {
        matches!(config.partitioning.how, super::Partitioner::Time(_))
    }

    /// Going to the directory of records without values, and back, ends no files.
    fn is_at_tombstones(&self, config: &Config) -> bool {
        let place = config.partitioning.tombstones.as_deref();
        place.is_some_and(|place| self.place.contains(place) || self.current.contains(place))
    }

    fn schedule(&mut self, config: &Config, now_ms: i64) {
        let next = config.rotation.schedule.as_ref();
        self.next_schedule_ms = next.and_then(|(period, zone)| zone.next_multiple(now_ms, *period));
    }

    /// Adds the record that was looked at last.
    pub(super) fn append(
        &mut self,
        config: &Config,
        store: &Store,
        record: &SinkRecord,
    ) -> Result<()> {
        let is_new = !self.files.contains_key(self.place.as_str());
        if is_new {
            let file = OpenFile::new(config, store, &self.origin, &self.place, record)?;
            self.files.insert(self.place.clone(), file);
        }
        let Some(file) = self.files.get_mut(self.place.as_str()) else { return Ok(()) };
        let before = file.held();
        let value = &record.record.value;
        let appended = config
            .compatibility
            .projected(value, file.schema.as_ref())
            .and_then(|projected| file.append(record, projected.as_ref().unwrap_or(value)));
        if let Err(error) = appended {
            if is_new {
                self.files.remove(self.place.as_str());
            }
            return Err(error);
        }
        self.held = (self.held + file.held()).saturating_sub(if is_new { 0 } else { before });
        self.base_ms = self.base_ms.or(self.time_ms);
        self.records += 1;
        self.first.get_or_insert(record.offset);
        if self.place != self.current {
            self.current.clone_from(&self.place);
        }
        self.ends = self.records >= config.rotation.records || self.is_too_large(config);
        Ok(())
    }

    /// With one file open its parts are sent as they come; with many none may be a whole one.
    fn is_too_large(&self, config: &Config) -> bool {
        self.files.len() > 1 && self.held > config.rotation.bytes_max
    }

    /// Sends whole parts of the file that was appended to last.
    pub(super) async fn drain(&mut self) -> Result<(), Fault> {
        match self.files.get_mut(self.current.as_str()) {
            Some(file) if file.has_part() => {
                let before = file.held();
                let drained = file.drain().await;
                self.held = (self.held + file.held()).saturating_sub(before);
                drained
            }
            _ => Ok(()),
        }
    }

    /// Nothing comes for now: files are ended if it is time.
    pub(super) fn look_at_clock(&mut self, config: &Config, now_ms: i64) {
        let is_due = self.next_schedule_ms.is_none_or(|at| now_ms >= at);
        if config.rotation.schedule.is_some() && is_due {
            self.ends |= self.records > 0 && self.next_schedule_ms.is_some();
            self.schedule(config, now_ms);
        }
    }

    /// Ends all files if that is to be done. After a fault the next call goes on with it.
    pub(super) async fn end(&mut self, config: &Config, store: &Store) -> Result<(), Fault> {
        if !self.ends {
            return Ok(());
        }
        let mut files: Vec<&mut OpenFile> = self.files.values_mut().collect();
        let mut result = Ok(());
        for some in files.chunks_mut(ENDING_MAX) {
            let mut ending = FuturesUnordered::new();
            for file in some {
                ending.push(file.finish(config, store));
            }
            while let Some(ended) = ending.next().await {
                result = worse(result, ended);
            }
            if matches!(result, Err(Fault::Never(_) | Fault::Lost(_))) {
                break;
            }
        }
        result?;
        self.forget();
        Ok(())
    }

    /// All is stored, or given up.
    fn forget(&mut self) {
        self.files.clear();
        (self.held, self.records, self.first) = (0, 0, None);
        (self.base_ms, self.ends) = (None, false);
    }

    /// Gives up all open files.
    pub(super) async fn abort(&mut self) {
        let files = std::mem::take(&mut self.files);
        self.forget();
        let mut aborting = FuturesUnordered::new();
        for file in files.into_values() {
            aborting.push(file.abort());
            if aborting.len() >= ENDING_MAX {
                aborting.next().await;
            }
        }
        while aborting.next().await.is_some() {}
    }
}

/// Of two results the one after which less can be done.
fn worse(a: Result<(), Fault>, b: Result<(), Fault>) -> Result<(), Fault> {
    let rank = |result: &Result<(), Fault>| match result {
        Ok(()) => 0,
        Err(Fault::Again(_)) => 1,
        Err(Fault::Lost(_)) => 2,
        Err(Fault::Never(_)) => 3,
    };
    if rank(&b) > rank(&a) { b } else { a }
}

/// The queues of a task, by topic and number.
pub(super) type Queues = BTreeMap<TopicPartition, Queue>;
