//! The task of Aiven's sink: all files are ended when offsets are committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gantry_api::model::text::java_string;
use gantry_api::{
    Error, ErrorKind, Kind, Props, Result, Schema, SinkOffset, SinkOffsets, SinkRecord, SinkTask,
    SinkTaskContext, TopicPartition, Value, async_trait, now_ms,
};

use super::super::store::{self, Fault, Store, Upload, check_key, unless_stopped};
use super::content::Content;
use super::template::Variable;
use super::{Clock, Config, Format, Grouping, Naming};

const ABORT_TIME: Duration = Duration::from_secs(3);
/// A task that stops may need so long to store a group of its files.
const STOP_TIME: Duration = Duration::from_secs(3);
/// So many files are ended at once.
const ENDING_MAX: usize = 8;
/// With more files open, or more bytes in memory, all are ended before the next commit is due.
const FILES_MAX: usize = 5000;
const BACKOFF_MS: u64 = 3000;

/// Writes records to files of a store.
#[derive(Debug, Default)]
pub(in crate::objects) struct AivenTask {
    running: Option<Running>,
}

/// What belongs into one file until it is full.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    origin: TopicPartition,
    key: Option<String>,
}

#[derive(Debug)]
struct File {
    /// Made at the end where only the last record counts.
    content: Option<Content>,
    upload: Upload,
    records: u64,
    /// Of key-based files: the only record, which is encoded when the file is ended.
    last: Option<Box<SinkRecord>>,
    /// What that takes.
    last_bytes: usize,
    is_encoded: bool,
}

#[derive(Debug)]
struct Running {
    context: SinkTaskContext,
    config: Arc<Config>,
    store: Store,
    files: HashMap<String, File>,
    /// The offset that the files of a group are named by.
    heads: HashMap<Group, u64>,
    /// The schemas of keys and values that came last.
    schemas: HashMap<TopicPartition, (Schema, Schema)>,
    /// The first offset of each queue that is in open files.
    firsts: BTreeMap<TopicPartition, u64>,
    taken: Option<usize>,
    /// Records are read again from the first that is not stored; what comes until then is passed over.
    is_rewound: bool,
    is_stopped: bool,
}

fn not_started() -> Error {
    Error::connect("Not started")
}

impl AivenTask {
    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().ok_or_else(not_started)
    }
}

#[async_trait]
impl SinkTask for AivenTask {
    async fn start(&mut self, context: SinkTaskContext, props: &Props) -> Result<()> {
        let opened = store::open(&context, props, Config::parse, |config| &config.store).await?;
        let Some((config, store)) = opened else { return Ok(()) };
        self.running = Some(Running {
            context,
            config: Arc::new(config),
            store,
            files: HashMap::new(),
            heads: HashMap::new(),
            schemas: HashMap::new(),
            firsts: BTreeMap::new(),
            taken: None,
            is_rewound: false,
            is_stopped: false,
        });
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running()?;
        if running.taken.is_none() {
            running.is_rewound = false;
        }
        let done = running.taken.unwrap_or(0);
        let put = running.put(records, done).await;
        if put.is_err() && running.context.cancel.is_cancelled() {
            running.is_stopped = true;
            return Ok(());
        }
        put
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        let running = self.running()?;
        if running.is_rewound || running.is_stopped || running.taken.is_some() {
            // Not all of the last batch is in files.
            return Ok(running
                .firsts
                .iter()
                .map(|(queue, at)| (queue.clone(), SinkOffset::new(*at)))
                .collect());
        }
        let ended = running.end_all().await;
        if let Err(fault) = ended {
            if running.context.cancel.is_cancelled() {
                tracing::warn!(error = %fault.into_error(), "files are not stored; their records are read again");
                return Ok(running.unstored());
            }
            // The runtime goes back to what is committed.
            running.give_up().await;
            return Err(fault.into_error());
        }
        Ok(written.clone())
    }

    async fn close(&mut self, _queues: &[TopicPartition]) -> Result<()> {
        self.running()?.give_up().await;
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            running.give_up().await;
        }
        Ok(())
    }
}

impl Running {
    async fn put(&mut self, records: &[SinkRecord], done: usize) -> Result<()> {
        self.taken = Some(done);
        for record in records.get(done..).unwrap_or_default() {
            if !self.is_rewound {
                self.take(record).await?;
            }
            self.taken = self.taken.map(|count| count + 1);
        }
        let held: usize = self.files.values().map(|file| file.held()).sum();
        if self.files.len() > FILES_MAX || (self.files.len() > 1 && held > self.config.bytes_max) {
            let ended = self.end_all().await;
            self.settled(ended).await?;
            self.context.request_commit();
        }
        self.taken = None;
        Ok(())
    }

