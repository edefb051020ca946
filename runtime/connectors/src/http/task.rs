//! The task of the sinks.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gantry_api::{
    Error, Props, Result, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext, TopicPartition,
    async_trait,
};

use super::Flavour;
use super::batch::{divide, null_error};
use super::body::Encoder;
use super::config::{Batching, Config, OnError, OnNull};
use super::send::{Courier, Undelivered};

/// So long requests go on when the task is stopped, so that few are sent again.
const GRACE: Duration = Duration::from_secs(2);

/// Sends records to a web service.
#[derive(Debug)]
pub struct HttpSinkTask {
    flavour: Flavour,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    /// The first record of each queue that a put which was stopped has not settled.
    held: BTreeMap<TopicPartition, u64>,
    shared: Shared,
    /// Each sends one request after the other.
    lanes: Vec<Lane>,
}

/// What all lanes look at.
#[derive(Debug)]
struct Shared {
    context: SinkTaskContext,
    courier: Courier,
    batching: Batching,
    on_null: OnNull,
    on_error: OnError,
}

#[derive(Debug)]
struct Lane {
    encoder: Encoder,
    /// Places of its records in what was put.
    queue: Vec<usize>,
}

impl HttpSinkTask {
    /// A task with these keys.
    pub fn new(flavour: Flavour) -> Self {
        Self { flavour, running: None }
    }
}

fn not_started() -> Error {
    Error::connect("Not started")
}

fn stopped() -> Error {
    Error::connect("Stopped while requests were not yet answered; their records are sent again")
}

impl Shared {
    /// What becomes of records whose request failed for good; an error fails the task.
    fn failed<'a>(
        &self,
        records: impl IntoIterator<Item = &'a SinkRecord>,
        error: Error,
    ) -> Result<()> {
        match self.on_error {
            OnError::Report if self.context.takes_errant => {
                for record in records {
                    self.context.report(record.clone(), error.clone());
                }
                Ok(())
            }
            OnError::Report | OnError::Fail => Err(error),
            OnError::Ignore => {
                tracing::debug!(connector = %self.context.connector, %error, "left out");
                Ok(())
            }
            OnError::Log => {
                for record in records {
                    tracing::error!(
                        connector = %self.context.connector,
                        record = %format_args!("{}@{}", record.origin, record.offset),
                        %error,
                        "record left out (behavior.on.error=log)"
                    );
                }
                Ok(())
            }
        }
    }

    /// The same of what was delivered or not.
    fn settle<'a>(
        &self,
        records: impl IntoIterator<Item = &'a SinkRecord>,
        sent: Result<(), Undelivered>,
    ) -> Result<()> {
        match sent {
            Ok(()) => Ok(()),
            Err(Undelivered::Stopped) => Err(stopped()),
            Err(Undelivered::Failed(error)) => self.failed(records, error),
        }
    }

    /// Says that records without a value are left out, if that is asked for.
    fn log_null(&self, record: &SinkRecord) {
        if self.on_null == OnNull::Log {
            tracing::warn!(
                connector = %self.context.connector,
                record = %format_args!("{}@{}", record.origin, record.offset),
                key = %gantry_api::model::text::java_string(&record.record.key.value),
                "record without a value left out"
            );
        }
    }
}

/// One put, and how far it is.
struct Put<'a> {
    records: &'a [SinkRecord],
    settled: Vec<AtomicBool>,
    ends: AtomicBool,
}

impl<'a> Put<'a> {
    fn new(records: &'a [SinkRecord]) -> Self {
        let settled = records.iter().map(|_| AtomicBool::new(false)).collect();
        Self { records, settled, ends: AtomicBool::new(false) }
    }

    fn settle(&self, place: usize) {
        if let Some(settled) = self.settled.get(place) {
            settled.store(true, Ordering::Release);
        }
    }

    /// The first record of each queue that is not settled.
    fn unsettled(&self) -> BTreeMap<TopicPartition, u64> {
        let mut first = BTreeMap::new();
        for (record, settled) in self.records.iter().zip(&self.settled) {
            if !settled.load(Ordering::Acquire) && !first.contains_key(&record.origin) {
                first.insert(record.origin.clone(), record.offset);
            }
        }
        first
    }
}

impl Lane {
    /// Sends each record of the queue alone.
    async fn run(&mut self, shared: &Shared, put: &Put<'_>) -> Result<()> {
        let Self { encoder, queue } = self;
        for place in queue.iter() {
            let Some(record) = put.records.get(*place) else { continue };
            if put.ends.load(Ordering::Acquire) || shared.context.cancel.is_cancelled() {
                return Err(stopped());
            }
            let sent = send_one(encoder, shared, record).await;
            if let Err(error) = shared.settle([record], sent) {
                // The others finish what they are at, and begin nothing more.
                put.ends.store(true, Ordering::Release);
                return Err(error);
            }
            put.settle(*place);
            shared.courier.write_reports(false).await?;
        }
        Ok(())
    }
}

async fn send_one(
    encoder: &mut Encoder,
    shared: &Shared,
    record: &SinkRecord,
) -> Result<(), Undelivered> {
    let body = if record.record.value.value.is_null() {
        match shared.on_null {
            OnNull::Ignore | OnNull::Log => {
                shared.log_null(record);
                return Ok(());
            }
            OnNull::Delete => None,
            OnNull::Fail | OnNull::Refuse => return Err(null_error(record).into()),
        }
    } else {
        Some(encoder.one(record, &shared.batching)?)
    };
    shared.courier.deliver(&[record], body).await
}

