//! The task of Confluent's sink.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    Error, Props, Result, SinkOffset, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext,
    TopicPartition, async_trait, now_ms,
};

use super::super::store::{self, Fault, Store, unless_stopped};
use super::queue::{Queue, Queues};
use super::{Config, OnNull};

/// A task that stops waits so long for the store to forget what was begun.
const ABORT_TIME: Duration = Duration::from_secs(3);

/// Writes records to files of a store.
#[derive(Debug, Default)]
pub(in crate::objects) struct ConfluentTask {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    context: SinkTaskContext,
    config: Arc<Config>,
    store: Store,
    queues: Queues,
    /// How many records of the batch being put are taken, if it is put again.
    taken: Option<usize>,
    /// The task was stopped within a batch: the rest of it is read again.
    is_stopped: bool,
}

fn not_started() -> Error {
    Error::connect("Not started")
}

impl ConfluentTask {
    fn running(&mut self) -> Result<&mut Running> {
        self.running.as_mut().ok_or_else(not_started)
    }
}

#[async_trait]
impl SinkTask for ConfluentTask {
    async fn start(&mut self, context: SinkTaskContext, props: &Props) -> Result<()> {
        let opened = store::open(&context, props, Config::parse, |config| &config.store).await?;
        let Some((config, store)) = opened else { return Ok(()) };
        if config.rotation.interval_ms > 0
            && !matches!(config.partitioning.how, super::Partitioner::Time(_))
        {
            tracing::warn!(
                connector = %context.connector,
                "rotate.interval.ms has no effect with a partitioner that is not by time"
            );
        }
        let config = Arc::new(config);
        self.running = Some(Running {
            context,
            config,
            store,
            queues: Queues::new(),
            taken: None,
            is_stopped: false,
        });
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let running = self.running()?;
        for (origin, _) in queues {
            running.queues.insert(origin.clone(), Queue::new(origin.clone()));
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running()?;
        if running.taken.is_none() {
            // What was asked for again is what comes now.
            running.queues.values_mut().for_each(|queue| queue.is_rewound = false);
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
        let safe = |(origin, at): (&TopicPartition, &SinkOffset)| {
            let queue = running.queues.get(origin)?;
            match queue.unstored() {
                Some(first) => Some((origin.clone(), SinkOffset::new(first))),
                // Records of the batch are not yet asked for again.
                None if queue.is_rewound => None,
                None if running.is_stopped => Some((origin.clone(), SinkOffset::new(queue.next?))),
                None => Some((origin.clone(), at.clone())),
            }
        };
        Ok(written.iter().filter_map(safe).collect())
    }

    async fn close(&mut self, queues: &[TopicPartition]) -> Result<()> {
        let running = self.running()?;
        let closed: Vec<Queue> =
            queues.iter().filter_map(|origin| running.queues.remove(origin)).collect();
        give_up(closed).await;
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            give_up(running.queues.into_values().collect()).await;
        }
        Ok(())
    }
}

/// What is not stored is read again by whoever has the queue next.
async fn give_up(mut queues: Vec<Queue>) {
    let aborting = async {
        for queue in &mut queues {
            queue.abort().await;
        }
    };
    if tokio::time::timeout(ABORT_TIME, aborting).await.is_err() {
        tracing::warn!(
            "the store does not answer; it keeps parts of objects that a lifecycle rule should remove"
        );
    }
}

impl Running {
    async fn put(&mut self, records: &[SinkRecord], done: usize) -> Result<()> {
        self.taken = Some(done);
        let now_ms = now_ms();
        let config = Arc::clone(&self.config);
        let mut has_ended = self.queues.values().any(Queue::ends);
        self.end_all(&config).await?;
        for record in records.get(done..).unwrap_or_default() {
            has_ended |= self.take(&config, record, now_ms).await?;
        }
        for queue in self.queues.values_mut() {
            queue.look_at_clock(&config, now_ms);
            has_ended |= queue.ends();
        }
        self.end_all(&config).await?;
        self.taken = None;
        if has_ended {
            self.context.request_commit();
        }
        Ok(())
    }

    /// Goes on with ending files where that was begun.
    async fn end_all(&mut self, config: &Config) -> Result<()> {
        let store = self.store.clone();
        let ends = |queue: &Queue| queue.ends() && !queue.is_rewound;
        let origins: Vec<TopicPartition> = self
            .queues
            .values()
            .filter(|queue| ends(queue))
            .map(|queue| queue.origin.clone())
            .collect();
        for origin in origins {
            let Some(queue) = self.queues.get_mut(&origin) else { continue };
            let ended = unless_stopped(&self.context.cancel, queue.end(config, &store)).await;
            self.settled(&origin, ended).await?;
        }
        Ok(())
    }

