//! Documents: values as JSON, written as Kafka Connect's JSON converter writes what Java's connectors have
//! made of them before.

use gantry_api::model::logical::{self, Logical};
use gantry_api::{Error, Kind, Result, Schema, Struct, Value};
use gantry_converters::jackson::{MAX_DEPTH, write};

/// The field of a document's time.
pub(super) const TIMESTAMP: &str = "@timestamp";

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether schemas decide: decimals are numbers, and maps as `compact` says. Else all is as the JSON
    /// converter has it.
    pub(super) by_schema: bool,
    /// Whether entries of maps with text keys are fields.
    pub(super) compact: bool,
}

/// What `@timestamp` becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time<'a> {
    /// What the value says.
    Value,
    /// Milliseconds, in place of what the value says.
    Set(Option<i64>),
    /// Milliseconds, if the value says nothing.
    Default(Option<i64>),
    /// The first of these fields that is there, as text.
    Fields(&'a [String]),
}

/// Appends the JSON of a record's value. What was written before an error is of no use.
pub(super) fn document(
    out: &mut Vec<u8>,
    style: Style,
    schema: Option<&Schema>,
    value: &Value,
    time: Time<'_>,
) -> Result<()> {
    let writer = Writer { style };
    if matches!(time, Time::Value) {
        return writer.value(out, schema, value, 0);
    }
    if !has_fields(style, schema, value) {
        return Err(Error::data(format!(
            "A document of a data stream must be a JSON object, and the value is {}",
            value.java_class().unwrap_or("null")
        )));
    }
    let field = |name: &str| match value {
        Value::Struct(inner) => inner.schema().field(name).is_some(),
        Value::Map(map) => map.get(name).is_some(),
        _ => false,
    };
    let start = out.len();
    match time {
        Time::Default(_) if field(TIMESTAMP) => writer.value(out, schema, value, 0),
        Time::Default(None) => Err(Error::data("Record timestamp hasn't been set")),
        Time::Set(ms) | Time::Default(ms) => {
            writer.fields(out, schema, value, Some(TIMESTAMP))?;
            begin_time(out, start);
            match ms {
                Some(ms) => write::integer(out, ms),
                None => out.extend_from_slice(b"null"),
            }
            out.push(b'}');
            Ok(())
        }
        Time::Fields(names) => match names.iter().find(|name| field(name)) {
            None => writer.value(out, schema, value, 0),
            Some(name) => {
                writer.fields(out, schema, value, Some(TIMESTAMP))?;
                begin_time(out, start);
                writer.text_of(out, schema, value, name)?;
                out.push(b'}');
                Ok(())
            }
        },
        Time::Value => Ok(()),
    }
}

/// Whether a value is written as an object of its fields.
fn has_fields(style: Style, schema: Option<&Schema>, value: &Value) -> bool {
    match value {
        Value::Struct(_) => true,
        Value::Map(map) => match schema.map(Schema::kind) {
            Some(Kind::Map { key, .. }) => {
                *key.kind() == Kind::String && (style.compact || !style.by_schema)
            }
            _ => map.entries().iter().all(|(key, _)| matches!(key, Value::String(_))),
        },
        _ => false,
    }
}

/// Opens the object again that begins at `start`, for one more field.
fn begin_time(out: &mut Vec<u8>, start: usize) {
    out.pop();
    if out.len() > start + 1 {
        out.push(b',');
    }
    out.extend_from_slice(b"\"@timestamp\":");
}

#[derive(Clone, Copy)]
struct Writer {
    style: Style,
}

impl Writer {
    fn value(
        self,
        out: &mut Vec<u8>,
        schema: Option<&Schema>,
        value: &Value,
        depth: usize,
    ) -> Result<()> {
        let Some(schema) = schema else { return self.schemaless(out, value, depth) };
        if value.is_null() {
            return match schema.default_value() {
                Some(default) if !default.is_null() => {
                    self.value(out, Some(schema), default, depth)
                }
                _ if schema.is_optional() => {
                    out.extend_from_slice(b"null");
                    Ok(())
                }
                _ => Err(Error::data(
                    "null value for field that is required and has no default value",
                )),
            };
        }
        match schema.name().and_then(|_| Logical::of(schema)) {
            Some(logical) => self.logical(out, logical, schema, value),
            None => self.by_kind(out, schema, value, depth),
        }
    }

