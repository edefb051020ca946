//! The task of the source of streams.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use gantry_api::{
    CancellationToken, Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext, Value,
    async_trait,
};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;

use super::config::StreamConfig;
use super::entries::{Id, Recorder, stored};
use super::stream_reader::{Acks, Batch, Reader};

/// Batches that wait to be taken.
const BATCHES: usize = 2;
/// So long it may take to acknowledge what is in the topic when the task ends.
const LAST_ACKS: Duration = Duration::from_secs(2);

/// Gives the entries of a stream.
#[derive(Debug, Default)]
pub(crate) struct StreamTask {
    batches: Option<Receiver<Batch>>,
    /// Entries that were given and are not yet in the topic.
    given: VecDeque<Id>,
    acks: Arc<Acks>,
    is_at_most_once: bool,
    cancel: CancellationToken,
    reader: Option<JoinHandle<()>>,
}

impl Drop for StreamTask {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[async_trait]
impl SourceTask for StreamTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = StreamConfig::read(props)??;
        let partition = Recorder::partition(config.is_alone, &config.group, &config.consumer);
        let durable = ctx.offsets.offset(&partition).and_then(|map| stored(&map));
        let recorder = Recorder {
            topic: config.topic.as_str().into(),
            stream: Value::str(&config.stream),
            partition,
        };
        self.is_at_most_once = config.is_at_most_once;
        self.cancel = ctx.cancel.child_token();
        let (sender, receiver) = mpsc::channel(BATCHES);
        let reader =
            Reader::new(config, recorder, durable, Arc::clone(&self.acks), self.cancel.clone());
        self.reader = Some(tokio::spawn(reader.run(sender)));
        self.batches = Some(receiver);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let batches = self.batches.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        match batches.recv().await {
            Some(Ok((ids, records))) => {
                self.given.extend(ids);
                Ok(records)
            }
            Some(Err(error)) => Err(error),
            None if self.cancel.is_cancelled() => std::future::pending().await,
            None => Err(Error::connect("the reader of the stream has ended without a word")),
        }
    }

    fn wants_acknowledgements(&self) -> bool {
        !self.is_at_most_once
    }

    async fn acknowledge(&mut self, count: u64) -> Result<()> {
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.given.len());
        self.acks.add(self.given.drain(..count));
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        self.cancel.cancel();
        self.batches = None;
        if let Some(reader) = self.reader.take()
            && tokio::time::timeout(LAST_ACKS, reader).await.is_err()
        {
            tracing::debug!("the last entries are acknowledged when the task starts again");
        }
        Ok(())
    }
}
