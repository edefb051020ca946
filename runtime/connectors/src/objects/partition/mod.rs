//! Which directory a record goes to.

mod pattern;
mod timestamp;
mod zone;

use std::fmt::Write as _;

use gantry_api::{Datum, Error, Kind, Result, Schema, SinkRecord, Value};

pub(super) use pattern::Pattern;
pub(super) use timestamp::Extractor;
pub(super) use zone::Zone;

/// The classes that `partitioner.class` may name.
#[derive(Debug)]
pub(super) enum Partitioner {
    /// One directory for each queue.
    Default,
    /// By the values of fields.
    Field(Vec<String>),
    /// By time.
    Time(TimePartitioner),
}

/// Time in spans.
#[derive(Debug)]
pub(super) struct TimePartitioner {
    pub(super) span_ms: i64,
    pub(super) pattern: Pattern,
    pub(super) zone: Zone,
    pub(super) extractor: Extractor,
}

/// Where the name of the schema stands in the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affix {
    None,
    Prefix,
    Suffix,
}

/// How the directory of a record is found.
#[derive(Debug)]
pub(super) struct Partitioning {
    pub(super) how: Partitioner,
    pub(super) delimiter: String,
    pub(super) affix: Affix,
    /// Where records without a value go, if they are written.
    pub(super) tombstones: Option<String>,
}

/// The span that was asked for last, and its text.
#[derive(Debug, Default)]
pub(super) struct LastSpan(Option<(i64, String)>);

impl Partitioning {
    /// The time of a record by which files are rotated; none where the time does not matter or is not known.
    pub(super) fn timestamp(&self, record: &SinkRecord, now_ms: i64) -> Result<Option<i64>> {
        let Partitioner::Time(time) = &self.how else { return Ok(None) };
        match self.is_tombstone(record) {
            true => Ok(record.record.timestamp_ms),
            false => time.extractor.extract(record, now_ms),
        }
    }

    fn is_tombstone(&self, record: &SinkRecord) -> bool {
        self.tombstones.is_some() && record.record.value.value.is_null()
    }

    /// Writes the directory of a record, below that of its topic.
    pub(super) fn encode(
        &self,
        record: &SinkRecord,
        timestamp_ms: Option<i64>,
        last: &mut LastSpan,
        out: &mut String,
    ) -> Result<()> {
        out.clear();
        if let (true, Some(place)) = (self.is_tombstone(record), &self.tombstones) {
            out.push_str(place);
            return Ok(());
        }
        if self.affix == Affix::Prefix {
            self.schema_name(record, out);
            out.push_str(&self.delimiter);
        }
        match &self.how {
            Partitioner::Default => {
                // Writing to a text does not fail.
                let _ = write!(out, "partition={}", record.origin.partition);
            }
            Partitioner::Field(fields) => self.fields(fields, record, out)?,
            Partitioner::Time(time) => time.encode(timestamp_ms, last, out)?,
        }
        if self.affix == Affix::Suffix {
            out.push_str(&self.delimiter);
            self.schema_name(record, out);
        }
        Ok(())
    }

    fn schema_name(&self, record: &SinkRecord, out: &mut String) {
        let name = record.record.value.schema.as_ref().and_then(Schema::name);
        out.push_str("schema_name=");
        out.push_str(name.map_or("null", |name| name));
    }

    fn fields(&self, fields: &[String], record: &SinkRecord, out: &mut String) -> Result<()> {
        let value = &record.record.value;
        let (Value::Struct(_), Some(schema)) = (&value.value, &value.schema) else {
            return Err(Error::data(
                "Error encoding partition: FieldPartitioner needs values that are structs, so a converter with schemas",
            ));
        };
        for (at, name) in fields.iter().enumerate() {
            if at > 0 {
                out.push_str(&self.delimiter);
            }
            out.push_str(name);
            out.push('=');
            match nested(schema, &value.value, name)? {
                (_, Value::Null) => out.push_str("null"),
                (_, Value::String(text)) => out.push_str(text),
                (Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Boolean, plain) => {
                    gantry_api::model::text::write_java(plain, out);
                }
                (kind, _) => {
                    return Err(Error::data(format!(
                        "Error encoding partition: field {name} is of type {}, which cannot name a directory",
                        kind.type_name()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// A field of a field: its type, and its value or null.
fn nested<'a>(schema: &'a Schema, value: &'a Value, path: &str) -> Result<(&'a Kind, &'a Value)> {
    let (mut schema, mut value) = (schema, value);
    for name in path.split('.') {
        let Some(field) = schema.field(name) else {
            return Err(Error::data(format!("Field '{path}' is not present in the schema.")));
        };
        value = match value {
            Value::Struct(inner) => inner.get_at(field),
            _ => &Value::Null,
        };
        schema = &field.schema;
    }
    if matches!(value, Value::Date(_) | Value::Decimal(_)) {
        return Err(Error::data(format!(
            "Error encoding partition: field {path} is a date or decimal, which cannot name a directory"
        )));
    }
    Ok((schema.kind(), value))
}

/// The same in maps, which have no schema to say the type.
fn nested_any<'a>(datum: &'a Datum, path: &str) -> Result<(Option<&'a Kind>, &'a Value)> {
    if let (Value::Struct(_), Some(schema)) = (&datum.value, &datum.schema) {
        let (mut schema, mut value) = (schema, &datum.value);
        for name in path.split('.') {
            let missing = || Error::data(format!("The field '{path}' does not exist."));
            let field = schema.field(name).ok_or_else(missing)?;
            let Value::Struct(inner) = value else { return Err(missing()) };
            value = inner.get_at(field);
            schema = &field.schema;
        }
        return Ok((Some(schema.kind()), value));
    }
    let mut value = &datum.value;
    if !matches!(value, Value::Map(_)) {
        return Err(Error::data(format!(
            "Error encoding partition: field {path} cannot be looked for, as the value is neither a struct nor a map"
        )));
    }
    for name in path.split('.') {
        let Value::Map(map) = value else {
            return Err(Error::data(format!("Unable to find nested field '{path}'")));
        };
        value = map
            .get(name)
            .ok_or_else(|| Error::data(format!("Unable to find nested field '{path}'")))?;
    }
    Ok((None, value))
}

impl TimePartitioner {
    fn encode(
        &self,
        timestamp_ms: Option<i64>,
        last: &mut LastSpan,
        out: &mut String,
    ) -> Result<()> {
        let Some(timestamp_ms) = timestamp_ms else {
            return Err(Error::data(format!(
                "Unable to determine timestamp using timestamp.extractor {} for the record",
                self.extractor.name()
            )));
        };
        let local = self.zone.local(timestamp_ms);
        // Towards zero, as Java divides.
        let span = if self.span_ms > 0 { local / self.span_ms * self.span_ms } else { local };
        match &last.0 {
            Some((known, text)) if *known == span => out.push_str(text),
            _ => {
                let shown = self.zone.shown(span)?;
                let begin = out.len();
                self.pattern.format(&shown, out);
                last.0 = Some((span, out[begin..].to_owned()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