    fn by_kind(
        self,
        out: &mut Vec<u8>,
        schema: &Schema,
        value: &Value,
        depth: usize,
    ) -> Result<()> {
        match (schema.kind(), value) {
            (Kind::Int8, Value::Int8(n)) => write::integer(out, *n),
            (Kind::Int16, Value::Int16(n)) => write::integer(out, *n),
            (Kind::Int32, Value::Int32(n)) => write::integer(out, *n),
            (Kind::Int64, Value::Int64(n)) => write::integer(out, *n),
            (Kind::Float32, Value::Float32(n)) => write::float(out, *n),
            (Kind::Float64, Value::Float64(n)) => write::double(out, *n),
            (Kind::Boolean, Value::Boolean(value)) => boolean(out, *value),
            (Kind::String, Value::String(text)) => write::string(out, text),
            (Kind::Bytes, Value::Bytes(bytes)) => write::bytes(out, bytes),
            (Kind::Array(element), Value::Array(list)) => {
                return self.array(out, present(element), list, depth);
            }
            (Kind::Map { key, value: inner }, Value::Map(map)) => {
                return self.map(out, Some((key, inner)), map, depth, None);
            }
            (Kind::Struct(_), Value::Struct(inner)) => {
                return self.structure(out, schema, inner, depth, None);
            }
            (kind, other) => {
                return Err(Error::data(format!(
                    "Invalid type for {}: class {}",
                    kind.type_name(),
                    other.java_class().unwrap_or("null")
                )));
            }
        }
        Ok(())
    }

    fn schemaless(self, out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<()> {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Boolean(value) => boolean(out, *value),
            Value::Int8(n) => write::integer(out, *n),
            Value::Int16(n) => write::integer(out, *n),
            Value::Int32(n) => write::integer(out, *n),
            Value::Int64(n) => write::integer(out, *n),
            Value::Float32(n) => write::float(out, *n),
            Value::Float64(n) => write::double(out, *n),
            Value::String(text) => write::string(out, text),
            Value::Bytes(bytes) => write::bytes(out, bytes),
            Value::Array(list) => return self.array(out, None, list, depth),
            Value::Map(map) => return self.map(out, None, map, depth, None),
            Value::Struct(inner) => {
                return self.structure(out, inner.schema(), inner, depth, None);
            }
            Value::Decimal(_) | Value::BigInteger(_) | Value::Date(_) => {
                return Err(Error::data(format!(
                    "Java class class {} does not have corresponding schema type.",
                    value.java_class().unwrap_or("null")
                )));
            }
        }
        Ok(())
    }

