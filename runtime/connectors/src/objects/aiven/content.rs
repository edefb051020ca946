//! What a file of Aiven's connector holds: fields of records, in its format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_api::model::text::sort_as_hash_map;
use gantry_api::model::{MapValue, text::java_string};
use gantry_api::{
    Bytes, Converter, Datum, Error, Kind, Result, Schema, SchemaBuilder, SinkRecord, Str, Struct,
    Value,
};
use gantry_converters::JsonConverter;
use jiff::Timestamp;

use super::super::format::{AvroFile, FileEncoder, Item, Output, ParquetFile, json_converter};
use super::{Config, Field, Format};

/// The content of one open file.
#[derive(Debug)]
pub(super) enum Content {
    Text(Box<TextFile>),
    Rows(Box<RowFile>),
}

impl Content {
    /// A file that begins with a record. `key` is its name.
    pub(super) fn new(config: &Config, record: &SinkRecord, key: &str) -> Result<Self> {
        Ok(match config.format {
            Format::Csv | Format::Json | Format::JsonLines => {
                Self::Text(Box::new(TextFile::new(config)?))
            }
            Format::Avro | Format::Parquet => {
                Self::Rows(Box::new(RowFile::new(config, record, key)?))
            }
        })
    }

    /// Adds a record, or nothing.
    pub(super) fn append(&mut self, config: &Config, record: &SinkRecord) -> Result<()> {
        match self {
            Self::Text(file) => file.append(config, record),
            Self::Rows(file) => file.append(config, record),
        }
    }

    pub(super) fn held(&self) -> usize {
        match self {
            Self::Text(file) => file.output.held(),
            Self::Rows(file) => file.encoder.held(),
        }
    }

    pub(super) fn take(&mut self, bytes: usize) -> Option<Bytes> {
        match self {
            Self::Text(file) => file.output.take(bytes),
            Self::Rows(file) => file.encoder.take(bytes),
        }
    }

    pub(super) fn finish(&mut self) -> Result<Bytes> {
        match self {
            Self::Text(file) => {
                file.output.write(if file.format == Format::Json { b"\n]" } else { b"" })?;
                file.output.finish()
            }
            Self::Rows(file) => file.encoder.finish(),
        }
    }
}

/// Lines, or a list of objects.
pub(super) struct TextFile {
    format: Format,
    /// In the order in which Java writes them.
    fields: Vec<Field>,
    keys: JsonConverter,
    values: JsonConverter,
    headers: JsonConverter,
    line: Vec<u8>,
    is_empty: bool,
    output: Output,
}

impl std::fmt::Debug for TextFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TextFile({:?}, {:?})", self.format, self.output)
    }
}

impl TextFile {
    fn new(config: &Config) -> Result<Self> {
        let mut fields = config.fields.clone();
        if config.format != Format::Csv {
            // Java has them in a HashMap.
            sort_as_hash_map(&mut fields, |field| field.name());
            fields.dedup();
        }
        Ok(Self {
            format: config.format,
            fields,
            keys: json_converter("key", "BASE64")?,
            values: json_converter("value", "BASE64")?,
            headers: json_converter("header", "BASE64")?,
            line: Vec::new(),
            is_empty: true,
            output: Output::new(config.compression)?,
        })
    }

    fn append(&mut self, config: &Config, record: &SinkRecord) -> Result<()> {
        self.line.clear();
        match self.format {
            Format::Csv => self.csv(config.is_base64, record)?,
            _ => self.json(config.has_envelope, record)?,
        }
        let between: &[u8] = match (self.format, self.is_empty) {
            (Format::Json, true) => b"[\n",
            (Format::Json, false) => b",\n",
            (_, true) => b"",
            (_, false) => b"\n",
        };
        self.output.write(between)?;
        self.is_empty = false;
        self.output.write(&self.line)
    }

    fn csv(&mut self, is_base64: bool, record: &SinkRecord) -> Result<()> {
        for (at, field) in self.fields.iter().enumerate() {
            if at > 0 {
                self.line.push(b',');
            }
            match field {
                Field::Key => put_key(&record.record.key, &mut self.line)?,
                Field::Value => put_value(&record.record.value, is_base64, &mut self.line)?,
                Field::Offset => self.line.extend_from_slice(record.offset.to_string().as_bytes()),
                Field::Timestamp => {
                    let text =
                        record.record.timestamp_ms.map_or_else(String::new, |ms| ms.to_string());
                    self.line.extend_from_slice(text.as_bytes());
                }
                Field::Headers => put_headers(record, &mut self.line)?,
            }
        }
        Ok(())
    }

