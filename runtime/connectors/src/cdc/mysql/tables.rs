//! The tables whose changes are read: their structures now, and as records have them.

use std::collections::HashMap;
use std::sync::Arc;

use gantry_api::{Error, Result, SourceRecord, Value};

use super::binlog::{Cell, TableMap};
use super::config::Config;
use super::ddl::{SqlMode, Structure, Structures, TableName, jdbc};
use super::history::History;
use super::server::{Server, is_builtin};
use super::values::Converter;
use crate::cdc::config::OnFault;
use crate::cdc::table::{Table, TableName as FullName};

/// A table as records have it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: TableName,
    pub(crate) table: Arc<Table>,
    pub(crate) structure: Arc<Structure>,
    converters: Vec<Converter>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Tables {
    config: Config,
    pub(crate) structures: Structures,
    pub(crate) history: History,
    known: HashMap<TableName, Arc<Known>>,
}

/// The name of a table as the common part has it.
pub(crate) fn full(name: &TableName) -> FullName {
    FullName {
        database: Some(name.database.to_string()),
        schema: None,
        table: name.table.to_string(),
    }
}

impl Tables {
    pub(crate) fn new(config: Config, history: History) -> Self {
        Self { config, structures: Structures::default(), history, known: HashMap::new() }
    }

    /// Whether a table's changes are read.
    pub(crate) fn takes(&self, name: &TableName) -> bool {
        let common = &self.config.common;
        (!common.ignore_builtin || !is_builtin(&name.database)) && common.takes(&full(name))
    }

    /// Whether a table's structure is kept: it may get the name of one whose changes are read.
    fn keeps(&self, name: &TableName) -> bool {
        self.takes(name)
            || !is_builtin(&name.database) && self.config.common.databases.takes(&name.database)
    }

    /// Begins with what the server says of itself.
    pub(crate) fn begin(&mut self, server: &mut Server) -> Result<()> {
        self.structures = Structures::new(server.server_charset()?, server.ignores_case()?);
        for (database, charset, _) in server.database_charsets()? {
            self.structures.set_database_charset(&database, &charset);
        }
        self.known.clear();
        Ok(())
    }

    /// The structures that are those of a position.
    pub(crate) fn restore(&mut self, number: Option<u64>) {
        for (table, structure) in self.history.at(number) {
            self.structures.put(&table, structure);
        }
    }

    /// What the server says a table looks like now.
    pub(crate) fn ask(
        &mut self,
        server: &mut Server,
        mode: SqlMode,
        name: &TableName,
    ) -> Result<Option<Arc<Structure>>> {
        let Some(sql) = server.statement_of(name)? else { return Ok(None) };
        self.read(&sql, mode, name)
    }

    /// Reads the statement that made a table.
    pub(crate) fn read(
        &mut self,
        sql: &str,
        mode: SqlMode,
        name: &TableName,
    ) -> Result<Option<Arc<Structure>>> {
        self.structures.remove(name);
        let applied = self.structures.apply(sql, &name.database, mode);
        if let Some(error) = applied.error {
            return Err(Error::connect(format!(
                "the structure of table {name} cannot be read: {error}. Leave the table out \
                 (table.exclude.list), and report the statement: {sql}"
            )));
        }
        Ok(self.structures.get(name).cloned())
    }

    /// Keeps what a statement changed: what must be stored before any later position, whose number is given.
    pub(crate) fn keep(&mut self, touched: &[TableName]) -> Option<u64> {
        let mut number = None;
        for name in touched {
            self.known.remove(name);
            if !self.keeps(name) {
                self.structures.remove(name);
                continue;
            }
            number.get_or_insert_with(|| self.history.next());
            let structure = self.structures.get(name).cloned();
            self.history.put(name, structure);
        }
        number
    }

    /// What must be stored, as records of positions alone.
    pub(crate) fn stored(&mut self) -> Vec<SourceRecord> {
        let changes = self.history.changes();
        let record = |(partition, offset)| {
            SourceRecord::position(partition, gantry_api::SourceOffset::Map(Arc::new(offset)))
        };
        changes.into_iter().map(record).collect()
    }

    /// A table as records have it, if its structure is known.
    pub(crate) fn known(&mut self, name: &TableName) -> Result<Option<Arc<Known>>> {
        if let Some(known) = self.known.get(name) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(structure) = self.structures.get(name).cloned() else { return Ok(None) };
        let known = Arc::new(self.build(name, structure)?);
        self.known.insert(name.clone(), Arc::clone(&known));
        Ok(Some(known))
    }

    /// Forgets how records have a table.
    pub(crate) fn forget(&mut self, name: &TableName) {
        self.known.remove(name);
    }

    fn build(&self, name: &TableName, structure: Arc<Structure>) -> Result<Known> {
        let mut fields = Vec::with_capacity(structure.columns.len());
        let mut converters = Vec::with_capacity(structure.columns.len());
        for column in &structure.columns {
            let (field, converter, fault) = Converter::new(column, &self.config.modes);
            if let Some(fault) = fault {
                let text = format!(
                    "Failed to properly convert default value for '{name}.{}' of type {}: {fault}",
                    column.name, column.type_name
                );
                self.fault(text)?;
            }
            if field.schema.is_none() {
                tracing::warn!(
                    "column {name}.{} has a type that records cannot have: {}; it is left out",
                    column.name,
                    column.type_name
                );
            }
            fields.push(field);
            converters.push(converter);
        }
        let key: Vec<usize> =
            structure.key.iter().filter_map(|column| structure.position(column)).collect();
        let table = Table::new(full(name), fields, &key, &self.config.common.shaping)?;
        Ok(Known { name: name.clone(), table, structure, converters })
    }

