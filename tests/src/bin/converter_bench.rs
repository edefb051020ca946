//! A converter with a schema registry as a benchmark sees it: `converter-bench <data.json> <AVRO|
//! PROTOBUF|JSON>`. Prints the address of its registry, then answers each line of the standard
//! input with one of JSON: `run encode|decode SECONDS`, `write PATH` (what it encodes, without the
//! id, each with its length before it) and `check PATH` (whether such a file has the same data).
//! `ConverterBench.java` does the same in Java.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Datum, Kind, Schema, SchemaBuilder, Struct, Value};
use gantry_tests::registry::Adapter;
use serde_json::{Value as Json, json};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TOPIC: &str = "flat";
/// Magic byte and id.
const PREFIX_BYTES: usize = 5;

type Failure = Box<dyn Error>;

struct Bench {
    converter: Box<dyn Converter>,
    data: Vec<Datum>,
    encoded: Vec<Bytes>,
    /// What stands before the data of Avro.
    prefix: Vec<u8>,
}

impl Bench {
    fn new(adapter: &Adapter, file: &str, format: &str) -> Result<Self, Failure> {
        let file: Json = serde_json::from_str(file)?;
        let schema = schema(&file["fields"])?;
        let records = file["records"].as_array().ok_or("records are missing")?;
        let data = records.iter().map(|record| datum(&schema, record));
        let data = data.collect::<Result<Vec<_>, Failure>>()?;
        // Without this, null and "" are the same in Protobuf.
        let props = Props::from([("optional.for.nullables".to_owned(), "true".to_owned())]);
        let mut converter = adapter.converter(format, props)?;
        let mut encoded = Vec::with_capacity(data.len());
        for datum in &data {
            let bytes = converter.from_connect(TOPIC, &mut Vec::new(), datum)?;
            encoded.push(bytes.ok_or("a record became null")?);
        }
        let first = encoded.first().and_then(|bytes| bytes.get(..PREFIX_BYTES));
        let prefix = first.ok_or("there is no record")?.to_vec();
        Ok(Self { converter, data, encoded, prefix })
    }

    /// One batch, whose results live until it is done. Returns how many records it had.
    fn once(&mut self, way: &str) -> Result<usize, Failure> {
        if way == "encode" {
            let mut made = Vec::with_capacity(self.data.len());
            for datum in &self.data {
                made.push(self.converter.from_connect(TOPIC, &mut Vec::new(), datum)?);
            }
            return Ok(black_box(made).len());
        }
        let mut made = Vec::with_capacity(self.data.len());
        for bytes in &self.encoded {
            made.push(self.converter.to_connect(TOPIC, &[], Some(bytes.clone()))?);
        }
        Ok(black_box(made).len())
    }

    fn run(&mut self, way: &str, seconds: f64) -> Result<Json, Failure> {
        let (began, time) = (Instant::now(), Duration::from_secs_f64(seconds));
        let mut records = 0;
        while began.elapsed() < time {
            records += self.once(way)?;
        }
        Ok(json!({ "records": records, "seconds": began.elapsed().as_secs_f64() }))
    }

    fn write(&self, path: &Path) -> Result<Json, Failure> {
        let mut all = Vec::new();
        for bytes in &self.encoded {
            let payload = &bytes[PREFIX_BYTES..];
            all.extend_from_slice(&u32::try_from(payload.len())?.to_be_bytes());
            all.extend_from_slice(payload);
        }
        std::fs::write(path, all)?;
        let bytes: usize = self.encoded.iter().map(Bytes::len).sum();
        Ok(json!({ "records": self.encoded.len(), "bytes": bytes }))
    }

