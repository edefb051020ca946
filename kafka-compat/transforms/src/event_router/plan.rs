//! Where the parts of a message are in the events of one schema, worked out once.

use std::sync::Arc;

use gantry_model::schema::Field;
use gantry_model::{Datum, Error, Kind, Result, Schema, Str, Struct, Value};

use super::config::{Placement, Settings};
use crate::support::{struct_ref, struct_values};

const AFTER: &str = "after";
const ORACLE: &str = "io.debezium.connector.oracle.Source";
/// What a time of each schema is divided by to give milliseconds.
const TIMES: [(&str, i64); 3] = [
    ("io.debezium.time.Timestamp", 1),
    ("io.debezium.time.MicroTimestamp", 1_000),
    ("io.debezium.time.NanoTimestamp", 1_000_000),
];

pub(super) struct Plan {
    after: Field,
    /// The schema of the rows.
    pub(super) row: Schema,
    /// Where the event says when it was handled; an error once it is asked for.
    came: Result<usize>,
    /// Whether rows say when they were made.
    timestamp: Option<(usize, i64)>,
    pub(super) id: Slot,
    pub(super) key: Slot,
    pub(super) payload: Slot,
    pub(super) route: Slot,
    pub(super) version: Option<Slot>,
    pub(super) extras: Vec<(Placement, Str, Slot)>,
}

/// A field of the rows.
pub(super) struct Slot {
    index: usize,
    pub(super) schema: Schema,
}

/// Checks that an event has a row after its change.
pub(super) fn check_row(event: &Struct) -> Result<()> {
    let after = after(event.schema())?;
    struct_ref(event.get_at(after), "Read Outbox Event").map(drop)
}

fn after(event: &Schema) -> Result<&Field> {
    event.field(AFTER).ok_or_else(|| {
        Error::java("java.lang.IllegalArgumentException", format!("Unknown field: {AFTER}"))
    })
}

impl Plan {
    pub(super) fn of(settings: &Settings, event: &Schema) -> Result<Self> {
        let after = after(event)?.clone();
        let row = &after.schema;
        let source = event.field("source").and_then(|source| source.schema.name());
        let is_oracle = source.is_some_and(|name| **name == *ORACLE);
        let names = if is_oracle { &settings.oracle_names } else { &settings.names };
        let payload = found(row, &names.payload, "payload")?;
        let came = Slot::typed(event, "ts_ms", &Kind::Int64).map(|slot| slot.index);
        let timestamp = names.timestamp.as_ref().map(|name| time_field(row, name)).transpose()?;
        let id = Slot::of(row, &names.id)?;
        let mut extras = Vec::with_capacity(settings.extras.len());
        for extra in &settings.extras {
            let slot = match (row.field(&extra.field), extra.placement) {
                (None, _) if settings.skips_missing => continue,
                (None, Placement::Envelope) => {
                    let text = format!("Unable to find field {} in event", extra.field);
                    return Err(Error::connect(text));
                }
                (_, Placement::Partition) => Slot::typed(row, &extra.field, &Kind::Int32)?,
                _ => Slot::of(row, &extra.field)?,
            };
            extras.push((extra.placement, Str::clone(&extra.alias), slot));
        }
        let version = settings.version.as_ref().filter(|_| !settings.is_payload_only);
        Ok(Self {
            row: row.clone(),
            came,
            timestamp,
            id,
            payload,
            extras,
            key: Slot::of(row, &names.key)?,
            route: Slot::typed(row, &names.route, &Kind::String)?,
            version: version.map(|name| Slot::typed(row, name, &Kind::Int32)).transpose()?,
            after,
        })
    }

