//! The thread that reads the server, from the beginning and over connections that break.

use gantry_api::{CancellationToken, Error, Result};

use super::changes::SchemaChanges;
use super::config::Config;
use super::position::{Position, Resume};
use super::server::Server;
use super::snapshot::Snapshot;
use super::source::Source;
use super::stream::Streaming;
use super::tables::Tables;
use crate::cdc::config::SnapshotMode;
use crate::cdc::emit::Emitter;
use crate::cdc::incremental::Incremental;
use crate::jdbc::db::wait;

/// What was stored of an earlier run.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) resume: Resume,
    /// Whether it ended while a snapshot was being taken.
    pub(super) is_snapshot: bool,
}

/// Reads until it is stopped.
pub(super) struct Feed {
    pub(super) config: Config,
    pub(super) cancel: CancellationToken,
    pub(super) emitter: Emitter,
    pub(super) source: Source,
    pub(super) changes: SchemaChanges,
    pub(super) tables: Tables,
    pub(super) incremental: Incremental,
    pub(super) stored: Option<Stored>,
    /// How far it is; `None`: nothing was read in this run.
    pub(super) position: Option<Position>,
    /// How often in turn it broke without getting on.
    pub(super) failed: u64,
}

impl Feed {
    /// What goes wrong for good is the last that the task gets.
    pub(super) fn run(mut self) {
        loop {
            let was = self.position.as_ref().map(|position| position.resume().clone());
            let Err(cause) = self.session() else { break };
            if self.emitter.out.is_closed() {
                break;
            }
            if self.position.as_ref().map(|position| position.resume().clone()) != was {
                self.failed = 0;
            }
            self.failed += 1;
            let retries = self.config.common.retries;
            if !cause.is_retriable() || retries.is_some_and(|retries| self.failed > retries) {
                let text = "An exception occurred in the change event producer. This connector will be stopped.";
                self.give_on();
                self.emitter.out.fail(Error::connect(text).caused_by(cause));
                break;
            }
            tracing::warn!(
                %cause,
                "An exception occurred in the change event producer. It is tried again in {} ms",
                self.config.common.retry_wait.as_millis()
            );
            self.give_on();
            wait(self.config.common.retry_wait, &self.cancel);
        }
    }

    /// What was made before it broke is whole, but for a snapshot, which begins anew.
    fn give_on(&mut self) {
        if self.position.is_some() {
            // Nobody to give it to: the task was stopped meanwhile.
            let _ = self.emitter.out.flush();
        } else {
            self.emitter.out.forget();
        }
    }

    /// From one connection to its end.
    fn session(&mut self) -> Result<()> {
        let mut server = Server::connect(&self.config)?;
        let mode = self.config.common.snapshot_mode;
        if mode.streams() {
            server.check_binlog()?;
        }
        if let Some(position) = &self.position {
            // Only the connection is new.
            let resume = position.resume().clone();
            self.position = Some(Position::new(resume, self.config.flavour.is_maria()));
        } else {
            self.begin(&mut server, mode)?;
        }
        if !mode.streams() {
            // All is read that is to be read.
            while !self.emitter.out.is_closed() {
                wait(self.config.common.retry_wait, &self.cancel);
            }
            return Ok(());
        }
        let Some(mut position) = self.position.take() else { return Ok(()) };
        let mut streaming = Streaming::new(
            &self.config,
            &mut self.emitter,
            &self.source,
            &self.changes,
            &mut self.tables,
            &mut position,
            &mut server,
            &mut self.incremental,
        );
        let done = streaming.run();
        self.position = Some(position);
        match done {
            Err(cause) if mode.begins_again() && super::is_lost(&cause) => {
                tracing::warn!(%cause, "the position is lost: a snapshot is taken anew");
                self.emitter.out.flush()?;
                (self.position, self.stored) = (None, None);
                self.session()
            }
            done => done,
        }
    }

    /// Takes a snapshot, or goes on from what was stored.
    fn begin(&mut self, server: &mut Server, mode: SnapshotMode) -> Result<()> {
        let stored = self.stored.clone();
        let is_done = stored.as_ref().is_some_and(|stored| !stored.is_snapshot);
        let reads_rows = mode.reads_rows(is_done);
        if !reads_rows && stored.as_ref().is_some_and(|stored| stored.is_snapshot) {
            return Err(Error::connect(
                "The connector previously stopped while taking a snapshot, but now the connector is configured to \
                 never allow snapshots. Reconfigure the connector to use snapshots initially or when needed.",
            ));
        }
        if mode == SnapshotMode::Recovery && !is_done {
            return Err(Error::connect(
                "Could not find existing redo log information while attempting schema only recovery snapshot: there \
                 is no offset that structures of tables could be recovered for. Set snapshot.mode=initial.",
            ));
        }
        let keeps = stored.filter(|_| mode == SnapshotMode::Recovery).map(|stored| stored.resume);
        if reads_rows || !is_done || keeps.is_some() {
            let position = Snapshot {
                config: &self.config,
                cancel: &self.cancel,
                emitter: &mut self.emitter,
                source: &self.source,
                changes: &self.changes,
                tables: &mut self.tables,
                reads_rows,
                keeps,
            }
            .run()?;
            self.position = Some(position);
            wait(self.config.common.streaming_delay, &self.cancel);
            return Ok(());
        }
        let Some(Stored { resume, .. }) = self.stored.clone() else { return Ok(()) };
        self.tables.begin(server)?;
        if self.tables.history.is_empty() {
            tracing::warn!(
                "no structures of tables are stored with the offsets, which are another connector's: they are taken \
                 from the server as they are now"
            );
        }
        self.tables.restore(resume.structures);
        self.position = Some(Position::new(resume, self.config.flavour.is_maria()));
        Ok(())
    }
}
