//! Reading and writing a topic's records as JSON lines, in bounded batches.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use gantry_log::{
    Durable, FullLog, LogError, LogRecord, QueueBatch, ReadLimits, TopicPartition, TopicSpec,
    queue_of_key,
};
use serde::{Deserialize, Serialize};
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::ApiError;
use super::exchange::ok;
use super::media_type::is_records;
use super::record_line::{self, Loaded};
use super::state::AppState;
use super::topics::{existing, not_internal};

/// A longer line is not a record that the log takes.
const LINE_BYTES_MAX: usize = 64 << 20;
/// Records of one append, and of one read.
const BATCH_RECORDS_MAX: usize = 2_000;
/// Bytes of one append, and of one read.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Appends of one load that are not yet durable.
const APPENDS_IN_FLIGHT_MAX: usize = 8;
/// How much of the body of a refused load is read before the answer.
const REFUSED_BYTES_MAX: usize = 1 << 20;
/// How long one read of the log waits before it looks again whether to end.
const READ_WAIT_MS: u64 = 1_000;

/// The query of a read.
#[derive(Debug, Deserialize)]
pub(super) struct ReadQuery {
    /// `earliest` (default), `latest`, or an offset.
    #[serde(default)]
    from: Option<String>,
    /// Only this queue.
    #[serde(default)]
    partition: Option<u32>,
    /// Stop after this many records.
    #[serde(default)]
    max: Option<u64>,
    /// Wait for records until then; without it, the answer ends where the topic ended when it
    /// was asked for.
    #[serde(default)]
    timeout_ms: Option<u64>,
    /// Go on until the client hangs up.
    #[serde(default)]
    follow: bool,
}

/// `GET /gantry/topics/{name}/records`: a line with the number of queues, then one line for
/// each record.
pub(super) async fn read(
    State(state): State<Arc<AppState>>,
    Path(name): Path<String>,
    Query(query): Query<ReadQuery>,
) -> Result<Response, ApiError> {
    state.herder.refuse_secrets(&name)?;
    let queues = existing(&*state.log, &name).await?.spec.queues;
    let mut positions = Vec::new();
    let mut ends = BTreeMap::new();
    for partition in 0..queues {
        if query.partition.is_some_and(|wanted| wanted != partition) {
            continue;
        }
        let queue = TopicPartition::new(name.as_str(), partition);
        let range = state.log.range(&queue).await?;
        let start = match query.from.as_deref() {
            None | Some("earliest") => range.earliest,
            Some("latest") => range.next,
            Some(offset) => offset
                .parse::<u64>()
                .map_err(|_| {
                    ApiError::bad_request(format!(
                        "from is {offset}; write earliest, latest or an offset"
                    ))
                })?
                .clamp(range.earliest, range.next),
        };
        ends.insert(queue.clone(), range.next);
        positions.push((queue, start));
    }
    if positions.is_empty() {
        return Err(ApiError::bad_request(format!(
            "topic {name} has {queues} queues, numbered from 0"
        )));
    }
    let reader = Reader {
        log: Arc::clone(&state.log),
        positions,
        left: query.max.unwrap_or(u64::MAX),
        drained: false,
        end: match (query.follow, query.timeout_ms) {
            (true, _) => End::Never,
            (false, Some(ms)) => End::At(Instant::now() + Duration::from_millis(ms)),
            (false, None) => End::Offsets(ends),
        },
        stopping: state.stopping.clone(),
    };
    let head = Bytes::from(format!("{{\"partitions\":{queues}}}\n"));
    let head = stream::once(async move { Ok::<Bytes, LogError>(head) });
    let records = stream::unfold(reader, Reader::next_lines);
    let mut response = Body::from_stream(head.chain(records)).into_response();
    let type_ = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, type_);
    Ok(response)
}

enum End {
    Never,
    At(Instant),
    Offsets(BTreeMap<TopicPartition, u64>),
}

struct Reader {
    log: Arc<dyn FullLog>,
    positions: Vec<(TopicPartition, u64)>,
    /// Records that may still be given.
    left: u64,
    /// Whether the last read found nothing.
    drained: bool,
    end: End,
    stopping: CancellationToken,
}

