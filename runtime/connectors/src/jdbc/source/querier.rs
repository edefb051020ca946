//! Reads one table or query: what is new of it since the last time.

use std::sync::Arc;
use std::time::Instant;

use gantry_api::{
    ConnectRecord, Datum, Error, OffsetMap, Result, SourceOffset, SourcePartition, SourceRecord,
    Str,
};

use super::columns::{Plan, instant, long, whole};
use super::config::{Config, Mode};
use super::offset::{self, Offset};
use crate::jdbc::db::{
    Cell, Column, Param, Row, Rows, Session, SqlError, SqlResult, SqlType, TableId, Wall,
};
use crate::jdbc::zone::Zone;
use crate::out::Out;

/// One table or query.
pub(super) struct Querier {
    /// `None`: the query.
    table: Option<TableId>,
    /// The column that counts, and those with times.
    number: Option<String>,
    times: Vec<String>,
    sql: String,
    topic: Str,
    partition: SourcePartition,
    pub(super) offset: Offset,
    pub(super) due: Instant,
    /// Attempts that failed since the last that did not.
    pub(super) failed: u32,
    /// How the last result's rows were read, for as long as its columns stay the same.
    plan: Option<(Vec<Column>, Plan)>,
}

impl Querier {
    pub(super) fn of_table(
        config: &Config,
        table: TableId,
        stored: Option<Offset>,
    ) -> Result<Self> {
        let number = config.incrementing.of(&table, "incrementing")?.into_iter().next();
        let times = config.timestamps.of(&table, "timestamp")?;
        let partition = match config.mode {
            Mode::Bulk => offset::of_bulk(&table),
            _ => offset::of_table(&table),
        };
        let topic = format!("{}{}", config.topic_prefix, table.name);
        Ok(Self::new(config, Some(table), (number, times), (topic, partition), stored))
    }

    pub(super) fn of_query(config: &Config, stored: Option<Offset>) -> Self {
        let number = config.incrementing.for_all().first().cloned();
        let times = config.timestamps.for_all().to_vec();
        let place = (config.topic_prefix.clone(), offset::of_query());
        Self::new(config, None, (number, times), place, stored)
    }

    fn new(
        config: &Config,
        table: Option<TableId>,
        (number, times): (Option<String>, Vec<String>),
        (topic, partition): (String, SourcePartition),
        stored: Option<Offset>,
    ) -> Self {
        Self {
            number: number.filter(|_| config.mode.has_number()),
            times: if config.mode.has_timestamp() { times } else { Vec::new() },
            // Known when it is prepared.
            sql: String::new(),
            topic: topic.into(),
            partition,
            offset: stored.unwrap_or_default(),
            due: Instant::now(),
            failed: 0,
            plan: None,
            table,
        }
    }

    pub(super) fn name(&self) -> String {
        self.table.as_ref().map_or_else(|| "query".to_owned(), TableId::to_string)
    }

    /// Finds out what only the database knows: which column counts, whether columns are there and never
    /// null, and what time it is where a table begins now.
    pub(super) fn prepare(
        &mut self,
        config: &Config,
        session: &mut dyn Session,
        is_first: bool,
    ) -> SqlResult<()> {
        if let Some(table) = self.table.clone() {
            self.check(config, session, &table, is_first)?;
        }
        if config.mode.has_number() && self.number.is_none() {
            return Err(Error::config(format!(
                "No incrementing column of {}: none is counted up by the database; name one with \
                 incrementing.column.name",
                self.name()
            ))
            .into());
        }
        if config.mode.has_timestamp() && self.times.is_empty() {
            return Err(Error::config(format!(
                "No timestamp column of {}: name one with timestamp.column.name",
                self.name()
            ))
            .into());
        }
        if config.mode.has_timestamp() && self.offset == Offset::default() {
            self.offset.time = match config.timestamp_initial_ms {
                Some(-1) if config.begins_now => Some(session.now(&config.zone)?),
                Some(ms) => Some(Wall::from_ms(ms)),
                None => None,
            };
        }
        self.sql = self.sql(config);
        Ok(())
    }

