//! The task of the sinks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use gantry_api::{
    Error, Props, Result, SinkOffset, SinkRecord, SinkTask, SinkTaskContext, TopicPartition,
    async_trait,
};
use tokio::task::JoinHandle;

use super::config::Config;
use super::offsets::Begin;
use super::writer::{Outcome, Writer};
use crate::jdbc::Flavour;

/// Writes records to tables.
#[derive(Debug)]
pub(crate) struct JdbcSinkTask {
    flavour: Flavour,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    context: SinkTaskContext,
    /// The writer, while nothing is being written.
    writer: Option<Box<Writer>>,
    /// What is being written, also if nobody waits for it any more.
    job: Option<JoinHandle<Box<Writer>>>,
    /// Nothing that is still being written is to count.
    abandoned: Arc<AtomicBool>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl JdbcSinkTask {
    pub(in crate::jdbc) fn new(flavour: Flavour) -> Self {
        Self { flavour, running: None }
    }
}

/// Connections end on a thread that may be held up: PostgreSQL's client says goodbye.
impl Drop for Running {
    fn drop(&mut self) {
        self.abandoned.store(true, Ordering::Release);
        let writer = self.writer.take();
        if writer.is_some() && thread::Builder::new().spawn(move || drop(writer)).is_err() {
            tracing::warn!("no thread to end a database connection");
        }
    }
}

fn not_started() -> Error {
    Error::connect("Not started")
}

impl Running {
    /// Calls the writer on a thread that may be held up.
    async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Result<T> {
        self.settle().await?;
        let mut writer = self.writer.take().ok_or_else(not_started)?;
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.job = Some(tokio::task::spawn_blocking(move || {
            // Nobody to tell it if the task was stopped meanwhile.
            drop(sender.send(work(&mut writer)));
            writer
        }));
        let found = receiver.await;
        self.settle().await?;
        found.map_err(|_| Error::connect("writing to the database ended without a word"))
    }

    /// Waits for what is being written.
    async fn settle(&mut self) -> Result<()> {
        if let Some(job) = &mut self.job {
            let ended = job.await;
            self.job = None;
            self.writer = Some(ended.map_err(|error| {
                Error::connect(format!("writing to the database failed: {error}"))
            })?);
        }
        Ok(())
    }
}

#[async_trait]
impl SinkTask for JdbcSinkTask {
    async fn start(&mut self, context: SinkTaskContext, props: &Props) -> Result<()> {
        let config = Config::parse(self.flavour, props)?;
        // Aiven's has no dead letter queue.
        let takes_errant = context.takes_errant && self.flavour == Flavour::Confluent;
        let abandoned = Arc::new(AtomicBool::new(false));
        let (connector, epoch) = (&context.connector, context.epoch);
        let writer = Writer::new(config, connector, epoch, takes_errant, Arc::clone(&abandoned))?;
        self.running =
            Some(Running { context, writer: Some(Box::new(writer)), job: None, abandoned });
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        if !running.call(|writer| writer.keeps_offsets()).await? {
            return Ok(());
        }
        let mut begins = Vec::with_capacity(queues.len());
        for (queue, at) in queues {
            let committed = at.as_ref().map_or(0, |at| at.offset);
            // A topic that was made anew ends before what was written of the old one.
            let end = match &running.context.log {
                Some(log) => log.range(queue).await.ok().map(|range| range.next),
                None => None,
            };
            begins.push((queue.clone(), Begin { committed, end }));
        }
        let known: BTreeMap<_, _> =
            begins.iter().map(|(queue, begin)| (queue.clone(), begin.committed)).collect();
        let found = running.call(move |writer| writer.open(&begins)).await??;
        let is_other = |queue: &TopicPartition, next: u64| known.get(queue) != Some(&next);
        let rewind: BTreeMap<_, _> =
            found.into_iter().filter(|(queue, next)| is_other(queue, *next)).collect();
        if !rewind.is_empty() {
            running.context.rewind(rewind);
        }
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        if records.is_empty() {
            return Ok(());
        }
        let records = records.to_vec();
        let (errant, done) = match running.call(move |writer| writer.put(records)).await? {
            Outcome::Written(errant) => (errant, Ok(())),
            Outcome::Again(error, wait) => {
                running.context.timeout(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
                (Vec::new(), Err(Error::retriable(error.message()).caused_by(error)))
            }
            Outcome::Failed(errant, error) => (errant, Err(error)),
        };
        for (record, error) in errant {
            running.context.report(record, error);
        }
        done
    }

    async fn close(&mut self, queues: &[TopicPartition]) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let queues = queues.to_vec();
        running.call(move |writer| writer.close(&queues)).await
    }

    /// Waits for what is being written: it must not come behind what another task writes.
    async fn stop(&mut self) -> Result<()> {
        match &mut self.running {
            Some(running) => running.settle().await,
            None => Ok(()),
        }
    }
}
