//! Time per record of the JSON converter, both ways, with and without schemas.
//!
//! `cargo run --release -p gantry-converters --example json_bench [rounds [part of a case's name]]`
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use gantry_converters::{JsonConverter, StringConverter};
use gantry_model::plugin::{Converter, Props};
use gantry_model::{Datum, MapValue, Result, Schema, SchemaBuilder, Struct, Value};

const BATCH: usize = 1000;
const DEFAULT_ROUNDS: usize = 2000;
const LINE_CHARS: usize = 98;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let rounds = args.next().and_then(|arg| arg.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    let filter = args.next().unwrap_or_default();
    let json = |enable: &str| -> Result<Box<dyn Converter>> {
        let props = Props::from([("schemas.enable".to_owned(), enable.to_owned())]);
        Ok(Box::new(JsonConverter::new(&props)?))
    };
    let text = Datum::new(Schema::string(), Value::str(&line()));
    println!("records per case: {}", rounds * BATCH);
    for (name, mut converter, datum) in [
        ("map of 3, no schema", json("false")?, map()),
        ("struct of 3, no schema", json("false")?, structure()?),
        ("struct of 3, schema", json("true")?, structure()?),
        ("string, schema", json("true")?, text.clone()),
        ("string, StringConverter", Box::new(StringConverter::new(&Props::new())?), text),
    ] {
        if name.contains(&filter) {
            measure(name, converter.as_mut(), &datum, rounds)?;
        }
    }
    Ok(())
}

fn line() -> String {
    "2024-01-02 03:04:05 INFO a line of a log ".chars().cycle().take(LINE_CHARS).collect()
}

/// A line hoisted into a map, and two more fields.
fn map() -> Datum {
    let mut map = MapValue::default();
    map.insert(Value::str("line"), Value::str(&line()));
    map.insert(Value::str("source"), Value::str("file-7"));
    map.insert(Value::str("at"), Value::Int64(1_700_000_000_123));
    Datum::schemaless(Value::map(map))
}

/// The same with a schema.
fn structure() -> Result<Datum> {
    let schema = SchemaBuilder::structure(vec![
        ("line".into(), Schema::string()),
        ("source".into(), Schema::optional_string()),
        ("at".into(), Schema::int64()),
    ])?
    .build()?;
    let values = vec![Value::str(&line()), Value::str("file-7"), Value::Int64(1_700_000_000_123)];
    let inner = Struct::from_values(schema.clone(), values);
    Ok(Datum::new(schema, Value::Struct(Arc::new(inner))))
}

fn measure(name: &str, converter: &mut dyn Converter, datum: &Datum, rounds: usize) -> Result<()> {
    let mut headers = Vec::new();
    let mut encoded: Vec<Bytes> = Vec::with_capacity(BATCH);
    let mut encode = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        encoded.clear();
        let started = Instant::now();
        for _ in 0..BATCH {
            encoded.extend(converter.from_connect("topic", &mut headers, black_box(datum))?);
        }
        encode.push(started.elapsed());
    }
    // Records are read as slices of the batch that they came in.
    let mut batch = BytesMut::new();
    encoded.iter().for_each(|record| batch.extend_from_slice(record));
    let mut batch = batch.freeze();
    let records: Vec<Bytes> = encoded.iter().map(|record| batch.split_to(record.len())).collect();
    let mut decode = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let started = Instant::now();
        for record in &records {
            black_box(converter.to_connect("topic", &headers, Some(record.clone()))?);
        }
        decode.push(started.elapsed());
    }
    let size = records.first().map_or(0, Bytes::len);
    println!("{name:24} {size:4} B   encode {}   decode {}", shown(encode), shown(decode));
    Ok(())
}

/// The fastest and the middle batch: a busy machine slows many, not all.
fn shown(mut batches: Vec<Duration>) -> String {
    batches.sort_unstable();
    let ns = |batch: Option<&Duration>| {
        batch.map_or(0.0, |batch| batch.as_nanos() as f64 / BATCH as f64)
    };
    format!("{:6.1} ns (median {:6.1})", ns(batches.first()), ns(batches.get(batches.len() / 2)))
}
