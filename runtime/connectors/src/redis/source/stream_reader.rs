//! Reads a stream as a consumer of a group, beside the task.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_api::{CancellationToken, Error, Result, SourceRecord};
use redis::Value;
use tokio::sync::mpsc::Sender;

use super::super::client::{Client, Fault};
use super::config::StreamConfig;
use super::entries::{Entry, Id, Recorder, read};

/// What the task gets: records and the entries they are of.
pub(super) type Batch = Result<(Vec<Id>, Vec<SourceRecord>)>;

const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Entries that are in the topic and not yet acknowledged: as many as the task may have given at most.
#[derive(Debug, Default)]
pub(super) struct Acks(Mutex<Vec<Id>>);

impl Acks {
    pub(super) fn add(&self, ids: impl Iterator<Item = Id>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    fn take(&self) -> Vec<Id> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Entries that the consumer was handed and that nobody has acknowledged, behind this one.
    Pending(Id),
    /// New ones.
    New,
}

pub(super) struct Reader {
    config: StreamConfig,
    client: Client,
    recorder: Recorder,
    acks: Arc<Acks>,
    cancel: CancellationToken,
    at: At,
    /// The last entry that is in the topic for certain, when the task started.
    durable: Id,
    /// The last entry that was given to the task.
    given: Option<Id>,
    is_made: bool,
}

impl Reader {
    pub(super) fn new(
        config: StreamConfig,
        recorder: Recorder,
        stored: Option<Id>,
        acks: Arc<Acks>,
        cancel: CancellationToken,
    ) -> Self {
        let durable = stored.or_else(|| Id::parse(&config.offset)).unwrap_or_default();
        Self {
            client: Client::new(Arc::clone(&config.place), config.block),
            config,
            recorder,
            acks,
            cancel,
            // All of what was handed out before, as what is in the topic is still to be acknowledged.
            at: At::Pending(Id::default()),
            durable,
            given: stored,
            is_made: false,
        }
    }

    /// Reads until it is stopped; what goes wrong for good is the last that the task gets.
    pub(super) async fn run(mut self, sender: Sender<Batch>) {
        let cancel = self.cancel.clone();
        let mut backoff = BACKOFF_MIN;
        loop {
            let step = tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                step = self.step() => step,
            };
            match step {
                Ok(batch) => {
                    backoff = BACKOFF_MIN;
                    if !self.give(batch, &sender).await {
                        break;
                    }
                }
                Err(fault) => {
                    let error = self.failed(&fault);
                    if !error.is_retriable() {
                        // Nobody to tell it: the task was stopped meanwhile.
                        drop(sender.send(Err(error)).await);
                        return;
                    }
                    tracing::warn!(stream = self.config.stream, %error, "reading failed and is tried again");
                    tokio::select! {
                        () = cancel.cancelled() => break,
                        () = tokio::time::sleep(backoff) => {}
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
        if self.client.is_open()
            && let Err(fault) = self.acknowledge(self.acks.take()).await
        {
            tracing::debug!(
                "what is in the topic is acknowledged at the next start: {}",
                fault.text()
            );
        }
    }

    /// Another connection begins with what this consumer was handed and has not seen: an answer may be lost.
    fn failed(&mut self, fault: &Fault) -> Error {
        self.client.close();
        self.at = At::Pending(self.given.unwrap_or_default());
        if fault.text().starts_with("NOGROUP") {
            self.is_made = false;
            return Error::retriable(format!("{}; the group is made again", fault.text()));
        }
        fault.error(&self.client.place().shown())
    }

    /// False: the task is gone.
    async fn give(&mut self, entries: Vec<Entry>, sender: &Sender<Batch>) -> bool {
        let (mut ids, mut records, mut done) = (Vec::new(), Vec::new(), Vec::new());
        for Entry { id, fields } in entries {
            let is_written = matches!(self.at, At::Pending(_)) && id <= self.durable;
            let record =
                fields.filter(|_| !is_written).map(|fields| self.recorder.record(id, fields));
            match record.flatten() {
                Some(record) => {
                    ids.push(id);
                    records.push(record);
                }
                None => {
                    if !is_written {
                        tracing::warn!(stream = self.config.stream, %id, "the entry was deleted before it was read");
                    }
                    done.push(id);
                }
            }
        }
        self.acks.add(done.into_iter());
        let Some(last) = ids.last().copied() else { return true };
        self.given = Some(last);
        let sent = sender.send(Ok((ids, records)));
        tokio::select! {
            () = self.cancel.cancelled() => false,
            sent = sent => sent.is_ok(),
        }
    }

    /// Acknowledges what it may, and reads what is next.
    async fn step(&mut self) -> Result<Vec<Entry>, Fault> {
        self.make().await?;
        let ids = self.acks.take();
        if let Err(fault) = self.acknowledge(ids.clone()).await {
            self.acks.add(ids.into_iter());
            return Err(fault);
        }
        let mut cmd = redis::cmd("XREADGROUP");
        cmd.arg("GROUP").arg(&self.config.group).arg(&self.config.consumer);
        cmd.arg("COUNT").arg(self.config.count);
        if self.at == At::New {
            cmd.arg("BLOCK").arg(u64::try_from(self.config.block.as_millis()).unwrap_or(1));
        }
        cmd.arg("STREAMS").arg(&self.config.stream);
        match self.at {
            At::Pending(behind) => cmd.arg(behind.to_string()),
            At::New => cmd.arg(">"),
        };
        let answer = self.client.link().await?.one(cmd).await?;
        let entries = read(answer).map_err(Fault::Lasting)?;
        if self.config.is_at_most_once {
            self.acknowledge(entries.iter().map(|entry| entry.id).collect()).await?;
        }
        let Some(last) = entries.last().map(|entry| entry.id) else {
            self.at = At::New;
            return Ok(entries);
        };
        if let At::Pending(behind) = &mut self.at {
            *behind = last;
            if self.config.is_at_most_once {
                // They were read before, and may be in the topic.
                return Ok(Vec::new());
            }
        }
        Ok(entries)
    }

    /// Makes the group where it is not there, and the stream with it.
    async fn make(&mut self) -> Result<(), Fault> {
        if self.is_made {
            return Ok(());
        }
        let from = self.given.map_or_else(|| self.config.offset.clone(), |id| id.to_string());
        let mut cmd = redis::cmd("XGROUP");
        cmd.arg("CREATE").arg(&self.config.stream).arg(&self.config.group).arg(from);
        cmd.arg("MKSTREAM");
        match self.client.link().await?.one(cmd).await {
            Err(fault) if !fault.text().starts_with("BUSYGROUP") => return Err(fault),
            _ => self.is_made = true,
        }
        Ok(())
    }

    async fn acknowledge(&mut self, ids: Vec<Id>) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut cmd = redis::cmd("XACK");
        cmd.arg(&self.config.stream).arg(&self.config.group);
        for id in ids {
            cmd.arg(id.to_string());
        }
        match self.client.link().await?.one(cmd).await? {
            Value::Int(_) => Ok(()),
            other => Err(Fault::Passing(format!("XACK was answered by {other:?}"))),
        }
    }
}
