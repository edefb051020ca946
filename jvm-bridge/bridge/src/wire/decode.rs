//! Values, schemas and records that come from Java.

use std::sync::Arc;

use bytes::Bytes;
use gantry_api::model::value::MapValue;
use gantry_api::model::{Decimal, Parameters};
use gantry_api::{
    ConnectRecord, Datum, Error, Header, Headers, Kind, OffsetMap, Result, Schema, SchemaBuilder,
    SourceOffset, SourcePartition, SourceRecord, Str, Struct, Value,
};
use num_bigint::BigInt;
use serde_json::Value as Json;

use super::reader::{Malformed, Reader};
use super::record::{
    CONNECT_RECORD, DATUM, END, NO_OFFSET, NO_TIMESTAMP, PARTITION, Polled, RESET, SCHEMA,
    SOURCE_RECORD, TEXT, boundary, tag,
};

/// How deep values may be within each other: each level takes room on the stack.
const DEPTH_MAX: usize = 200;

/// What Java has told of one channel: schemas, texts and partitions cross once.
#[derive(Debug)]
pub(crate) struct Decoder {
    schemas: Vec<Option<Schema>>,
    texts: Vec<Str>,
    partitions: Vec<SourcePartition>,
}

impl Default for Decoder {
    fn default() -> Self {
        let none = SourcePartition::new(OffsetMap::new());
        Self { schemas: vec![None], texts: vec!["".into()], partitions: vec![none] }
    }
}

impl Decoder {
    /// Reads definitions up to the next item, and gives its number.
    fn item(&mut self, from: &mut Reader) -> Result<u8, Malformed> {
        loop {
            match from.u8()? {
                SCHEMA => self.schema(from)?,
                TEXT => {
                    let id = from.varint()?;
                    let text = from.str()?;
                    put(&mut self.texts, id, text.into(), from)?;
                }
                PARTITION => {
                    let id = from.varint()?;
                    let length = from.varint()?;
                    let map = offset_map_of(from.slice(length)?)?;
                    let partition = SourcePartition::new(map.unwrap_or_default());
                    put(&mut self.partitions, id, partition, from)?;
                }
                RESET => *self = Self::default(),
                item => return Ok(item),
            }
        }
    }

    fn schema(&mut self, from: &mut Reader) -> Result<(), Malformed> {
        let id = from.varint()?;
        let number = from.u8()?;
        let flags = from.u8()?;
        let name: Option<Str> = from.optional_str()?.map(Str::from);
        let version = if flags & 4 != 0 { Some(from.i32()?) } else { None };
        let doc: Option<Str> = from.optional_str()?.map(Str::from);
        let parameters = if flags & 8 != 0 { Some(parameters(from)?) } else { None };
        let kind = self.kind(number, from)?;
        let builder = SchemaBuilder::new(kind)
            .set_optional(flags & 1 != 0)
            .name(name)
            .version(version)
            .doc(doc)
            .parameters(parameters);
        let default = if flags & 2 != 0 { Some(self.value(from)?) } else { None };
        let schema = builder.default_value(default).build_plain();
        put(&mut self.schemas, id, Some(schema), from)
    }

    fn kind(&self, number: u8, from: &mut Reader) -> Result<Kind, Malformed> {
        Ok(match number {
            0 => Kind::Int8,
            1 => Kind::Int16,
            2 => Kind::Int32,
            3 => Kind::Int64,
            4 => Kind::Float32,
            5 => Kind::Float64,
            6 => Kind::Boolean,
            7 => Kind::String,
            8 => Kind::Bytes,
            9 => Kind::Array(self.known(from)?),
            10 => Kind::Map { key: self.known(from)?, value: self.known(from)? },
            11 => {
                let count = from.count()?;
                let fields = (0..count).map(|_| Ok((from.str()?.into(), self.known(from)?)));
                let fields = fields.collect::<Result<Vec<(Str, Schema)>, Malformed>>()?;
                let fields = gantry_api::model::schema::Fields::new(fields);
                Kind::Struct(Arc::new(fields.map_err(|_| from.malformed("a struct's fields"))?))
            }
            _ => return Err(from.malformed("a schema of unknown type")),
        })
    }

    fn known(&self, from: &mut Reader) -> Result<Schema, Malformed> {
        self.schema_of(from)?.ok_or_else(|| from.malformed("a schema is missing"))
    }