    fn json(&mut self, has_envelope: bool, record: &SinkRecord) -> Result<()> {
        if !has_envelope {
            let field = self.fields.first().copied().unwrap_or(Field::Value);
            return self.node(field, record);
        }
        for at in 0..self.fields.len() {
            let Some(field) = self.fields.get(at).copied() else { break };
            self.line.push(if at == 0 { b'{' } else { b',' });
            self.line.extend_from_slice(format!("\"{}\":", field.name()).as_bytes());
            self.node(field, record)?;
        }
        self.line.push(b'}');
        Ok(())
    }

    fn node(&mut self, field: Field, record: &SinkRecord) -> Result<()> {
        let topic = &record.record.topic;
        match field {
            Field::Key => json(&mut self.keys, topic, &record.record.key, &mut self.line),
            Field::Value => json(&mut self.values, topic, &record.record.value, &mut self.line),
            Field::Offset => {
                self.line.extend_from_slice(record.offset.to_string().as_bytes());
                Ok(())
            }
            Field::Timestamp => {
                let moment =
                    record.record.timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
                let text = moment
                    .map_or_else(|| "null".to_owned(), |moment| format!("\"{}\"", instant(moment)));
                self.line.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Field::Headers => {
                self.line.push(b'[');
                for (at, header) in record.record.headers.iter().enumerate() {
                    self.line.extend_from_slice(if at == 0 { b"{\"key\":" } else { b",{\"key\":" });
                    let name = serde_json::Value::from(&*header.key).to_string();
                    self.line.extend_from_slice(name.as_bytes());
                    self.line.extend_from_slice(b",\"value\":");
                    let found = self.headers.from_connect(topic, &mut Vec::new(), &header.datum)?;
                    self.line.extend_from_slice(found.as_deref().unwrap_or(b"null"));
                    self.line.push(b'}');
                }
                self.line.push(b']');
                Ok(())
            }
        }
    }
}

/// As `DateTimeFormatter.ISO_INSTANT`: milliseconds only where there are any.
fn instant(moment: Timestamp) -> String {
    let text = moment.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    match moment.as_millisecond().rem_euclid(1000) {
        0 => format!("{text}Z"),
        ms => format!("{text}.{ms:03}Z"),
    }
}

fn json(
    converter: &mut JsonConverter,
    topic: &Str,
    datum: &Datum,
    out: &mut Vec<u8>,
) -> Result<()> {
    if datum.value.is_null() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let found = converter.from_connect(topic, &mut Vec::new(), datum)?;
    out.extend_from_slice(found.as_deref().unwrap_or(b"null"));
    Ok(())
}

fn put_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
}

fn put_key(key: &Datum, out: &mut Vec<u8>) -> Result<()> {
    match (&key.schema, &key.value) {
        (None, _) => {
            return Err(Error::data(
                "key schema cannot be null: csv needs ByteArrayConverter or StringConverter",
            ));
        }
        (_, Value::Null) => {}
        (_, Value::Bytes(bytes)) => put_base64(bytes, out),
        (_, Value::String(text)) => put_base64(text.as_bytes(), out),
        (Some(schema), _) => {
            return Err(Error::data(format!(
                "Record key schema type must be BYTES or STRING, {} given",
                schema.kind().type_name()
            )));
        }
    }
    Ok(())
}

fn put_value(value: &Datum, is_base64: bool, out: &mut Vec<u8>) -> Result<()> {
    let given = value.schema.as_ref().map_or("none", |schema| schema.kind().type_name());
    match &value.value {
        Value::Null => {}
        Value::Bytes(bytes) if is_base64 => put_base64(bytes, out),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        _ => {
            return Err(Error::data(format!(
                "Record value schema type must be BYTES, {given} given: csv needs ByteArrayConverter"
            )));
        }
    }
    Ok(())
}

/// Each as base64(name):base64(value); behind each stands a semicolon.
fn put_headers(record: &SinkRecord, out: &mut Vec<u8>) -> Result<()> {
    for header in &record.record.headers {
        put_base64(header.key.as_bytes(), out);
        out.push(b':');
        match &header.datum.value {
            Value::Bytes(bytes) => put_base64(bytes, out),
            other => {
                return Err(Error::data(format!(
                    "ByteArrayConverter is not compatible with objects of type class {}: csv needs \
                     header.converter=org.apache.kafka.connect.converters.ByteArrayConverter",
                    other.java_class().unwrap_or("null")
                )));
            }
        }
        out.push(b';');
    }
    Ok(())
}

/// Structs of a record's fields.
#[derive(Debug)]
pub(super) struct RowFile {
    schema: Schema,
    /// The value itself is the row.
    is_bare: bool,
    encoder: Box<dyn FileEncoder>,
}

