//! The task of the sinks.

use std::collections::BTreeMap;
use std::thread;

use gantry_api::{
    Error, Props, Result, SinkOffset, SinkRecord, SinkTask, SinkTaskContext, TopicPartition,
    async_trait,
};
use tokio::task::JoinHandle;

use super::config::Config;
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
    backoff_ms: u64,
    /// The writer, while nothing is being written.
    writer: Option<Box<Writer>>,
    /// What is being written, also if nobody waits for it any more.
    job: Option<JoinHandle<Box<Writer>>>,
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
        let backoff_ms = u64::try_from(config.backoff.as_millis()).unwrap_or(u64::MAX);
        // Aiven's has no dead letter queue.
        let takes_errant = context.takes_errant && self.flavour == Flavour::Confluent;
        let writer = Writer::new(
            config,
            &context.connector,
            context.epoch,
            context.cancel.clone(),
            takes_errant,
        )?;
        self.running =
            Some(Running { context, backoff_ms, writer: Some(Box::new(writer)), job: None });
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        let queues: Vec<(TopicPartition, Option<u64>)> = queues
            .iter()
            .map(|(queue, at)| (queue.clone(), at.as_ref().map(|at| at.offset)))
            .collect();
        let known: BTreeMap<_, _> = queues.iter().cloned().collect();
        let found = running.call(move |writer| writer.open(&queues)).await??;
        let other = |queue: &TopicPartition, next: u64| {
            known.get(queue).copied().flatten() != Some(next) && next > 0
        };
        let rewind: BTreeMap<_, _> =
            found.into_iter().filter(|(queue, next)| other(queue, *next)).collect();
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
        match running.call(move |writer| writer.put(&records)).await? {
            Outcome::Written(errant) => {
                for (record, error) in errant {
                    running.context.report(record, error);
                }
                Ok(())
            }
            Outcome::Again(error) => {
                running.context.timeout(running.backoff_ms);
                Err(Error::retriable(error.message()).caused_by(error))
            }
            Outcome::Failed(error) => Err(error),
        }
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