    fn array(
        self,
        out: &mut Vec<u8>,
        element: Option<&Schema>,
        list: &[Value],
        depth: usize,
    ) -> Result<()> {
        let depth = deeper(depth)?;
        out.push(b'[');
        for (at, value) in list.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.value(out, element, value, depth)?;
        }
        out.push(b']');
        Ok(())
    }

    /// `without` is a field that is left out.
    fn map(
        self,
        out: &mut Vec<u8>,
        schemas: Option<(&Schema, &Schema)>,
        map: &gantry_api::model::MapValue,
        depth: usize,
        without: Option<&str>,
    ) -> Result<()> {
        let depth = deeper(depth)?;
        let (key_schema, value_schema) = schemas.unzip();
        let texts = match key_schema {
            Some(key) => *key.kind() == Kind::String,
            None => map.entries().iter().all(|(key, _)| matches!(key, Value::String(_))),
        };
        let (key_schema, value_schema) =
            (key_schema.and_then(present), value_schema.and_then(present));
        // Without a schema nothing is made of maps before the JSON converter has them.
        let pairs = schemas.is_some() && self.style.by_schema;
        let objects = texts && (!pairs || self.style.compact);
        out.push(if objects { b'{' } else { b'[' });
        let mut first = true;
        for (key, value) in map.entries() {
            if without.is_some() && key.as_str() == without {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            if objects {
                self.name(out, key_schema, key, depth)?;
                out.push(b':');
                self.value(out, value_schema, value, depth)?;
                continue;
            }
            let (open, middle, close): (&[u8], &[u8], u8) = match pairs {
                true => (b"{\"key\":", b",\"value\":", b'}'),
                false => (b"[", b",", b']'),
            };
            out.extend_from_slice(open);
            self.value(out, key_schema, key, depth)?;
            out.extend_from_slice(middle);
            self.value(out, value_schema, value, depth)?;
            out.push(close);
        }
        out.push(if objects { b'}' } else { b']' });
        Ok(())
    }

    /// A key as the name of a field.
    fn name(
        self,
        out: &mut Vec<u8>,
        schema: Option<&Schema>,
        key: &Value,
        depth: usize,
    ) -> Result<()> {
        if let Value::String(text) = key {
            write::string(out, text);
            return Ok(());
        }
        let start = out.len();
        self.value(out, schema, key, depth)?;
        if out.get(start) != Some(&b'"') {
            out.insert(start, b'"');
            out.push(b'"');
        }
        Ok(())
    }

    fn structure(
        self,
        out: &mut Vec<u8>,
        schema: &Schema,
        inner: &Struct,
        depth: usize,
        without: Option<&str>,
    ) -> Result<()> {
        let depth = deeper(depth)?;
        let fields = match schema.fields() {
            Some(fields) if inner.schema() == schema => fields,
            _ => return Err(Error::data("Mismatching schema.")),
        };
        out.push(b'{');
        let mut first = true;
        for (field, value) in fields.list().iter().zip(inner.values()) {
            if without.is_some_and(|name| *field.name == *name) {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write::string(out, &field.name);
            out.push(b':');
            self.value(out, Some(&field.schema), value, depth)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn logical(
        self,
        out: &mut Vec<u8>,
        logical: Logical,
        schema: &Schema,
        value: &Value,
    ) -> Result<()> {
        match (logical, value) {
            (Logical::Decimal, Value::Decimal(decimal)) => match self.style.by_schema {
                true => write::double(out, decimal.double_value()),
                false => write::bytes(out, &logical::decimal_from_logical(schema, decimal)?),
            },
            (logical, other) => write::date(out, logical, schema, other)?,
        }
        Ok(())
    }

    /// An object of the value's fields but one.
    fn fields(
        self,
        out: &mut Vec<u8>,
        schema: Option<&Schema>,
        value: &Value,
        without: Option<&str>,
    ) -> Result<()> {
        match value {
            Value::Struct(inner) => {
                self.structure(out, schema.unwrap_or_else(|| inner.schema()), inner, 0, without)
            }
            Value::Map(map) => {
                let schemas = match schema.map(Schema::kind) {
                    Some(Kind::Map { key, value }) => Some((key, value)),
                    _ => None,
                };
                self.map(out, schemas, map, 0, without)
            }
            other => self.value(out, schema, other, 0),
        }
    }

    /// A field as text, as Jackson's `asText` gives it.
    fn text_of(
        self,
        out: &mut Vec<u8>,
        schema: Option<&Schema>,
        value: &Value,
        name: &str,
    ) -> Result<()> {
        let mut text = Vec::new();
        match value {
            Value::Struct(inner) => {
                if let Some(field) = inner.schema().field(name) {
                    let raw = inner.values().get(field.index).unwrap_or(&Value::Null);
                    self.value(&mut text, Some(&field.schema), raw, 0)?;
                }
            }
            Value::Map(map) => {
                let inner = match schema.map(Schema::kind) {
                    Some(Kind::Map { value, .. }) => present(value),
                    _ => None,
                };
                self.value(&mut text, inner, map.get(name).unwrap_or(&Value::Null), 0)?;
            }
            _ => {}
        }
        match text.first() {
            Some(b'"') => out.extend_from_slice(&text),
            Some(b'{' | b'[') | None => out.extend_from_slice(b"\"\""),
            Some(_) => {
                out.push(b'"');
                out.extend_from_slice(&text);
                out.push(b'"');
            }
        }
        Ok(())
    }
}

fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// A schema that is one.
fn present(schema: &Schema) -> Option<&Schema> {
    (!schema.is_absent()).then_some(schema)
}

fn deeper(depth: usize) -> Result<usize> {
    if depth >= MAX_DEPTH {
        return Err(Error::data(format!("The value is nested more than {MAX_DEPTH} levels deep")));
    }
    Ok(depth + 1)
}

#[cfg(test)]
mod tests {
    use gantry_api::SchemaBuilder;
    use gantry_api::model::Decimal;
    use gantry_api::model::{MapValue, logical};

    use super::*;

    const BY_SCHEMA: Style = Style { by_schema: true, compact: true };

    fn written(style: Style, schema: Option<&Schema>, value: &Value, time: Time<'_>) -> String {
        let mut out = b"x".to_vec();
        document(&mut out, style, schema, value, time).unwrap();
        String::from_utf8(out).unwrap()[1..].to_owned()
    }

    fn map(entries: Vec<(Value, Value)>) -> Value {
        Value::map(MapValue::from_entries(entries))
    }

    fn map_schema(key: Schema) -> Schema {
        let value = Schema::int32();
        SchemaBuilder::new(Kind::Map { key, value }).build_plain()
    }

    #[test]
    fn maps_are_fields_or_pairs() {
        let texts =
            map(vec![(Value::str("a"), Value::Int32(1)), (Value::str("b"), Value::Int32(2))]);
        let numbers = map(vec![(Value::Int32(7), Value::Int32(1))]);
        let (by_text, by_number) = (map_schema(Schema::string()), map_schema(Schema::int32()));
        let pairs = Style { by_schema: true, compact: false };
        let plain = Style { by_schema: false, compact: true };
        for (style, schema, value, expected) in [
            (BY_SCHEMA, Some(&by_text), &texts, r#"{"a":1,"b":2}"#),
            (pairs, Some(&by_text), &texts, r#"[{"key":"a","value":1},{"key":"b","value":2}]"#),
            (BY_SCHEMA, Some(&by_number), &numbers, r#"[{"key":7,"value":1}]"#),
            (plain, Some(&by_number), &numbers, "[[7,1]]"),
            (pairs, None, &texts, r#"{"a":1,"b":2}"#),
            (pairs, None, &numbers, "[[7,1]]"),
        ] {
            assert_eq!(
                written(style, schema, value, Time::Value),
                expected,
                "{style:?} {schema:?}"
            );
        }
    }

    #[test]
    fn logical_types_and_defaults_are_written_as_java_does() {
        let fields = vec![
            ("d".into(), logical::decimal(2).build_plain()),
            ("t".into(), logical::timestamp().build_plain()),
            ("o".into(), Schema::optional_int32()),
            (
                "n".into(),
                SchemaBuilder::new(Kind::Int32).default_value(Some(Value::Int32(9))).build_plain(),
            ),
            ("b".into(), Schema::bytes()),
        ];
        let schema = SchemaBuilder::structure(fields).unwrap().build_plain();
        let decimal = Decimal { unscaled: 1234.into(), scale: 2 };
        let values = vec![
            Value::Decimal(decimal.into()),
            Value::Date(1_700_000_000_000),
            Value::Null,
            Value::Null,
            Value::Bytes(vec![1, 2].into()),
        ];
        let value = Value::Struct(Struct::from_values(schema.clone(), values).into());
        assert_eq!(
            written(BY_SCHEMA, Some(&schema), &value, Time::Value),
            r#"{"d":12.34,"t":1700000000000,"o":null,"n":9,"b":"AQI="}"#
        );
        let plain = Style { by_schema: false, compact: true };
        assert_eq!(
            written(plain, Some(&schema), &value, Time::Value),
            r#"{"d":"BNI=","t":1700000000000,"o":null,"n":9,"b":"AQI="}"#
        );
    }

    #[test]
    fn required_fields_without_a_value_are_errors() {
        let schema =
            SchemaBuilder::structure(vec![("a".into(), Schema::int32())]).unwrap().build_plain();
        let value = Value::Struct(Struct::from_values(schema.clone(), vec![Value::Null]).into());
        let error = document(&mut Vec::new(), BY_SCHEMA, Some(&schema), &value, Time::Value);
        let expected = "null value for field that is required and has no default value";
        assert_eq!(error.unwrap_err().message(), expected);
    }

    #[test]
    fn times_stand_where_they_are_asked_for() {
        let fields = ["at".to_owned(), "when".to_owned()];
        let (empty, own) = (map(vec![]), map(vec![(Value::str("@timestamp"), Value::Int64(1))]));
        let other =
            map(vec![(Value::str("when"), Value::Int64(5)), (Value::str("at"), Value::str("x"))]);
        for (value, time, expected) in [
            (&empty, Time::Set(Some(7)), r#"{"@timestamp":7}"#),
            (&empty, Time::Set(None), r#"{"@timestamp":null}"#),
            (&own, Time::Set(Some(7)), r#"{"@timestamp":7}"#),
            (&own, Time::Default(Some(7)), r#"{"@timestamp":1}"#),
            (&empty, Time::Default(Some(7)), r#"{"@timestamp":7}"#),
            (&empty, Time::Fields(&fields), "{}"),
            (&other, Time::Fields(&fields), r#"{"when":5,"at":"x","@timestamp":"x"}"#),
            (&other, Time::Fields(&fields[1..]), r#"{"when":5,"at":"x","@timestamp":"5"}"#),
        ] {
            assert_eq!(written(BY_SCHEMA, None, value, time), expected, "{time:?}");
        }
        let none = document(&mut Vec::new(), BY_SCHEMA, None, &empty, Time::Default(None));
        assert_eq!(none.unwrap_err().message(), "Record timestamp hasn't been set");
        let text = Value::str("x");
        document(&mut Vec::new(), BY_SCHEMA, None, &text, Time::Set(Some(1))).unwrap_err();
    }
}