    fn check(
        &mut self,
        config: &Config,
        session: &mut dyn Session,
        table: &TableId,
        is_first: bool,
    ) -> SqlResult<()> {
        if config.mode == Mode::Bulk {
            return Ok(());
        }
        let Some(definition) = session.table(table, &config.types)? else {
            return Err(Error::connect(format!(
                "Table {table} is not there, or is none of the types {} (table.types)",
                config.types.join(",")
            ))
            .into());
        };
        let columns = &definition.columns;
        let find =
            |name: &str| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let shown = config.quoting.table(table);
        if is_first {
            if let Some(number) = self.number.as_deref().filter(|name| find(name).is_none()) {
                let text =
                    format!("Incrementing column: {number} does not exist in table '{shown}'");
                return Err(Error::config(text).into());
            }
            let missing: Vec<&str> =
                self.times.iter().map(String::as_str).filter(|name| find(name).is_none()).collect();
            if !missing.is_empty() {
                let text = format!(
                    "Timestamp columns: {} do not exist in table '{shown}'",
                    missing.join(", ")
                );
                return Err(Error::config(text).into());
            }
        }
        if config.mode.has_number() && self.number.is_none() {
            let counted = columns.iter().find(|column| column.is_auto_increment);
            self.number = counted.map(|column| column.name.clone());
        }
        if !config.validate_non_null {
            return Ok(());
        }
        let is_nullable =
            |name: &str| find(name).is_some_and(|column| column.is_nullable && !column.is_key);
        if let Some(number) = self.number.as_deref().filter(|name| is_nullable(name)) {
            return Err(Error::connect(format!(
                "Cannot make incremental queries using incrementing column {number} on {shown} because \
                 this column is nullable."
            ))
            .into());
        }
        if !self.times.is_empty() && self.times.iter().all(|name| is_nullable(name)) {
            return Err(Error::connect(format!(
                "Cannot make incremental queries using timestamp columns {} on {shown} because all of \
                 these columns are nullable.",
                self.times.join(",")
            ))
            .into());
        }
        Ok(())
    }

    /// The statement: the table or query, what is new, and what is to follow.
    fn sql(&self, config: &Config) -> String {
        let quoting = config.quoting;
        let column = |name: &str| quoting.column(self.table.as_ref(), name);
        let mut sql = match (&self.table, &config.query) {
            (Some(table), _) => format!("SELECT * FROM {}", quoting.table(table)),
            (None, query) => query.clone().unwrap_or_default(),
        };
        let number = self.number.as_deref().map(column);
        let time = match self.times.as_slice() {
            [] => None,
            [one] => Some(column(one)),
            several => {
                let all: Vec<String> = several.iter().map(|name| column(name)).collect();
                Some(format!("COALESCE({})", all.join(",")))
            }
        };
        let criteria = match (config.mode, number, time) {
            (Mode::Incrementing, Some(id), _) => format!(" WHERE {id} > ? ORDER BY {id} ASC"),
            (Mode::Timestamp, _, Some(ts)) => {
                format!(" WHERE {ts} > ? AND {ts} < ? ORDER BY {ts} ASC")
            }
            (Mode::Both, Some(id), Some(ts)) => format!(
                " WHERE {ts} < ? AND (({ts} = ? AND {id} > ?) OR {ts} > ?) ORDER BY {ts},{id} ASC"
            ),
            _ => String::new(),
        };
        sql.push_str(&quoting.dialect.numbered(&criteria));
        if !config.suffix.is_empty() {
            sql = format!("{sql} {}", config.suffix);
        }
        sql
    }

