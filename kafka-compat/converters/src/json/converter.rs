//! The converter: envelopes, and the schemas it remembers.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Datum, Error, ErrorKind, RecordHeader, Result, Schema, Value};

use super::cache::Cache;
use super::config::Settings;
use super::convert::Convert;
use super::direct::Direct;
use super::encode::Encode;
use super::input::Input;
use super::names::Names;
use super::node::{Node, Nodes};
use super::plain::Plain;
use super::reader::{Parsed, Reader, Skip, SyntaxError};
use super::schema_in::SchemaReader;
use super::schema_out;
use crate::output::Output;

const SCHEMA: &str = "schema";
const PAYLOAD: &str = "payload";
const NO_ENVELOPE: &str = "JsonConverter with schemas.enable requires \"schema\" and \"payload\" \
    fields and may not contain additional fields. If you are trying to deserialize plain JSON \
    data, set schemas.enable=false in your converter configuration.";

/// No more room than this is made for the fields of a document before it is read.
const MAX_FIELDS_EXPECTED: usize = 256;

/// Kafka Connect's `JsonConverter`. Long strings that it reads are slices of the record; records
/// that it writes share memory blocks.
#[derive(Debug)]
pub struct JsonConverter {
    settings: Settings,
    encode: Encode,
    /// The schema of all documents (`schema.content`).
    fixed: Option<Schema>,
    output: Output,
    written: Written,
    read: Read,
    /// How many fields the last document had: the next one mostly has as many.
    fields_expected: usize,
    names: Names,
}

/// Envelopes up to their payload, by schema.
#[derive(Debug)]
struct Written {
    last: Option<(Schema, Arc<[u8]>)>,
    cache: Cache<SchemaKey, Arc<[u8]>>,
}

/// Schemas by their text.
#[derive(Debug)]
struct Read {
    last: Option<(ByteString, Schema)>,
    cache: Cache<ByteString, (ByteString, Schema)>,
}

#[derive(Debug, PartialEq)]
struct SchemaKey(Schema);

impl Eq for SchemaKey {}

impl Hash for SchemaKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.fingerprint());
    }
}

impl JsonConverter {
    /// A converter with these properties. `ConfigException` for a bad value, `DataException` for
    /// a bad schema in `schema.content`.
    pub fn new(props: &Props) -> Result<Self> {
        let settings = Settings::new(props)?;
        let mut converter = Self {
            encode: Encode::new(settings.decimal_format, settings.replace_null_with_default),
            fixed: None,
            output: Output::default(),
            written: Written { last: None, cache: Cache::new(settings.cache_size) },
            read: Read { last: None, cache: Cache::new(settings.cache_size) },
            fields_expected: 0,
            names: Names::default(),
            settings,
        };
        if let Some(content) = converter.settings.schema_content.take() {
            let text = ByteString::from(content);
            let node = Reader::new(&text, false).root(&Nodes).map_err(|error| {
                Error::data(
                    "Failed to parse schema in converter config due to serialization error: ",
                )
                .caused_by(serialization(&error, &text))
            })?;
            converter.fixed =
                converter.schema_reader(&text).read(&node.unwrap_or(Node::Missing))?;
        }
        Ok(converter)
    }