impl Reader {
    /// The lines of the next records, once there are any; `None` at the end.
    async fn next_lines(mut self) -> Option<(Result<Bytes, LogError>, Self)> {
        loop {
            let wait = self.wait()?;
            let limits = ReadLimits {
                max_bytes: BATCH_BYTES_MAX,
                max_records: usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(BATCH_RECORDS_MAX),
                wait,
            };
            let log = Arc::clone(&self.log);
            let read = tokio::select! {
                () = self.stopping.cancelled() => return None,
                read = log.read(&self.positions, limits) => read,
            };
            match read {
                Ok(batches) => {
                    self.drained = batches.iter().all(|batch| batch.records.is_empty());
                    let mut lines = Vec::new();
                    for batch in batches {
                        self.take(&mut lines, &batch.from, batch.records, batch.next);
                    }
                    if !lines.is_empty() {
                        return Some((Ok(lines.into()), self));
                    }
                }
                // Retention overtook the reader: go on with what is left.
                Err(LogError::OutOfRange { queue, range, .. }) => {
                    for (position, offset) in &mut self.positions {
                        if *position == queue {
                            *offset = (*offset).clamp(range.earliest, range.next);
                        }
                    }
                }
                Err(error) => {
                    self.left = 0;
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// How long the next read may wait; `None` when the end is reached.
    fn wait(&self) -> Option<Duration> {
        if self.left == 0 || self.stopping.is_cancelled() {
            return None;
        }
        let longest = Duration::from_millis(READ_WAIT_MS);
        match &self.end {
            End::Never => Some(longest),
            End::At(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Some(left.min(longest)),
                // What is there already is given, however long that takes.
                _ => (!self.drained).then_some(Duration::ZERO),
            },
            End::Offsets(ends) => {
                let more = |(queue, offset): &(TopicPartition, u64)| {
                    ends.get(queue).is_some_and(|end| offset < end)
                };
                self.positions.iter().any(more).then_some(Duration::ZERO)
            }
        }
    }

    fn take(
        &mut self,
        lines: &mut Vec<u8>,
        from: &TopicPartition,
        records: Vec<(u64, LogRecord)>,
        next: u64,
    ) {
        let end = match &self.end {
            End::Offsets(ends) => ends.get(from).copied().unwrap_or(u64::MAX),
            _ => u64::MAX,
        };
        for (offset, record) in records {
            if offset < end && self.left > 0 {
                record_line::write(lines, from.partition, offset, &record);
                self.left -= 1;
            }
        }
        if let Some((_, position)) = self.positions.iter_mut().find(|(queue, _)| queue == from) {
            *position = next;
        }
    }
}

/// The answer to a load.
#[derive(Serialize)]
struct Written {
    /// Records that are durable.
    records: u64,
}

/// The query of a load.
#[derive(Debug, Deserialize)]
pub(super) struct WriteQuery {
    /// Create the topic if it is missing.
    #[serde(default)]
    create: bool,
}

/// `POST /gantry/topics/{name}/records`: JSON lines in; answered when all are durable. Where a
/// line is wrong, those before it may be written; the answer says how many are.
pub(super) async fn write(
    State(state): State<Arc<AppState>>,
    Path(name): Path<String>,
    Query(query): Query<WriteQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let allowed = match is_records(request.headers()) {
        true => writable(&state, &name, query.create).await,
        false => Err(ApiError::unsupported_type(
            "records are JSON lines: send them with the header Content-Type: application/x-ndjson \
             (or application/json)",
        )),
    };
    let queues = match allowed {
        Ok(queues) => queues,
        Err(error) => {
            // A client that is still sending would see a broken connection in place of the answer.
            let rest = to_bytes(request.into_body(), REFUSED_BYTES_MAX);
            let _ = timeout(state.body_times.whole, rest).await;
            return Err(error);
        }
    };
    let mut writer = Writer {
        log: Arc::clone(&state.log),
        topic: name.as_str().into(),
        queues,
        turn: 0,
        pending: BTreeMap::new(),
        pending_records: 0,
        pending_bytes: 0,
        in_flight: VecDeque::new(),
        durable: 0,
        lines: 0,
        taken: 0,
    };
    let outcome = writer.load(request.into_body(), state.body_times.record).await;
    let finished = writer.finish().await;
    match outcome.and(finished) {
        Ok(()) => ok(&Written { records: writer.durable }),
        Err(error) => Err(error.after(writer.durable)),
    }
}

/// How many queues a topic has that records may be written to; `create` makes a missing one.
async fn writable(state: &AppState, name: &str, create: bool) -> Result<u32, ApiError> {
    not_internal(state, name)?;
    if create && state.log.topic(name).await?.is_none() {
        let spec = TopicSpec::with_queues(state.herder.worker_config().default_topic_queues);
        match state.log.create_topic(name, spec).await {
            Ok(()) | Err(LogError::TopicExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(existing(&*state.log, name).await?.spec.queues)
}

/// Why a load ended early.
enum LoadError {
    Line(u64, String),
    Body(String),
    /// No record in this time.
    Slow(Duration),
    Log(LogError),
}

impl LoadError {
    fn after(self, durable: u64) -> ApiError {
        let so_far = format!("{durable} records before it are written");
        match self {
            Self::Line(number, why) => {
                ApiError::bad_request(format!("line {number}: {why}; {so_far}"))
            }
            Self::Body(why) => {
                ApiError::bad_request(format!("the body broke off: {why}; {so_far}"))
            }
            Self::Slow(within) => {
                ApiError::too_slow(format!("there was no further record in {within:?}; {so_far}"))
            }
            Self::Log(error) => error.into(),
        }
    }
}

struct Writer {
    log: Arc<dyn FullLog>,
    topic: gantry_log::Str,
    queues: u32,
    /// The queue for the next record without key and queue.
    turn: u32,
    pending: BTreeMap<u32, Vec<LogRecord>>,
    pending_records: u64,
    pending_bytes: usize,
    in_flight: VecDeque<(Durable, u64)>,
    durable: u64,
    lines: u64,
    /// Lines that were records.
    taken: u64,
}

impl Writer {
    /// Takes a body to its end. Only records show that its client is alive: one that sends blank
    /// lines for ever would hold its connection for ever.
    async fn load(&mut self, body: Body, within: Duration) -> Result<(), LoadError> {
        let mut chunks = body.into_data_stream();
        let mut rest: Vec<u8> = Vec::new();
        let mut deadline = tokio::time::Instant::now() + within;
        loop {
            let chunk = timeout_at(deadline, chunks.next()).await;
            let Some(chunk) = chunk.map_err(|_| LoadError::Slow(within))? else { break };
            let chunk = chunk.map_err(|error| LoadError::Body(error.to_string()))?;
            let before = self.taken;
            let mut parts = chunk.split(|byte| *byte == b'\n').peekable();
            while let Some(part) = parts.next() {
                if rest.len() + part.len() > LINE_BYTES_MAX {
                    let why = format!("it is longer than {LINE_BYTES_MAX} bytes");
                    return Err(LoadError::Line(self.lines + 1, why));
                }
                if parts.peek().is_none() {
                    rest.extend_from_slice(part);
                } else if rest.is_empty() {
                    self.line(part).await?;
                } else {
                    rest.extend_from_slice(part);
                    self.line(&std::mem::take(&mut rest)).await?;
                }
            }
            if self.taken > before {
                deadline = tokio::time::Instant::now() + within;
            }
        }
        self.line(&rest).await
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), LoadError> {
        self.lines += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let parsed = record_line::parse(line, gantry_api::now_ms());
        let parsed = parsed.map_err(|why| LoadError::Line(self.lines, why))?;
        let Some(Loaded { partition, record }) = parsed else { return Ok(()) };
        self.taken += 1;
        let partition = match (partition, &record.key) {
            (Some(partition), _) if partition >= self.queues => {
                let why = format!("there is no queue {partition}, the topic has {}", self.queues);
                return Err(LoadError::Line(self.lines, why));
            }
            (Some(partition), _) => partition,
            (None, Some(key)) => queue_of_key(key, self.queues),
            (None, None) => {
                self.turn = (self.turn + 1) % self.queues.max(1);
                self.turn
            }
        };
        self.pending_bytes += record.size();
        self.pending_records += 1;
        self.pending.entry(partition).or_default().push(record);
        if self.pending_records as usize >= BATCH_RECORDS_MAX
            || self.pending_bytes >= BATCH_BYTES_MAX
        {
            self.append().await.map_err(LoadError::Log)?;
        }
        Ok(())
    }

    async fn append(&mut self) -> Result<(), LogError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.in_flight.len() >= APPENDS_IN_FLIGHT_MAX {
            self.settle_one().await?;
        }
        let topic = &self.topic;
        let batches = std::mem::take(&mut self.pending)
            .into_iter()
            .map(|(partition, records)| QueueBatch {
                to: TopicPartition::new(Arc::clone(topic), partition),
                records,
            })
            .collect();
        let records = std::mem::take(&mut self.pending_records);
        self.pending_bytes = 0;
        let durable = self.log.append(batches).await?;
        self.in_flight.push_back((durable, records));
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<(), LogError> {
        if let Some((durable, records)) = self.in_flight.pop_front() {
            durable.await?;
            self.durable += records;
        }
        Ok(())
    }

    /// Waits until all that was taken is durable.
    async fn finish(&mut self) -> Result<(), LoadError> {
        self.append().await.map_err(LoadError::Log)?;
        while !self.in_flight.is_empty() {
            self.settle_one().await.map_err(LoadError::Log)?;
        }
        Ok(())
    }
}
