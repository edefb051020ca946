//! The thread that reads tables, and gives batches of records to the task.

use std::time::{Duration, Instant};

use gantry_api::{CancellationToken, Error, Result};

use super::config::Config;
use super::querier::Querier;
use crate::jdbc::db::{Dialect, Kept, Session, SqlError, SqlResult, wait};
use crate::out::Out;

/// Reads until it is stopped.
pub(super) struct Reader {
    config: Config,
    cancel: CancellationToken,
    queriers: Vec<Querier>,
    kept: Kept,
    out: Out,
    /// How many of the queriers are prepared.
    prepared: usize,
}

impl Reader {
    pub(super) fn new(
        config: Config,
        queriers: Vec<Querier>,
        cancel: CancellationToken,
        out: Out,
    ) -> Self {
        Self { config, cancel, queriers, kept: Kept::new(), out, prepared: 0 }
    }

    /// What goes wrong for good is the last that the task gets.
    pub(super) fn run(mut self) {
        if let Err(error) = self.read() {
            self.out.fail(error);
        }
    }

    fn read(&mut self) -> Result<()> {
        loop {
            let due = self.queriers.iter().enumerate().min_by_key(|(_, querier)| querier.due);
            let Some((at, due)) = due.map(|(at, querier)| (at, querier.due)) else { return Ok(()) };
            wait(due.saturating_duration_since(Instant::now()), &self.cancel);
            if self.out.is_closed() {
                return Ok(());
            }
            let done = self.query(at);
            // What was read before an error counts as read.
            self.out.flush()?;
            let Some(querier) = self.queriers.get_mut(at) else { return Ok(()) };
            querier.due = Instant::now() + self.config.poll_interval.max(Duration::from_millis(1));
            match done {
                Ok(()) => querier.failed = 0,
                Err(error) => {
                    querier.failed = querier.failed.saturating_add(1);
                    let (failed, name) = (querier.failed, querier.name());
                    self.failed(error, failed, &name)?;
                }
            }
        }
    }

    fn failed(&mut self, error: SqlError, failed: u32, name: &str) -> Result<()> {
        if self.out.is_closed() {
            return Ok(());
        }
        let cause = |error: SqlError| match error {
            SqlError::Reader(error) => {
                Error::new(error.kind().clone(), format!("table {name}: {}", error.message()))
            }
            other => Error::java("java.sql.SQLException", format!("table {name}: {other}")),
        };
        if error.is_permanent() {
            return Err(match error {
                SqlError::Reader(_) => cause(error),
                _ => Error::connect("Error while polling for records").caused_by(cause(error)),
            });
        }
        if self.config.retries.is_some_and(|retries| failed >= retries) {
            return Err(
                Error::connect("Failed to query table after retries").caused_by(cause(error))
            );
        }
        tracing::warn!(table = name, %error, failed, "reading failed; it is tried again after poll.interval.ms");
        if self.kept.drop_broken() {
            tracing::info!("The database connection is invalid. Reconnecting...");
        }
        Ok(())
    }

    fn query(&mut self, at: usize) -> SqlResult<()> {
        let Self { config, cancel, queriers, kept, out, prepared } = self;
        let session = kept.get(|| {
            let mut session = config.connecting.open(cancel)?;
            isolate(config, &mut *session)?;
            Ok(session)
        })?;
        while let Some(querier) = queriers.get_mut(*prepared) {
            querier.prepare(config, session, *prepared == 0)?;
            *prepared += 1;
        }
        match queriers.get_mut(at) {
            Some(querier) => querier.run(config, session, out),
            None => Ok(()),
        }
    }
}

fn isolate(config: &Config, session: &mut dyn Session) -> SqlResult<()> {
    let Some(level) = config.isolation.as_deref() else { return Ok(()) };
    let level = level.replace('_', " ");
    match config.quoting.dialect {
        Dialect::MySql | Dialect::MariaDb => {
            session.execute(&format!("SET SESSION TRANSACTION ISOLATION LEVEL {level}"))
        }
        Dialect::PostgreSql => session.execute(&format!(
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}"
        )),
        Dialect::Sqlite => {
            let dirty = u8::from(level == "READ UNCOMMITTED");
            session.execute(&format!("PRAGMA read_uncommitted = {dirty}"))
        }
    }
}
