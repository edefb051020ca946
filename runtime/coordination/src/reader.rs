//! Reads the cluster topic: from the last snapshot in it, then on.

use std::sync::Arc;

use gantry_cluster::{Collector, FORMAT, Incarnation, Input, Record, State, chunks, restore};
use gantry_log::{FullLog, LogError, LogRecord, OffsetRange, QueueBatch, TopicPartition};

use crate::copies::Copies;
use crate::topics::{LIMITS, record_of_all, scan};

/// A reader of the cluster topic.
pub(crate) struct Reader {
    log: Arc<dyn FullLog>,
    queue: TopicPartition,
    me: Incarnation,
    copies: Copies,
    position: u64,
    /// Where reading began.
    first: u64,
    /// Where the log ended when reading began anew.
    caught_up_at: Option<u64>,
}

impl Reader {
    pub(crate) fn new(
        log: Arc<dyn FullLog>,
        queue: TopicPartition,
        me: Incarnation,
        copies: Copies,
    ) -> Self {
        Self { log, queue, me, copies, position: 0, first: 0, caught_up_at: None }
    }

    /// Begins anew: gives what to begin with, a snapshot or nothing.
    pub(crate) async fn begin(&mut self) -> Result<Vec<Input>, LogError> {
        let (mut range, mut restored) = self.restored().await?;
        if restored.is_none() && range.earliest > 0 && self.revive(range).await? {
            (range, restored) = self.restored().await?;
        }
        let state = restored.unwrap_or_else(|| {
            if range.earliest > 0 {
                tracing::error!(
                    topic = %self.queue, earliest = range.earliest,
                    "older records are gone and there is no snapshot of them: connectors that \
                     were made before are not known any more"
                );
            }
            State::beginning_at(range.earliest)
        });
        self.first = state.next;
        self.position = state.next;
        self.caught_up_at = Some(range.next);
        let mut inputs = vec![Input::Restored(Box::new(state))];
        inputs.extend(self.caught_up());
        Ok(inputs)
    }

    /// What the log has, and the state of the latest snapshot from which all can be read.
    async fn restored(&self) -> Result<(OffsetRange, Option<State>), LogError> {
        let range = self.log.range(&self.queue).await?;
        let mut collector = Collector::default();
        let mut latest = None;
        let look = |offset, record: &LogRecord| {
            let value = record.value.as_deref().unwrap_or_default();
            let Ok(record) = Record::from_bytes(value) else { return };
            let whole = collector.take_at(offset, record.by, &record.body);
            latest = whole.or_else(|| latest.take());
        };
        scan(&*self.log, &self.queue, range.earliest, range.next, look).await?;
        let restored = latest.and_then(|(upto, text)| match restore(upto, &text) {
            Ok(state) => Some(state),
            Err(error) => {
                tracing::error!(topic = %self.queue, upto, %error, "a snapshot cannot be read");
                None
            }
        });
        Ok((range, restored.filter(|state| state.next >= range.earliest)))
    }

    /// Writes the copy on disk, and what is still there on top of it, as a snapshot into a log
    /// that has forgotten what came before; false: there is none. Of several who do so at once the
    /// log decides, as with any snapshots.
    async fn revive(&self, range: OffsetRange) -> Result<bool, LogError> {
        let Some(copy) = self.copies.read::<State>(&self.queue.topic).await else {
            return Ok(false);
        };
        let state = if (range.earliest..=range.next).contains(&copy.next) {
            copy
        } else {
            let mut state = copy.revived_at(range.earliest);
            let take = |offset, stored: &LogRecord| {
                let bytes = stored.value.as_deref().unwrap_or_default();
                let record = Record::from_bytes(bytes).ok();
                state.apply(offset, stored.timestamp_ms, bytes, record.as_ref());
            };
            scan(&*self.log, &self.queue, range.earliest, range.next, take).await?;
            state
        };
        let bodies = chunks(&state);
        let records = (1..).zip(bodies).map(|(seq, body)| {
            let record = Record { format: FORMAT, by: self.me, seq, body };
            record_of_all(None, Some(record.to_bytes()))
        });
        let batch = QueueBatch { to: self.queue.clone(), records: records.collect() };
        self.log.append(vec![batch]).await?.await?;
        Ok(true)
    }

    fn caught_up(&mut self) -> Option<Input> {
        self.caught_up_at.take_if(|at| self.position >= *at).map(|_| Input::CaughtUp)
    }

    /// What comes next, after at most as long as one read waits. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Vec<Input>, LogError> {
        let read = match self.log.read(&[(self.queue.clone(), self.position)], LIMITS).await {
            Err(LogError::OutOfRange { .. }) => return Ok(vec![Input::Refold]),
            Err(error) => {
                // The last record comes once more: whether it is still the same tells whether
                // the log has lost its end meanwhile.
                self.position = self.position.saturating_sub(1).max(self.first);
                return Err(error);
            }
            Ok(read) => read,
        };
        let mut inputs = Vec::new();
        for batch in read {
            inputs.extend(batch.records.into_iter().map(input));
            self.position = batch.next;
        }
        inputs.extend(self.caught_up());
        Ok(inputs)
    }
}

fn input((offset, record): (u64, LogRecord)) -> Input {
    let bytes = record.value.unwrap_or_default();
    Input::Record { offset, store_ms: record.timestamp_ms, bytes }
}
