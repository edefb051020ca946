//! The thread that reads the database, from the beginning and over connections that break.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gantry_api::{CancellationToken, Error, Result};

use super::super::emit::Emitter;
use super::super::incremental::Incremental;
use super::catalog::{Catalog, identities};
use super::config::{Config, error};
use super::offset::Position;
use super::slot::{self, Made, lsn_text};
use super::snapshot::Reading;
use super::source::Source;
use super::stream::Streaming;
use super::wire::Wire;
use crate::jdbc::db::wait;

/// Reads until it is stopped.
pub(super) struct Feed {
    pub(super) config: Config,
    pub(super) cancel: CancellationToken,
    pub(super) emitter: Emitter,
    pub(super) source: Source,
    /// How far it is; `None`: nothing was read yet.
    pub(super) position: Option<Position>,
    pub(super) confirmed: Arc<AtomicU64>,
    pub(super) incremental: Incremental,
    /// How often in turn it broke without a record.
    pub(super) failed: u64,
}

impl Feed {
    /// What goes wrong for good is the last that the task gets.
    pub(super) fn run(mut self) {
        loop {
            let was = self.position.clone();
            let Err(cause) = self.session() else { break };
            if self.emitter.out.is_closed() {
                break;
            }
            if self.position != was {
                self.failed = 0;
            }
            self.failed += 1;
            let retries = self.config.common.retries;
            if !cause.is_retriable() || retries.is_some_and(|retries| self.failed > retries) {
                let text = "An exception occurred in the change event producer. This connector will be stopped.";
                self.emitter.out.fail(Error::connect(text).caused_by(cause));
                break;
            }
            tracing::warn!(
                %cause,
                "An exception occurred in the change event producer. It is tried again in {} ms",
                self.config.common.retry_wait.as_millis()
            );
            wait(self.config.common.retry_wait, &self.cancel);
        }
        if self.config.drop_slot {
            self.forget();
        }
    }

    fn connect(&self, replication: bool) -> Result<Wire> {
        let config = &self.config;
        let place = format!("{}:{}", config.access.host, config.access.port);
        let mut wire = Wire::open(&config.access, replication, &self.cancel)
            .map_err(|cause| error(&format!("no connection to {place}"), cause))?;
        for sql in &config.common.initial_statements {
            wire.execute(sql).map_err(|cause| error("database.initial.statements", cause))?;
        }
        Ok(wire)
    }

    /// From one connection to its end.
    fn session(&mut self) -> Result<()> {
        let mut beside = self.connect(false)?;
        let mode = self.config.common.snapshot_mode;
        if mode.streams() {
            slot::check_level(&mut beside)?;
        }
        let mut catalog =
            Catalog::load(&mut beside).map_err(|cause| error("types could not be read", cause))?;
        let tables = catalog.tables(&mut beside, &self.config)?;
        let found = if mode.streams() { self.found(&mut beside)? } else { None };
        let is_done = self.position.as_ref().is_some_and(|position| position.snapshot.is_none());
        let reads_rows = match &self.position {
            // Only the connection is new.
            Some(position) if self.failed > 0 && position.snapshot.is_none() => false,
            _ => mode.reads_rows(is_done),
        };
        if !reads_rows && self.position.as_ref().is_some_and(|position| position.snapshot.is_some())
        {
            return Err(Error::connect(
                "The connector previously stopped while taking a snapshot, but now the connector is configured to \
                 never allow snapshots. Reconfigure the connector to use snapshots initially or when needed.",
            ));
        }
        let mut stream =
            if mode.streams() || reads_rows { Some(self.connect(true)?) } else { None };
        let mut made = None;
        if mode.streams() {
            slot::publish(&mut beside, &self.config, &tables)?;
            identities(&mut beside, &self.config, &tables)?;
            if let (None, Some(stream)) = (&found, &mut stream) {
                made = Some(slot::make(stream, &self.config, None)?);
            }
        }
        if let (true, Some(stream)) = (reads_rows, &mut stream) {
            self.snapshot(&mut beside, stream, &mut catalog, &tables, made, found)?;
        }
        let (true, Some(mut stream)) = (mode.streams(), stream) else {
            // All is read that is to be read.
            while !self.emitter.out.is_closed() {
                wait(self.config.common.retry_wait, &self.cancel);
            }
            return Ok(());
        };
        let mut position = self.position.take().unwrap_or_default();
        let done = Streaming::new(
            &self.config,
            &self.cancel,
            [&mut stream, &mut beside],
            &mut catalog,
            &mut self.emitter,
            &mut self.source,
            &mut position,
            &self.confirmed,
            &mut self.incremental,
        )
        .and_then(|mut streaming| {
            streaming.begin()?;
            streaming.run()
        });
        self.position = Some(position);
        done
    }