impl RowFile {
    fn new(config: &Config, record: &SinkRecord, key: &str) -> Result<Self> {
        let namespace = match config.format {
            Format::Avro => "io.aiven.avro.output.schema.connector_records",
            _ => "io.aiven.parquet.output.schema.connector_records",
        };
        let (schema, is_bare) = row_schema(config, namespace, record)?;
        let encoder = config.avro.encoder(Some(&schema))?;
        let encoder: Box<dyn FileEncoder> = match config.format {
            Format::Avro => {
                Box::new(AvroFile::new(encoder, config.avro_codec, config.compression, key)?)
            }
            _ => Box::new(ParquetFile::new(&schema, encoder.schema(), config.parquet)?),
        };
        Ok(Self { schema, is_bare, encoder })
    }

    fn append(&mut self, config: &Config, record: &SinkRecord) -> Result<()> {
        let topic = &record.record.topic;
        let made;
        let datum = match (
            self.is_bare,
            self.is_bare && matches!(record.record.value.value, Value::Map(_)),
        ) {
            (true, false) => &record.record.value,
            (true, true) => {
                made = Datum::new(
                    self.schema.clone(),
                    entries(&self.schema, &record.record.value.value)?,
                );
                &made
            }
            (false, _) => {
                let mut values = Vec::with_capacity(config.fields.len());
                for field in &config.fields {
                    values.push(part(*field, record)?);
                }
                let row = Struct::from_values(self.schema.clone(), values);
                made = Datum::new(self.schema.clone(), Value::Struct(row.into()));
                &made
            }
        };
        if let Err(error) = self.encoder.stage(Item { topic, datum }) {
            self.encoder.forget();
            return Err(error);
        }
        self.encoder.keep()
    }
}

/// The schema of rows, and whether a row is the value itself.
fn row_schema(config: &Config, name: &str, record: &SinkRecord) -> Result<(Schema, bool)> {
    let without = |what: &str| Error::data(format!("Record {what} without schema"));
    let key = record.record.key.schema.as_ref().ok_or_else(|| without("key"))?;
    let value = record.record.value.schema.as_ref().ok_or_else(|| without("value"))?;
    if !config.has_envelope && config.fields == [Field::Value] {
        match (value.kind(), &record.record.value.value) {
            (Kind::Struct(_), _) => return Ok((value.clone(), true)),
            (Kind::Map { value: of, .. }, Value::Map(map)) => {
                let names =
                    map.entries().iter().map(|(key, _)| (Str::from(java_string(key)), of.clone()));
                let schema =
                    SchemaBuilder::structure(names.collect())?.name(Some(name.into())).build()?;
                return Ok((schema, true));
            }
            _ => {}
        }
    }
    let mut fields: Vec<(Str, Schema)> = Vec::new();
    for field in &config.fields {
        let schema = match field {
            Field::Key => key.clone(),
            Field::Value => value.clone(),
            Field::Offset | Field::Timestamp => Schema::int64(),
            Field::Headers => headers_schema(record)?,
        };
        fields.push((field.name().into(), schema));
    }
    Ok((SchemaBuilder::structure(fields)?.name(Some(name.into())).build()?, false))
}

fn headers_schema(record: &SinkRecord) -> Result<Schema> {
    let first = record.record.headers.first().and_then(|header| header.datum.schema.clone());
    let value = match (record.record.headers.is_empty(), first) {
        (true, _) => Schema::optional_string(),
        (false, Some(schema)) => schema,
        (false, None) => {
            return Err(Error::data("A header without schema: use header.converter with schemas"));
        }
    };
    SchemaBuilder::new(Kind::Map { key: Schema::string(), value }).optional().build()
}

fn part(field: Field, record: &SinkRecord) -> Result<Value> {
    Ok(match field {
        Field::Key => record.record.key.value.clone(),
        Field::Value => record.record.value.value.clone(),
        Field::Offset => Value::Int64(i64::try_from(record.offset).unwrap_or(i64::MAX)),
        Field::Timestamp => {
            let missing = || Error::data("The record has no timestamp");
            Value::Int64(record.record.timestamp_ms.ok_or_else(missing)?)
        }
        Field::Headers => {
            let headers = &record.record.headers;
            let mut map = MapValue::with_capacity(headers.len());
            for header in headers {
                map.insert(Value::str(&header.key), header.datum.value.clone());
            }
            Value::map(map)
        }
    })
}

/// A map as a struct whose fields are those of the file.
fn entries(schema: &Schema, value: &Value) -> Result<Value> {
    let Value::Map(map) = value else { return Ok(value.clone()) };
    let mut row = Struct::new(schema.clone())?;
    for (key, value) in map.entries() {
        row.put(&java_string(key), value.clone())?;
    }
    Ok(Value::Struct(row.into()))
}
