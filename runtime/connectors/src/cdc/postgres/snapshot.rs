//! Reads the rows that are there, as they were at one position of the log.

use gantry_api::{Bytes, Error, Result, Value};

use super::super::config::OnFault;
use super::super::emit::{Change, Emitter, Op};
use super::super::table::{Table, TableName};
use super::catalog::{Catalog, PgTable, quoted};
use super::config::{Config, error};
use super::offset::{Position, Snapshot};
use super::slot::Made;
use super::source::{Mark, Source};
use super::value;
use super::wire::Wire;
use crate::jdbc::db::SqlError;

/// What a snapshot works with.
pub(super) struct Reading<'a> {
    pub(super) config: &'a Config,
    pub(super) wire: &'a mut Wire,
    pub(super) catalog: &'a mut Catalog,
    pub(super) emitter: &'a mut Emitter,
    pub(super) source: &'a Source,
}

/// A value of a row, or what is done when it cannot be read.
pub(super) fn cell(config: &Config, table: &PgTable, at: usize, bytes: &[u8]) -> Result<Value> {
    let Some(of) = table.types.get(at) else { return Ok(Value::Null) };
    value::read(of, bytes, &config.modes).or_else(|cause| {
        let column =
            table.table.columns.get(at).map(|column| column.name.as_str()).unwrap_or_default();
        let text = format!(
            "Failed to properly convert data value for '{}.{column}': {}",
            table.table.text,
            cause.message()
        );
        match config.common.on_value {
            OnFault::Fail => Err(Error::connect(text).caused_by(cause)),
            OnFault::Warn => {
                tracing::warn!("{text}; the field is left out");
                Ok(Value::Null)
            }
            OnFault::Skip => Ok(Value::Null),
        }
    })
}

/// The columns of a table that are asked for: those that records have.
pub(super) fn columns_of(table: &Table) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    names.join(", ")
}

impl Reading<'_> {
    /// Reads all rows, and says where changes go on: the position at which the rows were there.
    pub(super) fn run(&mut self, made: &Made, tables: &[(TableName, u32)]) -> Result<Position> {
        let config = self.config;
        let failed = |cause: SqlError| error("the snapshot could not begin", cause);
        let snapshot = &made.snapshot;
        self.wire
            .execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            .and_then(|()| self.wire.execute(&format!("SET TRANSACTION SNAPSHOT '{snapshot}'")))
            .map_err(failed)?;
        let tables: Vec<&(TableName, u32)> = tables
            .iter()
            .filter(|(name, _)| {
                let text = name.to_string();
                config.common.signal_table.as_deref() != Some(text.as_str())
                    && (config.common.snapshot_tables.is_empty()
                        || config.common.snapshot_tables.fit(&text))
            })
            .collect();
        if config.locks_shared && !tables.is_empty() {
            self.lock(&tables)?;
        }
        let tx = "SELECT (CASE WHEN pg_is_in_recovery() THEN '0' ELSE pg_current_xact_id()::text END), CURRENT_TIMESTAMP";
        let row = self.wire.row(tx).map_err(failed)?.unwrap_or_default();
        let mut row = row.into_iter().flatten();
        let tx_id = row.next().and_then(|text| text.parse().ok()).filter(|id| *id != 0);
        let ts_us = row.next().as_deref().and_then(value::instant);
        let mut position = Position {
            ts_us,
            tx_id,
            lsn: Some(made.lsn),
            snapshot: Some(Snapshot::Running),
            ..Position::default()
        };
        self.emitter.out.holds_last = true;
        let mut rows = 0_u64;
        for (at, (name, oid)) in tables.iter().enumerate() {
            let Some(table) = self.catalog.table(self.wire, config, name.clone(), *oid)? else {
                continue;
            };
            let is_last = at + 1 == tables.len();
            let read = self.table(&table, &position, at == 0, is_last)?;
            tracing::info!(table = %table.table.text, rows = read, "snapshot of a table is read");
            rows += read;
        }
        self.wire
            .execute("ROLLBACK")
            .map_err(|cause| error("the snapshot could not end", cause))?;
        position.snapshot = Some(Snapshot::Completed);
        self.close(&position)?;
        tracing::info!(rows, lsn = %super::slot::lsn_text(made.lsn), "snapshot is read");
        position.snapshot = None;
        Ok(position)
    }

    fn lock(&mut self, tables: &[&(TableName, u32)]) -> Result<()> {
        let ms = self.config.common.lock_timeout.as_millis();
        let mut sql = format!("SET LOCAL lock_timeout = {ms};");
        for (name, _) in tables {
            sql.push_str(&format!(
                " LOCK TABLE {} IN ACCESS SHARE MODE;",
                super::catalog::sql_of(name)
            ));
        }
        self.wire
            .execute(&sql)
            .map_err(|cause| error("tables could not be locked for the snapshot", cause))
    }

    /// Reads one table: how many rows it has.
    fn table(
        &mut self,
        table: &PgTable,
        position: &Position,
        is_first: bool,
        is_last: bool,
    ) -> Result<u64> {
        let Self { config, wire, emitter, source, .. } = self;
        let text = &*table.table.text;
        let query = config.common.snapshot_queries.iter().find(|(of, _)| of == text);
        let sql = match query {
            Some((_, sql)) => sql.clone(),
            None => format!("SELECT {} FROM {}", columns_of(&table.table), table.sql()),
        };
        let offset = position.offset(&Bytes::new());
        let names = Some((&table.names.0, &table.names.1));
        let make = |mark| source.make(position, names, mark);
        let (first, plain) =
            (make(if is_first { Mark::First } else { Mark::FirstInTable }), make(Mark::True));
        let mut count = 0_u64;
        wire.select(&sql, |row| {
            let mut values = Vec::with_capacity(table.types.len());
            row.each(|bytes| {
                let value = match bytes {
                    Some(bytes) => cell(config, table, values.len(), bytes)?,
                    None => Value::Null,
                };
                values.push(value);
                Ok(())
            })?;
            let source = if count == 0 { first.clone() } else { plain.clone() };
            count += 1;
            let change = Change {
                op: Op::Read,
                before: None,
                after: Some(values),
                source,
                bytes: row.len(),
            };
            Ok(emitter.change(&table.table, change, &mut |_| offset.clone())?)
        })
        .map_err(|cause| match cause {
            SqlError::Reader(error) => error,
            other => error(&format!("rows of {text} could not be read"), other),
        })?;
        // The last row of a table says so, unless it is the first of all.
        match (is_last, count, is_first) {
            (_, 0, _) | (false, 1, true) => false,
            (true, ..) => self.emitter.mark_last(Mark::Last.text(), None),
            (false, ..) => self.emitter.mark_last(Mark::LastInTable.text(), None),
        };
        Ok(count)
    }

    /// The last record of all says that the snapshot is complete.
    fn close(&mut self, position: &Position) -> Result<()> {
        self.emitter.mark_last(Mark::Last.text(), Some(position.offset(&Bytes::new())));
        self.emitter.out.holds_last = false;
        self.emitter.out.mark = position.safe();
        self.emitter.out.flush()?;
        if self.config.common.heartbeat.is_some() {
            let mut streaming = position.clone();
            streaming.snapshot = None;
            self.emitter.heartbeat(streaming.offset(&Bytes::new()))?;
            self.emitter.out.flush()?;
        }
        Ok(())
    }
}
