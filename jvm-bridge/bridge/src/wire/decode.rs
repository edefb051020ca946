//! Values, schemas and records that come from Java.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
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
    no_partition: SourcePartition,
    /// So many records were polled last.
    expected: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        let none = SourcePartition::new(OffsetMap::new());
        Self {
            schemas: vec![None],
            texts: vec!["".into()],
            partitions: vec![none.clone()],
            no_partition: none,
            expected: 0,
        }
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
                    let map = offset_map_of(from.bytes()?)?;
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
        let schema = self.quick_schema(from);
        from.check().map(|()| schema)
    }

    #[inline]
    fn quick_schema(&self, from: &mut Reader) -> Option<Schema> {
        let id = from.quick_varint();
        if let Some(schema) = self.schemas.get(id) {
            return schema.clone();
        }
        from.fail("a schema nobody told of");
        None
    }

    #[inline]
    fn text(&self, from: &mut Reader) -> Str {
        let id = from.quick_varint();
        if let Some(text) = self.texts.get(id) {
            return Str::clone(text);
        }
        from.fail("a text nobody told of");
        "".into()
    }

    fn value(&self, from: &mut Reader) -> Result<Value, Malformed> {
        let value = self.value_at(from, 0);
        from.check().map(|()| value)
    }

    fn value_at(&self, from: &mut Reader, depth: usize) -> Value {
        let mut value = Value::Null;
        self.value_into(from, depth, &mut value);
        value
    }

    /// Reads a value into its place, which holds null: a value that is returned is written twice,
    /// and read back in other pieces than it was written in, for which the processor waits.
    fn value_into(&self, from: &mut Reader, depth: usize, to: &mut Value) {
        match from.quick_u8() {
            tag::NULL => {}
            tag::INT8 => *to = Value::Int8(from.quick_u8() as i8),
            tag::INT16 => *to = Value::Int16(from.quick_i16()),
            tag::INT32 => *to = Value::Int32(from.quick_i32()),
            tag::INT64 => *to = Value::Int64(from.quick_i64()),
            tag::FLOAT32 => *to = Value::Float32(f32::from_bits(from.quick_i32() as u32)),
            tag::FLOAT64 => *to = Value::Float64(f64::from_bits(from.quick_i64() as u64)),
            tag::BOOLEAN => *to = Value::Boolean(from.quick_u8() != 0),
            tag::STRING => *to = Value::String(from.quick_text()),
            tag::BYTES => *to = Value::Bytes(from.quick_bytes()),
            tag::DECIMAL => {
                let scale = from.quick_i32();
                let unscaled = whole(from.quick_borrowed());
                *to = Value::Decimal(Arc::new(Decimal { unscaled, scale }));
            }
            tag::DATE => *to = Value::Date(from.quick_i64()),
            tag::BIG_INTEGER => *to = Value::BigInteger(Arc::new(whole(from.quick_borrowed()))),
            tag => *to = self.compound(tag, from, depth + 1),
        }
    }

    fn compound(&self, tag: u8, from: &mut Reader, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            from.fail("values are too deep within each other");
            return Value::Null;
        }
        match tag {
            tag::ARRAY => {
                let count = from.quick_count();
                Value::array((0..count).map(|_| self.value_at(from, depth)).collect())
            }
            tag::MAP | tag::HASH_MAP => {
                let count = from.quick_count();
                let mut entries = Vec::with_capacity(count);
                for _ in 0..count {
                    let key = self.value_at(from, depth);
                    entries.push((key, self.value_at(from, depth)));
                }
                let map = MapValue::from_distinct(entries);
                Value::map(if tag == tag::HASH_MAP { map.into_hash_map() } else { map })
            }
            tag::STRUCT => {
                let Some(schema) = self.quick_schema(from) else {
                    from.fail("a schema is missing");
                    return Value::Null;
                };
                let Some(count) = schema.fields().map(|fields| fields.len()) else {
                    from.fail("a struct whose schema is none");
                    return Value::Null;
                };
                let mut values = vec![Value::Null; count];
                values.iter_mut().for_each(|value| self.value_into(from, depth, value));
                Value::Struct(Arc::new(Struct::from_values(schema, values)))
            }
            _ => {
                from.fail("a value of unknown class");
                Value::Null
            }
        }
    }

    #[inline]
    fn headers(&self, from: &mut Reader) -> Headers {
        match from.quick_count() {
            0 => Headers::new(),
            count => self.some_headers(count, from),
        }
    }

    fn some_headers(&self, count: usize, from: &mut Reader) -> Headers {
        (0..count).map(|_| Header { key: self.text(from), datum: self.datum(from) }).collect()
    }

    fn datum(&self, from: &mut Reader) -> Datum {
        let mut datum = Datum::NULL;
        self.datum_into(from, &mut datum);
        datum
    }

    #[inline]
    fn datum_into(&self, from: &mut Reader, to: &mut Datum) {
        to.schema = self.quick_schema(from);
        self.value_into(from, 0, &mut to.value);
    }

    /// A record with nothing in it but its topic.
    #[inline]
    fn blank(&self, from: &mut Reader) -> ConnectRecord {
        ConnectRecord::new(self.text(from), Datum::NULL)
    }

    /// Fills a record in its place.
    #[inline]
    fn data_into(&self, from: &mut Reader, to: &mut ConnectRecord) {
        to.partition = Some(from.quick_i32()).filter(|&partition| partition != -1);
        to.timestamp_ms = Some(from.quick_i64()).filter(|&ms| ms != NO_TIMESTAMP);
        self.datum_into(from, &mut to.key);
        self.datum_into(from, &mut to.value);
        to.headers = self.headers(from);
    }

    /// Headers and a datum, alone in a frame or at its end.
    pub(crate) fn headers_and_datum(&mut self, from: &mut Reader) -> Result<(Headers, Datum)> {
        if self.item(from)? != DATUM {
            return Err(from.malformed("no datum where one is due").into());
        }
        let headers = self.headers(from);
        let datum = self.datum(from);
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
        let mut record = self.blank(from);
        self.data_into(from, &mut record);
        let offset = Some(from.quick_i64()).filter(|&offset| offset != NO_OFFSET);
        record.sink_offset = offset.and_then(|offset| u64::try_from(offset).ok());
        self.end(from)?;
        Ok(Some(record))
    }

    fn end(&mut self, from: &mut Reader) -> Result<(), Malformed> {
        from.check()?;
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
        let mut records = Vec::with_capacity(self.expected);
        loop {
            match self.item(from)? {
                END => break,
                SOURCE_RECORD => {}
                _ => return Err(from.malformed("no record of a source where one is due").into()),
            }
            self.source_record(from, &mut records);
            // Once for each record.
            from.check()?;
        }
        self.expected = records.len();
        Ok(Polled { records, boundary: whole })
    }

    #[inline]
    fn source_record(&self, from: &mut Reader, records: &mut Vec<SourceRecord>) {
        let record = self.blank(from);
        let partition = match records.last() {
            Some(last) => last.partition.clone(),
            None => self.no_partition.clone(),
        };
        let offset = SourceOffset::Encoded { bytes: Bytes::new(), decode: offset_of };
        records.push(SourceRecord::new(record, partition, offset));
        let Some(to) = records.last_mut() else { return };
        self.data_into(from, &mut to.record);
        let partition = self.partition(from);
        if !partition.is_same(&to.partition) {
            to.partition = partition.clone();
        }
        if let SourceOffset::Encoded { bytes, .. } = &mut to.offset {
            *bytes = from.quick_bytes();
        }
        match boundary(from.quick_u8()) {
            Some(ends) => to.boundary = ends,
            None => from.fail("a transaction ends in an unknown way"),
        }
    }

    #[inline]
    fn partition(&self, from: &mut Reader) -> &SourcePartition {
        let id = from.quick_varint();
        self.partitions.get(id).unwrap_or_else(|| {
            from.fail("a partition nobody told of");
            &self.no_partition
        })
    }
}

/// A whole number of Java's.
fn whole(bytes: &[u8]) -> BigInt {
    match (bytes.len(), bytes.first()) {
        (1..=8, Some(&first)) => {
            let mut all = if first < 0x80 { [0; 8] } else { [0xff; 8] };
            if let Some(low) = all.get_mut(8 - bytes.len()..) {
                low.copy_from_slice(bytes);
            }
            BigInt::from(i64::from_be_bytes(all))
        }
        _ => BigInt::from_signed_bytes_be(bytes),
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
        Value::Bytes(bytes) => Json::from(BASE64.encode(bytes)),
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
