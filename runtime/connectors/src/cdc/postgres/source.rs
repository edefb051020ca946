//! The struct that says where a record is from.

use std::sync::Arc;

use gantry_api::model::{Schema, Struct};
use gantry_api::{Result, Value};

use super::config::{Config, schema};
use super::offset::Position;

/// Where in a snapshot a row stands, as records say it; null is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    First,
    FirstInTable,
    True,
    LastInTable,
    Last,
    Incremental,
}

impl Mark {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::None => "false",
            Self::First => "first",
            Self::FirstInTable => "first_in_data_collection",
            Self::True => "true",
            Self::LastInTable => "last_in_data_collection",
            Self::Last => "last",
            Self::Incremental => "incremental",
        }
    }

    /// The default is not said.
    fn value(self) -> Value {
        if self == Self::None { Value::Null } else { Value::str(self.text()) }
    }
}

/// Makes the struct.
#[derive(Debug)]
pub(super) struct Source {
    schema: Schema,
    name: Value,
    database: Value,
    version: Value,
    connector: Value,
    pub(super) origin: Option<(String, u64)>,
}

impl Source {
    pub(super) fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            schema: schema()?,
            name: Value::str(&config.common.shaping.naming.prefix),
            database: Value::str(&config.access.database),
            version: Value::str(super::super::VERSION),
            connector: Value::str("postgresql"),
            origin: None,
        })
    }

    /// Of a record of that table at that position.
    pub(super) fn make(
        &self,
        position: &Position,
        names: Option<(&Value, &Value)>,
        mark: Mark,
    ) -> Value {
        let us = position.ts_us.unwrap_or_default();
        let decimal = |lsn: Option<u64>| {
            lsn.map_or_else(|| "null".to_owned(), |lsn| format!("\"{}\"", lsn.cast_signed()))
        };
        let sequence = format!("[{},{}]", decimal(position.lsn_commit), decimal(position.lsn));
        let is_plain = mark != Mark::Incremental;
        let number =
            |number: Option<i64>| number.filter(|_| is_plain).map_or(Value::Null, Value::Int64);
        let (schema, table) = match names {
            Some((schema, table)) => (schema.clone(), table.clone()),
            None => (Value::str(""), Value::str("")),
        };
        let (origin, origin_lsn) = match &self.origin {
            Some((name, lsn)) => (Value::str(name), Value::Int64(lsn.cast_signed())),
            None => (Value::Null, Value::Null),
        };
        let values = vec![
            self.version.clone(),
            self.connector.clone(),
            self.name.clone(),
            Value::Int64(us.div_euclid(1000)),
            mark.value(),
            self.database.clone(),
            Value::str(&sequence),
            Value::Int64(us),
            Value::Int64(us.saturating_mul(1000)),
            schema,
            table,
            number(position.tx_id),
            number(position.lsn.map(u64::cast_signed)),
            Value::Null,
            origin,
            origin_lsn,
        ];
        Value::Struct(Arc::new(Struct::from_values(self.schema.clone(), values)))
    }
}
