//! Writes batches of records in transactions, on a thread that may be held up.

use std::collections::BTreeMap;

use gantry_api::{CancellationToken, Error, Result, SinkRecord, TaskEpoch, TopicPartition};

use super::config::Config;
use super::offsets::Offsets;
use super::plan::Planner;
use super::table::Unfit;
use crate::jdbc::db::{Session, SqlError, SqlResult};

/// A task's connection, and what it knows of tables.
pub(super) struct Writer {
    config: Config,
    connector: String,
    cancel: CancellationToken,
    session: Option<Box<dyn Session>>,
    planner: Planner,
    offsets: Option<Offsets>,
    /// How often a failed batch is still tried again.
    left: u32,
    takes_errant: bool,
}

/// How a batch went.
pub(super) enum Outcome {
    /// All of it was written, but for records that go to the dead letter queue.
    Written(Vec<(SinkRecord, Error)>),
    /// None of it was, and it is to be tried again.
    Again(Error),
    /// None of it was, and will be.
    Failed(Error),
}

impl Writer {
    pub(super) fn new(
        config: Config,
        connector: &str,
        epoch: TaskEpoch,
        cancel: CancellationToken,
        takes_errant: bool,
    ) -> Result<Self> {
        Ok(Self {
            offsets: Offsets::new(&config, connector, epoch)?,
            left: config.retries,
            config,
            connector: connector.to_owned(),
            cancel,
            session: None,
            planner: Planner::default(),
            takes_errant,
        })
    }

    /// Takes queues: where to go on in each, if the database knows it.
    pub(super) fn open(
        &mut self,
        queues: &[(TopicPartition, Option<u64>)],
    ) -> Result<BTreeMap<TopicPartition, u64>> {
        let Some(mut offsets) = self.offsets.take() else { return Ok(BTreeMap::new()) };
        let opened = self.connected(|config, session| offsets.open(config, session, queues));
        self.offsets = Some(offsets);
        opened.map_err(Error::from)
    }

    pub(super) fn close(&mut self, queues: &[TopicPartition]) {
        if let Some(offsets) = &mut self.offsets {
            offsets.close(queues);
        }
    }

    fn connected<T>(
        &mut self,
        work: impl FnOnce(&Config, &mut dyn Session) -> SqlResult<T>,
    ) -> SqlResult<T> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.config.connecting.open(&self.cancel).map_err(lost)?,
        };
        let done = work(&self.config, &mut *session);
        if !matches!(done, Err(SqlError::Connection(_))) {
            self.session = Some(session);
        }
        done
    }

    /// Writes a batch.
    pub(super) fn put(&mut self, records: &[SinkRecord]) -> Outcome {
        let is_new = |record: &&SinkRecord| {
            self.offsets.as_ref().is_none_or(|offsets| !offsets.is_written(record))
        };
        let fresh: Vec<SinkRecord> = records.iter().filter(is_new).cloned().collect();
        if fresh.is_empty() {
            return Outcome::Written(Vec::new());
        }
        let error = match self.write(&fresh) {
            Ok(()) => {
                self.left = self.config.retries;
                return Outcome::Written(Vec::new());
            }
            Err(Unfit::Sql(error)) if self.left > 0 => {
                self.left -= 1;
                let (left, error) = (self.left, self.shown(error));
                tracing::warn!(connector = self.connector, %error, left, "Write of {} records failed, remainingRetries={left}", fresh.len());
                // The next attempt begins with a connection and a look at the tables of its own.
                self.session = None;
                self.planner = Planner::default();
                return Outcome::Again(error);
            }
            Err(error) => error,
        };
        self.left = self.config.retries;
        self.planner = Planner::default();
        match error {
            Unfit::Keys(error) if !is_of_table(&error) => Outcome::Failed(error),
            _ if self.takes_errant => self.one_by_one(fresh),
            Unfit::Keys(error) => Outcome::Failed(error),
            Unfit::Sql(error) => Outcome::Failed(self.shown(error)),
        }
    }

    /// Each record alone, so that only those are left out that the database does not take.
    fn one_by_one(&mut self, records: Vec<SinkRecord>) -> Outcome {
        let mut errant = Vec::new();
        for record in records {
            match self.write(std::slice::from_ref(&record)) {
                Ok(()) => {}
                Err(Unfit::Sql(error @ SqlError::Connection(_))) => {
                    // No fault of the record: all come again, and those that were written are written again.
                    return Outcome::Failed(self.shown(error));
                }
                Err(Unfit::Sql(error)) => {
                    let error = self.shown(error);
                    if let Err(unmarked) = self.pass_over(&record) {
                        return Outcome::Failed(unmarked);
                    }
                    errant.push((record, error));
                }
                Err(Unfit::Keys(error)) if is_of_table(&error) => {
                    if let Err(unmarked) = self.pass_over(&record) {
                        return Outcome::Failed(unmarked);
                    }
                    errant.push((record, error));
                }
                Err(Unfit::Keys(error)) => return Outcome::Failed(error),
            }
        }
        Outcome::Written(errant)
    }

    /// Writes down that a record is done with, where offsets are kept.
    fn pass_over(&mut self, record: &SinkRecord) -> Result<()> {
        let Some(mut offsets) = self.offsets.take() else { return Ok(()) };
        let next = Offsets::after(std::slice::from_ref(record));
        let done = self.connected(|config, session| offsets.write(config, session, &next));
        if done.is_ok() {
            offsets.written(next);
        }
        self.offsets = Some(offsets);
        done.map_err(Error::from)
    }

    /// Writes all of these, or none.
    fn write(&mut self, records: &[SinkRecord]) -> std::result::Result<(), Unfit> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.config.connecting.open(&self.cancel).map_err(lost)?,
        };
        let done = self.write_through(&mut *session, records);
        match &done {
            Err(Unfit::Sql(SqlError::Connection(_))) => {}
            Err(_) => {
                // What cannot be rolled back is of no more use.
                if session.rollback().is_ok() {
                    self.session = Some(session);
                }
            }
            Ok(()) => self.session = Some(session),
        }
        done
    }

    fn write_through(
        &mut self,
        session: &mut dyn Session,
        records: &[SinkRecord],
    ) -> std::result::Result<(), Unfit> {
        let Self { config, connector, planner, offsets, .. } = self;
        // Tables are made and changed before, as that ends transactions in some databases.
        let plan = planner.plan(config, connector, session, records)?;
        session.begin()?;
        for rows in &plan {
            rows.write(config, session)?;
        }
        let Some(offsets) = offsets else { return Ok(session.commit()?) };
        let next = Offsets::after(records);
        offsets.write(config, session, &next)?;
        session.commit()?;
        offsets.written(next);
        Ok(())
    }

    /// An error as it may be shown.
    fn shown(&self, error: SqlError) -> Error {
        if !self.config.hides_errors {
            return Error::from(error);
        }
        let place = match &error {
            SqlError::Database { state, code, .. } => format!("SQLState={state}; errorCode={code}"),
            _ => "SQLState=08000; errorCode=0".to_owned(),
        };
        Error::java(
            "java.sql.SQLException",
            format!("<redacted> [class=java.sql.SQLException; {place}]"),
        )
    }
}

fn lost(error: Error) -> SqlError {
    SqlError::Connection(error.message().to_owned())
}

/// Whether an error says that a table is not as it has to be, which is the fault of the records that need it
/// otherwise: those go to the dead letter queue.
fn is_of_table(error: &Error) -> bool {
    let text = error.message();
    ["Table ", "View ", "Partitioned table ", "Cannot ALTER", "Failed to amend"]
        .iter()
        .any(|head| text.starts_with(head))
}