    fn params(&self, config: &Config, session: &mut dyn Session) -> SqlResult<Vec<Param>> {
        let number = || Param::Int(self.offset.number.unwrap_or(config.incrementing_initial));
        let bound = |instant: Wall| {
            let (wall, offset) = config.zone.wall(instant);
            Param::Moment(wall, offset)
        };
        let begin = || bound(self.offset.time.unwrap_or(Wall { seconds: 0, nanos: 0 }));
        Ok(match config.mode {
            Mode::Bulk => Vec::new(),
            Mode::Incrementing => vec![number()],
            Mode::Timestamp => vec![begin(), bound(end(config, session)?)],
            Mode::Both => vec![bound(end(config, session)?), begin(), number(), begin()],
        })
    }

    /// Reads what is new, and gives it on.
    pub(super) fn run(
        &mut self,
        config: &Config,
        session: &mut dyn Session,
        out: &mut Out,
    ) -> SqlResult<()> {
        let params = self.params(config, session)?;
        let mut reading = Reading {
            config,
            schema_name: self.table.as_ref().map(|table| table.name.as_str()),
            number: self.number.as_deref(),
            times: &self.times,
            topic: &self.topic,
            partition: &self.partition,
            number_name: Offset::number_name(),
            nowhere: Arc::default(),
            committed: self.offset,
            last: self.offset,
            plan: self.plan.take(),
            number_at: None,
            is_decimal: false,
            times_at: Vec::new(),
            held: None,
            out,
        };
        let read = session.select(&self.sql, &params, config.batch_rows, &mut reading);
        let read = read.and_then(|()| reading.end().map_err(SqlError::from));
        // Rows of the last time may be missing behind an error: there it goes on before them.
        let is_whole = read.is_ok() || config.mode != Mode::Timestamp;
        self.offset = if is_whole { reading.last } else { reading.committed };
        self.plan = reading.plan;
        read
    }
}

/// The number of a row in the column that counts.
fn number(cell: Cell<'_>, is_decimal: bool, name: &str) -> Result<i64> {
    let decimal = match cell {
        Cell::Null => {
            return Err(Error::connect(format!(
                "Null value for incrementing column {name}: rows without a number cannot be read in order; \
                 leave them out by a query, or use another mode"
            )));
        }
        cell @ (Cell::Int(_) | Cell::UInt(_)) => return whole(&cell),
        Cell::Decimal(decimal) => decimal,
        Cell::Text(text) if is_decimal => text.trim().parse()?,
        Cell::Text(_) => {
            return Err(Error::connect(format!(
                "Invalid type for incrementing column: STRING ({name})"
            )));
        }
        _ => return Err(Error::connect(format!("Invalid type for incrementing column: {name}"))),
    };
    if !decimal.is_integer() {
        return Err(Error::connect(format!(
            "Scale of Decimal value for incrementing column must be 0 ({name})"
        )));
    }
    long(&decimal).ok_or_else(|| {
        Error::connect(format!(
            "Decimal value for incrementing column exceeded Long.MAX_VALUE ({name})"
        ))
    })
}

/// Rows are read up to there, which is not now if they are to have time to be committed.
fn end(config: &Config, session: &mut dyn Session) -> SqlResult<Wall> {
    let now = session.now(&config.zone)?;
    let delay = Wall::from_ms(config.delay_ms);
    let nanos = i64::from(now.nanos) - i64::from(delay.nanos);
    let borrow = i64::from(nanos < 0);
    Ok(Wall {
        seconds: now.seconds - delay.seconds - borrow,
        nanos: (nanos + borrow * 1_000_000_000) as u32,
    })
}

