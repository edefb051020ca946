//! The task: one thread reads the server, and gives it batches.

use std::sync::Arc;
use std::thread;

use gantry_api::{
    CancellationToken, Error, Props, Result, SourcePartition, SourceRecord, SourceTask,
    SourceTaskContext, async_trait,
};
use tokio::sync::mpsc::{self, Receiver};

use super::Flavour;
use super::changes::SchemaChanges;
use super::config::Config;
use super::feed::{Feed, Stored};
use super::history::History;
use super::position::Resume;
use super::source::Source;
use super::tables::Tables;
use crate::cdc::emit::{Emitter, Transaction};
use crate::cdc::incremental::Incremental;
use crate::out::{self, BATCHES, Batch, Out};

/// Gives the changes of a server's databases.
#[derive(Debug)]
pub(crate) struct BinlogTask {
    flavour: Flavour,
    batches: Option<Receiver<Result<Batch>>>,
    cancel: CancellationToken,
}

impl Drop for BinlogTask {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl BinlogTask {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self { flavour, batches: None, cancel: CancellationToken::new() }
    }
}

#[async_trait]
impl SourceTask for BinlogTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let config = Config::parse(self.flavour, props)?;
        let common = Arc::clone(&config.common);
        let prefix = common.shaping.naming.prefix.clone();
        let partition = SourcePartition::of("server", &prefix);
        let stored = ctx.offsets.offset(&partition);
        let history = History::load(&prefix, &*ctx.offsets);
        let (sender, receiver) = mpsc::channel(BATCHES);
        self.cancel = ctx.cancel.child_token();
        let out = Out::new(sender, self.cancel.clone(), common.batch_max);
        let mut emitter = Emitter::new(Arc::clone(&common), partition, out)?;
        if let Some(stored) = &stored {
            emitter.transaction = Transaction::load(stored);
        }
        let incremental = stored.as_ref().map(Incremental::load).unwrap_or_default();
        let stored = stored.map(|offset| match Resume::load(&offset) {
            Some(resume) => Ok(Stored { resume, is_snapshot: Resume::is_snapshot(&offset) }),
            None => {
                Err(Error::connect("Source offset 'file' parameter is missing: reset the offsets"))
            }
        });
        let source = Source::new(self.flavour, &prefix)?;
        let names = common.shaping.schema_names;
        let feed = Feed {
            changes: SchemaChanges::new(
                self.flavour,
                &prefix,
                source.schema(),
                names,
                config.modes.comments,
            )?,
            tables: Tables::new(config.clone(), history),
            source,
            incremental,
            stored: stored.transpose()?,
            position: None,
            emitter,
            cancel: self.cancel.clone(),
            failed: 0,
            config,
        };
        thread::Builder::new()
            .name(format!("{}-{}-{}", self.flavour.name(), ctx.connector, ctx.task))
            .spawn(move || feed.run())
            .map_err(|error| Error::io("no thread to read the database", &error))?;
        self.batches = Some(receiver);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        Ok(out::next(&mut self.batches, &self.cancel).await?.records)
    }

    async fn stop(&mut self) -> Result<()> {
        self.cancel.cancel();
        self.batches = None;
        Ok(())
    }
}