    /// A schema in the form in which envelopes hold it. Fails if its default cannot be written.
    pub fn schema_json(&mut self, schema: &Schema) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        schema_out::schema(&mut out, &mut self.encode, schema, None)?;
        Ok(out)
    }

    fn schema_reader<'s>(&self, source: &'s ByteString) -> SchemaReader<'s> {
        let replace_null_with_default = self.settings.replace_null_with_default;
        SchemaReader { source, replace_null_with_default }
    }

    /// A document that is the payload alone.
    fn read_plain(&mut self, input: &Input) -> Result<Datum> {
        let source = &input.text;
        let plain = Plain::new(source, self.fields_expected, &mut self.names);
        let value = Reader::new(source, input.broken)
            .root_by(|reader| plain.value(reader))
            .map_err(|error| not_json(&error, source))?
            .unwrap_or_default();
        if let Value::Map(map) = &value {
            // A few more, as transformations add some.
            self.fields_expected = (map.len() + map.len() / 4 + 1).min(MAX_FIELDS_EXPECTED);
        }
        Ok(Datum::schemaless(value))
    }

    /// A payload of the schema in `schema.content`.
    fn read_fixed(&self, schema: &Schema, input: &Input) -> Result<Datum> {
        let source = &input.text;
        let mut reader = Reader::new(source, input.broken);
        let replace_null_with_default = self.settings.replace_null_with_default;
        let direct =
            Direct { reader: &mut reader, source, replace_null_with_default }.value(schema);
        let behind = source.as_bytes().get(reader.at());
        // A number is not over where the text goes on or is cut off; the long way knows.
        if let Some(value) = direct
            && !input.broken
            && behind.is_none_or(|b| b" \t\r\n".contains(b))
        {
            return Ok(Datum::new(schema.clone(), value));
        }
        let node = Reader::new(source, input.broken)
            .root(&Nodes)
            .map_err(|error| not_json(&error, source))?
            .unwrap_or(Node::Missing);
        Ok(Datum::new(schema.clone(), self.convert(source, Some(schema), &node)?))
    }

    /// A document with schema and payload.
    fn read_envelope(&mut self, input: &Input) -> Result<Datum> {
        if let Some(datum) = self.read_usual_envelope(input) {
            return Ok(datum);
        }
        let source = &input.text;
        let envelope = Envelope::find(source, input.broken)
            .map_err(|error| not_json(&error, source))?
            .ok_or_else(|| Error::data(NO_ENVELOPE))?;
        let schema = self.schema_of(envelope.schema)?;
        let mut reader = Reader::new(envelope.payload, false);
        if let Some(value) = self.direct(&mut reader, source, schema.as_ref()) {
            return Ok(Datum { schema, value });
        }
        let node = Reader::new(envelope.payload, false)
            .root(&Nodes)
            .map_err(|error| not_json(&error, source))?
            .unwrap_or(Node::Missing);
        let value = self.convert(source, schema.as_ref(), &node)?;
        Ok(Datum { schema, value })
    }

    /// An envelope whose payload fits its schema. The schema is read once, the payload too if it
    /// comes second, as this converter writes it.
    fn read_usual_envelope(&mut self, input: &Input) -> Option<Datum> {
        let source = &input.text;
        let mut reader = Reader::new(source, input.broken);
        if reader.token().ok()? != b'{' || !reader.open_object().ok()? {
            return None;
        }
        let first = reader.name().ok()?;
        let mut payload = None;
        if first == PAYLOAD {
            reader.token().ok()?;
            let start = reader.at();
            reader.value(&Skip).ok()?;
            payload = Some(reader.since(start));
            if !reader.next_field().ok()? || reader.name().ok()? != SCHEMA {
                return None;
            }
        } else if first != SCHEMA {
            return None;
        }
        let schema = self.schema_at(&mut reader)?;
        let value = match payload {
            Some(payload) => {
                self.direct(&mut Reader::new(payload, false), source, schema.as_ref())?
            }
            None if !reader.next_field().ok()? || reader.name().ok()? != PAYLOAD => return None,
            None => self.direct(&mut reader, source, schema.as_ref())?,
        };
        (!reader.next_field().ok()?).then_some(Datum { schema, value })
    }

    /// The schema whose text stands at the reader, mostly that of the document before.
    fn schema_at(&mut self, reader: &mut Reader<'_>) -> Option<Option<Schema>> {
        reader.token().ok()?;
        match &self.read.last {
            Some((text, schema)) if reader.skip_known(text) => Some(Some(schema.clone())),
            _ => {
                let start = reader.at();
                reader.value(&Skip).ok()?;
                self.schema_of(reader.since(start)).ok()
            }
        }
    }

    fn direct<'a>(
        &mut self,
        reader: &mut Reader<'a>,
        source: &'a ByteString,
        schema: Option<&Schema>,
    ) -> Option<Value> {
        let replace_null_with_default = self.settings.replace_null_with_default;
        match schema {
            Some(schema) => Direct { reader, source, replace_null_with_default }.value(schema),
            None => Plain::new(source, 0, &mut self.names).value(reader).ok(),
        }
    }

    fn convert(
        &self,
        source: &ByteString,
        schema: Option<&Schema>,
        node: &Node<'_>,
    ) -> Result<Value> {
        Convert::new(source, self.settings.replace_null_with_default).value(schema, Some(node))
    }

    /// The schema of its text, which is a well-formed JSON value.
    fn schema_of(&mut self, text: &str) -> Result<Option<Schema>> {
        if let Some((text, schema)) = self.read.cache.get(text) {
            self.read.last = Some((text.clone(), schema.clone()));
            return Ok(Some(schema.clone()));
        }
        // The schema outlives the record: its defaults must be slices of something smaller.
        let text = ByteString::from(text);
        let node = Reader::new(&text, false)
            .root(&Nodes)
            .map_err(|error| not_json(&error, &text))?
            .unwrap_or(Node::Missing);
        let schema = self.schema_reader(&text).read(&node)?;
        if let Some(schema) = &schema
            && self.settings.cache_size > 0
        {
            let known = (text.clone(), schema.clone());
            self.read.last = Some(known.clone());
            self.read.cache.insert(text.clone(), known);
        }
        Ok(schema)
    }

    fn write(&mut self, datum: &Datum) -> Result<Bytes> {
        let schema = datum.schema.as_ref();
        if !self.settings.schemas_enable {
            let out = self.output.begin();
            self.encode.value(out, schema, &datum.value, 0)?;
            return Ok(self.output.finish());
        }
        let out = self.output.begin();
        match schema {
            None => out.extend_from_slice(b"{\"schema\":null,\"payload\":"),
            Some(schema) => out.extend_from_slice(self.written.head(&mut self.encode, schema)?),
        }
        // The envelope is one level.
        self.encode.value(out, schema, &datum.value, 1)?;
        out.push(b'}');
        Ok(self.output.finish())
    }
}

