//! Writes batches of records in transactions, on a thread that may be held up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gantry_api::{Error, Result, SinkRecord, TaskEpoch, TopicPartition};

use super::config::Config;
use super::offsets::{Begin, Offsets};
use super::plan::Planner;
use super::table::Unfit;
use crate::jdbc::db::{Kept, SqlError, SqlResult};

/// A row met twice by one statement (PostgreSQL).
const TWICE: &str = "21000";

/// A task's connection, and what it knows of tables.
pub(super) struct Writer {
    config: Config,
    connector: String,
    kept: Kept,
    planner: Planner,
    offsets: Option<Offsets>,
    /// How often a failed batch is still tried again, and how often it is tried to connect for one try.
    left: u32,
    attempts: i64,
    takes_errant: bool,
    /// The task is gone: nothing of it counts any more.
    abandoned: Arc<AtomicBool>,
}

/// Records that the database does not take, and why.
pub(super) type Errant = Vec<(SinkRecord, Error)>;

/// How a batch went.
pub(super) enum Outcome {
    /// All of it was written, but for records that go to the dead letter queue.
    Written(Errant),
    /// None of it was, and it is to be tried again after so long.
    Again(Error, Duration),
    /// Not all of it was, and will be; some records go to the dead letter queue nonetheless.
    Failed(Errant, Error),
}

impl Writer {
    pub(super) fn new(
        config: Config,
        connector: &str,
        epoch: TaskEpoch,
        takes_errant: bool,
        abandoned: Arc<AtomicBool>,
    ) -> Result<Self> {
        Ok(Self {
            offsets: Offsets::new(&config, connector, epoch)?,
            left: config.retries,
            attempts: config.connecting.attempts,
            config,
            connector: connector.to_owned(),
            kept: Kept::new(),
            planner: Planner::default(),
            takes_errant,
            abandoned,
        })
    }

    pub(super) fn keeps_offsets(&self) -> bool {
        self.offsets.is_some()
    }