    /// Takes one record; whether files were ended.
    async fn take(&mut self, config: &Config, record: &SinkRecord, now_ms: i64) -> Result<bool> {
        let Some(queue) = self.queues.get_mut(&record.origin) else {
            return Err(Error::connect(format!("{} is none of this task's queues", record.origin)));
        };
        if queue.is_rewound || self.is_passed_over(config, record)? {
            self.count(record);
            return Ok(false);
        }
        let Some(queue) = self.queues.get_mut(&record.origin) else { return Ok(false) };
        if let Err(error) = queue.look(config, record, now_ms) {
            self.refuse(record, error)?;
            return Ok(false);
        }
        let mut has_ended = queue.ends();
        if has_ended {
            let ended = unless_stopped(&self.context.cancel, queue.end(config, &self.store)).await;
            self.settled(&record.origin, ended).await?;
        }
        let Some(queue) = self.queues.get_mut(&record.origin) else { return Ok(has_ended) };
        if let Err(error) = queue.append(config, &self.store, record) {
            self.refuse(record, error)?;
            return Ok(has_ended);
        }
        self.count(record);
        let Some(queue) = self.queues.get_mut(&record.origin) else { return Ok(has_ended) };
        let sent = match queue.ends() {
            true => {
                has_ended = true;
                unless_stopped(&self.context.cancel, queue.end(config, &self.store)).await
            }
            false => unless_stopped(&self.context.cancel, queue.drain()).await,
        };
        self.settled(&record.origin, sent).await?;
        Ok(has_ended)
    }

    /// A record of the batch is done with.
    fn count(&mut self, record: &SinkRecord) {
        self.taken = self.taken.map(|count| count + 1);
        if let Some(queue) = self.queues.get_mut(&record.origin)
            && !queue.is_rewound
        {
            queue.next = Some(record.offset + 1);
        }
    }

    /// Whether it is one of the records without a value that are left out.
    fn is_passed_over(&self, config: &Config, record: &SinkRecord) -> Result<bool> {
        if !record.record.value.value.is_null() {
            return Ok(false);
        }
        match config.on_null {
            OnNull::Write => Ok(false),
            OnNull::Fail => Err(Error::connect(format!(
                "Null valued records are not writeable with current {} 'settings: the record at offset {} of {} has no \
                 value",
                super::ON_NULL,
                record.offset,
                record.origin
            ))),
            OnNull::Ignore => {
                if config.reports_nulls && self.context.takes_errant {
                    self.context.report(record.clone(), Error::data("Skipping null value record."));
                }
                Ok(true)
            }
        }
    }

    /// Hands over a record that cannot be written.
    fn refuse(&mut self, record: &SinkRecord, error: Error) -> Result<()> {
        if self.context.takes_errant && !matches!(error.kind(), gantry_api::ErrorKind::Connect) {
            self.context.report(record.clone(), error);
            self.count(record);
            return Ok(());
        }
        Err(error)
    }

    /// What becomes of a fault of the store.
    async fn settled(&mut self, origin: &TopicPartition, result: Result<(), Fault>) -> Result<()> {
        let Err(fault) = result else { return Ok(()) };
        let backoff_ms = u64::try_from(self.config.backoff.as_millis()).unwrap_or(u64::MAX);
        match fault {
            Fault::Never(error) => Err(error),
            Fault::Again(error) => {
                self.context.timeout(backoff_ms);
                Err(error)
            }
            Fault::Lost(error) => {
                if let Some(queue) = self.queues.get_mut(origin)
                    && let Some(first) = queue.unstored()
                {
                    queue.is_rewound = true;
                    give_up_files(queue).await;
                    self.context.rewind(BTreeMap::from([(origin.clone(), first)]));
                }
                self.context.timeout(backoff_ms);
                Err(Error::retriable(format!("Files of {origin} are written again"))
                    .caused_by(error))
            }
        }
    }
}

async fn give_up_files(queue: &mut Queue) {
    if tokio::time::timeout(ABORT_TIME, queue.abort()).await.is_err() {
        tracing::warn!(queue = %queue.origin, "the store does not answer; it keeps parts of objects");
    }
}
