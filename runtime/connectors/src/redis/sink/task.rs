//! The task of the sinks.

use std::time::Duration;

use gantry_api::{
    Error, Props, Result, SinkOffset, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext,
    TopicPartition, async_trait,
};

use super::super::Flavour;
use super::super::client::Fault;
use super::config::{Attempts, Config};
use super::writer::{Outcome, Writer};

/// Waits between attempts double from the one to the other.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// So long a command that was sent goes on when the task is stopped, so that little is written twice.
const GRACE: Duration = Duration::from_secs(2);

/// Writes records to Redis.
pub(crate) struct RedisSinkTask {
    flavour: Flavour,
    running: Option<Running>,
}

struct Running {
    context: SinkTaskContext,
    writer: Writer,
    backoff: Duration,
}

impl RedisSinkTask {
    pub(in super::super) fn new(flavour: Flavour) -> Self {
        Self { flavour, running: None }
    }
}

fn not_started() -> Error {
    Error::connect("Not started")
}

impl Running {
    /// Connects when the task starts. Where the keys say how often it is tried, the task fails after that; else a
    /// server that is away is tried again with the first batch.
    async fn begin(&mut self, attempts: Option<Attempts>) -> Result<()> {
        let count = attempts.map_or(1, |attempts| attempts.count);
        for left in (0..count).rev() {
            let Err(fault) = self.writer.connect().await else { return Ok(()) };
            let error = self.writer.error(&fault);
            match (&fault, attempts) {
                (Fault::Passing(_), Some(Attempts { delay, .. })) if left > 0 => {
                    tracing::warn!(connector = %self.context.connector, %error, left, "connecting failed and is tried again after {} ms", delay.as_millis());
                    tokio::select! {
                        () = self.context.cancel.cancelled() => return Err(stopped()),
                        () = tokio::time::sleep(delay) => {}
                    }
                }
                (Fault::Passing(_), None) => {
                    tracing::warn!(connector = %self.context.connector, %error, "connecting is tried again with the first batch");
                }
                _ => return Err(Error::connect(error.message())),
            }
        }
        Ok(())
    }

    fn failed(&mut self, fault: &Fault) -> Error {
        if matches!(fault, Fault::Passing(_)) {
            let wait = self.backoff.mul_f64(1.0 - fastrand::f64() / 2.0);
            self.context.timeout(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        }
        self.writer.error(fault)
    }

    /// Reports records that Redis does not take; the error fails the task, if there is nowhere to report them.
    fn report(&self, records: &[SinkRecord], errant: Vec<(usize, Error)>) -> Result<()> {
        for (at, error) in errant {
            let Some(record) = records.get(at) else { continue };
            if !self.context.takes_errant {
                return Err(Error::new(
                    error.kind().clone(),
                    format!("{}@{}: {}", record.origin, record.offset, error.message()),
                ));
            }
            self.context.report(record.clone(), error);
        }
        Ok(())
    }
}

fn stopped() -> Error {
    Error::connect(
        "Stopped while Redis had not yet answered; what was not answered is written again",
    )
}

#[async_trait]
impl SinkTask for RedisSinkTask {
    async fn start(&mut self, context: SinkTaskContext, props: &Props) -> Result<()> {
        let config = Config::parse(self.flavour, props)?;
        let attempts = config.attempts;
        let writer = Writer::new(config, &context.connector)?;
        let mut running = Running { context, writer, backoff: BACKOFF_MIN };
        running.begin(attempts).await?;
        self.running = Some(running);
        Ok(())
    }

    async fn open(&mut self, queues: &[(TopicPartition, Option<SinkOffset>)]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        if !running.writer.is_exact() {
            return Ok(());
        }
        for (queue, at) in queues {
            let committed = at.as_ref().map_or(0, |at| at.offset);
            let end = match &running.context.log {
                Some(log) => log.range(queue).await.ok().map(|range| range.next),
                None => None,
            };
            running.writer.gain(queue.clone(), committed, end);
        }
        let gained: Vec<TopicPartition> = queues.iter().map(|(queue, _)| queue.clone()).collect();
        match running.writer.ask(&gained).await {
            Ok(begins) => {
                if !begins.is_empty() {
                    running.context.rewind(begins);
                }
                Ok(())
            }
            Err(fault @ Fault::Passing(_)) => {
                let error = running.writer.error(&fault);
                tracing::warn!(connector = %running.context.connector, %error, "offsets are asked for with the first batch");
                Ok(())
            }
            Err(fault) => Err(running.writer.error(&fault)),
        }
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let running = self.running.as_mut().ok_or_else(not_started)?;
        if records.is_empty() {
            return Ok(());
        }
        let cancel = running.context.cancel.clone();
        let ends = async move {
            cancel.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let mut out = Outcome::default();
        let done = tokio::select! {
            biased;
            done = running.writer.put(records, &mut out) => done,
            () = ends => return Err(stopped()),
        };
        running.report(records, out.errant)?;
        match done {
            Ok(()) => {
                running.backoff = BACKOFF_MIN;
                if !out.rewind.is_empty() {
                    tracing::warn!(connector = %running.context.connector, queues = ?out.rewind, "Redis has lost what was written last; it is written again");
                    running.context.rewind(out.rewind);
                }
                Ok(())
            }
            Err(fault) => Err(running.failed(&fault)),
        }
    }

    async fn flush(&mut self, written: &SinkOffsets) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        match running.writer.flush(written).await {
            Ok(()) => Ok(()),
            Err(fault) => Err(running.writer.error(&fault)),
        }
    }

    async fn close(&mut self, queues: &[TopicPartition]) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        running.writer.lose(queues);
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        // Closes the connection.
        self.running = None;
        Ok(())
    }
}