    fn check(&mut self, path: &Path) -> Result<Json, Failure> {
        let all = std::fs::read(path)?;
        let (mut rest, mut records) = (&all[..], 0);
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length))?;
            let (payload, behind) = behind.split_at_checked(length).ok_or("the file is cut")?;
            rest = behind;
            let bytes = [&self.prefix, payload].concat();
            let read = self.converter.to_connect(TOPIC, &[], Some(bytes.into()))?;
            let own = self.data.get(records).ok_or("the file has too many records")?;
            if !is_same(&read, own) {
                return Err(format!("record {records} is {read:?}, not {own:?}").into());
            }
            records += 1;
        }
        match records == self.data.len() && rest.is_empty() {
            true => Ok(json!({ "records": records })),
            false => Err(format!("the file has {records} records").into()),
        }
    }

    fn answer(&mut self, line: &str) -> Result<Json, Failure> {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["run", way @ ("encode" | "decode"), seconds] => self.run(way, seconds.parse()?),
            ["write", path] => self.write(Path::new(path)),
            ["check", path] => self.check(Path::new(path)),
            _ => Err(format!("not understood: {line}").into()),
        }
    }
}

/// Whether the fields are the same: formats give schemas names and parameters of their own.
fn is_same(read: &Datum, own: &Datum) -> bool {
    let (Value::Struct(read), Value::Struct(own)) = (&read.value, &own.value) else { return false };
    let fields = own.schema().fields().map_or(&[][..], |fields| fields.list());
    let value = |of: &Struct, name: &str| of.get(name).ok().cloned();
    fields.iter().all(|field| value(read, &field.name) == value(own, &field.name))
}

/// Fields as the data's file describes them: name, type, and whether null is allowed.
fn schema(fields: &Json) -> Result<Schema, Failure> {
    let mut built = Vec::new();
    for field in fields.as_array().ok_or("fields are missing")? {
        let name = field["name"].as_str().ok_or("a field has no name")?;
        let kind = match field["type"].as_str() {
            Some("int") => Kind::Int32,
            Some("long") => Kind::Int64,
            Some("double") => Kind::Float64,
            Some("boolean") => Kind::Boolean,
            Some("string") => Kind::String,
            _ => return Err(format!("{field}: no such type").into()),
        };
        let builder = SchemaBuilder::new(kind);
        let builder = if field["optional"] == true { builder.optional() } else { builder };
        built.push((name.into(), builder.build()?));
    }
    Ok(SchemaBuilder::structure(built)?.name(Some("Flat".into())).build()?)
}

fn datum(schema: &Schema, record: &Json) -> Result<Datum, Failure> {
    let fields = schema.fields().ok_or("no struct")?.list();
    let given = record.as_array().ok_or("a record is a list")?;
    let values = fields.iter().zip(given).map(|(field, json)| {
        let wrong = || format!("{json} is no value of {}", field.name);
        Ok(match (field.schema.kind(), json) {
            (_, Json::Null) => Value::Null,
            (Kind::Int32, _) => Value::Int32(i32::try_from(json.as_i64().ok_or_else(wrong)?)?),
            (Kind::Int64, _) => Value::Int64(json.as_i64().ok_or_else(wrong)?),
            (Kind::Float64, _) => Value::Float64(json.as_f64().ok_or_else(wrong)?),
            (Kind::Boolean, _) => Value::Boolean(json.as_bool().ok_or_else(wrong)?),
            _ => Value::str(json.as_str().ok_or_else(wrong)?),
        })
    });
    let values = values.collect::<Result<Vec<_>, Failure>>()?;
    let built = Struct::from_values(schema.clone(), values);
    Ok(Datum::new(schema.clone(), Value::Struct(Arc::new(built))))
}

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, format] = args.as_slice() else {
        return Err("usage: converter-bench DATA AVRO|PROTOBUF|JSON".into());
    };
    let adapter = Adapter::start()?;
    let mut bench = Bench::new(&adapter, &std::fs::read_to_string(file)?, format)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "registry": adapter.url() }))?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", bench.answer(&line?)?)?;
        out.flush()?;
    }
    Ok(())
}
