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
        let Batch { records, mark } = out::next(&mut self.batches, &self.cancel).await?;
        self.pending.push_back((records.len() as u64, mark));
        Ok(records)
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