    /// The slot, and whether it still has what was not read yet.
    fn found(&mut self, beside: &mut Wire) -> Result<Option<slot::Slot>> {
        let found = match slot::find(beside, &self.config) {
            Err(error)
                if self.config.common.snapshot_mode.begins_again()
                    && !error.is_retriable()
                    && self.position.is_some() =>
            {
                tracing::warn!(%error, "Last recorded offset is no longer available on the server.");
                slot::drop_slot(beside, &self.config);
                self.position = None;
                return Ok(None);
            }
            found => found?,
        };
        let Some(position) = self.position.as_ref().filter(|position| position.snapshot.is_none())
        else {
            return Ok(found);
        };
        let from = position.tx_lsn.or(position.lsn_commit).or(position.lsn).unwrap_or(0);
        let is_there =
            found.as_ref().is_some_and(|slot| slot.confirmed <= from || slot.restart <= from);
        if is_there {
            return Ok(found);
        }
        tracing::warn!("Last recorded offset is no longer available on the server.");
        if self.config.common.snapshot_mode.begins_again() {
            self.position = None;
            return Ok(found);
        }
        let why = match &found {
            None => format!("there is no replication slot {}", self.config.slot),
            Some(slot) => format!(
                "the replication slot {} begins at {}",
                self.config.slot,
                lsn_text(slot.restart)
            ),
        };
        Err(Error::connect(format!(
            "The connector is trying to read change stream starting at LSN {}, but this is no longer available on the \
             server ({why}). Reconfigure the connector to use a snapshot mode when needed (snapshot.mode=when_needed), \
             or reset its offsets (DELETE /connectors/…/offsets), to begin anew with a snapshot.",
            lsn_text(from)
        )))
    }

    fn snapshot(
        &mut self,
        beside: &mut Wire,
        stream: &mut Wire,
        catalog: &mut Catalog,
        tables: &[(super::super::table::TableName, u32)],
        made: Option<Made>,
        found: Option<slot::Slot>,
    ) -> Result<()> {
        wait(self.config.common.snapshot_delay, &self.cancel);
        let made = match made {
            Some(made) => made,
            // A slot that is there has no name for the rows as they are now. Another one has, for as long as this
            // connection does nothing else; changes are read from its position on.
            None => {
                let name = format!("gantry_snapshot_{:016x}", fastrand::u64(..));
                let made = slot::make(stream, &self.config, Some(&name))?;
                let is_new =
                    self.position.as_ref().is_none_or(|position| position.snapshot.is_some());
                match found.filter(|slot| is_new && slot.confirmed > 0) {
                    // Rows of a snapshot that did not end may be gone since: what changed since the slot was made
                    // comes again after them.
                    Some(slot) => Made { lsn: slot.confirmed.min(made.lsn), ..made },
                    None => made,
                }
            }
        };
        self.emitter.out.forget();
        self.emitter.out.is_manual = false;
        self.position = Some(Position {
            snapshot: Some(super::offset::Snapshot::Running),
            ..self.position.take().unwrap_or_default()
        });
        let mut reading = Reading {
            config: &self.config,
            wire: beside,
            catalog,
            emitter: &mut self.emitter,
            source: &self.source,
        };
        self.position = Some(reading.run(&made, tables)?);
        wait(self.config.common.streaming_delay, &self.cancel);
        Ok(())
    }

    /// Drops the slot, as it is to be when the task ends.
    fn forget(&self) {
        let cancel = CancellationToken::new();
        match Wire::open(&self.config.access, false, &cancel) {
            Ok(mut wire) => slot::drop_slot(&mut wire, &self.config),
            Err(cause) => tracing::warn!(%cause, "the replication slot could not be dropped"),
        }
    }
}
