//! The task: copies its queues record by record, and writes down where the copies are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{
    ConnectRecord, Datum, Error, Header, Placed, Props, Result, Schema, SourceRecord, SourceTask,
    SourceTaskContext, Str, Value, async_trait,
};
use gantry_log::{FullLog, LogError, LogRecord, QueueRecords, TopicPartition};

use super::config::{ASSIGNED, Config, Dialect, Marks, assigned};
use super::queue::{InFlight, Polled, Queue};
use super::reading::{Reader, came_through, moved, note_provenance};
use super::syncs::{self, Syncs};
use super::topics;
use crate::clusters::{Clusters, failed};
use crate::mapping::Mapping;
use crate::offsets;
use crate::wire::Sync;

/// How often it is written down where copies are, while any are made.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// A poll waits no longer while it is not known where the last records were put.
const PLACES_WAIT: Duration = Duration::from_millis(100);

/// `MirrorSourceTask`.
pub(crate) struct MirrorSourceTask {
    clusters: Arc<Clusters>,
    dialect: Dialect,
    work: Option<Work>,
}

impl MirrorSourceTask {
    pub(crate) fn new(clusters: Arc<Clusters>) -> Self {
        Self { clusters, dialect: Dialect::MIRROR, work: None }
    }

    pub(crate) fn of_replicator(clusters: Arc<Clusters>) -> Self {
        Self { clusters, dialect: Dialect::REPLICATOR, work: None }
    }

    fn work(&mut self) -> Result<&mut Work> {
        self.work.as_mut().ok_or_else(|| Error::connect("The task was not started"))
    }
}

#[async_trait]
impl SourceTask for MirrorSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = (self.dialect.config)(props)?;
        let source = self.clusters.open(&(self.dialect.cluster)(props), &ctx.connector)?;
        let target = self.clusters.target()?;
        let text = props.get(ASSIGNED).map_or("", String::as_str);
        let queues = assigned(text)?;
        let queues = queues.into_iter().map(|queue| new_queue(&config, &ctx, queue)).collect();
        self.work = Some(Work {
            reader: Reader::new(Arc::clone(&source), &config),
            syncs: None,
            config,
            source,
            target,
            queues,
            in_flight: InFlight::default(),
            said: None,
            may_drop: may_drop(props),
            bytes: Schema::optional_bytes(),
            offset_name: offsets::offset_name(),
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        self.work()?.poll().await
    }

    fn wants_places(&self) -> bool {
        true
    }

    async fn placed(&mut self, writes: Vec<Placed>) -> Result<()> {
        let work = self.work()?;
        for write in &writes {
            work.in_flight.placed(write, &mut work.queues);
        }
        Ok(())
    }

    fn lag(&self) -> Option<u64> {
        let queues = self.work.iter().flat_map(|work| &work.queues);
        Some(queues.map(|queue| queue.end.saturating_sub(queue.given)).sum())
    }

    async fn stop(&mut self) -> Result<()> {
        // Connections to the source end with it.
        self.work = None;
        Ok(())
    }
}

/// Whether transformations, or errors that are tolerated, may drop records.
fn may_drop(props: &Props) -> bool {
    let says = |key: &str, word: &str| props.get(key).is_some_and(|text| text.trim() == word);
    let transforms = props.get("transforms").is_some_and(|list| !list.trim().is_empty());
    transforms || says("errors.tolerance", "all")
}

fn new_queue(config: &Config, ctx: &SourceTaskContext, source: TopicPartition) -> Queue {
    let remote = config.common.policy.remote(&config.common.source, &source.topic);
    let partition = offsets::of_queue(&config.common.source, &source);
    let next = ctx.offsets.offset(&partition).and_then(|offset| offsets::next(&offset));
    Queue {
        target: TopicPartition { topic: remote, partition: source.partition },
        source,
        partition,
        committed: next,
        next: None,
        given: 0,
        end: 0,
        mapping: Mapping::default(),
        place: None,
        is_unsaid: false,
    }
}

/// What a task that was started has.
struct Work {
    config: Config,
    source: Arc<dyn FullLog>,
    target: Arc<dyn FullLog>,
    reader: Reader,
    queues: Vec<Queue>,
    /// What was known of copies when the task began, while it looks for offsets.
    syncs: Option<Syncs>,
    in_flight: InFlight,
    /// When it was last written down where copies are; `None`: it is due.
    said: Option<Instant>,
    /// Whether the runtime may leave out records that it was given.
    may_drop: bool,
    bytes: Schema,
    offset_name: Str,
}