/// What takes the rows of a result.
struct Reading<'a> {
    config: &'a Config,
    schema_name: Option<&'a str>,
    number: Option<&'a str>,
    times: &'a [String],
    topic: &'a Str,
    partition: &'a SourcePartition,
    number_name: Str,
    /// The position of rows that have none.
    nowhere: Arc<OffsetMap>,
    /// Behind this nothing is passed over.
    committed: Offset,
    /// Of the last row given on.
    last: Offset,
    plan: Option<(Vec<Column>, Plan)>,
    number_at: Option<usize>,
    /// Whether the column that counts is one of decimals, which some databases give as text.
    is_decimal: bool,
    times_at: Vec<usize>,
    /// The last row, until it is known whether the next one has the same time: a position that
    /// stands within rows of one time would pass over those behind it.
    held: Option<(SourceRecord, usize, Offset)>,
    out: &'a mut Out,
}

impl Rows for Reading<'_> {
    fn columns(&mut self, columns: Vec<Column>) -> Result<()> {
        if self.plan.as_ref().is_none_or(|(known, _)| *known != columns) {
            let plan = Plan::new(self.schema_name, &columns, self.config)?;
            self.plan = Some((columns, plan));
        }
        let Some((columns, plan)) = &self.plan else { return Ok(()) };
        if let Some(name) = self.number {
            let at = plan.place(name, true).ok_or_else(|| {
                Error::data(format!("Incrementing column {name} not found in {}", plan.names()))
            })?;
            self.number_at = Some(at);
            self.is_decimal = columns
                .get(at)
                .is_some_and(|column| matches!(column.kind, SqlType::Decimal | SqlType::Numeric));
        }
        self.times_at = self
            .times
            .iter()
            .map(|name| {
                plan.place(name, false).ok_or_else(|| {
                    Error::data(format!("Timestamp column {name} not found in {}", plan.names()))
                })
            })
            .collect::<Result<_>>()?;
        Ok(())
    }

    fn row(&mut self, row: &dyn Row) -> Result<bool> {
        let Some((_, plan)) = &self.plan else { return Ok(false) };
        let zone = &self.config.zone;
        let own = self.own(row, zone)?;
        let (value, bytes) = plan.value(row, zone)?;
        let schema = plan.schema.clone();
        let record = ConnectRecord::new(Str::clone(self.topic), Datum::new(schema, value));
        let at = SourceOffset::Map(Arc::clone(&self.nowhere));
        let record = SourceRecord::new(record, self.partition.clone(), at);
        if self.config.mode == Mode::Timestamp {
            if let Some((held, bytes, its)) = self.held.take() {
                if own.time > its.time {
                    self.committed = its;
                }
                self.give(held, bytes, self.committed, its)?;
            }
            self.held = Some((record, bytes, own));
            return Ok(!self.out.is_closed());
        }
        self.give(record, bytes, own, own)?;
        Ok(!self.out.is_closed())
    }
}

impl Reading<'_> {
    /// The position of a row.
    fn own(&self, row: &dyn Row, zone: &Zone) -> Result<Offset> {
        let number = match (self.number_at, self.number) {
            (Some(at), Some(name)) => Some(number(row.cell(at)?, self.is_decimal, name)?),
            _ => None,
        };
        let mut time = None;
        for (at, name) in self.times_at.iter().zip(self.times) {
            let cell = row.cell(*at)?;
            if cell != Cell::Null {
                time = Some(instant(&cell, zone).map_err(|error| {
                    Error::data(format!("timestamp column {name}: {}", error.message()))
                })?);
                break;
            }
        }
        Ok(Offset { number, time })
    }

    fn give(
        &mut self,
        mut record: SourceRecord,
        bytes: usize,
        stored: Offset,
        own: Offset,
    ) -> Result<()> {
        if self.config.mode != Mode::Bulk {
            record.offset = stored.stored(&self.number_name);
            self.last = own;
        }
        self.out.push(record, bytes)
    }

    /// The last row of a result has no other of its time behind it: the end of what was asked for is
    /// later than all. Only a LIMIT in the suffix can cut others off.
    fn end(&mut self) -> Result<()> {
        if let Some((record, bytes, own)) = self.held.take() {
            self.committed = own;
            self.give(record, bytes, own, own)?;
        }
        self.out.flush()
    }
}