    /// The row of an event, taken if nobody else holds it.
    pub(super) fn row(&self, event: Arc<Struct>) -> Vec<Value> {
        let row = match Arc::try_unwrap(event) {
            Ok(owned) => {
                let mut values = owned.into_values();
                values.get_mut(self.after.index).map(std::mem::take).unwrap_or_default()
            }
            Err(shared) => shared.get_at(&self.after).clone(),
        };
        match row {
            Value::Struct(row) => struct_values(row),
            // The default of the field.
            _ => match self.after.schema.default_value() {
                Some(Value::Struct(row)) => row.values().to_vec(),
                _ => Vec::new(),
            },
        }
    }

    /// When the event was handled.
    pub(super) fn came_ms(&self, event: &[Value]) -> Result<Option<i64>> {
        match (&self.came, self.timestamp) {
            (Ok(index), _) => Ok(int64(event, *index)),
            (Err(_), Some(_)) => Ok(None),
            (Err(error), None) => Err(error.clone()),
        }
    }

    /// When the row says it was made.
    pub(super) fn timestamp_ms(&self, row: &[Value]) -> Option<i64> {
        let (index, divisor) = self.timestamp?;
        int64(row, index).map(|time| time / divisor)
    }
}

fn int64(values: &[Value], index: usize) -> Option<i64> {
    match values.get(index) {
        Some(Value::Int64(number)) => Some(*number),
        _ => None,
    }
}

fn found(row: &Schema, name: &str, what: &str) -> Result<Slot> {
    let missing = || Error::connect(format!("Unable to find {what} field {name} in event"));
    let field = row.field(name).ok_or_else(missing)?;
    Ok(Slot { index: field.index, schema: field.schema.clone() })
}

fn time_field(row: &Schema, name: &str) -> Result<(usize, i64)> {
    found(row, name, "timestamp")?;
    let slot = Slot::typed(row, name, &Kind::Int64)?;
    let Some(of) = slot.schema.name() else {
        return Err(Error::connect(
            "Unsupported field type INT64 (without logical schema name) for event timestamp",
        ));
    };
    let known = TIMES.iter().find(|(time, _)| **of == **time);
    let (_, divisor) = known.ok_or_else(|| {
        Error::connect(format!("Unsupported field type {of} for event timestamp"))
    })?;
    Ok((slot.index, *divisor))
}

impl Slot {
    fn of(row: &Schema, name: &str) -> Result<Self> {
        let field = row
            .field(name)
            .ok_or_else(|| Error::data(format!("{name} is not a valid field name")))?;
        Ok(Self { index: field.index, schema: field.schema.clone() })
    }

    fn typed(row: &Schema, name: &str, kind: &Kind) -> Result<Self> {
        let slot = Self::of(row, name)?;
        if slot.schema.kind() != kind {
            let of = kind.type_name();
            return Err(Error::data(format!("Field '{name}' is not of type {of}")));
        }
        Ok(slot)
    }

    /// The value in a row, the default in place of null.
    pub(super) fn value(&self, row: &[Value]) -> Value {
        match row.get(self.index) {
            None | Some(Value::Null) => self.default(),
            Some(value) => value.clone(),
        }
    }

    fn default(&self) -> Value {
        self.schema.default_value().cloned().unwrap_or_default()
    }

    pub(super) fn datum(&self, row: &[Value]) -> Datum {
        Datum::new(self.schema.clone(), self.value(row))
    }

    /// The same, taken out of the row.
    pub(super) fn take(&self, row: &mut [Value]) -> Datum {
        let value = match row.get_mut(self.index) {
            None | Some(Value::Null) => self.default(),
            Some(value) => std::mem::take(value),
        };
        Datum::new(self.schema.clone(), value)
    }

    /// The text in a row; a default does not count.
    pub(super) fn text<'a>(&self, row: &'a [Value]) -> Option<&'a str> {
        row.get(self.index).and_then(Value::as_str)
    }

    /// The number in a row; a default does not count.
    pub(super) fn int32(&self, row: &[Value]) -> Option<i32> {
        match row.get(self.index) {
            Some(Value::Int32(number)) => Some(*number),
            _ => None,
        }
    }
}