impl Work {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        self.find_offsets().await?;
        self.say().await?;
        // Written down soon also when the source has nothing more to give, or is gone.
        let unsaid = self.config.emit_syncs && self.queues.iter().any(|queue| queue.is_unsaid);
        let soon = match self.in_flight.is_empty() {
            false => Some(PLACES_WAIT),
            true => unsaid.then(|| self.until_said()),
        };
        let batches = self.reader.read(&mut self.queues, soon).await?;
        self.check_places(&batches).await?;
        Ok(self.take(batches))
    }

    /// Finds where each queue goes on that is not read yet. What was committed needs no source.
    async fn find_offsets(&mut self) -> Result<()> {
        if self.queues.iter().all(|queue| queue.next.is_some()) {
            return Ok(());
        }
        let topic = self.config.common.policy.offset_syncs(&self.config.common.source);
        let target = Arc::clone(&self.target);
        if self.syncs.is_none() {
            let mut syncs = Syncs::new(topic);
            if self.config.emit_syncs {
                syncs.catch_up(&*target).await?;
            }
            self.syncs = Some(syncs);
        }
        for at in 0..self.queues.len() {
            if self.queues.get(at).is_some_and(|queue| queue.next.is_none()) {
                self.find_offset(at).await?;
            }
        }
        self.syncs = None;
        // Where the first copies will be must be known before there are any.
        self.said = None;
        Ok(())
    }

    async fn find_offset(&mut self, at: usize) -> Result<()> {
        let Some(queue) = self.queues.get(at) else { return Ok(()) };
        let (source, copy) = (queue.source.clone(), queue.target.clone());
        let committed = queue.committed;
        let range = match self.target.range(&copy).await {
            Err(LogError::Unknown(_)) => {
                self.make_copy(&source).await?;
                self.target.range(&copy).await
            }
            range => range,
        };
        let range = range.map_err(|error| failed("Could not ask for offsets of copies", &error))?;
        let next = match committed {
            Some(next) => next,
            None => {
                let fresh = (range.earliest == range.next).then_some(range.next);
                match self.reader.begin(&source, fresh).await {
                    Ok(next) => next,
                    Err(LogError::Unknown(_)) => 0,
                    Err(error) => return Err(failed("Could not ask for offsets", &error)),
                }
            }
        };
        let places = self.reader.places(&source.topic).await.unwrap_or_default();
        let place = places.get(source.partition as usize).cloned();
        let known = self.syncs.as_ref().and_then(|syncs| syncs.of.get(&source)).cloned();
        let known = known.unwrap_or_default();
        if let (Some(before), Some(_), Some(_)) = (&known.place, &place, committed)
            && place.as_ref() != Some(before)
        {
            return Err(moved(&source, before, place.as_ref()));
        }
        let mut mapping = known.mapping;
        let all = match committed {
            Some(_) => {
                let all = self.copied_all(&source, &mapping, next).await;
                mapping.copied_before(range.earliest);
                all
            }
            None => false,
        };
        let Some(queue) = self.queues.get_mut(at) else { return Ok(()) };
        queue.place = place.or(known.place);
        queue.is_unsaid = mapping.go_on(next, range.next, all);
        queue.mapping = mapping;
        queue.given = next;
        queue.end = next;
        queue.next = Some(next);
        tracing::debug!(queue = %source, next, copy = %copy, at = range.next, "copying");
        Ok(())
    }

    /// Whether each record of a queue from `known` on was copied that stands in front of `next`.
    async fn copied_all(&self, queue: &TopicPartition, known: &Mapping, next: u64) -> bool {
        let Some((from, _)) = known.end().filter(|_| !self.may_drop) else { return false };
        from <= next
            && self.reader.has_all(queue, from..next, |record| self.takes(queue, record)).await
    }

    /// Whether a record is copied.
    fn takes(&self, queue: &TopicPartition, record: &LogRecord) -> bool {
        match &self.config.marks {
            Marks::None => true,
            Marks::Provenance => !came_through(record, &self.config.common.target),
            Marks::Replicator(origin) => origin.takes(&queue.topic, record),
        }
    }

    async fn make_copy(&self, source: &TopicPartition) -> Result<()> {
        let info = self.source.topic(&source.topic).await;
        let info = info.map_err(|error| failed("Could not ask for a topic", &error))?;
        let Some(info) = info else {
            return Err(Error::retriable(format!(
                "Topic {} is neither in the source nor is there a copy; trying again",
                source.topic
            )));
        };
        let (from, to) = (&*self.source, &*self.target);
        topics::ensure(&self.config, from, to, &source.topic, &info, None).await
    }

    /// A queue number must go on to mean the same queue.
    async fn check_places(&mut self, batches: &[QueueRecords]) -> Result<()> {
        let mut last: Option<(Str, Vec<Str>)> = None;
        for batch in batches {
            let Some(queue) = self.queues.iter().find(|queue| queue.source == batch.from) else {
                continue;
            };
            let Some(before) = &queue.place else { continue };
            let topic = &batch.from.topic;
            if last.as_ref().is_none_or(|(known, _)| known != topic) {
                last = Some((Str::clone(topic), self.reader.places(topic).await?));
            }
            let places = last.as_ref().map_or(&[][..], |(_, places)| places);
            let now = places.get(batch.from.partition as usize);
            if !places.is_empty() && now != Some(before) {
                return Err(moved(&batch.from, before, now));
            }
        }
        Ok(())
    }

    /// Records as the runtime takes them. Nothing waits here: what was read is given.
    fn take(&mut self, batches: Vec<QueueRecords>) -> Vec<SourceRecord> {
        self.reader.given();
        let count = batches.iter().map(|batch| batch.records.len()).sum();
        let mut records = Vec::with_capacity(count);
        let mut polled = Polled::default();
        for batch in batches {
            let at = self.queues.iter().position(|queue| queue.source == batch.from);
            let Some((at, queue)) = at.and_then(|at| Some((at, self.queues.get_mut(at)?))) else {
                continue;
            };
            queue.given = batch.next;
            queue.end = queue.end.max(batch.end);
            for (offset, mut record) in batch.records {
                match &self.config.marks {
                    Marks::None => {}
                    Marks::Provenance => {
                        if came_through(&record, &self.config.common.target) {
                            continue;
                        }
                        note_provenance(&mut record, &self.config.common.source);
                    }
                    Marks::Replicator(origin) => {
                        if !origin.takes(&queue.source.topic, &record) {
                            continue;
                        }
                        origin.mark(&queue.source.topic, &mut record);
                    }
                }
                polled.add(at, offset);
                let offset = offsets::offset(&self.offset_name, offset);
                let record = connect_record(&self.bytes, &queue.target, record);
                records.push(SourceRecord::new(record, queue.partition.clone(), offset));
            }
        }
        self.in_flight.push(polled);
        records
    }

    /// How long until it is time to write down where copies are.
    fn until_said(&self) -> Duration {
        self.said.map_or(Duration::ZERO, |said| SYNC_INTERVAL.saturating_sub(said.elapsed()))
    }

    /// Writes down where copies are, if that has changed and it is time.
    async fn say(&mut self) -> Result<()> {
        if !self.config.emit_syncs || !self.until_said().is_zero() {
            return Ok(());
        }
        let unsaid = self.queues.iter().filter(|queue| queue.is_unsaid);
        let syncs: BTreeMap<&TopicPartition, Sync> = unsaid
            .map(|queue| {
                let (mapping, place) = (queue.mapping.clone(), queue.place.clone());
                (&queue.source, Sync { mapping, place })
            })
            .collect();
        if syncs.is_empty() {
            return Ok(());
        }
        let topic = self.config.common.policy.offset_syncs(&self.config.common.source);
        syncs::write(&*self.target, &topic, &syncs).await?;
        self.said = Some(Instant::now());
        self.queues.iter_mut().for_each(|queue| queue.is_unsaid = false);
        Ok(())
    }
}

/// A record for the same queue of the copy, with all it has, as bytes.
fn connect_record(schema: &Schema, to: &TopicPartition, record: LogRecord) -> ConnectRecord {
    let datum = |bytes: Option<bytes::Bytes>| Datum {
        schema: Some(schema.clone()),
        value: bytes.map_or(Value::Null, Value::Bytes),
    };
    let LogRecord { key, value, headers, timestamp_ms } = record;
    let header =
        |header: gantry_log::RecordHeader| Header { key: header.key, datum: datum(header.value) };
    ConnectRecord {
        topic: Str::clone(&to.topic),
        partition: i32::try_from(to.partition).ok(),
        key: datum(key),
        value: datum(value),
        timestamp_ms: Some(timestamp_ms),
        headers: headers.into_iter().map(header).collect(),
        sink_offset: None,
    }
}