impl Written {
    /// `{"schema":…,"payload":`
    fn head(&mut self, encode: &mut Encode, schema: &Schema) -> Result<&[u8]> {
        let known = matches!(&self.last, Some((last, _)) if last.same(schema));
        if !known {
            let key = SchemaKey(schema.clone());
            let head = match self.cache.get(&key) {
                Some(head) => Arc::clone(head),
                None => {
                    let mut out = b"{\"schema\":".to_vec();
                    schema_out::schema(&mut out, encode, schema, None)?;
                    out.extend_from_slice(b",\"payload\":");
                    let head: Arc<[u8]> = out.into();
                    self.cache.insert(key, Arc::clone(&head));
                    head
                }
            };
            self.last = Some((schema.clone(), head));
        }
        Ok(self.last.as_ref().map_or(&[], |(_, head)| head))
    }
}

/// The parts of an envelope, as text.
struct Envelope<'a> {
    schema: &'a str,
    payload: &'a str,
}

impl<'a> Envelope<'a> {
    /// Reads a whole document; `None` if it is well-formed but no envelope.
    fn find(text: &'a str, broken: bool) -> Parsed<Option<Self>> {
        let mut reader = Reader::new(text, broken);
        let (mut schema, mut payload, mut others) = (None, None, false);
        let document = reader.root(&Skip)?;
        let mut reader = Reader::new(text, broken);
        if document.is_none() || reader.token()? != b'{' {
            return Ok(None);
        }
        let mut more = reader.open_object()?;
        while more {
            let name: Cow<'a, str> = reader.name()?;
            reader.token()?;
            let start = reader.at();
            reader.value(&Skip)?;
            let value = Some(reader.since(start));
            match &*name {
                SCHEMA => schema = value,
                PAYLOAD => payload = value,
                _ => others = true,
            }
            more = reader.next_field()?;
        }
        Ok(match (schema, payload) {
            (Some(schema), Some(payload)) if !others => Some(Self { schema, payload }),
            _ => None,
        })
    }
}

#[cold]
fn not_json(error: &SyntaxError, text: &str) -> Error {
    Error::data("Converting byte[] to Kafka Connect data failed due to serialization error: ")
        .caused_by(serialization(error, text))
}

fn serialization(error: &SyntaxError, text: &str) -> Error {
    Error::new(ErrorKind::Serialization, error.describe(text))
}

impl Converter for JsonConverter {
    fn from_connect(
        &mut self,
        _topic: &str,
        _headers: &mut Vec<RecordHeader>,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        if datum.schema.is_none() && datum.value.is_null() {
            return Ok(None);
        }
        self.write(datum).map(Some)
    }

    fn to_connect(
        &mut self,
        _topic: &str,
        _headers: &[RecordHeader],
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        let Some(bytes) = bytes else { return Ok(Datum::NULL) };
        let input = Input::new(bytes);
        if !self.settings.schemas_enable {
            return self.read_plain(&input);
        }
        match self.fixed.clone() {
            Some(schema) => self.read_fixed(&schema, &input),
            None => self.read_envelope(&input),
        }
    }
}
