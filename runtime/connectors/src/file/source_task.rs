//! The source task: blocks of lines into records.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    ByteString, ConnectRecord, Datum, Error, OffsetMap, Props, Result, Schema, SourceOffset,
    SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str, Value, async_trait,
};
use serde_json::Value as Json;
use tokio::task::JoinHandle;
use tracing::info;

use super::config::SourceConfig;
use super::follower::{Follower, Step};
use super::lines::Block;
use super::source::{FILENAME, POSITION, stored_position};
use super::stream::Stream;

/// The wait when nothing is new, at first and at most.
const WAIT_MS_MIN: u64 = 20;
const WAIT_MS_MAX: u64 = 1000;

/// Reads one file.
#[derive(Debug, Default)]
pub struct FileStreamSourceTask {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    shared: Shared,
    records_max: usize,
    input: Input,
    /// Lines read and not given out.
    block: Option<Block>,
}

/// What all records have in common.
#[derive(Debug)]
struct Shared {
    topic: Str,
    schema: Schema,
    partition: SourcePartition,
    offsets: Offsets,
}

#[derive(Debug)]
enum Offsets {
    /// The position after each line, under this name.
    Position(Str),
    /// None: the input cannot be read again.
    Null(Arc<OffsetMap>),
}

#[derive(Debug)]
enum Input {
    File(FileInput),
    Stream(Stream),
}

/// A follower, which a step on the blocking pool has while it runs.
#[derive(Debug)]
struct FileInput {
    path: String,
    follower: Option<Follower>,
    step: Option<JoinHandle<(Follower, Result<Step>)>>,
    wait_ms: u64,
}

#[async_trait]
impl SourceTask for FileStreamSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = SourceConfig::parse(props)?;
        let mut map = OffsetMap::new();
        map.insert(FILENAME.to_owned(), config.file.clone().map_or(Json::Null, Json::from));
        let partition = SourcePartition::new(map);
        let (input, offsets) = match &config.file {
            None => (Input::Stream(Stream::open(None)?), Offsets::null()),
            Some(path) => {
                let position = stored_position(ctx.offsets.offset(&partition).as_ref())?;
                let input = FileInput::new(path, position);
                (Input::File(input), Offsets::Position(POSITION.into()))
            }
        };
        self.running = Some(Running {
            shared: Shared {
                topic: config.topic.as_str().into(),
                schema: Schema::string(),
                partition,
                offsets,
            },
            records_max: config.batch_size,
            input,
            block: None,
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        running.poll().await
    }

    async fn stop(&mut self) -> Result<()> {
        if let Some(Running { input: Input::Stream(mut stream), block, .. }) = self.running.take() {
            stream.leave(block);
        }
        Ok(())
    }
}

impl Running {
    /// Cancel safe: what is read is in `self` before the next wait, and records are made
    /// without waiting.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        loop {
            if let Some(block) = &mut self.block {
                let records = records(block, &self.shared, self.records_max);
                if block.is_empty() {
                    self.block = None;
                }
                if !records.is_empty() {
                    return Ok(records);
                }
            }
            match &mut self.input {
                Input::Stream(stream) => {
                    self.block = stream.take_left();
                    if self.block.is_none() {
                        self.block = Some(stream.next().await?);
                    }
                }
                Input::File(file) => match file.next().await? {
                    Some(block) => self.block = Some(block),
                    None => {
                        // A pipe or a device: from now on without positions.
                        info!(file = file.path, "no regular file: reading without offsets");
                        let stream = Stream::open(Some(&file.path))?;
                        self.input = Input::Stream(stream);
                        self.shared.offsets = Offsets::null();
                    }
                },
            }
        }
    }
}

impl Offsets {
    /// As Kafka stores it for standard input.
    fn null() -> Self {
        let mut map = OffsetMap::new();
        map.insert(POSITION.to_owned(), Json::Null);
        Self::Null(Arc::new(map))
    }
}

/// Makes records in place: this is the cost of a line.
fn records(block: &mut Block, running: &Shared, max: usize) -> Vec<SourceRecord> {
    let mut records = Vec::with_capacity(block.estimate(max));
    // As Kafka's: the time when the line was read. One look at the clock serves the batch.
    let now_ms = gantry_api::now_ms();
    match &running.offsets {
        Offsets::Position(key) => block.drain(max, |line, position| {
            let position = i64::try_from(position).unwrap_or(i64::MAX);
            records.push(running.record(
                line,
                SourceOffset::Number(Str::clone(key), position),
                now_ms,
            ));
        }),
        Offsets::Null(map) => block.drain(max, |line, _| {
            records.push(running.record(line, SourceOffset::Map(Arc::clone(map)), now_ms));
        }),
    }
    records
}

impl Shared {
    #[inline(always)]
    fn record(&self, line: ByteString, offset: SourceOffset, now_ms: i64) -> SourceRecord {
        let value = Datum::new(Schema::clone(&self.schema), Value::String(line.into()));
        let mut record = ConnectRecord::new(Str::clone(&self.topic), value);
        record.timestamp_ms = Some(now_ms);
        SourceRecord::new(record, SourcePartition::clone(&self.partition), offset)
    }
}

impl FileInput {
    fn new(path: &str, position: u64) -> Self {
        Self {
            path: path.to_owned(),
            follower: Some(Follower::new(path, position)),
            step: None,
            wait_ms: WAIT_MS_MIN,
        }
    }

    /// Waits for lines; `None` if the path names no regular file.
    async fn next(&mut self) -> Result<Option<Block>> {
        loop {
            self.begin();
            let Some(step) = &mut self.step else {
                return Err(Error::connect(format!(
                    "Reading '{}' ended by a fault of ours: restart the task",
                    self.path
                )));
            };
            // Dropped while it waits, the step goes on and the next poll takes its result.
            let outcome = step.await;
            self.step = None;
            let (follower, outcome) = outcome.map_err(|error| {
                Error::connect(format!("Reading '{}' was broken off: {error}", self.path))
            })?;
            self.follower = Some(follower);
            match outcome? {
                Step::Lines { block, full } => {
                    self.wait_ms = WAIT_MS_MIN;
                    if full {
                        self.begin();
                    }
                    return Ok(Some(block));
                }
                Step::Idle => {
                    let wait = Duration::from_millis(self.wait_ms);
                    self.wait_ms = (self.wait_ms * 2).min(WAIT_MS_MAX);
                    tokio::time::sleep(wait).await;
                }
                Step::NotRegular => return Ok(None),
            }
        }
    }

    /// Starts a step unless one runs.
    fn begin(&mut self) {
        if let Some(mut follower) = self.follower.take() {
            self.step = Some(tokio::task::spawn_blocking(move || {
                let outcome = follower.step();
                (follower, outcome)
            }));
        }
    }
}