    /// A value that could not be converted.
    fn fault(&self, text: String) -> Result<()> {
        match self.config.common.on_value {
            OnFault::Fail => Err(Error::connect(text)),
            OnFault::Warn => {
                tracing::warn!("{text}; it is left out");
                Ok(())
            }
            OnFault::Skip => Ok(()),
        }
    }
}

impl Known {
    fn or_fault(
        &self,
        at: usize,
        converted: std::result::Result<Value, String>,
        on: OnFault,
    ) -> Result<Value> {
        converted.or_else(|fault| {
            let column = self.structure.columns.get(at);
            let (column, kind) =
                column.map(|column| (column.name.as_str(), column.type_name.as_str())).unwrap_or_default();
            let name = &self.name;
            let text = format!(
                "Failed to properly convert data value for '{name}.{column}' of type {kind}: {fault}"
            );
            match on {
                OnFault::Fail => Err(Error::connect(text)),
                OnFault::Warn => {
                    tracing::warn!("{text}; the field is left out");
                    Ok(Value::Null)
                }
                OnFault::Skip => Ok(Value::Null),
            }
        })
    }

    /// A row of the binary log as values.
    pub(crate) fn row(&self, cells: &[Cell<'_>], on: OnFault) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(self.converters.len());
        for (at, converter) in self.converters.iter().enumerate() {
            let cell = cells.get(at).unwrap_or(&Cell::Null);
            values.push(self.or_fault(at, converter.convert(cell), on)?);
        }
        Ok(values)
    }

    /// A value that a query gave.
    pub(crate) fn queried(&self, at: usize, bytes: &[u8], on: OnFault) -> Result<Value> {
        let Some(converter) = self.converters.get(at) else { return Ok(Value::Null) };
        self.or_fault(at, converter.convert_queried(bytes), on)
    }

    /// Why rows of the binary log are not of this structure.
    pub(crate) fn misfit(&self, map: &TableMap) -> Option<String> {
        let columns = &self.structure.columns;
        if map.forms.len() != columns.len() {
            return Some(format!(
                "internal schema size {}, but row size {}",
                columns.len(),
                map.forms.len()
            ));
        }
        for (at, (form, column)) in map.forms.iter().zip(columns).enumerate() {
            if !form.fits(column) {
                return Some(format!(
                    "column {} ({}) has values of another type",
                    column.name, column.type_name
                ));
            }
            if map.names.get(at).is_some_and(|name| *name != column.name) {
                return Some(format!("column {} has another name", column.name));
            }
        }
        None
    }
}

impl super::binlog::Form {
    /// Whether values of a column can stand in rows so.
    fn fits(self, column: &super::ddl::Column) -> bool {
        let name = column.type_name.split(' ').next().unwrap_or_default();
        match self {
            Self::Int(size) => match column.jdbc_type {
                jdbc::BOOLEAN => size == 1,
                jdbc::SMALLINT => size == if matches!(name, "TINYINT" | "INT1") { 1 } else { 2 },
                jdbc::INTEGER
                    if name.starts_with("MED") || name.starts_with("MID") || name == "INT3" =>
                {
                    size == 3
                }
                jdbc::INTEGER => size == 4 && name != "YEAR",
                jdbc::BIGINT => size == 8,
                _ => false,
            },
            Self::Float => matches!(column.jdbc_type, jdbc::FLOAT),
            Self::Double => matches!(column.jdbc_type, jdbc::DOUBLE | jdbc::REAL | jdbc::FLOAT),
            Self::Decimal { precision, scale } => {
                let is =
                    |given: Option<i32>, found: usize| given.is_none_or(|n| n as usize == found);
                matches!(column.jdbc_type, jdbc::DECIMAL | jdbc::NUMERIC)
                    && is(column.length, precision)
                    && is(column.scale, scale)
            }
            Self::Bytes(_) => {
                let is_listed = matches!(name, "ENUM" | "SET");
                !is_listed
                    && matches!(
                        column.jdbc_type,
                        jdbc::CHAR
                            | jdbc::VARCHAR
                            | jdbc::NCHAR
                            | jdbc::NVARCHAR
                            | jdbc::BINARY
                            | jdbc::VARBINARY
                            | jdbc::BLOB
                            | jdbc::OTHER
                    )
            }
            Self::Json(_) => name == "JSON",
            Self::Bits(_) => column.jdbc_type == jdbc::BIT,
            Self::Enum(_) => name == "ENUM",
            Self::Set(_) => name == "SET",
            Self::Year => name == "YEAR",
            Self::Date => column.jdbc_type == jdbc::DATE,
            Self::OldTime | Self::Time(_) => column.jdbc_type == jdbc::TIME,
            Self::OldDateTime | Self::DateTime(_) => column.jdbc_type == jdbc::TIMESTAMP,
            Self::OldTimestamp | Self::Timestamp(_) => {
                column.jdbc_type == jdbc::TIMESTAMP_WITH_TIMEZONE
            }
            Self::Null | Self::Unknown(_) => true,
        }
    }
}
