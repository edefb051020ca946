//! What incremental snapshots ask the database.

use std::sync::Arc;

use gantry_api::{Result, Value};

use super::super::incremental::Asking;
use super::super::table::Table;
use super::catalog::{Catalog, PgTable, literal, quoted};
use super::config::{Config, error};
use super::snapshot::cell;
use super::wire::Wire;

/// What asks the database beside the stream.
pub(super) struct Beside<'a> {
    pub(super) wire: &'a mut Wire,
    pub(super) catalog: &'a mut Catalog,
    pub(super) config: &'a Config,
    pub(super) table: Option<PgTable>,
}

impl Asking for Beside<'_> {
    fn quote(&self, name: &str) -> String {
        quoted(name)
    }

    fn literal(&self, text: &str) -> String {
        literal(text)
    }

    fn sql_name(&self, text: &str) -> String {
        text.split_once('.').map_or_else(
            || quoted(text),
            |(schema, table)| format!("{}.{}", quoted(schema), quoted(table)),
        )
    }

    fn execute(&mut self, sql: &str) -> Result<()> {
        self.wire.execute(sql).map_err(|cause| error("the incremental snapshot", cause))
    }

    fn names(&mut self) -> Result<Vec<String>> {
        let tables = self.catalog.tables(self.wire, self.config)?;
        Ok(tables.into_iter().map(|(name, _)| name.to_string()).collect())
    }

    fn table(&mut self, text: &str) -> Result<Option<Arc<Table>>> {
        let tables = self.catalog.tables(self.wire, self.config)?;
        let Some((name, oid)) = tables.into_iter().find(|(name, _)| name.to_string() == text)
        else {
            return Ok(None);
        };
        self.table = self.catalog.table(self.wire, self.config, name, oid)?;
        Ok(self.table.as_ref().map(|table| Arc::clone(&table.table)))
    }

    fn rows(
        &mut self,
        sql: &str,
        keys: &[usize],
        each: &mut dyn FnMut(Vec<Option<String>>, Vec<Value>),
    ) -> Result<()> {
        let Some(table) = &self.table else { return Ok(()) };
        let config = self.config;
        let read = self.wire.select(sql, |row| {
            let mut values = Vec::with_capacity(table.types.len());
            let mut texts = Vec::with_capacity(table.types.len());
            row.each(|bytes| {
                let at = values.len();
                values.push(match bytes {
                    Some(bytes) => cell(config, table, at, bytes)?,
                    None => Value::Null,
                });
                texts.push(match keys.contains(&at) {
                    true => bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
                    false => None,
                });
                Ok(())
            })?;
            each(keys.iter().map(|&at| texts.get(at).cloned().flatten()).collect(), values);
            Ok(())
        });
        read.map_err(|cause| error("rows could not be read", cause))
    }
}
