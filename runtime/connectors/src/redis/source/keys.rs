//! The task of the source of keys.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    CancellationToken, Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext,
    async_trait,
};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, sleep, timeout_at};

use super::super::client::{Channels, Client, Fault};
use super::config::KeysConfig;
use super::entries::text;
use super::listener::{Heard, listen};
use super::values::KeyRecorder;
use redis::Value;

type Batch = Result<Vec<SourceRecord>>;

/// Batches that wait to be taken.
const BATCHES: usize = 2;
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// As good as never.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

/// Gives keys that change, and all of them first.
#[derive(Debug, Default)]
pub(crate) struct KeysTask {
    batches: Option<Receiver<Batch>>,
    cancel: CancellationToken,
}

impl Drop for KeysTask {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[async_trait]
impl SourceTask for KeysTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = KeysConfig::read(props)??;
        self.cancel = ctx.cancel.child_token();
        let (sender, receiver) = mpsc::channel(BATCHES);
        let reader = Reader {
            client: Client::new(Arc::clone(&config.place), Duration::ZERO),
            recorder: KeyRecorder::new(&config.topic),
            scanned: (!config.scans).then_some(0),
            config,
            sender,
        };
        let (cancel, ends) = (self.cancel.clone(), self.cancel.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = ends.cancelled() => {}
                () = reader.run(cancel) => {}
            }
        });
        self.batches = Some(receiver);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let batches = self.batches.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        match batches.recv().await {
            Some(batch) => batch,
            // It read all that it was to.
            None => std::future::pending().await,
        }
    }

    async fn stop(&mut self) -> Result<()> {
        self.cancel.cancel();
        self.batches = None;
        Ok(())
    }
}

struct Reader {
    config: KeysConfig,
    client: Client,
    recorder: KeyRecorder,
    /// Where the scan goes on; nothing: it has not begun. Zero: it is done.
    scanned: Option<u64>,
    sender: Sender<Batch>,
}

/// What is done by now.
enum Step {
    Goes,
    Ended,
}

impl Reader {
    async fn run(mut self, cancel: CancellationToken) {
        let mut heard = self.config.listens.then(|| {
            let database = self.config.place.database;
            let name = format!("__keyspace@{database}__:{}", self.config.pattern);
            let channels = Channels { names: vec![name], are_patterns: true };
            listen(Arc::clone(&self.config.place), channels, cancel)
        });
        // What changes while all keys are read must be heard.
        if let Some(Heard::Failed(error)) = match &mut heard {
            Some(heard) => heard.recv().await,
            None => None,
        } {
            drop(self.sender.send(Err(error)).await);
            return;
        }
        if heard.is_some() {
            self.warn_if_silent().await;
        }
        let mut backoff = BACKOFF_MIN;
        let mut waiting = Vec::new();
        loop {
            match self.step(&mut heard, &mut waiting).await {
                Ok(Step::Goes) => backoff = BACKOFF_MIN,
                Ok(Step::Ended) => return,
                Err(fault) => {
                    let error = fault.error(&self.client.place().shown());
                    self.client.close();
                    if !error.is_retriable() {
                        drop(self.sender.send(Err(error)).await);
                        return;
                    }
                    tracing::warn!(%error, "reading keys failed and is tried again");
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
    }

    /// Without notifications nothing is ever heard, and nobody says so.
    async fn warn_if_silent(&mut self) {
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg("notify-keyspace-events");
        let Ok(link) = self.client.link().await else { return };
        // Who may not ask does not know.
        let Ok(Value::Array(parts)) = link.one(ask).await else { return };
        let flags = parts.into_iter().nth(1).and_then(text).unwrap_or_default();
        if !flags.contains('K') {
            tracing::warn!(
                "notify-keyspace-events={flags:?} of Redis has no K: no change is heard of; set it to KEA"
            );
        }
    }

    /// Reads some keys: those that wait after an error, of the scan, or that were heard of.
    async fn step(
        &mut self,
        heard: &mut Option<Receiver<Heard>>,
        waiting: &mut Vec<String>,
    ) -> Result<Step, Fault> {
        if waiting.is_empty() {
            match self.next(heard).await? {
                Some(keys) => *waiting = keys,
                None => return Ok(Step::Ended),
            }
        }
        if waiting.is_empty() {
            return Ok(Step::Goes);
        }
        let keys = waiting.clone();
        let records = self.recorder.read(self.client.link().await?, keys).await?;
        waiting.clear();
        match self.sender.send(Ok(records)).await {
            Ok(()) => Ok(Step::Goes),
            Err(_) => Ok(Step::Ended),
        }
    }

    async fn next(
        &mut self,
        heard: &mut Option<Receiver<Heard>>,
    ) -> Result<Option<Vec<String>>, Fault> {
        if self.scanned != Some(0) {
            return self.scan().await.map(Some);
        }
        let Some(heard) = heard else { return Ok(None) };
        let until = Instant::now() + self.config.idle.unwrap_or(NEVER);
        let mut some = Vec::new();
        match timeout_at(until, heard.recv_many(&mut some, self.config.count)).await {
            Err(_) | Ok(0) => return Ok(None),
            Ok(_) => {}
        }
        let mut known = BTreeSet::new();
        let mut keys = Vec::new();
        for heard in some {
            match heard {
                Heard::Message(message) => {
                    // `__keyspace@0__:key`
                    let Some((_, key)) = message.channel.split_once(':') else { continue };
                    if known.insert(key.to_owned()) {
                        keys.push(key.to_owned());
                    }
                }
                // What changed while nothing was heard is found by reading all again.
                Heard::Begun if self.config.scans => self.scanned = None,
                Heard::Begun => {}
                Heard::Failed(error) => return Err(Fault::Lasting(error.message().to_owned())),
            }
        }
        Ok(Some(keys))
    }

    async fn scan(&mut self) -> Result<Vec<String>, Fault> {
        let mut cmd = redis::cmd("SCAN");
        cmd.arg(self.scanned.unwrap_or(0)).arg("MATCH").arg(&self.config.pattern);
        cmd.arg("COUNT").arg(self.config.count);
        let answer = self.client.link().await?.one(cmd).await?;
        let strange =
            || Fault::Lasting("SCAN was answered in another form than it should be".to_owned());
        let Value::Array(parts) = answer else { return Err(strange()) };
        let mut parts = parts.into_iter();
        let cursor = parts.next().and_then(text).and_then(|text| text.parse().ok());
        let (Some(cursor), Some(Value::Array(keys))) = (cursor, parts.next()) else {
            return Err(strange());
        };
        self.scanned = Some(cursor);
        Ok(keys.into_iter().filter_map(text).collect())
    }
}
