//! Global tables: one thread of the instance reads all queues of their topics, first up to where
//! they end, so that no record meets an older table than there was when the job began.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use gantry_coordination::CommittedReader;
use gantry_log::{LogError, LogRecord, ReadLimits, Str, TopicPartition};
use tokio::runtime::Handle;

use super::committed::{Reader, read_all};
use super::job::Job;
use super::outage::RETRY;
use super::worker::panicked;
use crate::error::StreamsError;
use crate::store::{Backend, Batch, GLOBALS, global, prefix};

/// One table, and what its entries on disk are of.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct Table {
    topic: Str,
    /// Where to read on, by queue.
    next: BTreeMap<u32, u64>,
}

/// All tables, by their numbers.
pub(super) struct Globals {
    job: Arc<Job>,
    tables: Vec<Table>,
}

/// Puts what a topic says into its table.
struct Fill<'a> {
    backend: &'a dyn Backend,
    number: u32,
    batch: Batch,
}

impl Reader for Fill<'_> {
    fn take(&mut self, record: &LogRecord) -> Result<(), StreamsError> {
        global::put(self.number, record, &mut self.batch);
        if self.batch.entries.len() < ENTRIES_AT_ONCE {
            return Ok(());
        }
        self.backend.write(std::mem::take(&mut self.batch))
    }
}

/// How many entries are written at once.
const ENTRIES_AT_ONCE: usize = 10_000;
const LIMITS: ReadLimits = ReadLimits {
    max_bytes: 1 << 20,
    max_records: ENTRIES_AT_ONCE,
    wait: Duration::from_millis(100),
};

impl Globals {
    /// The tables as they are in the log now. `None` if there are none.
    pub(super) async fn open(job: &Arc<Job>) -> Result<Option<Self>, StreamsError> {
        let topics = job.plan.graph.globals();
        if topics.is_empty() {
            return Ok(None);
        }
        let mut globals = Self { job: Arc::clone(job), tables: Vec::new() };
        for (number, topic) in (0..).zip(topics) {
            let queues = job.plan.queues.get(topic).copied().unwrap_or_default();
            globals.find(number, topic, queues).await?;
            for queue in 0..queues {
                globals.catch_up(number, queue).await?;
            }
        }
        Ok(Some(globals))
    }

    /// What is on disk of a table, if it is of this topic as it is.
    async fn find(&mut self, number: u32, topic: &Str, queues: u32) -> Result<(), StreamsError> {
        let known = self.job.backend.get(&marker(number))?;
        let known: Option<Table> = known.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut table = known.filter(|known| known.topic == *topic).unwrap_or_default();
        for queue in 0..queues {
            let range = self.job.log.range(&TopicPartition::new(&**topic, queue)).await?;
            if table.next.get(&queue).is_some_and(|next| *next > range.next) {
                // The topic was made anew since.
                table = Table::default();
            }
        }
        if table.next.is_empty() {
            let mut batch = Batch::default();
            global::clear(number, &mut batch);
            self.job.backend.write(batch)?;
        }
        table.topic = Str::clone(topic);
        table.next = (0..queues).map(|q| (q, table.next.get(&q).copied().unwrap_or(0))).collect();
        self.tables.push(table);
        Ok(())
    }

    async fn catch_up(&mut self, number: u32, queue: u32) -> Result<(), StreamsError> {
        let Some(table) = self.tables.get_mut(number as usize) else { return Ok(()) };
        let from = table.next.get(&queue).copied().unwrap_or(0);
        let place = TopicPartition::new(&*table.topic, queue);
        let mut fill = Fill { backend: &*self.job.backend, number, batch: Batch::default() };
        let end = read_all(&self.job, &place, from, &mut fill).await?;
        let batch = fill.batch;
        table.next.insert(queue, end);
        self.save(number as usize, batch)
    }

    fn save(&self, number: usize, mut batch: Batch) -> Result<(), StreamsError> {
        if let Some(table) = self.tables.get(number) {
            let value = serde_json::to_vec(table).unwrap_or_default();
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            batch.entries.push((marker(number), Some(value)));
        }
        self.job.backend.write(batch)
    }

    /// Follows the topics until the job ends.
    pub(super) fn run(mut self, runtime: &Handle) {
        let job = Arc::clone(&self.job);
        let follow = || runtime.block_on(self.follow());
        let result = catch_unwind(AssertUnwindSafe(follow));
        let result = result.unwrap_or_else(|panic: Box<dyn Any + Send>| Err(panicked(&*panic)));
        if let Err(error) = result {
            tracing::error!(%error, "the job stops: its global tables cannot be read");
            job.shared.fail(error);
        }
    }

    async fn follow(&mut self) -> Result<(), StreamsError> {
        let (log, transactions) = (Arc::clone(&self.job.log), Arc::clone(&self.job.transactions));
        let mut reader = CommittedReader::new(log, transactions);
        while !self.job.shared.is_stopped() {
            let positions = self.tables.iter().flat_map(|table| {
                let queues = table.next.iter();
                queues.map(|(q, next)| (TopicPartition::new(&*table.topic, *q), *next))
            });
            let positions: Vec<_> = positions.collect();
            let read = match reader.read(&positions, LIMITS).await {
                // Records went that nobody needs any more.
                Err(LogError::OutOfRange { .. }) => {
                    let stopping = self.job.shared.stopping.clone();
                    tokio::select! {
                        caught_up = self.catch_up_all() => caught_up.map(|()| Vec::new()),
                        () = stopping.cancelled() => return Ok(()),
                    }
                }
                read => read.map_err(StreamsError::from),
            };
            let read = match read {
                Err(StreamsError::Log(error)) if error.is_retriable() => {
                    tracing::warn!(%error, "global tables cannot be read now");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
                read => read?,
            };
            for records in read {
                let found = self.tables.iter().position(|t| t.topic == records.from.topic);
                let Some(number) = found else { continue };
                let mut batch = Batch::default();
                let place = u32::try_from(number).unwrap_or(u32::MAX);
                records.records.iter().for_each(|(_, r)| global::put(place, r, &mut batch));
                self.tables[number].next.insert(records.from.partition, records.next);
                self.save(number, batch)?;
            }
        }
        Ok(())
    }

    async fn catch_up_all(&mut self) -> Result<(), StreamsError> {
        for number in 0..self.tables.len() {
            let queues: Vec<u32> = self.tables[number].next.keys().copied().collect();
            for queue in queues {
                self.catch_up(u32::try_from(number).unwrap_or(u32::MAX), queue).await?;
            }
        }
        Ok(())
    }
}

/// Where it is noted what the entries of a table are of: no table has this number.
fn marker(number: u32) -> Vec<u8> {
    let mut key = prefix(GLOBALS, u32::MAX).to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}
