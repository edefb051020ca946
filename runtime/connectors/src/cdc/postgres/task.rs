//! The task: one thread reads the database, and gives it batches.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use gantry_api::{
    CancellationToken, Error, Props, Result, SourcePartition, SourceRecord, SourceTask,
    SourceTaskContext, async_trait,
};
use tokio::sync::mpsc::{self, Receiver};

use super::super::emit::{Emitter, Transaction};
use super::super::incremental::Incremental;
use super::config::Config;
use super::feed::Feed;
use super::offset::Position;
use super::source::Source;
use crate::out::{self, BATCHES, Batch, Out};

/// Gives the changes of a database.
#[derive(Debug)]
pub(crate) struct PostgresTask {
    batches: Option<Receiver<Result<Batch>>>,
    cancel: CancellationToken,
    /// Records that are given and not yet safe: how many, and what the server may forget after them.
    pending: VecDeque<(u64, u64)>,
    /// What it may forget of what is safe in the log, and what of that was safe before the last commit of offsets: only
    /// the latter is surely in an offset that is committed.
    safe: u64,
    confirmed: Arc<AtomicU64>,
    candidate: u64,
}

impl Drop for PostgresTask {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl PostgresTask {
    pub(in crate::cdc) fn new() -> Self {
        Self {
            batches: None,
            cancel: CancellationToken::new(),
            pending: VecDeque::new(),
            safe: 0,
            confirmed: Arc::default(),
            candidate: 0,
        }
    }

    /// All records before count for this mark, too: without it the server would keep the last transaction until there
    /// is another one.
    fn end_of_change(&mut self, mark: u64) {
        if let Some((_, last)) = self.pending.back_mut() {
            *last = mark.max(*last);
            return;
        }
        self.safe = self.safe.max(mark);
    }
}

#[async_trait]
impl SourceTask for PostgresTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = Config::parse(props)?;
        let partition = SourcePartition::of("server", &config.common.shaping.naming.prefix);
        let stored = ctx.offsets.offset(&partition);
        let (sender, receiver) = mpsc::channel(BATCHES);
        self.cancel = ctx.cancel.child_token();
        let out = Out::new(sender, self.cancel.clone(), config.common.batch_max);
        let mut emitter = Emitter::new(Arc::clone(&config.common), partition, out)?;
        if let Some(stored) = &stored {
            emitter.transaction = Transaction::load(stored);
        }
        let position = stored.as_ref().map(Position::load);
        if let Some(position) = &position {
            self.confirmed.store(position.safe(), Ordering::Release);
        }
        let feed = Feed {
            source: Source::new(&config)?,
            incremental: stored.as_ref().map(Incremental::load).unwrap_or_default(),
            position,
            emitter,
            cancel: self.cancel.clone(),
            confirmed: Arc::clone(&self.confirmed),
            failed: 0,
            config,
        };
        thread::Builder::new()
            .name(format!("postgres-{}-{}", ctx.connector, ctx.task))
            .spawn(move || feed.run())
            .map_err(|error| Error::io("no thread to read the database", &error))?;
        self.batches = Some(receiver);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        loop {
            let Batch { records, mark } = out::next(&mut self.batches, &self.cancel).await?;
            if records.is_empty() {
                self.end_of_change(mark);
                continue;
            }
            self.pending.push_back((records.len() as u64, mark));
            return Ok(records);
        }
    }

    fn wants_acknowledgements(&self) -> bool {
        true
    }

    async fn acknowledge(&mut self, mut count: u64) -> Result<()> {
        while let Some((left, mark)) = self.pending.front_mut() {
            if *left > count {
                *left -= count;
                return Ok(());
            }
            count -= *left;
            self.safe = self.safe.max(*mark);
            self.pending.pop_front();
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<()> {
        self.confirmed.fetch_max(self.candidate, Ordering::Release);
        self.candidate = self.safe;
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        self.cancel.cancel();
        self.batches = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gantry_api::{ConnectRecord, Datum, OffsetMap, SourceOffset};

    use super::*;

    fn batch(count: usize, mark: u64) -> Result<Batch> {
        let record = || {
            let record = ConnectRecord::new("t".into(), Datum::NULL);
            let offset = SourceOffset::Map(Arc::new(OffsetMap::new()));
            SourceRecord::new(record, SourcePartition::of("server", "s"), offset)
        };
        Ok(Batch { records: std::iter::repeat_with(record).take(count).collect(), mark })
    }

    #[tokio::test]
    async fn the_end_of_a_change_counts_once_what_was_before_it_is_committed() {
        let (sender, receiver) = mpsc::channel(BATCHES);
        let mut task = PostgresTask::new();
        task.batches = Some(receiver);
        let confirmed = Arc::clone(&task.confirmed);
        let confirmed = || confirmed.load(Ordering::Acquire);
        // Its rows were taken before its end was read; then the next one is on its way.
        for (count, mark) in [(2, 5), (0, 9)] {
            sender.send(batch(count, mark)).await.unwrap();
        }
        assert_eq!(task.poll().await.unwrap().len(), 2);
        sender.send(batch(1, 9)).await.unwrap();
        assert_eq!(task.poll().await.unwrap().len(), 1);
        task.acknowledge(2).await.unwrap();
        task.commit().await.unwrap();
        assert_eq!(confirmed(), 0);
        task.commit().await.unwrap();
        assert_eq!(confirmed(), 9);
        // Its rows are acknowledged before its end is read, and their offsets are not committed yet.
        task.acknowledge(1).await.unwrap();
        sender.send(batch(0, 12)).await.unwrap();
        sender.send(batch(1, 12)).await.unwrap();
        assert_eq!(task.poll().await.unwrap().len(), 1);
        assert_eq!(confirmed(), 9);
        task.commit().await.unwrap();
        assert_eq!(confirmed(), 9);
        task.commit().await.unwrap();
        assert_eq!(confirmed(), 12);
    }
}
