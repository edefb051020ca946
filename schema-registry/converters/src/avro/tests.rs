mod generate;
mod generate_avro;
mod registered;
mod robust;
mod round_trip;
mod schemas;

use std::sync::Arc;

use bytes::Bytes;
use gantry_model::config::ConfigDef;
use gantry_model::plugin::Props;
use gantry_model::{Datum, Result, Schema, Value};
use gantry_schema_avro::{Avro, AvroSchema};
use gantry_schema_model::Format;

use super::AvroFormat;
use crate::format::DataFormat;

#[test]
fn golden() {
    crate::golden::run::<AvroFormat>(&[]);
}

fn format(keys: &[(&str, &str)]) -> AvroFormat {
    let props: Props = keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let config = AvroFormat::define(ConfigDef::new()).parse(&props).unwrap();
    AvroFormat::new(&config).unwrap()
}

fn avro(text: &str) -> Arc<AvroSchema> {
    Arc::new(Avro::parse(text, &[], true).unwrap_or_else(|error| panic!("{error} in {text}")))
}

/// Writes a value by a registered schema.
fn write(
    format: &AvroFormat,
    schema: Option<&Schema>,
    registered: &str,
    value: &Value,
) -> Result<Option<Vec<u8>>> {
    let mut writer = format.writer(schema, &avro(registered))?;
    let mut out = vec![7];
    let written = format.write(&mut writer, value, &mut out);
    assert_eq!(out.remove(0), 7, "what was there stays");
    assert!(matches!(written, Ok(true)) || out.is_empty(), "nothing is left of what failed");
    Ok(written?.then_some(out))
}

fn read(format: &AvroFormat, registered: &str, bytes: &[u8]) -> Result<Datum> {
    let mut reader = format.reader(&avro(registered), None, &[])?;
    format.read(&mut reader, &Bytes::copy_from_slice(bytes))
}

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().message().to_owned()
}
