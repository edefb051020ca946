//! Where a change comes from: the `source` of records.

use std::sync::Arc;

use gantry_api::model::{Schema, Struct};
use gantry_api::{Result, Value};

use super::Flavour;
use super::ddl::TableName;

/// The schema of `source`.
pub(crate) fn source_schema(flavour: Flavour) -> Result<Schema> {
    crate::cdc::table::source_schema(
        &format!("io.debezium.connector.{}.Source", flavour.name()),
        vec![
            ("table".into(), Schema::optional_string()),
            ("server_id".into(), Schema::int64()),
            ("gtid".into(), Schema::optional_string()),
            ("file".into(), Schema::string()),
            ("pos".into(), Schema::int64()),
            ("row".into(), Schema::int32()),
            ("thread".into(), Schema::optional_int64()),
            ("query".into(), Schema::optional_string()),
        ],
    )
}

/// What all records of a connector have.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    schema: Schema,
    version: Value,
    connector: Value,
    name: Value,
}

/// A place in the binary log, as records have it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) micros: i64,
    pub(crate) server_id: i64,
    pub(crate) gtid: Value,
    pub(crate) file: Value,
    pub(crate) position: i64,
    /// The last row that was read, which stays until another one is.
    pub(crate) row: usize,
    pub(crate) thread: Value,
    pub(crate) query: Value,
}

impl Source {
    pub(crate) fn new(flavour: Flavour, prefix: &str) -> Result<Self> {
        Ok(Self {
            schema: source_schema(flavour)?,
            version: Value::str(crate::cdc::VERSION),
            connector: Value::str(flavour.name()),
            name: Value::str(prefix),
        })
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The struct of a change. `snapshot`: what it says of that, nothing while changes are read.
    pub(crate) fn value(
        &self,
        place: &Place,
        snapshot: Option<&str>,
        database: &str,
        table: Option<&str>,
    ) -> Value {
        let values = vec![
            self.version.clone(),
            self.connector.clone(),
            self.name.clone(),
            Value::Int64(place.micros.div_euclid(1000)),
            snapshot.map_or(Value::Null, Value::str),
            Value::str(database),
            Value::Null,
            Value::Int64(place.micros),
            Value::Int64(place.micros.saturating_mul(1000)),
            table.map_or(Value::Null, Value::str),
            Value::Int64(place.server_id),
            place.gtid.clone(),
            place.file.clone(),
            Value::Int64(place.position),
            Value::Int32(i32::try_from(place.row).unwrap_or(i32::MAX)),
            place.thread.clone(),
            place.query.clone(),
        ];
        Value::Struct(Arc::new(Struct::from_values(self.schema.clone(), values)))
    }

    /// The struct of a change of a table.
    pub(crate) fn of_table(
        &self,
        place: &Place,
        snapshot: Option<&str>,
        table: &TableName,
    ) -> Value {
        self.value(place, snapshot, &table.database, Some(&table.table))
    }
}