    fn schema_of(&self, from: &mut Reader) -> Result<Option<Schema>, Malformed> {
        let id = from.varint()?;
        self.schemas.get(id).cloned().ok_or_else(|| from.malformed("a schema nobody told of"))
    }

    fn text(&self, from: &mut Reader) -> Result<Str, Malformed> {
        let id = from.varint()?;
        self.texts.get(id).cloned().ok_or_else(|| from.malformed("a text nobody told of"))
    }

    fn value(&self, from: &mut Reader) -> Result<Value, Malformed> {
        self.value_at(from, 0)
    }

    fn value_at(&self, from: &mut Reader, depth: usize) -> Result<Value, Malformed> {
        if depth > DEPTH_MAX {
            return Err(from.malformed("values are too deep within each other"));
        }
        Ok(match from.u8()? {
            tag::NULL => Value::Null,
            tag::INT8 => Value::Int8(from.u8()? as i8),
            tag::INT16 => Value::Int16(from.i16()?),
            tag::INT32 => Value::Int32(from.i32()?),
            tag::INT64 => Value::Int64(from.i64()?),
            tag::FLOAT32 => Value::Float32(f32::from_bits(from.i32()? as u32)),
            tag::FLOAT64 => Value::Float64(f64::from_bits(from.i64()? as u64)),
            tag::BOOLEAN => Value::Boolean(from.bool()?),
            tag::STRING => Value::String(from.text()?),
            tag::BYTES => Value::Bytes(from.bytes()?),
            tag::ARRAY => {
                let count = from.count()?;
                let list = (0..count).map(|_| self.value_at(from, depth + 1));
                Value::array(list.collect::<Result<_, _>>()?)
            }
            kind @ (tag::MAP | tag::HASH_MAP) => {
                let count = from.count()?;
                let mut entries = Vec::with_capacity(count);
                for _ in 0..count {
                    let key = self.value_at(from, depth + 1)?;
                    entries.push((key, self.value_at(from, depth + 1)?));
                }
                let map = MapValue::from_distinct(entries);
                Value::map(if kind == tag::HASH_MAP { map.into_hash_map() } else { map })
            }
            tag::STRUCT => {
                let schema = self.known(from)?;
                let Some(fields) = schema.fields() else {
                    return Err(from.malformed("a struct whose schema is none"));
                };
                let mut values = Vec::with_capacity(fields.len());
                for _ in 0..fields.len() {
                    values.push(self.value_at(from, depth + 1)?);
                }
                Value::Struct(Arc::new(Struct::from_values(schema, values)))
            }
            tag::DECIMAL => {
                let scale = from.i32()?;
                let unscaled = BigInt::from_signed_bytes_be(&from.bytes()?);
                Value::Decimal(Arc::new(Decimal { unscaled, scale }))
            }
            tag::DATE => Value::Date(from.i64()?),
            tag::BIG_INTEGER => {
                Value::BigInteger(Arc::new(BigInt::from_signed_bytes_be(&from.bytes()?)))
            }
            _ => return Err(from.malformed("a value of unknown class")),
        })
    }

    fn datum(&self, from: &mut Reader) -> Result<Datum, Malformed> {
        let schema = self.schema_of(from)?;
        Ok(Datum { schema, value: self.value(from)? })
    }

    fn headers(&self, from: &mut Reader) -> Result<Headers, Malformed> {
        let count = from.count()?;
        let header = |_| Ok(Header { key: self.text(from)?, datum: self.datum(from)? });
        (0..count).map(header).collect()
    }

    fn data(&self, from: &mut Reader) -> Result<ConnectRecord, Malformed> {
        let topic = self.text(from)?;
        let partition = Some(from.i32()?).filter(|&partition| partition != -1);
        let timestamp_ms = Some(from.i64()?).filter(|&ms| ms != NO_TIMESTAMP);
        let key = self.datum(from)?;
        let value = self.datum(from)?;
        let headers = self.headers(from)?;
        Ok(ConnectRecord { topic, partition, key, value, timestamp_ms, headers, sink_offset: None })
    }

    /// Headers and a datum, alone in a frame or at its end.
    pub(crate) fn headers_and_datum(&mut self, from: &mut Reader) -> Result<(Headers, Datum)> {
        if self.item(from)? != DATUM {
            return Err(from.malformed("no datum where one is due").into());
        }
        let headers = self.headers(from)?;
        let datum = self.datum(from)?;
        self.end(from)?;
        Ok((headers, datum))
    }