    /// Takes queues: where to go on in each, if the database knows it. A database that is away is asked with
    /// the first batch.
    pub(super) fn open(
        &mut self,
        queues: &[(TopicPartition, Begin)],
    ) -> Result<BTreeMap<TopicPartition, u64>> {
        let Some(offsets) = &mut self.offsets else { return Ok(BTreeMap::new()) };
        offsets.add(queues);
        match self.connect().and_then(|()| self.ask()) {
            Ok(()) => Ok(self.offsets.iter().flat_map(Offsets::known).collect()),
            Err(error) if error.is_passing() => {
                tracing::warn!(connector = self.connector, %error, "offsets are asked for with the first batch");
                Ok(BTreeMap::new())
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn close(&mut self, queues: &[TopicPartition]) {
        if let Some(offsets) = &mut self.offsets {
            offsets.remove(queues);
        }
    }

    /// A connection at the first try: between tries the task waits, not a thread.
    fn connect(&mut self) -> SqlResult<()> {
        let Self { config, kept, offsets, .. } = self;
        kept.get(|| {
            // Whether the last transaction counted is not known.
            offsets.iter_mut().for_each(Offsets::forget);
            config.connecting.access.open()
        })?;
        Ok(())
    }

    /// Asks for offsets, unless they are known.
    fn ask(&mut self) -> SqlResult<()> {
        let Self { config, kept, offsets, .. } = self;
        match offsets {
            Some(offsets) if !offsets.is_known() => offsets.open(config, kept.session()?),
            _ => Ok(()),
        }
    }

    /// Writes a batch.
    pub(super) fn put(&mut self, mut records: Vec<SinkRecord>) -> Outcome {
        if let Err(error) = self.connect() {
            return self.unconnected(error);
        }
        self.attempts = self.config.connecting.attempts;
        if let Err(error) = self.ask() {
            // No record's fault: none of them goes to the dead letter queue.
            return self
                .again(error.into(), records.len())
                .unwrap_or_else(|error| Outcome::Failed(Vec::new(), self.given_up(error)));
        }
        if let Some(offsets) = &self.offsets {
            records.retain(|record| !offsets.is_written(record));
        }
        let Err(error) = self.write_or_again(&records) else {
            self.left = self.config.retries;
            return Outcome::Written(Vec::new());
        };
        match self.again(error, records.len()) {
            Ok(outcome) => outcome,
            Err(error) => self.give_up(error, records),
        }
    }

    /// Tries again what the database did not take, as long as it may; else the error.
    fn again(&mut self, error: Unfit, count: usize) -> std::result::Result<Outcome, Unfit> {
        match error {
            Unfit::Sql(error) if self.left > 0 => {
                self.left -= 1;
                let (left, error) = (self.left, self.shown(error));
                tracing::warn!(
                    connector = self.connector,
                    %error,
                    "Write of {count} records failed, remainingRetries={left}"
                );
                // The next attempt begins with a connection and a look at the tables of its own.
                self.kept.close();
                self.planner = Planner::default();
                Ok(Outcome::Again(error, self.config.backoff))
            }
            error => Err(error),
        }
    }

    fn unconnected(&mut self, error: SqlError) -> Outcome {
        self.attempts -= 1;
        let is_for_good = error.is_permanent();
        if self.attempts > 0 && !is_for_good {
            return Outcome::Again(self.shown(error), self.config.connecting.backoff);
        }
        self.attempts = self.config.connecting.attempts;
        if self.left > 0 && !is_for_good {
            self.left -= 1;
            return Outcome::Again(self.shown(error), self.config.backoff);
        }
        self.left = self.config.retries;
        Outcome::Failed(Vec::new(), self.shown(error))
    }

    /// The next batch begins anew; the error that ends this one.
    fn given_up(&mut self, error: Unfit) -> Error {
        self.left = self.config.retries;
        self.planner = Planner::default();
        match error {
            Unfit::Sql(error) => self.shown(error),
            Unfit::Keys(error) | Unfit::Table(error) => error,
        }
    }

    fn give_up(&mut self, error: Unfit, records: Vec<SinkRecord>) -> Outcome {
        let is_of_records = match &error {
            Unfit::Sql(error) => !error.is_passing(),
            Unfit::Keys(_) => false,
            Unfit::Table(_) => true,
        };
        let error = self.given_up(error);
        match is_of_records && self.takes_errant {
            true => self.one_by_one(records),
            false => Outcome::Failed(Vec::new(), error),
        }
    }

    /// Each record alone, so that only those are left out that the database does not take.
    fn one_by_one(&mut self, records: Vec<SinkRecord>) -> Outcome {
        let mut errant = Vec::new();
        for record in records {
            let error = match self.write(std::slice::from_ref(&record), false) {
                Ok(()) => continue,
                // No fault of the record: it comes again, with those behind it.
                Err(Unfit::Sql(error)) if error.is_passing() => {
                    return Outcome::Failed(errant, self.shown(error));
                }
                Err(Unfit::Keys(error)) => return Outcome::Failed(errant, error),
                Err(Unfit::Sql(error)) => self.shown(error),
                Err(Unfit::Table(error)) => error,
            };
            errant.push((record, error));
            let Some((record, _)) = errant.last() else { continue };
            let next = Offsets::after(std::slice::from_ref(record));
            if let Err(error) = self.pass_over(next) {
                return Outcome::Failed(errant, self.shown(error));
            }
        }
        Outcome::Written(errant)
    }

    /// Writes down that a record is done with, where offsets are kept.
    fn pass_over(&mut self, next: BTreeMap<TopicPartition, u64>) -> SqlResult<()> {
        if self.offsets.is_some() {
            self.connect()?;
            self.ask()?;
        }
        let Self { config, kept, offsets, .. } = self;
        let Some(offsets) = offsets else { return Ok(()) };
        offsets.write(config, kept.session()?, &next)?;
        offsets.written(next);
        Ok(())
    }

    /// Writes all of these, or none. Keys that only the database takes for one (texts in other letters, for
    /// instance) need statements of one row.
    fn write_or_again(&mut self, records: &[SinkRecord]) -> std::result::Result<(), Unfit> {
        if records.is_empty() {
            return Ok(());
        }
        match self.write(records, false) {
            Err(Unfit::Sql(SqlError::Database { state, .. })) if state == TWICE => {
                self.write(records, true)
            }
            done => done,
        }
    }

    fn write(&mut self, records: &[SinkRecord], singly: bool) -> std::result::Result<(), Unfit> {
        self.connect()?;
        self.ask()?;
        let done = self.write_through(records, singly);
        let is_of_use = match &done {
            Ok(()) => true,
            Err(Unfit::Sql(SqlError::Connection(_))) => false,
            // What cannot be rolled back is of no more use.
            Err(_) => self.kept.session().and_then(|session| session.rollback()).is_ok(),
        };
        if !is_of_use {
            self.kept.close();
        }
        done
    }

    fn write_through(
        &mut self,
        records: &[SinkRecord],
        singly: bool,
    ) -> std::result::Result<(), Unfit> {
        let Self { config, connector, kept, planner, offsets, abandoned, .. } = self;
        let session = kept.session()?;
        // Tables are made and changed before, as that ends transactions in some databases.
        let plan = planner.plan(config, connector, session, records)?;
        session.begin()?;
        for rows in &plan {
            rows.write(config, session, singly)?;
        }
        let next = Offsets::after(records);
        if let Some(offsets) = offsets {
            offsets.write(config, session, &next)?;
        }
        if abandoned.load(Ordering::Acquire) {
            return Err(Unfit::Keys(Error::connect(
                "the task is gone: what it was writing does not count",
            )));
        }
        session.commit()?;
        if let Some(offsets) = offsets {
            offsets.written(next);
        }
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