    async fn take(&mut self, record: &SinkRecord) -> Result<()> {
        let config = Arc::clone(&self.config);
        let added = self.add(&config, record);
        let name = match added {
            Ok(name) => name,
            Err(error)
                if self.context.takes_errant && !matches!(error.kind(), ErrorKind::Connect) =>
            {
                self.context.report(record.clone(), error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.firsts.entry(record.origin.clone()).or_insert(record.offset);
        let part_bytes = self.store.part_bytes(config.part_bytes);
        let Some(file) = self.files.get_mut(&name) else { return Ok(()) };
        if file.held() < part_bytes {
            return Ok(());
        }
        let sent = unless_stopped(&self.context.cancel, file.drain(part_bytes)).await;
        if sent.is_err() {
            // The record is in the file: it is not to be added again.
            self.taken = self.taken.map(|count| count + 1);
        }
        self.settled(sent).await
    }

    /// Adds a record to its file; the file's name.
    fn add(&mut self, config: &Config, record: &SinkRecord) -> Result<String> {
        let naming = &config.naming;
        let key = match naming.grouping {
            Grouping::TopicPartition => None,
            Grouping::TopicPartitionKey | Grouping::Key => Some(key_text(record)),
        };
        let group = Group { origin: record.origin.clone(), key };
        let is_by_key = naming.grouping == Grouping::Key;
        let changes = !is_by_key && matches!(config.format, Format::Avro | Format::Parquet) && {
            self.schemas_change(record)?
        };
        let head = *self.heads.entry(group.clone()).or_insert(record.offset);
        let mut name = naming.name(record, head, group.key.as_deref());
        let is_full = self
            .files
            .get(&name)
            .is_some_and(|file| config.records_max > 0 && file.records >= config.records_max);
        if changes || (is_full && !is_by_key) {
            self.heads.insert(group.clone(), record.offset);
            name = naming.name(record, record.offset, group.key.as_deref());
        }
        if !self.files.contains_key(&name) {
            check_key(&name)?;
            let content = match is_by_key {
                true => None,
                false => Some(Content::new(config, record, &name)?),
            };
            let upload = Upload::new(self.store.clone(), name.clone());
            let file =
                File { content, upload, records: 0, last: None, last_bytes: 0, is_encoded: false };
            self.files.insert(name.clone(), file);
        }
        let Some(file) = self.files.get_mut(&name) else { return Ok(name) };
        let added = match &mut file.content {
            Some(content) => content.append(config, record),
            None => file.replace(config, record),
        };
        if let Err(error) = added {
            if file.records == 0 {
                self.files.remove(&name);
            }
            return Err(error);
        }
        file.records += 1;
        Ok(name)
    }

    /// Whether a file of one schema ends before the record.
    fn schemas_change(&mut self, record: &SinkRecord) -> Result<bool> {
        let (Some(key), Some(value)) = (&record.record.key.schema, &record.record.value.schema)
        else {
            let what = "Record must have schemas for key and value";
            return Err(Error::new(ErrorKind::SchemaProjector, what));
        };
        let known = self.schemas.get(&record.origin);
        if known.is_some_and(|(old_key, old_value)| old_key == key && old_value == value) {
            return Ok(false);
        }
        let changes = known.is_some();
        self.schemas.insert(record.origin.clone(), (key.clone(), value.clone()));
        Ok(changes)
    }

    /// The first offsets that are not stored, of queues that have any.
    fn unstored(&self) -> SinkOffsets {
        self.firsts.iter().map(|(queue, at)| (queue.clone(), SinkOffset::new(*at))).collect()
    }

    /// Ends all files and stores them. A task that stops takes its time for that, within a limit.
    async fn end_all(&mut self) -> Result<(), Fault> {
        let part_bytes = self.store.part_bytes(self.config.part_bytes);
        let config = Arc::clone(&self.config);
        let mut files: Vec<&mut File> = self.files.values_mut().collect();
        for some in files.chunks_mut(ENDING_MAX) {
            let mut ending = FuturesUnordered::new();
            for file in some {
                ending.push(file.finish(&config, part_bytes));
            }
            loop {
                let next = tokio::select! {
                    biased;
                    next = ending.next() => next,
                    () = stopped_for(&self.context, STOP_TIME) => {
                        return Err(Fault::Again(Error::retriable("the task was stopped before the store had answered")));
                    }
                };
                match next {
                    Some(ended) => ended?,
                    None => break,
                }
            }
        }
        self.files.clear();
        self.heads.clear();
        self.schemas.clear();
        self.firsts.clear();
        Ok(())
    }

    async fn give_up(&mut self) {
        self.heads.clear();
        self.schemas.clear();
        self.firsts.clear();
        let files = std::mem::take(&mut self.files);
        let aborting = async {
            for file in files.into_values() {
                file.upload.abort().await;
            }
        };
        if tokio::time::timeout(ABORT_TIME, aborting).await.is_err() {
            tracing::warn!(
                "the store does not answer; it keeps parts of objects that a lifecycle rule should remove"
            );
        }
    }

    /// What becomes of a fault of the store within a put.
    async fn settled(&mut self, result: Result<(), Fault>) -> Result<()> {
        let Err(fault) = result else { return Ok(()) };
        let wait = self
            .config
            .backoff
            .map_or(BACKOFF_MS, |wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self.context.timeout(wait);
        match fault {
            Fault::Never(error) | Fault::Again(error) => Err(error),
            Fault::Lost(error) => {
                let firsts = self.firsts.clone();
                self.give_up().await;
                self.is_rewound = true;
                self.context.rewind(firsts);
                Err(Error::retriable("All open files are written again").caused_by(error))
            }
        }
    }
}

impl File {
    /// Takes the record in place of the one before. It is encoded to see that it can be.
    fn replace(&mut self, config: &Config, record: &SinkRecord) -> Result<()> {
        let mut alone = Content::new(config, record, self.upload.key())?;
        alone.append(config, record)?;
        self.last_bytes = alone.finish()?.len();
        self.last = Some(Box::new(record.clone()));
        Ok(())
    }

    fn held(&self) -> usize {
        self.content.as_ref().map_or(0, Content::held) + self.last_bytes
    }

    /// Sends what makes whole parts. May be called again after a fault.
    async fn drain(&mut self, part_bytes: usize) -> Result<(), Fault> {
        loop {
            self.upload.resume().await?;
            let part = self.content.as_mut().and_then(|content| content.take(part_bytes));
            let Some(part) = part else { return Ok(()) };
            self.upload.send(Some(part)).await?;
        }
    }

    /// May be called again after a fault.
    async fn finish(&mut self, config: &Config, part_bytes: usize) -> Result<(), Fault> {
        if !self.is_encoded {
            if let Some(record) = self.last.take() {
                let made =
                    Content::new(config, &record, self.upload.key()).and_then(|mut content| {
                        content.append(config, &record)?;
                        Ok(content)
                    });
                self.content = Some(made.map_err(Fault::Never)?);
            }
            self.drain(part_bytes).await?;
            let finished = self.content.as_mut().map(Content::finish).transpose();
            let rest = finished.map_err(Fault::Never)?.unwrap_or_default();
            self.is_encoded = true;
            return self.upload.finish(Some(rest)).await;
        }
        self.upload.finish(None).await
    }
}

/// As Java shows a key; null is "null".
fn key_text(record: &SinkRecord) -> String {
    let key = &record.record.key;
    match (&key.schema, &key.value) {
        (_, Value::Null) => "null".to_owned(),
        (Some(schema), Value::String(text)) if matches!(schema.kind(), Kind::String) => {
            text.to_string()
        }
        (_, value) => java_string(value),
    }
}

impl Naming {
    /// The name of the file of a record.
    fn name(&self, record: &SinkRecord, head: u64, key: Option<&str>) -> String {
        let origin = &record.origin;
        let value = |variable: &Variable, offset: u64, clock: &Clock| match variable.name.as_str() {
            "topic" => Some(origin.topic.to_string()),
            "partition" if variable.pads() => Some(format!("{:010}", origin.partition)),
            "partition" => Some(origin.partition.to_string()),
            "start_offset" if variable.pads() => Some(format!("{offset:020}")),
            "start_offset" => Some(offset.to_string()),
            "timestamp" => {
                Some(clock.part(record, variable.parameter.as_ref().map_or("", |(_, unit)| unit)))
            }
            "key" => key.map(str::to_owned),
            _ => None,
        };
        let Some((prefix, clock)) = &self.prefix else {
            return self.template.render(|variable| value(variable, head, &self.clock));
        };
        let prefix = prefix.render(|variable| match variable.name.as_str() {
            "utc_date" | "local_date" => Some(clock.today()),
            "partition" => Some(origin.partition.to_string()),
            _ => value(variable, head, clock),
        });
        let offset = head;
        format!("{prefix}{}-{}-{offset:020}{}", origin.topic, origin.partition, self.suffix)
    }
}

impl Clock {
    fn part(&self, record: &SinkRecord, unit: &str) -> String {
        let now = if self.is_event { record.record.timestamp_ms } else { None };
        self.zone.part(now.unwrap_or_else(now_ms), unit)
    }

    fn today(&self) -> String {
        self.zone.part(now_ms(), "date")
    }
}

/// Waits until the task has been stopped for so long.
async fn stopped_for(context: &SinkTaskContext, time: Duration) {
    context.cancel.cancelled().await;
    tokio::time::sleep(time).await;
}