    /// What a transformation made of a record; `None`: it dropped it.
    pub(crate) fn record(&mut self, frame: Bytes) -> Result<Option<ConnectRecord>> {
        let from = &mut Reader::new(frame);
        match self.item(from)? {
            END => return Ok(None),
            CONNECT_RECORD => {}
            _ => return Err(from.malformed("no record where one is due").into()),
        }
        let mut record = self.data(from)?;
        let offset = Some(from.i64()?).filter(|&offset| offset != NO_OFFSET);
        record.sink_offset = offset.and_then(|offset| u64::try_from(offset).ok());
        self.end(from)?;
        Ok(Some(record))
    }

    fn end(&mut self, from: &mut Reader) -> Result<(), Malformed> {
        match self.item(from)? {
            END => Ok(()),
            _ => Err(from.malformed("more items than are due")),
        }
    }

    /// What a source has polled.
    pub(crate) fn polled(&mut self, frame: Bytes) -> Result<Polled> {
        let from = &mut Reader::new(frame);
        let said = |from: &mut Reader| {
            let number = from.u8()?;
            boundary(number).ok_or_else(|| from.malformed("a transaction ends in an unknown way"))
        };
        let whole = said(from)?;
        let mut records = Vec::new();
        loop {
            match self.item(from)? {
                END => return Ok(Polled { records, boundary: whole }),
                SOURCE_RECORD => {}
                _ => return Err(from.malformed("no record of a source where one is due").into()),
            }
            let record = self.data(from)?;
            let partition = from.varint()?;
            let partition = self.partitions.get(partition).cloned();
            let partition =
                partition.ok_or_else(|| from.malformed("a partition nobody told of"))?;
            let length = from.varint()?;
            let offset = SourceOffset::Encoded { bytes: from.slice(length)?, decode: offset_of };
            records.push(SourceRecord { record, partition, offset, boundary: said(from)? });
        }
    }
}

/// Puts something at the place that its id names: the next, or one that was told before.
fn put<T>(list: &mut Vec<T>, id: usize, item: T, from: &Reader) -> Result<(), Malformed> {
    if id == list.len() {
        list.push(item);
        return Ok(());
    }
    let place = list.get_mut(id).ok_or_else(|| from.malformed("an id out of order"))?;
    *place = item;
    Ok(())
}

fn parameters(from: &mut Reader) -> Result<Parameters, Malformed> {
    let count = from.count()?;
    (0..count).map(|_| Ok((from.str()?.into(), from.str()?.into()))).collect()
}

/// The offset of a record, decoded where it is looked at: that is once a commit, not per record.
fn offset_of(bytes: &Bytes) -> OffsetMap {
    // The frame was read to its end, so that this is no more than what Java wrote.
    offset_map_of(bytes.clone()).ok().flatten().unwrap_or_default()
}

fn offset_map_of(bytes: Bytes) -> Result<Option<OffsetMap>, Malformed> {
    let from = &mut Reader::new(bytes);
    offset_map(from)
}

/// A source's partition or offset.
pub(crate) fn offset_map(from: &mut Reader) -> Result<Option<OffsetMap>, Malformed> {
    let value = Decoder::default().value(from)?;
    match json_of(&value) {
        Ok(Json::Object(map)) => Ok(Some(map)),
        Ok(Json::Null) => Ok(None),
        _ => Err(from.malformed("an offset that is no map")),
    }
}

/// A value as Kafka's JSON converter writes it without its schema.
fn json_of(value: &Value) -> Result<Json> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(value) => Json::from(*value),
        Value::Int8(value) => Json::from(*value),
        Value::Int16(value) => Json::from(*value),
        Value::Int32(value) => Json::from(*value),
        Value::Int64(value) => Json::from(*value),
        Value::Float32(value) => Json::from(*value),
        Value::Float64(value) => Json::from(*value),
        Value::String(text) => Json::from(&**text),
        Value::Array(list) => Json::Array(list.iter().map(json_of).collect::<Result<_>>()?),
        Value::Map(map) => {
            let mut object = OffsetMap::new();
            for (key, value) in map.entries() {
                object.insert(key.as_str().unwrap_or_default().to_owned(), json_of(value)?);
            }
            Json::Object(object)
        }
        other => {
            let class = other.java_class().unwrap_or_default();
            return Err(Error::data(format!("an offset cannot hold a {class}")));
        }
    })
}