impl Running {
    /// Sends all records, those of one key one after the other.
    async fn each(&mut self, put: &Put<'_>) -> Result<()> {
        let Self { shared, lanes, .. } = self;
        for lane in lanes.iter_mut() {
            lane.queue.clear();
        }
        let count = lanes.len();
        for (place, record) in put.records.iter().enumerate() {
            let at = if count == 1 { 0 } else { lane_of(record, count) };
            if let Some(lane) = lanes.get_mut(at) {
                lane.queue.push(place);
            }
        }
        let shared = &*shared;
        let mut work: FuturesUnordered<_> = lanes
            .iter_mut()
            .filter(|lane| !lane.queue.is_empty())
            .map(|lane| lane.run(shared, put))
            .collect();
        let mut first = Ok(());
        while let Some(done) = work.next().await {
            first = first.and(done);
        }
        first
    }

    /// Sends requests that carry many records, one after the other.
    async fn batches(&mut self, put: &Put<'_>) -> Result<()> {
        let Self { shared, lanes, .. } = self;
        let records = put.records;
        let Some(Lane { encoder, .. }) = lanes.first_mut() else { return Ok(()) };
        for record in records.iter().filter(|record| record.record.value.value.is_null()) {
            shared.log_null(record);
        }
        let batches = divide(
            records,
            &shared.batching,
            shared.on_null,
            &shared.courier.heads,
            |at, error| shared.failed(records.get(at), error),
        )?;
        for batch in batches {
            let mut sent = Vec::with_capacity(batch.places.len());
            let body = match batch.deletes {
                true => {
                    sent.extend(batch.places.iter().filter_map(|place| records.get(*place)));
                    None
                }
                false => Some(join(encoder, shared, &batch.places, records, &mut sent)?),
            };
            if shared.context.cancel.is_cancelled() {
                return Err(stopped());
            }
            let outcome = shared.courier.deliver(&sent, body).await;
            shared.settle(sent, outcome)?;
            batch.places.iter().for_each(|place| put.settle(*place));
            shared.courier.write_reports(false).await?;
        }
        Ok(())
    }
}

/// The body of many records; those that it holds are added to `sent`.
fn join<'a>(
    encoder: &mut Encoder,
    shared: &Shared,
    places: &[usize],
    records: &'a [SinkRecord],
    sent: &mut Vec<&'a SinkRecord>,
) -> Result<gantry_api::Bytes> {
    let around = &shared.batching;
    let mut out = around.prefix.clone().into_bytes();
    for record in places.iter().filter_map(|place| records.get(*place)) {
        match encoder.value(record) {
            Err(error) => shared.failed([record], error)?,
            Ok(value) => {
                if !sent.is_empty() {
                    out.extend_from_slice(around.separator.as_bytes());
                }
                out.extend_from_slice(&value);
                sent.push(record);
            }
        }
    }
    out.extend_from_slice(around.suffix.as_bytes());
    Ok(out.into())
}

/// Records of one key have one lane; those without a key that of their queue.
fn lane_of(record: &SinkRecord, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    match record.record.key.value.is_null() {
        true => record.origin.hash(&mut hasher),
        false => record.record.key.value.hash(&mut hasher),
    }
    usize::try_from(hasher.finish() % lanes as u64).unwrap_or(0)
}

#[async_trait]
impl SinkTask for HttpSinkTask {
    async fn start(&mut self, context: SinkTaskContext, props: &Props) -> Result<()> {
        let (flavour, props) = (self.flavour, props.clone());
        let shared = context.clone();
        // Key stores are files, which may be slow.
        let made = tokio::task::spawn_blocking(move || {
            let config = Config::parse(flavour, &props)?;
            let courier = Courier::new(&config, &shared)?;
            Ok::<_, Error>((config, courier))
        });
        let (config, courier) = made.await.map_err(|error| Error::connect(error.to_string()))??;
        if let Some(wait) = config.put_timeout_ms {
            context.timeout(wait);
        }
        let count = if config.batching.max > 1 { 1 } else { config.own.in_flight };
        let lane = || Ok(Lane { encoder: Encoder::new(&config.body)?, queue: Vec::new() });
        let lanes: Result<Vec<Lane>> = (0..count).map(|_| lane()).collect();
        let Config { batching, on_null, on_error, .. } = config;
        self.running = Some(Running {
            shared: Shared { context, courier, batching, on_null, on_error },
            held: BTreeMap::new(),
            lanes: lanes?,
        });
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        let is_null = |record: &SinkRecord| record.record.value.value.is_null();
        if running.shared.on_null == OnNull::Refuse && records.iter().any(is_null) {
            return Err(Error::data("Record value must not be null"));
        }
        let cancel = running.shared.context.cancel.clone();
        let ends = async move {
            cancel.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let put = Put::new(records);
        let work = async {
            match running.shared.batching.max > 1 {
                true => running.batches(&put).await,
                false => running.each(&put).await,
            }
        };
        let done = tokio::select! {
            biased;
            done = work => done,
            () = ends => Err(stopped()),
        };
        let reported = running.shared.courier.write_reports(true).await;
        if done.is_err() && running.shared.context.cancel.is_cancelled() {
            // What was settled is not sent again: the last commit ends before the rest.
            running.held = put.unsettled();
            return reported;
        }
        done.and(reported)
    }

    async fn pre_commit(&mut self, written: &SinkOffsets) -> Result<SinkOffsets> {
        let mut safe = written.clone();
        if let Some(running) = &self.running {
            for (queue, first) in &running.held {
                if let Some(at) = safe.get_mut(queue).filter(|at| at.offset > *first) {
                    at.offset = *first;
                }
            }
        }
        Ok(safe)
    }

    async fn stop(&mut self) -> Result<()> {
        // Closes the connections.
        self.running = None;
        Ok(())
    }
}
