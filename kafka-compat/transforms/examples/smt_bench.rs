//! What a chain of three transformations costs per record, alone and with JSON encoding.
//!
//! `cargo run --release -p gantry-transforms --example smt_bench [RECORDS]`

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use bytestring::ByteString;
use gantry_model::plugin::{Converter, Plugin, Props, Transformation};
use gantry_model::{ConnectRecord, Datum, Error, Result, Str, Value};

const DEFAULT_RECORDS: usize = 2_000_000;
const ROUNDS: usize = 5;
/// Records in one batch: its lines are slices of one buffer, as a source makes them.
const BATCH: usize = 1000;
const LINE_BYTES: usize = 98;

/// Hoist the line into a map, add a fixed field, rename the line's field.
const CHAIN: [(&str, &[(&str, &str)]); 3] = [
    ("HoistField$Value", &[("field", "line")]),
    ("InsertField$Value", &[("static.field", "origin"), ("static.value", "host-17")]),
    ("ReplaceField$Value", &[("renames", "line:message")]),
];

fn made<T: ?Sized>(plugins: &[Plugin<T>], class: &str, config: &[(&str, &str)]) -> Result<Box<T>> {
    let props: Props = config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    plugins
        .iter()
        .find(|plugin| plugin.info.answers_to(class))
        .ok_or_else(|| Error::config(format!("no plugin {class}")))?
        .create(&props)
}

fn lines() -> Vec<ByteString> {
    let mut buffer = Vec::with_capacity(BATCH * LINE_BYTES);
    for n in 0..BATCH {
        let mut line =
            format!("2026-01-01T00:00:00Z INFO worker-{n} handled \"GET /index.html\" in 12 ms ");
        line.extend(std::iter::repeat_n('x', LINE_BYTES.saturating_sub(line.len())));
        buffer.extend_from_slice(line.get(..LINE_BYTES).unwrap_or(&line).as_bytes());
    }
    let buffer = Bytes::from(buffer);
    (0..BATCH)
        .filter_map(|n| {
            ByteString::try_from(buffer.slice(n * LINE_BYTES..(n + 1) * LINE_BYTES)).ok()
        })
        .collect()
}

/// Runs all records through the chain and, if given, the converter; the bytes encoded.
fn run(
    records: usize,
    chain: &mut [Box<dyn Transformation>],
    mut converter: Option<&mut dyn Converter>,
) -> Result<usize> {
    let topic: Str = Arc::from("bench");
    let lines = lines();
    let mut size = 0;
    'records: for line in lines.iter().cycle().take(records) {
        let value = Datum::schemaless(Value::String(line.clone()));
        let mut record = ConnectRecord::new(Str::clone(&topic), value);
        for transformation in &mut *chain {
            match transformation.apply(record)? {
                Some(next) => record = next,
                None => continue 'records,
            }
        }
        size += match &mut converter {
            None => 1,
            Some(converter) => {
                let (topic, value) = (&record.topic, &record.value);
                converter.from_connect(topic, &mut record.headers, value)?.map_or(0, |b| b.len())
            }
        };
    }
    Ok(size)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let records = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => DEFAULT_RECORDS,
    };
    let plugins = gantry_transforms::transformations();
    let mut chain = Vec::new();
    for (class, config) in CHAIN {
        chain.push(made(&plugins, class, config)?);
    }
    let json = [("schemas.enable", "false"), ("converter.type", "value")];
    let mut converter = made(
        &gantry_converters::converters(),
        "org.apache.kafka.connect.json.JsonConverter",
        &json,
    )?;
    let mut out = std::io::stdout();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run(records, &mut chain, None)?;
        let chain_ns = start.elapsed().as_nanos() as f64 / records as f64;
        let start = Instant::now();
        let bytes = run(records, &mut chain, Some(&mut *converter))?;
        let all_ns = start.elapsed().as_nanos() as f64 / records as f64;
        writeln!(
            out,
            "chain of {} {chain_ns:.0} ns/record, with JSON {all_ns:.0} ns/record ({} bytes each)",
            CHAIN.len(),
            bytes / records.max(1)
        )?;
    }
    Ok(())
}
