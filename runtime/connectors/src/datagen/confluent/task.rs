//! A task: one record after the other.

use std::time::Duration;

use gantry_api::{
    Bytes, ConnectRecord, Datum, Error, Header, OffsetMap, Props, Result, Schema, SourceOffset,
    SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str, Value, async_trait,
};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep_until};

use super::config::{Settings, TASK_ID};
use super::connector::read;
use super::generator::State;
use super::random::Random;

const GENERATION: &str = "task.generation";
const ITERATION: &str = "current.iteration";
const SEED: &str = "random.seed";

/// Records and bytes of a poll.
const BATCH_RECORDS: usize = 1000;
const BATCH_BYTES: usize = 1024 * 1024;
/// How much of a standstill is made up for.
const CATCH_UP: Duration = Duration::from_millis(100);
/// Longer waits are cut to this: a clock has an end.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Where a task goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// How often the task was started with an offset.
    pub(super) generation: i64,
    /// Records made.
    pub(super) count: i64,
    pub(super) seed: i64,
}

impl Position {
    /// That of an offset.
    pub(super) fn stored(offset: &OffsetMap) -> Result<Self> {
        let number = |key: &str| {
            offset.get(key).and_then(Json::as_i64).ok_or_else(|| {
                Error::connect(format!("An offset must contain the key '{key}' with a number"))
            })
        };
        let (generation, count) = (number(GENERATION)?, number(ITERATION)?);
        if generation < 0 || count < 0 {
            return Err(Error::connect(format!(
                "'{GENERATION}' and '{ITERATION}' of an offset must not be negative"
            )));
        }
        Ok(Self { generation, count, seed: number(SEED)? })
    }

    fn encode(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (place, number) in
            bytes.chunks_exact_mut(8).zip([self.generation, self.count, self.seed])
        {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &Bytes) -> OffsetMap {
        let numbers = bytes.chunks_exact(8).map(|bytes| {
            let bytes = bytes.try_into().unwrap_or_default();
            Json::from(i64::from_le_bytes(bytes))
        });
        [GENERATION, ITERATION, SEED].map(str::to_owned).into_iter().zip(numbers).collect()
    }
}

/// Makes the records of one task.
#[derive(Debug, Default)]
pub struct DatagenTask {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    settings: Settings,
    task: i64,
    partition: SourcePartition,
    headers: [Str; 3],
    state: State,
    /// That of the next record.
    position: Position,
    /// When the last record was due.
    paced: Instant,
    /// When the next record may be given, once that was drawn.
    due: Option<Instant>,
    /// Why a record could not be made, behind those that could.
    failed: Option<Error>,
}

#[async_trait]
impl SourceTask for DatagenTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let settings = read(props.clone()).await?;
        let task = match props.get(TASK_ID) {
            None => i64::from(ctx.task),
            Some(text) => text.parse().map_err(|_| {
                Error::config(format!(
                    "Invalid value {text} for configuration {TASK_ID}: the connector sets it, \
                     remove it"
                ))
            })?,
        };
        let partition = OffsetMap::from_iter([(TASK_ID.to_owned(), Json::from(task))]);
        let partition = SourcePartition::new(partition);
        let stored = ctx.offsets.offset(&partition);
        let position = match stored.as_ref().map(Position::stored).transpose()? {
            Some(position) => position,
            None => {
                let seed = settings.seed.map_or_else(|| fastrand::i64(..), |seed| own(seed, task));
                Position { generation: 0, count: 0, seed }
            }
        };
        let random = Random::new(position.seed);
        let state = State::new(random, settings.plan.compiled.counters, position.count);
        self.running = Some(Running {
            settings,
            task,
            partition,
            headers: [GENERATION, TASK_ID, ITERATION].map(Str::from),
            state,
            position,
            paced: Instant::now(),
            due: None,
            failed: None,
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        running.poll().await
    }

    async fn stop(&mut self) -> Result<()> {
        self.running = None;
        Ok(())
    }
}

/// The seed of a task: each task has the next one.
fn own(seed: i64, task: i64) -> i64 {
    (0..task).fold(seed, |seed, _| Random::new(seed).long())
}

impl Running {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.wait().await;
        self.state.bytes = 0;
        let mut records = Vec::new();
        loop {
            if self.settings.iterations.is_some_and(|iterations| self.position.count >= iterations)
            {
                break;
            }
            match self.record() {
                Ok(record) => records.push(record),
                Err(error) if records.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
            if records.len() >= BATCH_RECORDS || self.state.bytes >= BATCH_BYTES || !self.is_due() {
                break;
            }
        }
        match (records.is_empty(), self.settings.iterations) {
            (true, Some(iterations)) => Err(Error::connect(format!(
                "Stopping connector: generated the configured {iterations} number of messages"
            ))),
            _ => Ok(records),
        }
    }

    /// When the next record may be given; `None`: now.
    fn next(&mut self) -> Option<Instant> {
        if self.settings.max_interval <= 0 {
            return None;
        }
        let paced = self.paced;
        let max = self.settings.max_interval as f64 / 1000.0;
        Some(*self.due.get_or_insert_with(|| {
            let wait = Duration::try_from_secs_f64(max * fastrand::f64()).unwrap_or(FOR_EVER);
            paced + wait.min(FOR_EVER)
        }))
    }

    /// Waits for the next record. It is drawn once how long, so that a wait that was broken off is
    /// taken up again.
    async fn wait(&mut self) {
        if let Some(due) = self.next() {
            sleep_until(due).await;
            self.passed(due);
        }
    }

    /// Whether the next record may be given, too.
    fn is_due(&mut self) -> bool {
        match self.next() {
            None => true,
            Some(due) if due <= Instant::now() => {
                self.passed(due);
                true
            }
            Some(_) => false,
        }
    }

    fn passed(&mut self, due: Instant) {
        let now = Instant::now();
        self.paced = if now.duration_since(due) > CATCH_UP { now } else { due };
        self.due = None;
    }

    fn record(&mut self) -> Result<SourceRecord> {
        let plan = &self.settings.plan;
        let value = plan.compiled.value(&mut self.state)?;
        let key = match (&plan.key, &value) {
            (Some((place, schema)), Value::Struct(fields)) => {
                let value = fields.values().get(*place).cloned().unwrap_or_default();
                Datum::new(Schema::clone(schema), value)
            }
            _ => Datum::new(Schema::optional_string(), Value::Null),
        };
        let mut record = ConnectRecord::new(
            Str::clone(&self.settings.topic),
            Datum::new(Schema::clone(&plan.schema), value),
        );
        record.key = key;
        let numbers = [self.position.generation, self.task, self.position.count];
        let header = |(key, number): (&Str, i64)| Header {
            key: Str::clone(key),
            datum: Datum::new(Schema::int64(), Value::Int64(number)),
        };
        record.headers = self.headers.iter().zip(numbers).map(header).collect();
        // The numbers of each record begin anew, from a seed that the offset tells.
        let seed = self.state.random.long();
        self.state.random = Random::new(seed);
        self.position.seed = seed;
        // A user may have set any numbers.
        self.position.count = self.position.count.saturating_add(1);
        let generation = self.position.generation.saturating_add(1);
        let next = Position { generation, ..self.position };
        let offset = SourceOffset::Encoded {
            bytes: Bytes::copy_from_slice(&next.encode()),
            decode: Position::decode,
        };
        Ok(SourceRecord::new(record, SourcePartition::clone(&self.partition), offset))
    }
}
