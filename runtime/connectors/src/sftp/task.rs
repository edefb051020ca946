//! The task: what its thread has read.

use std::sync::Arc;

use gantry_api::{Error, Props, Result, SourceRecord, SourceTask, SourceTaskContext, async_trait};

use super::config::{Paths, Server, as_directory, kind};
use super::connector::{definition, error_of};
use super::place::Remote;
use crate::spooldir::config::{Kind, Work, format};
use crate::spooldir::keeper::Keeper;
use crate::spooldir::task::Running;

/// Reads the files of a server's directory.
#[derive(Debug)]
pub(super) struct SftpTask {
    kind: Option<Kind>,
    running: Option<Running>,
}

impl SftpTask {
    pub(super) fn new(kind: Option<Kind>) -> Self {
        Self { kind, running: None }
    }
}

#[async_trait]
impl SourceTask for SftpTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let parsed = definition(self.kind).parse(props)?;
        let server = Server::new(&parsed).map_err(|refusal| error_of(&refusal))?;
        let kind = kind(self.kind, props);
        let directory = kind.definition().parse(&as_directory(&parsed, props))?;
        let (format, stamps) = format(kind, &directory)?;
        let work = Work::new(&directory, stamps);
        let place = Remote::new(server, Paths::new(&parsed)?, &ctx.connector, ctx.task);
        let checked = tokio::task::spawn_blocking(move || (place.check(), place)).await;
        let (checked, place) = checked
            .map_err(|error| Error::connect(format!("looking at the server failed: {error}")))?;
        match checked {
            // It is waited for, as if it had gone away later.
            Err(refusal) if refusal.is_away() => {
                tracing::warn!("{refusal}; trying again");
            }
            checked => checked.map_err(|refusal| error_of(&refusal))?,
        }
        let name = format!("sftp-{}-{}", ctx.connector, ctx.task);
        let offsets = Arc::clone(&ctx.offsets);
        self.running = Some(Running::start(name, |shared, sender| {
            Keeper::new(Box::new(place), work, format, offsets, shared, sender)
        })?);
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        match &mut self.running {
            Some(running) => running.next().await,
            None => Err(Error::connect("Not started")),
        }
    }

    fn wants_acknowledgements(&self) -> bool {
        true
    }

    async fn acknowledge(&mut self, count: u64) -> Result<()> {
        if let Some(running) = &self.running {
            running.acknowledge(count);
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<()> {
        if let Some(running) = self.running.take() {
            running.end().await;
        }
        Ok(())
    }
}
